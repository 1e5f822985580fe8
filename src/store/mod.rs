//! The event store on top of the log: streams, guards, keys, indexes. Pure: no clock, no files.
pub(crate) mod body;
pub(crate) mod draft;
pub(crate) mod run_name;
