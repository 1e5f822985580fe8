//! Planted bugs: patches that break a promise on purpose, and the proof that a suite notices.
//!
//! The suites are known by their command line alone, built anew from a scratch copy for each patch.
//! Nothing is judged here: a bug is caught if the suite says so, dies or hangs. The invariant: the
//! working tree is never changed, and a result is kept only for the sources that it was found with.

#![expect(clippy::disallowed_methods, reason = "it copies sources and runs programs on them")]

mod child;
pub(crate) mod coverage;
pub(crate) mod outcome;
pub(crate) mod patch;
pub(crate) mod pick;
mod scratch;
mod snapshot;
pub(crate) mod table;
mod trial;
pub(crate) mod workshop;
