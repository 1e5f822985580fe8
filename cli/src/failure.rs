//! Why a command did not do what it was asked, as one sentence and an exit code.
//!
//! Never prints. The invariant: what reaches a person is a sentence, never `Debug` output.

use sagalog::{OpenError, ReadError, runtime::tokio::TokioRuntime};
use std::{fmt::Display, io, path::Path};

/// Exit code: the store is damaged.
pub(crate) const DAMAGED: u8 = 1;
/// Exit code: there was nothing to judge.
pub(crate) const CANNOT_RUN: u8 = 2;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A person is told.
    Told {
        /// One sentence, without a full stop.
        sentence: String,
        /// The exit code.
        code: u8,
    },
    /// Whoever read the output has seen enough.
    ClosedPipe,
}

impl Failure {
    pub(crate) fn cannot_run(sentence: impl Into<String>) -> Self {
        Self::Told { sentence: sentence.into(), code: CANNOT_RUN }
    }

    pub(crate) fn open(dir: &Path, error: &OpenError) -> Self {
        let code = match error {
            OpenError::Corrupt(report) if report.is_unreadable() => CANNOT_RUN,
            OpenError::Corrupt(_)
            | OpenError::SuperblockDamaged
            | OpenError::IdentityLost
            | OpenError::SegmentMissing(_)
            | OpenError::SegmentDamaged(_)
            | OpenError::ForeignFile { .. } => DAMAGED,
            _ => CANNOT_RUN,
        };
        match error {
            OpenError::Occupied { .. } => {
                Self::about(dir, &format!("{error} (--among-others)"), code)
            }
            _ => Self::about(dir, error, code),
        }
    }

    pub(crate) fn read(dir: &Path, error: &ReadError) -> Self {
        let code = match error {
            ReadError::Corrupt(_) | ReadError::Undecodable { .. } => DAMAGED,
            _ => CANNOT_RUN,
        };
        Self::about(dir, error, code)
    }

    pub(crate) fn about(dir: &Path, error: &dyn Display, code: u8) -> Self {
        Self::Told { sentence: format!("{}: {error}", dir.display()), code }
    }
}

impl From<io::Error> for Failure {
    /// What writing to standard output has come to.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::cannot_run(format!("cannot write the output: {error}"))
        }
    }
}

/// The runtime on the directory of a store. Nothing is created.
pub(crate) fn directory(dir: &Path) -> Result<TokioRuntime, Failure> {
    TokioRuntime::open(dir).map_err(|error| {
        let text = match error.kind() {
            io::ErrorKind::NotFound => "there is no such directory".to_owned(),
            io::ErrorKind::NotADirectory => "this is a file, a store is a directory".to_owned(),
            io::ErrorKind::PermissionDenied => "this user may not look into it".to_owned(),
            _ => error.to_string(),
        };
        Failure::about(dir, &text, CANNOT_RUN)
    })
}
