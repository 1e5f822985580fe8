//! The operations of the disk, as words in traces and in planned faults.
//!
//! It performs none of them. The invariant it guards: each has one name, which reads back.

use std::fmt;

/// What a caller may ask of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Open an existing file.
    Open,
    /// Create a file.
    Create,
    /// Read bytes.
    Read,
    /// Write bytes.
    Write,
    /// Make content and length durable.
    Sync,
    /// Extend with space set aside.
    Reserve,
    /// Cut a file.
    Truncate,
    /// Ask for a file's length.
    Length,
    /// List the directory.
    List,
    /// Rename a file.
    Rename,
    /// Remove a file.
    Remove,
    /// Make the directory durable.
    SyncDirectory,
    /// Take a lock.
    Lock,
    /// Not asked for: the process died. Appears in traces only.
    ProcessCrash,
    /// Not asked for: the power went. Appears in traces only.
    PowerFailure,
}

use Operation::{
    Create, Length, List, Lock, Open, PowerFailure, ProcessCrash, Read, Remove, Rename, Reserve,
    Sync, SyncDirectory, Truncate, Write,
};

impl Operation {
    /// Every operation, in the order of declaration.
    pub const ALL: [Self; 15] = [
        Open,
        Create,
        Read,
        Write,
        Sync,
        Reserve,
        Truncate,
        Length,
        List,
        Rename,
        Remove,
        SyncDirectory,
        Lock,
        ProcessCrash,
        PowerFailure,
    ];

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == text)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Open => "open",
            Create => "create",
            Read => "read",
            Write => "write",
            Sync => "sync",
            Reserve => "reserve",
            Truncate => "truncate",
            Length => "length",
            List => "list",
            Rename => "rename",
            Remove => "remove",
            SyncDirectory => "sync-directory",
            Lock => "lock",
            ProcessCrash => "process-crash",
            PowerFailure => "power-failure",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
