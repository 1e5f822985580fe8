//! Faults as data: what can go wrong, where it may strike, and how it is written down.
//!
//! This file decides nothing and damages nothing. The invariant it guards: every fault that a run
//! meets, drawn or planned, is one [`Fault`] that prints as a line and parses back to itself, so a
//! failing run can be recorded, shrunk and committed.

use std::{error::Error, fmt, io, str::FromStr};

use super::operation::Operation::{
    self, Create, Length, List, Lock, Open, Read, Remove, Rename, Reserve, Sync, SyncDirectory,
    Truncate, Write,
};

/// What goes wrong. What the *amount* of a [`Fault`] means depends on the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultKind {
    /// Nothing is wrong, it only takes long. Amount: microseconds.
    Stall,
    /// A read fails with EIO.
    ReadError,
    /// A write fails with EIO. Amount: how many of its bytes were taken before.
    WriteError,
    /// A sync fails with EIO; every sector waiting for it is clean from now on, though it is not
    /// durable. Amount: a mask; the n-th waiting sector (modulo 64) is durable if bit n is set.
    SyncError,
    /// A sync of the directory fails with EIO; the entries stay unsynced.
    DirectorySyncError,
    /// An operation on a file's metadata fails with EIO and has no effect.
    MetadataError,
    /// A read returns fewer bytes. Amount: at most how many; at least one.
    ShortRead,
    /// A write takes fewer bytes. Amount: at most how many; at least one.
    ShortWrite,
    /// The disk is full, on a write also within reserved space (copy-on-write, thin devices).
    NoSpace,
    /// No file descriptor is left (EMFILE).
    TooManyFiles,
    /// Permission is denied (EACCES).
    AccessDenied,
    /// The file system went read-only (EROFS).
    ReadOnly,
    /// A bit of durable content flips, before a read or after a sync. Amount: which bit of the
    /// sectors concerned.
    BitRot,
    /// A durable sector turns to zeros, before a read or after a sync. Amount: which sector.
    ZeroedSector,
    /// A durable sector cannot be read until it is rewritten. Amount: which sector.
    LatentError,
    /// A write is acknowledged and lands elsewhere. Amount: which of all sectors on the disk.
    MisdirectedWrite,
    /// A read returns what stands elsewhere. Amount: which of all sectors on the disk.
    MisdirectedRead,
    /// A write is acknowledged, visible in the cache, and never durable.
    LostWrite,
    /// A write is acknowledged and has no effect at all.
    VanishedWrite,
    /// A sync answers Ok and makes nothing durable.
    LyingSync,
    /// A removed name is back after the next power failure, synced directory or not.
    UnlinkReturns,
    /// A lock of a dead process is still held. Amount: for how many attempts.
    LockSurvives,
    /// Somebody moves the directory away while a file is synced. The next opening finds it again.
    DirectoryMoved,
}

const METADATA: &[Operation] = &[Open, Reserve, Truncate, Length, List, Rename, Remove];
const RESTING: &[Operation] = &[Read, Sync];

impl FaultKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 23] = [
        Self::Stall,
        Self::ReadError,
        Self::WriteError,
        Self::SyncError,
        Self::DirectorySyncError,
        Self::MetadataError,
        Self::ShortRead,
        Self::ShortWrite,
        Self::NoSpace,
        Self::TooManyFiles,
        Self::AccessDenied,
        Self::ReadOnly,
        Self::BitRot,
        Self::ZeroedSector,
        Self::LatentError,
        Self::MisdirectedWrite,
        Self::MisdirectedRead,
        Self::LostWrite,
        Self::VanishedWrite,
        Self::LyingSync,
        Self::UnlinkReturns,
        Self::LockSurvives,
        Self::DirectoryMoved,
    ];

    /// The word it is written as, and the operations it may strike.
    const fn facts(self) -> (&'static str, &'static [Operation]) {
        match self {
            Self::Stall => ("stall", &Operation::ALL),
            Self::ReadError => ("read-error", &[Read]),
            Self::WriteError => ("write-error", &[Write]),
            Self::SyncError => ("sync-error", &[Sync]),
            Self::DirectorySyncError => ("directory-sync-error", &[SyncDirectory]),
            Self::MetadataError => ("metadata-error", METADATA),
            Self::ShortRead => ("short-read", &[Read]),
            Self::ShortWrite => ("short-write", &[Write]),
            Self::NoSpace => ("no-space", &[Create, Reserve, Write]),
            Self::TooManyFiles => ("too-many-files", &[Open, Create, Lock]),
            Self::AccessDenied => ("access-denied", &[Open, Create, Rename, Remove, Lock]),
            Self::ReadOnly => ("read-only", &[Open, Create, Reserve, Rename, Remove, Lock]),
            Self::BitRot => ("bit-rot", RESTING),
            Self::ZeroedSector => ("zeroed-sector", RESTING),
            Self::LatentError => ("latent-error", RESTING),
            Self::MisdirectedWrite => ("misdirected-write", &[Write]),
            Self::MisdirectedRead => ("misdirected-read", &[Read]),
            Self::LostWrite => ("lost-write", &[Write]),
            Self::VanishedWrite => ("vanished-write", &[Write]),
            Self::LyingSync => ("lying-sync", &[Sync, SyncDirectory]),
            Self::UnlinkReturns => ("unlink-returns", &[Remove]),
            Self::LockSurvives => ("lock-survives", &[Lock]),
            Self::DirectoryMoved => ("directory-moved", &[Sync]),
        }
    }

    /// Whether this kind can strike `operation` at all.
    pub fn strikes(self, operation: Operation) -> bool {
        self.facts().1.contains(&operation)
    }

    /// Whether it destroys or withholds what was promised durable. Such faults may end a store's
    /// life, legitimately; all others must not.
    pub const fn breaks_promises(self) -> bool {
        use FaultKind::{
            BitRot, LatentError, LostWrite, LyingSync, MisdirectedWrite, UnlinkReturns,
            VanishedWrite, ZeroedSector,
        };
        matches!(
            self,
            BitRot
                | ZeroedSector
                | LatentError
                | MisdirectedWrite
                | LostWrite
                | VanishedWrite
                | LyingSync
                | UnlinkReturns
        )
    }

    /// Whether bytes that were as promised before may be others from now on, or were shown as
    /// others.
    pub(super) const fn shows_other_bytes(self) -> bool {
        use FaultKind::{BitRot, LatentError, MisdirectedRead, MisdirectedWrite, ZeroedSector};
        matches!(self, BitRot | ZeroedSector | LatentError | MisdirectedWrite | MisdirectedRead)
    }

    /// The error of kinds that refuse the operation before it has any effect.
    pub(super) fn refusal(self) -> Option<io::Error> {
        match self {
            Self::ReadError | Self::DirectorySyncError | Self::MetadataError => {
                Some(input_output())
            }
            Self::NoSpace => Some(io::ErrorKind::StorageFull.into()),
            Self::TooManyFiles => Some(io::Error::from_raw_os_error(24)),
            Self::AccessDenied => Some(io::ErrorKind::PermissionDenied.into()),
            Self::ReadOnly => Some(io::ErrorKind::ReadOnlyFilesystem.into()),
            _ => None,
        }
    }
}

