//! Damage in what was acknowledged, as it is reported with whatever could not be done.

use crate::{
    ids::{Position, Sequence},
    log::{Place, recovery::BlockClass},
};
use std::fmt;

/// Damage in what was acknowledged: where it is and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorruptionReport {
    /// Where the damage begins.
    pub place: Place,
    /// Bytes of the damaged range that are known to be affected, from `place` on.
    pub bytes: u64,
    /// The first group that is missing.
    pub first_missing: Sequence,
    /// The last group that is known to have been durable.
    pub durable_through: Sequence,
    /// The first position that is missing.
    pub position: Position,
    /// What stands there instead.
    pub found: BlockClass,
    /// Why this is damage and not the torn end of the log; the row of the recovery table.
    pub row: char,
    /// The row's reason.
    pub reason: &'static str,
}

impl CorruptionReport {
    /// Whether the disk could not read what decides, and nothing else is known to be wrong: a
    /// later try may find everything.
    pub fn is_unreadable(&self) -> bool {
        // Row E stands for blocks behind the one that was found.
        self.found == BlockClass::Unreadable || self.row == 'E'
    }
}

impl fmt::Display for CorruptionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} bytes: groups {} to {} (from position {}) are damaged or missing, found {:?}; \
             {} (recovery row {})",
            self.place,
            self.bytes,
            self.first_missing,
            self.durable_through,
            self.position,
            self.found,
            self.reason,
            self.row,
        )
    }
}
