//! The cases of the store benchmark: what each fills, measures and puts into its rows.
//!
//! Knows the store by its public interface only. The invariant: a figure that is compared comes
//! from a process that did the same to the same events as the other side's.

pub(crate) mod append;
pub(crate) mod bulk;
pub(crate) mod child;
pub(crate) mod contest;
pub(crate) mod disk;
pub(crate) mod fill;
pub(crate) mod guard;
pub(crate) mod memory;
pub(crate) mod peers;
pub(crate) mod reads;
pub(crate) mod reopen;
pub(crate) mod scale;

use crate::support::Failure;
use peers::Peers;
use scale::Scale;
use std::path::PathBuf;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// One event an append, many writers.
    Append,
    /// Many events an append, each to a new stream.
    Bulk,
    /// The whole log.
    ReadAll,
    /// One stream at random after the other.
    Load,
    /// Opening after a kill, up to the first stream.
    Reopen,
    /// Bytes on disk.
    Disk,
    /// Memory of processes with many streams.
    Memory,
    /// A guard by query.
    QueryGuard,
}

const NAMES: [(&str, Case); 8] = [
    ("append", Case::Append),
    ("bulk", Case::Bulk),
    ("read_all", Case::ReadAll),
    ("load", Case::Load),
    ("reopen", Case::Reopen),
    ("disk", Case::Disk),
    ("memory", Case::Memory),
    ("query_guard", Case::QueryGuard),
];

impl Case {
    /// All of them, in the order in which they are measured.
    pub(crate) fn all() -> [Self; 8] {
        NAMES.map(|(_, case)| case)
    }

    pub(crate) fn named(name: &str) -> Result<Self, Failure> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        let names = NAMES.map(|(name, _)| name).join(", ");
        found
            .map(|(_, case)| *case)
            .ok_or_else(|| format!("--case takes {names}, not `{name}`").into())
    }

    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, case)| *case == self).map_or("", |(name, _)| name)
    }
}

/// What every case is given.
pub(crate) struct Run {
    /// An empty directory for whatever it writes.
    pub(crate) dir: PathBuf,
    pub(crate) peers: Peers,
    pub(crate) scale: Scale,
}
