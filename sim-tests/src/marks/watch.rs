//! What one seed has reached so far, told by everybody who sees something.
//!
//! It judges nothing and decides nothing. The invariant it guards: it is told what a caller or an
//! operator of the store could see too, or what the simulated disk did.

use super::{Mark, Marks, of_append_error, of_commit_error, of_disk, of_open_error, of_recovery};
use crate::frame::SEGMENT_END_BYTES;
use sagalog::{AppendError, CommitError, OpenError, RecoveryReport};
use sagalog_testkit::{
    Operation,
    disk::{Counters, Step},
};
use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What a life is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "told by the suites")]
pub enum Phase {
    /// It opens.
    #[default]
    Opening,
    /// It works.
    Working,
    /// It works, and gives up old segments.
    Retiring,
}

/// Why nobody knows what became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "told by the suites")]
pub enum Unclear {
    /// The store said that it does not know.
    Unknown,
    /// Its caller gave up.
    Cancelled,
}

/// The marks of one seed. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    marks: Marks,
    phase: Phase,
    /// Whether the life before was cut short while it opened.
    cut_while_opening: bool,
    /// Whether files of the index were damaged since the last opening.
    index_damaged: bool,
    /// How many files the index had when it was last looked at in this life.
    runs: Option<usize>,
    /// Appends that the next recovery settles.
    unclear: Vec<(u64, Unclear)>,
}

impl Watch {
    /// Everything that was reached.
    pub fn marks(&self) -> Marks {
        self.seen().marks
    }

    /// Somebody saw `mark` directly.
    pub fn reach(&self, mark: Mark) {
        self.seen().marks.reach(mark);
    }

    /// The disk's whole history.
    pub fn disk(&self, counters: &Counters) {
        self.seen().marks.extend(of_disk(counters));
    }

    /// A life begins to open the store.
    pub fn opening(&self) {
        let mut seen = self.seen();
        (seen.phase, seen.runs) = (Phase::Opening, None);
    }

    /// It opened.
    pub fn opened(&self, report: &RecoveryReport) {
        let mut seen = self.seen();
        seen.marks.extend(of_recovery(report));
        if mem::take(&mut seen.index_damaged) && report.runs_rebuilt > 0 {
            seen.marks.reach(Mark::IndexMended);
        }
        (seen.phase, seen.cut_while_opening) = (Phase::Working, false);
    }

    /// It did not open.
    pub fn refused(&self, error: &OpenError) {
        let mut seen = self.seen();
        seen.marks.extend(of_open_error(error));
        seen.cut_while_opening = false;
    }

    /// A life is at something else.
    pub fn phase(&self, phase: Phase) {
        self.seen().phase = phase;
    }

    /// Files of the index were damaged or removed between two lives.
    pub fn index_damaged(&self) {
        self.seen().index_damaged = true;
    }

    /// The index has so many files.
    pub fn runs(&self, runs: usize) {
        let mut seen = self.seen();
        match seen.runs.replace(runs) {
            Some(before) if before < runs => seen.marks.reach(Mark::IndexWritten),
            Some(before) if before > runs => seen.marks.reach(Mark::IndexMerged),
            _ => {}
        }
    }

    /// An append was not acknowledged.
    pub fn append_failed(&self, error: &AppendError) {
        self.seen().marks.extend(of_append_error(error));
    }

    /// A commit was not acknowledged.
    pub fn commit_failed(&self, error: &CommitError) {
        self.seen().marks.extend(of_commit_error(error));
    }

    /// Nobody knows what became of the append with this number.
    pub fn unclear(&self, number: u64, why: Unclear) {
        self.seen().unclear.push((number, why));
    }

    /// A recovery settled what was unclear.
    pub fn settled(&self, is_there: impl Fn(u64) -> bool) {
        let mut seen = self.seen();
        for (number, why) in mem::take(&mut seen.unclear) {
            seen.marks.reach(match (why, is_there(number)) {
                (Unclear::Unknown, true) => Mark::UnknownAndThere,
                (Unclear::Unknown, false) => Mark::UnknownAndGone,
                (Unclear::Cancelled, true) => Mark::CancelledAndThere,
                (Unclear::Cancelled, false) => Mark::CancelledAndGone,
            });
        }
    }

    /// The wall clock jumped by so many seconds.
    pub fn clock_jumped(&self, seconds: i64) {
        match seconds {
            ..0 => self.reach(Mark::ClockBack),
            0 => {}
            1.. => self.reach(Mark::ClockForward),
        }
    }

