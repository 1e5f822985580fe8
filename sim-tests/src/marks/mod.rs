//! Coverage marks: what seeds have to meet now and then for a clean run to mean anything.
//!
//! A mark is reached by a test that looks, never by the product: from reports and answers that
//! everybody gets, and from what the simulated disk did. It judges no seed. The invariant it
//! guards: a mark stands in the [table](table), or it does not compile; a run that is long enough
//! and never reached one that its suite needs is told so.

mod table;
mod watch;

pub use table::Mark;
pub use watch::{Phase, Unclear, Watch};

use crate::report::SuiteName;
use sagalog::{AppendError, CommitError, OpenError, OpenWarning, RecoveryReport};
use sagalog_testkit::{FaultKind, disk::Counters};

/// How much a suite needs a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the table's own vocabulary")]
pub enum Need {
    /// A run of [`ENOUGH_SEEDS`] seeds that never reaches it fails.
    Required,
    /// It is possible, and so rare that a run may miss it: it is reported.
    Rare,
    /// It cannot happen in this suite.
    Never,
}

/// How many seeds reach everything that is required.
pub const ENOUGH_SEEDS: u64 = 1_000;

/// A set of marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks([u128; 2]);

impl Marks {
    /// Takes `mark` in.
    pub fn reach(&mut self, mark: Mark) {
        let (word, bit) = place(mark);
        self.0[word] |= bit;
    }

    /// Whether `mark` is in it.
    pub fn contains(self, mark: Mark) -> bool {
        let (word, bit) = place(mark);
        self.0[word] & bit != 0
    }

    /// Its marks, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Mark> {
        Mark::ALL.into_iter().filter(move |mark| self.contains(*mark))
    }
}

const fn place(mark: Mark) -> (usize, u128) {
    let number = mark as usize;
    (number / 128, 1 << (number % 128))
}

impl Extend<Mark> for Marks {
    fn extend<I: IntoIterator<Item = Mark>>(&mut self, marks: I) {
        marks.into_iter().for_each(|mark| self.reach(mark));
    }
}

impl Mark {
    /// How much `suite` needs it.
    pub fn need(self, suite: SuiteName) -> Need {
        match suite {
            SuiteName::Disk => self.facts().disk,
            SuiteName::Store => self.facts().store,
            SuiteName::Saga => self.facts().saga,
            SuiteName::Orders => self.facts().orders,
        }
    }

    /// The mark with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.name() == name)
    }
}

/// The marks that a successful opening reaches.
pub fn of_recovery(report: &RecoveryReport) -> impl Iterator<Item = Mark> {
    let said = [
        (report.created, Mark::Created),
        (report.clean, Mark::RecoveryClean),
        (report.discarded_bytes > 0, Mark::RecoveryDiscards),
        (report.rewritten_groups > 0, Mark::RecoveryRewrites),
        (report.checkpoint_used, Mark::CheckpointUsed),
        (report.runs_rebuilt > 0, Mark::IndexRebuilt),
    ];
    let said = said.into_iter().filter_map(|(said, mark)| said.then_some(mark));
    let warnings = report.warnings.iter().filter_map(|warning| match warning {
        OpenWarning::SuperblockSlotDamaged => Some(Mark::WarnsOfSlot),
        OpenWarning::SuperblockOutdated => Some(Mark::WarnsOfOutdated),
        OpenWarning::CheckpointUnusable => Some(Mark::WarnsOfCheckpoint),
        _ => None,
    });
    report.row.and_then(of_row).into_iter().chain(said).chain(warnings)
}

/// The mark that a refusal to open reaches.
pub fn of_open_error(error: &OpenError) -> Option<Mark> {
    match error {
        OpenError::Corrupt(report) => of_row(report.row),
        OpenError::Locked => Some(Mark::OpenLocked),
        OpenError::SuperblockDamaged => Some(Mark::OpenSuperblockDamaged),
        OpenError::IdentityLost => Some(Mark::OpenIdentityLost),
        OpenError::SegmentMissing(_) => Some(Mark::OpenSegmentMissing),
        OpenError::SegmentDamaged(_) => Some(Mark::OpenSegmentDamaged),
        OpenError::ForeignFile { .. } => Some(Mark::OpenForeignFile),
        OpenError::NotAStore { .. } => Some(Mark::OpenNotAStore),
        OpenError::Io(_) => Some(Mark::OpenIo),
        _ => None,
    }
}

