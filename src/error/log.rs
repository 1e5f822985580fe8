//! What stands in the way of closing in order, and of retiring.

use super::Displaced;
use std::{error::Error, fmt};

/// Why the log could not be closed in order, or a segment not be retired.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LogError {
    /// An earlier write or sync failed: reopen the log. What was acknowledged is safe.
    Poisoned,
    /// Files of the log, or its directory, were taken away while it was open: what was acknowledged
    /// is in the files that are gone. See what was done to them, then reopen the log.
    Displaced(Displaced),
    /// The log was closed.
    Closed,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned => f.write_str("an earlier write or sync failed; reopen the log"),
            Self::Displaced(displaced) => displaced.fmt(f),
            Self::Closed => f.write_str("the log is closed"),
        }
    }
}

impl Error for LogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Displaced(displaced) => Some(displaced),
            Self::Poisoned | Self::Closed => None,
        }
    }
}