    /// A life was cut short: `last` is the last operation that reached the disk, `next` the one
    /// that was stopped.
    pub fn cut_short(&self, last: Option<&Step>, next: Option<&Step>) {
        let mut seen = self.seen();
        let opening = seen.phase == Phase::Opening;
        match seen.phase {
            Phase::Opening => seen.marks.reach(Mark::CrashInOpen),
            Phase::Retiring => seen.marks.reach(Mark::CrashInRetention),
            Phase::Working => {}
        }
        if mem::replace(&mut seen.cut_while_opening, opening) && opening {
            seen.marks.reach(Mark::CrashInOpenAgain);
        }
        let working = seen.phase == Phase::Working;
        seen.marks.extend(last.into_iter().filter_map(behind));
        seen.marks.extend(next.into_iter().filter_map(ahead));
        let both = last.into_iter().chain(next);
        for step in both.filter(|step| writes_log(step)) {
            if opening {
                seen.marks.reach(Mark::CrashInCopies);
            } else if working && step.room < SEGMENT_END_BYTES {
                seen.marks.reach(Mark::CrashInSeal);
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What kind of file has this name.
fn kind(file: &str) -> &str {
    file.split_once('-').map_or(file, |(kind, _)| kind)
}

fn writes_log(step: &Step) -> bool {
    step.operation == Operation::Write && kind(&step.file) == "log"
}

/// What was under way when this was the last operation.
fn behind(last: &Step) -> Option<Mark> {
    use Operation::{Create, Remove, Rename, Reserve, Sync, Write};
    Some(match (kind(&last.file), last.operation) {
        ("STORE.draft", _) => Mark::CrashInCreation,
        ("STORE", Write) => Mark::CrashInSuperblock,
        ("log", Create | Reserve | Rename) => Mark::CrashInRoll,
        ("log", Remove) => Mark::CrashInRemoval,
        ("checkpoint.draft", Rename) => Mark::CrashInCheckpointRename,
        ("checkpoint.draft", _) => Mark::CrashInCheckpoint,
        ("run", Create) => Mark::CrashInIndexCreate,
        ("run", Write) => Mark::CrashInIndexWrite,
        ("run", Sync) => Mark::CrashInIndexSync,
        ("run", Remove) => Mark::CrashInIndexRemoval,
        _ => return None,
    })
}

/// What was about to be when this was the next one.
fn ahead(next: &Step) -> Option<Mark> {
    (next.operation == Operation::SyncDirectory).then_some(Mark::CrashInDirectorySync)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(told: impl FnOnce(&Watch)) -> Vec<Mark> {
        let watch = Watch::default();
        told(&watch);
        watch.marks().iter().collect()
    }

    fn step(operation: Operation, file: &str, room: u64) -> Step {
        Step { operation, file: file.to_owned(), room }
    }

    #[test]
    fn where_a_life_was_cut_short() {
        let after = |operation, file| {
            reached(|watch| {
                watch.phase(Phase::Working);
                watch.cut_short(Some(&step(operation, file, SEGMENT_END_BYTES)), None);
            })
        };
        assert_eq!(after(Operation::Write, "STORE"), [Mark::CrashInSuperblock]);
        assert_eq!(after(Operation::Sync, "STORE"), []);
        assert_eq!(after(Operation::Write, "STORE.draft"), [Mark::CrashInCreation]);
        assert_eq!(after(Operation::Reserve, "log-2.seg"), [Mark::CrashInRoll]);
        assert_eq!(after(Operation::Remove, "log-2.seg"), [Mark::CrashInRemoval]);
        assert_eq!(after(Operation::Write, "log-2.seg"), []);
        assert_eq!(after(Operation::Sync, "checkpoint.draft"), [Mark::CrashInCheckpoint]);
        assert_eq!(after(Operation::Rename, "checkpoint.draft"), [Mark::CrashInCheckpointRename]);
        assert_eq!(after(Operation::Read, "checkpoint-1.ckpt"), []);
        assert_eq!(after(Operation::Write, "run-1-2.idx"), [Mark::CrashInIndexWrite]);
    }

    #[test]
    fn what_a_life_was_about_to_do_when_it_was_cut_short() {
        let before = |phase, operation, file, room| {
            reached(|watch| {
                watch.phase(phase);
                watch.cut_short(None, Some(&step(operation, file, room)));
            })
        };
        let (write, log) = (Operation::Write, "log-2.seg");
        assert_eq!(
            before(Phase::Working, Operation::SyncDirectory, "", 0),
            [Mark::CrashInDirectorySync]
        );
        assert_eq!(before(Phase::Working, write, log, SEGMENT_END_BYTES), []);
        assert_eq!(before(Phase::Working, write, log, SEGMENT_END_BYTES - 1), [Mark::CrashInSeal]);
        assert_eq!(before(Phase::Opening, write, log, 0), [Mark::CrashInOpen, Mark::CrashInCopies]);
        assert_eq!(before(Phase::Working, Operation::Sync, log, 0), []);
    }

    #[test]
    fn an_opening_that_is_cut_short_twice_in_a_row_is_more_than_once() {
        let once = [Mark::CrashInOpen];
        let lives = |between: fn(&Watch)| {
            reached(|watch| {
                watch.opening();
                watch.cut_short(None, None);
                between(watch);
                watch.opening();
                watch.cut_short(None, None);
            })
        };
        assert_eq!(lives(|_| {}), [Mark::CrashInOpen, Mark::CrashInOpenAgain]);
        assert_eq!(lives(|watch| watch.refused(&OpenError::IndexMissing)), once);
        let worked = |watch: &Watch| {
            watch.phase(Phase::Working);
            watch.cut_short(None, None);
        };
        assert_eq!(lives(worked), once);
    }

    #[test]
    fn what_was_unclear_is_settled_once() {
        let marks = reached(|watch| {
            watch.unclear(1, Unclear::Unknown);
            watch.unclear(2, Unclear::Cancelled);
            watch.settled(|number| number == 2);
            watch.settled(|_| true);
        });
        assert_eq!(marks, [Mark::UnknownAndGone, Mark::CancelledAndThere]);
    }

    #[test]
    fn files_of_the_index_are_written_and_merged_within_a_life() {
        let counts = |counts: &[usize]| {
            reached(|watch| {
                for runs in counts {
                    watch.runs(*runs);
                }
            })
        };
        assert_eq!(counts(&[3]), []);
        assert_eq!(counts(&[3, 3]), []);
        assert_eq!(counts(&[3, 4]), [Mark::IndexWritten]);
        assert_eq!(counts(&[3, 4, 1]), [Mark::IndexWritten, Mark::IndexMerged]);
        let over_lives = reached(|watch| {
            watch.runs(3);
            watch.opening();
            watch.runs(1);
        });
        assert_eq!(over_lives, []);
    }
}