/// The mark that an append without an acknowledgement reaches.
pub fn of_append_error(error: &AppendError) -> Option<Mark> {
    Some(match error {
        AppendError::Conflict(_) => Mark::AppendConflict,
        AppendError::PartlyCommitted { .. } => Mark::AppendPartlyCommitted,
        AppendError::KeyReused { .. } => Mark::AppendKeyReused,
        AppendError::Fenced { .. } => Mark::AppendFenced,
        AppendError::Limit { .. } => Mark::AppendLimit,
        AppendError::Query { .. } => Mark::AppendQuery,
        AppendError::Overloaded => Mark::AppendOverloaded,
        AppendError::StorageFull => Mark::AppendStorageFull,
        AppendError::Unprepared(_) => Mark::AppendUnprepared,
        AppendError::Read(_) => Mark::AppendRead,
        AppendError::Unknown { .. } => Mark::AppendUnknown,
        AppendError::Poisoned => Mark::AppendPoisoned,
        AppendError::Displaced(_) => Mark::AppendDisplaced,
        AppendError::Closed => Mark::AppendClosed,
        _ => return None,
    })
}

/// The mark that a commit without an acknowledgement reaches.
pub fn of_commit_error(error: &CommitError) -> Option<Mark> {
    Some(match error {
        CommitError::TooLarge { .. } => Mark::AppendLimit,
        CommitError::Overloaded => Mark::AppendOverloaded,
        CommitError::StorageFull => Mark::AppendStorageFull,
        CommitError::Unprepared(_) => Mark::AppendUnprepared,
        CommitError::Unknown => Mark::AppendUnknown,
        CommitError::Poisoned => Mark::AppendPoisoned,
        CommitError::Displaced(_) => Mark::AppendDisplaced,
        CommitError::Closed => Mark::AppendClosed,
        _ => return None,
    })
}

/// The marks that the disk's own history reaches.
pub fn of_disk(counters: &Counters) -> impl Iterator<Item = Mark> {
    let crashes = [
        (counters.process_crashes, Mark::CrashOfProcess),
        (counters.power_failures, Mark::CrashOfPower),
    ];
    let crashes = crashes.into_iter().filter_map(|(times, mark)| (times > 0).then_some(mark));
    crashes.chain(counters.faults.keys().filter_map(|kind| of_fault(*kind)))
}

fn of_fault(kind: FaultKind) -> Option<Mark> {
    Mark::named(&format!("fault-{kind}"))
}

fn of_row(letter: char) -> Option<Mark> {
    Mark::named(&format!("row-{}", letter.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sagalog::log::recovery::TABLE;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_and_every_fault_has_its_mark() {
        for row in TABLE {
            assert!(of_row(row.letter).is_some(), "row {}", row.letter);
        }
        for kind in FaultKind::ALL {
            assert!(of_fault(kind).is_some(), "{kind}");
        }
    }

    #[test]
    fn names_are_unique_words_and_no_mark_is_for_nobody() {
        let names: BTreeSet<_> = Mark::ALL.iter().map(|mark| mark.name()).collect();
        assert_eq!(names.len(), Mark::ALL.len());
        for mark in Mark::ALL {
            let name = mark.name();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.chars().all(plain), "{name}");
            assert!(!mark.sentence().is_empty(), "{name}");
            let needs = SuiteName::ALL.map(|suite| mark.need(suite));
            assert_ne!(needs, [Need::Never; 4], "{name}");
        }
    }

    #[test]
    fn a_set_holds_what_it_was_told() {
        let mut marks = Marks::default();
        assert_eq!(marks.iter().count(), 0);
        marks.extend([Mark::Healed, Mark::RowA, Mark::Healed]);
        assert_eq!(marks.iter().collect::<Vec<_>>(), [Mark::RowA, Mark::Healed]);
        let mut all = Marks::default();
        all.extend(Mark::ALL);
        assert_eq!(all.iter().count(), Mark::ALL.len());
    }
}
