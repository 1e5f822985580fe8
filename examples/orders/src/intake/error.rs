//! Why a file is no intake at all.
//!
//! Not what is wrong with one of its lines: that is a [`super::Rejection`], and the others go on.
//! The invariant it guards: each sentence names the file and says what its reader can do.

use super::{
    Rejection,
    csv::{FILE_BYTES_MAX, HEADER, LINES_MAX},
};
use std::{error::Error, fmt, io};

/// A file that nothing can be taken from.
#[derive(Debug)]
pub enum IntakeError {
    /// It cannot be opened or read: look at the path, the permissions and the disk, then repeat.
    Unreadable {
        /// Which file.
        file: String,
        /// What the system says.
        error: io::Error,
    },
    /// It is not gzip, or not all of it: get it again.
    NoGzip {
        /// Which file.
        file: String,
        /// What unpacking says.
        error: io::Error,
    },
    /// There is not one byte in it: get it again.
    Empty {
        /// Which file.
        file: String,
    },
    /// It begins with another header: it is another file, or written by another program.
    OtherHeader {
        /// Which file.
        file: String,
        /// What it begins with, shortened.
        found: String,
    },
    /// Every line of it breaks a rule: it is written in another way, or it is another file.
    NothingUsable {
        /// Which file.
        file: String,
        /// What is wrong with the first one.
        first: Rejection,
    },
    /// It has more bytes or lines than are taken: split it.
    TooLarge {
        /// Which file.
        file: String,
    },
}

impl fmt::Display for IntakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(f, "{file} cannot be read: {error}; check its path and its permissions")
            }
            Self::NoGzip { file, error } => write!(
                f,
                "{file} is no whole gzip file: {error}; get it again, or rename it if it is not \
                 compressed"
            ),
            Self::Empty { file } => {
                write!(f, "{file} is empty; get it again: its first line is {HEADER}")
            }
            Self::OtherHeader { file, found } => write!(
                f,
                "{file} begins with {found:?}; give a file whose first line is {HEADER}, with \
                 commas between the columns"
            ),
            Self::NothingUsable { file, first } => {
                let Rejection { line, reason } = first;
                write!(f, "{file}: none of its lines can be taken; line {line}: {reason}")
            }
            Self::TooLarge { file } => write!(
                f,
                "{file} is larger than {} MiB or has more than {LINES_MAX} lines; split it between \
                 two invoices and begin each part with the header",
                FILE_BYTES_MAX >> 20
            ),
        }
    }
}

impl Error for IntakeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } | Self::NoGzip { error, .. } => Some(error),
            Self::Empty { .. }
            | Self::OtherHeader { .. }
            | Self::NothingUsable { .. }
            | Self::TooLarge { .. } => None,
        }
    }
}
