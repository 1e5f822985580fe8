//! What is wrong with a run.
//!
//! One type for pages, headers and postings, because there is one answer to all of them: the run
//! is dropped and built again from the log. It is no error of a caller and never reaches one.

use std::{error::Error, fmt};

/// Bytes of a run that do not hold, or that contradict themselves although their checksum holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunFault(&'static str);

impl RunFault {
    /// A fault that reads `what` in a log line.
    pub(crate) const fn new(what: &'static str) -> Self {
        Self(what)
    }
}

impl fmt::Display for RunFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index run: {}", self.0)
    }
}

impl Error for RunFault {}
