//! The `sagalog` binary as its users meet it: output, messages, exit codes, untouched directories.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests are outside of the store: they run processes and damage files"
)]

mod advice;
mod append;
mod beside;
mod check;
mod dump;
mod import;
mod kills;
mod orders;
mod places;
mod reading;
mod refusals;
mod requests;
mod sagas;
mod salvage;
mod stats;
mod support;
mod twin;
mod values;