/// EIO, the number all Unix systems share.
pub(super) fn input_output() -> io::Error {
    io::Error::from_raw_os_error(5)
}

/// When a planned fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// At the operation with this number, counted from 1 over the disk's whole life.
    Op(u64),
    /// At the `nth` matching operation, counted from 1 since the fault was planned.
    Nth {
        /// The operation to match.
        operation: Operation,
        /// Which match.
        nth: u64,
        /// How the file's name must start; empty matches every file.
        prefix: String,
    },
}

/// One fault: what, how much, and when. Written as `sync-error 3 at op 120` or
/// `lying-sync 0 at sync 2 of segment-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How much or which, as the kind's description says.
    pub amount: u64,
    /// When it strikes.
    pub at: Trigger,
}

impl Fault {
    /// `kind` with `amount` at the operation with the number `op`.
    pub const fn at_op(kind: FaultKind, amount: u64, op: u64) -> Self {
        Self { kind, amount, at: Trigger::Op(op) }
    }

    /// `kind` with `amount` at the `nth` `operation` on a file whose name starts with `prefix`.
    pub fn at_nth(
        kind: FaultKind,
        amount: u64,
        operation: Operation,
        nth: u64,
        prefix: &str,
    ) -> Self {
        Self { kind, amount, at: Trigger::Nth { operation, nth, prefix: prefix.to_owned() } }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.facts().0)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} at ", self.kind, self.amount)?;
        match &self.at {
            Trigger::Op(op) => write!(out, "op {op}"),
            Trigger::Nth { operation, nth, prefix } => {
                write!(out, "{operation} {nth}")?;
                if prefix.is_empty() { Ok(()) } else { write!(out, " of {prefix}") }
            }
        }
    }
}

/// A text that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    what: &'static str,
    text: String,
    example: &'static str,
}

impl ParseError {
    pub(super) fn new(what: &'static str, text: &str, example: &'static str) -> Self {
        Self { what, text: text.to_owned(), example }
    }

    fn fault(text: &str) -> Self {
        Self::new("a fault", text, "stall 500 at sync 2 of name")
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, text, example } = self;
        write!(out, "not {what}: `{text}`, expected for example `{example}`")
    }
}

impl Error for ParseError {}

impl FromStr for FaultKind {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let found = Self::ALL.into_iter().find(|kind| kind.facts().0 == text);
        found.ok_or_else(|| ParseError::fault(text))
    }
}

impl FromStr for Fault {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text).ok_or_else(|| ParseError::fault(text))
    }
}

fn parse(text: &str) -> Option<Fault> {
    let (what, when) = text.split_once(" at ")?;
    let (kind, amount) = what.split_once(' ').unwrap_or((what, "0"));
    let (event, rest) = when.split_once(' ')?;
    let at = if event == "op" {
        Trigger::Op(rest.parse().ok()?)
    } else {
        let (nth, prefix) = split_prefix(rest)?;
        Trigger::Nth { operation: Operation::parse(event)?, nth, prefix }
    };
    Some(Fault { kind: kind.parse().ok()?, amount: amount.parse().ok()?, at })
}

/// Reads `2 of log-`, or `2` alone.
pub(super) fn split_prefix(text: &str) -> Option<(u64, String)> {
    let (nth, prefix) = text.split_once(" of ").unwrap_or((text, ""));
    Some((nth.parse().ok()?, prefix.to_owned()))
}
