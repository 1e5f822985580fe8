//! What opening a log found and did, for operators and their logs.
//!
//! Plain data; `open` fills it in.

use super::survey::OpenWarning;
use crate::{
    ids::{Epoch, Position, StoreId},
    log::recovery::BlockClass,
};
use std::time::Duration;

/// What opening a log found and did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// The store's identity.
    pub store: StoreId,
    /// Whether the store was made by this call.
    pub created: bool,
    /// The epoch that began.
    pub epoch: Epoch,
    /// The next position: the log holds those below.
    pub head: Position,
    /// The lowest position that is kept.
    pub floor: Position,
    /// Whether the store had been closed in order.
    pub clean: bool,
    /// The row of the recovery table that decided, if there was a log to recover.
    pub row: Option<char>,
    /// What stood at the end of the log.
    pub found: BlockClass,
    /// Bytes of writes in flight that were discarded; none of them had been acknowledged.
    pub discarded_bytes: u64,
    /// Groups that were whole but not proven durable and were written again.
    pub rewritten_groups: usize,
    /// How many segments were read through.
    pub segments_scanned: u64,
    /// Whether the table of segments came from a checkpoint.
    pub checkpoint_used: bool,
    /// How many files of the index had to be made from the log.
    pub runs_rebuilt: usize,
    /// What else was noticed.
    pub warnings: Vec<OpenWarning>,
    /// How long opening took.
    pub elapsed: Duration,
}
