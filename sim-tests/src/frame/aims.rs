//! Moments at which a crash is told apart from one at any other.
//!
//! It knows the names of files and no code of the engine: whatever writes these files is stopped
//! there. The invariant it guards: an aim is at something that lives really do, which the marks of
//! crashes show, one for each place.

use super::one_of;
use sagalog_testkit::{
    Choices, Halt,
    disk::Operation::{
        self, Create, List, Read, Remove, Rename, Reserve, Sync, SyncDirectory, Truncate, Write,
    },
};

/// How near to the end of its segment the last write of it ends, or the one before, in bytes.
pub(crate) const SEGMENT_END_BYTES: u64 = 4_096;

/// What to stop at.
#[derive(Clone, Copy, Debug)]
pub struct Aim {
    operation: Operation,
    prefix: &'static str,
    /// Few lives do it more often than this.
    nth_max: u64,
    leaving: Option<u64>,
}

const fn at(operation: Operation, prefix: &'static str, nth_max: u64) -> Aim {
    Aim { operation, prefix, nth_max, leaving: None }
}

/// The making of a store.
pub(super) const BIRTH: &[Aim] = &[
    at(Create, "log-", 1),
    at(Reserve, "log-", 1),
    at(Create, "STORE.draft", 1),
    at(Write, "STORE.draft", 1),
    at(Sync, "STORE.draft", 1),
    at(Rename, "STORE.draft", 1),
    at(SyncDirectory, "", 2),
];

/// The segments, the superblock and the checkpoints of a log that there is already.
pub(crate) const LOG: &[Aim] = &[
    at(List, "", 2),
    at(Read, "log-", 12),
    at(Create, "log-", 2),
    at(Reserve, "log-", 3),
    at(Write, "log-", 24),
    Aim { operation: Write, prefix: "log-", nth_max: 1, leaving: Some(SEGMENT_END_BYTES) },
    at(Sync, "log-", 24),
    at(Rename, "log-", 1),
    at(Truncate, "log-", 1),
    at(Remove, "log-", 2),
    at(Write, "STORE", 6),
    at(Sync, "STORE", 6),
    at(Create, "checkpoint.draft", 1),
    at(Write, "checkpoint.draft", 1),
    at(Sync, "checkpoint.draft", 1),
    at(Rename, "checkpoint.draft", 1),
    at(Remove, "checkpoint-", 1),
    at(SyncDirectory, "", 6),
];

/// The files of an index.
pub(crate) const INDEX: &[Aim] = &[
    at(Create, "run-", 4),
    at(Write, "run-", 8),
    at(Sync, "run-", 6),
    at(Read, "run-", 24),
    at(Remove, "run-", 3),
];

/// A moment of one of the lists: at the match, or a little later.
pub(super) fn draw(choices: &mut dyn Choices, lists: &[&[Aim]]) -> Halt {
    let list = one_of(choices, lists);
    let Aim { operation, prefix, nth_max, leaving } = *one_of(choices, list);
    let (nth, then) = (1 + choices.below(nth_max), choices.below(4));
    Halt { operation: Some(operation), prefix: prefix.to_owned(), leaving, nth, then }
}
