//! The oracle of the disk suite: what a caller was told, against what the log holds afterwards.
//!
//! It sees submissions, answers and what is read back, never the engine's own books. Three
//! outcomes: acknowledged, refused, unknown. The promises it defends are those of
//! `docs/GUARANTEES.md`; each violation names one.

use crate::report::{Violation, broken};
use bytes::Bytes;
use sagalog::{Appended, Commit, Position, RecordedCommit};
use std::mem;

/// What is known of a submitted commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Submitted, no answer: it may be in the log or not.
    Unknown,
    /// Acknowledged at this position.
    Acknowledged(Position),
    /// The caller was told that nothing was stored.
    Refused,
    /// Unknown once, and a later recovery settled that it is not there.
    Settled,
    /// Acknowledged, and lost to damage that the disk really did.
    Destroyed,
}

#[derive(Clone, Debug)]
struct Submission {
    body: Bytes,
    positions: u32,
    fate: Fate,
    /// The disk operation by which it was known to be durable, if it was.
    known_at: Option<u64>,
}

/// The model of one log.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    submissions: Vec<Submission>,
    /// What a recovered log showed: it stays for ever. First position and number of each commit.
    settled: Vec<(Position, usize)>,
    /// What lies below was given up by retention.
    floor: Position,
}

impl Oracle {
    /// A new commit of `bytes` bytes, at least eight, and its number.
    pub fn submit(&mut self, bytes: usize, positions: u32) -> (usize, Commit) {
        let number = self.submissions.len();
        let body = body(number, bytes);
        let commit = Commit::new(body.clone()).with_positions(positions);
        self.submissions.push(Submission { body, positions, fate: Fate::Unknown, known_at: None });
        (number, commit)
    }

    /// The caller of commit `number` was told where it is, when the disk had performed `op`
    /// operations.
    pub fn acknowledge(
        &mut self,
        number: usize,
        appended: Appended,
        op: u64,
    ) -> Result<(), Violation> {
        let submission = &mut self.submissions[number];
        submission.fate = Fate::Acknowledged(appended.first);
        submission.known_at = Some(op);
        let positions = appended.last.get() - appended.first.get() + 1;
        if positions != u64::from(submission.positions) {
            return broken("G3", format!("commit {number} takes {positions} positions"));
        }
        Ok(())
    }

    /// The caller of commit `number` was told that nothing was stored.
    pub fn refuse(&mut self, number: usize) {
        self.submissions[number].fate = Fate::Refused;
    }

    /// Retention may have dropped what lies below `floor`.
    pub fn retain_from(&mut self, floor: Position) {
        self.floor = self.floor.max(floor);
    }

    /// The commits at `from` or behind it that a reader has to be shown who asks now.
    pub fn owed(&self, from: Position) -> Vec<usize> {
        let owed = |(number, submission): (usize, &Submission)| match submission.fate {
            Fate::Acknowledged(at) if at >= from => Some(number),
            _ => None,
        };
        self.submissions.iter().enumerate().filter_map(owed).collect()
    }

    /// What lies below was given up at somebody's request.
    pub fn floor(&self) -> Position {
        self.floor
    }

    /// A running log showed these commits to a reader, who was owed some: they are durable from
    /// then on.
    pub fn witness(
        &mut self,
        read: &[RecordedCommit],
        owed: &[usize],
        op: u64,
    ) -> Result<(), Violation> {
        let numbers = self.judge_read(read)?;
        let mut shown = numbers.clone();
        shown.sort_unstable();
        for number in owed.iter().filter(|number| shown.binary_search(number).is_err()) {
            // What is given up meanwhile need not be shown any more.
            if let Fate::Acknowledged(at) = self.submissions[*number].fate
                && at >= self.floor
            {
                let what = format!("a reader is not shown commit {number}, acknowledged at {at}");
                return broken("G4", what);
            }
        }
        for (commit, number) in read.iter().zip(numbers) {
            let submission = &mut self.submissions[number];
            submission.fate = Fate::Acknowledged(commit.first);
            submission.known_at.get_or_insert(op);
        }
        Ok(())
    }

    /// How many commits were submitted so far.
    pub fn submitted(&self) -> usize {
        self.submissions.len()
    }

    /// Whether the last recovery showed commit `number`.
    pub fn holds(&self, number: u64) -> bool {
        self.settled.iter().any(|(_, settled)| *settled as u64 == number)
    }

    /// A position that lies within what was seen, for retention and reads.
    pub fn some_position(&self, draw: u64) -> Position {
        let count = self.settled.len() as u64;
        let at = usize::try_from(draw % count.max(1)).unwrap_or(0);
        self.settled.get(at).map_or(self.floor, |(first, _)| *first)
    }

    /// Judges what a running log gave out: every commit is one that was submitted and not refused,
    /// whole, once, in order.
    pub fn judge_read(&self, read: &[RecordedCommit]) -> Result<Vec<usize>, Violation> {
        let mut numbers = Vec::with_capacity(read.len());
        let mut seen = vec![false; self.submissions.len()];
        let mut next = None;
        for commit in read {
            let number = self.identify(commit)?;
            if next.is_some_and(|next| next != commit.first) {
                return broken("G3", format!("a gap before position {}", commit.first));
            }
            if mem::replace(&mut seen[number], true) {
                return broken("G2", format!("commit {number} appears twice"));
            }
            next = Some(commit.first.plus(u64::from(commit.positions)));
            numbers.push(number);
        }
        Ok(numbers)
    }

    fn identify(&self, commit: &RecordedCommit) -> Result<usize, Violation> {
        let at = commit.first;
        let number = commit.body.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
        let number = number.and_then(|number| usize::try_from(number).ok());
        let Some((number, submission)) =
            number.and_then(|number| Some((number, self.submissions.get(number)?)))
        else {
            return broken("G4", format!("position {at} holds bytes that nobody appended"));
        };
        if commit.body != submission.body || commit.positions != submission.positions {
            return broken("G4", format!("position {at} holds commit {number} changed"));
        }
        match submission.fate {
            Fate::Refused => {
                broken("G5", format!("commit {number} was refused and is at position {at}"))
            }
            Fate::Settled => {
                broken("G6", format!("commit {number} was gone and is back at position {at}"))
            }
            Fate::Acknowledged(told) if told != at => {
                broken("G3", format!("commit {number} was acknowledged at {told} and is at {at}"))
            }
            Fate::Acknowledged(_) | Fate::Unknown | Fate::Destroyed => Ok(number),
        }
    }

    /// Judges the whole of a recovered log, as of disk operation `op`, and settles what was
    /// unknown. What was known to be durable before operation `proven` is proven by bytes that are
    /// intact: if it is missing, no damage excuses that nobody said so. Wrong bytes never are
    /// excused.
    pub fn judge_recovered(
        &mut self,
        read: &[RecordedCommit],
        floor: Position,
        op: u64,
        proven: u64,
    ) -> Result<(), Violation> {
        let numbers = self.judge_read(read)?;
        if floor > self.floor {
            return broken("G7", format!("positions below {floor} are gone, {} kept", self.floor));
        }
        let mut present = vec![false; self.submissions.len()];
        for number in &numbers {
            present[*number] = true;
        }
        if let Some(first) = read.first().map(|commit| commit.first)
            && first != floor
        {
            return broken("G3", format!("the log begins at {first}, its floor is {floor}"));
        }
        for (number, (submission, present)) in self.submissions.iter_mut().zip(present).enumerate()
        {
            if present {
                submission.known_at.get_or_insert(op);
                continue;
            }
            let excused = submission.known_at.is_none_or(|known| known >= proven);
            // What lies below the first commit that is left was retired, which was judged above.
            match submission.fate {
                Fate::Acknowledged(at) if at >= floor => {
                    if !excused {
                        let what = format!("commit {number}, acknowledged at {at}, is lost");
                        return broken("G1", what);
                    }
                    submission.fate = Fate::Destroyed;
                }
                Fate::Unknown => submission.fate = Fate::Settled,
                _ => {}
            }
        }
        self.judge_prefix(read, &numbers, (floor, proven))?;
        self.settled = read.iter().map(|commit| commit.first).zip(numbers).collect();
        Ok(())
    }

    /// What an earlier recovery showed is still there, where it was.
    fn judge_prefix(
        &self,
        read: &[RecordedCommit],
        numbers: &[usize],
        (floor, proven): (Position, u64),
    ) -> Result<(), Violation> {
        let kept = self.settled.iter().filter(|(at, _)| *at >= floor);
        for (at, number) in kept {
            let found = read.binary_search_by_key(at, |commit| commit.first);
            match found {
                Ok(index) if numbers[index] == *number => {}
                Err(_) if self.submissions[*number].known_at.is_some_and(|at| at >= proven) => {}
                Ok(_) | Err(_) => {
                    let what = format!("commit {number} at {at} was there after a recovery");
                    return broken("G6", what);
                }
            }
        }
        Ok(())
    }
}

/// The body of commit `number`: its number, then bytes that follow from it.
fn body(number: usize, bytes: usize) -> Bytes {
    // Whole words are written, the last of which may be too long.
    let mut body = Vec::with_capacity(bytes.max(8).next_multiple_of(8));
    body.extend_from_slice(&(number as u64).to_le_bytes());
    let mut word = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while body.len() < bytes {
        word = word.rotate_left(23).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        body.extend_from_slice(&word.to_le_bytes());
    }
    body.truncate(bytes.max(8));
    body.into()
}
