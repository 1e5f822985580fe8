//! Reads through lists of the index: a batch of postings, then the commits that they name.
//!
//! Stops at commits that cannot be read: at those that were passed over when the store was opened,
//! which no list names, and at those that lists name all the same.

use super::{Events, Stage};
use crate::{
    engine::index::Part, error::ReadError, event::RecordedEvent, ids::Position, read::Direction,
    store::posting::Posting,
};
use std::{collections::VecDeque, ops::Range};

/// How many postings are looked up together.
const BATCH: u64 = 256;
/// About how much log is read for them together, in bytes.
const BATCH_BYTES: u64 = 1 << 20;
/// What a commit counts whose length is not known: it is longer than 16 KiB.
const LARGE_BYTES: u64 = 256 << 10;

/// A commit that cannot be read, and what is said of it.
type Stopped = (Range<Position>, ReadError);

impl Events {
    pub(super) async fn go_on_in_lists(&mut self) -> Result<(), ReadError> {
        let Stage::Lists { want, from, until } = &self.stage else { return Ok(()) };
        let (from, until, direction) = (*from, *until, self.read.direction);
        let passed = match direction {
            Direction::Forward => self.unreadable(from, until).next(),
            Direction::Backward => self.unreadable(from, until).next_back(),
        };
        let passed = passed.map(|passed| (passed.first..passed.end, passed.error()));
        let (first, end) = match (&passed, direction) {
            (None, _) => (from, until),
            (Some((commit, _)), Direction::Forward) => (from, commit.start.max(from)),
            (Some((commit, _)), Direction::Backward) => (commit.end.min(until), until),
        };
        if let Some((commit, error)) = passed.filter(|_| first >= end) {
            return self.stop_at(&commit, error);
        }
        let max = usize::try_from(self.left.min(BATCH)).unwrap_or(1);
        let part = Part { from: first, until: end, max, direction };
        let (mut postings, next) = self.reader.index.postings(want, part).await?;
        let next = cut_to_bytes(&mut postings, max, direction).unwrap_or(next);
        // A piece of the index reaches as far as it does, also past what was asked for.
        let next = next.clamp(first, end);
        if direction == Direction::Backward {
            postings.reverse();
        }
        let (mut events, stopped) = self.fetch_up_to(&postings).await?;
        match stopped {
            None => self.go_on_at(next),
            Some((commit, error)) if events.is_empty() => return self.stop_at(&commit, error),
            Some((commit, _)) => self.go_on_at(match direction {
                Direction::Forward => commit.start.max(from),
                Direction::Backward => commit.end.min(until),
            }),
        }
        if direction == Direction::Backward {
            events.make_contiguous().reverse();
        }
        self.ready = events;
        Ok(())
    }

    /// The events that `postings` name, which ascend: in the read's direction up to the first
    /// commit that cannot be read.
    async fn fetch_up_to(
        &self,
        postings: &[Posting],
    ) -> Result<(VecDeque<RecordedEvent>, Option<Stopped>), ReadError> {
        let mut events = VecDeque::with_capacity(postings.len());
        let (mut rest, mut stopped) = (postings, None);
        loop {
            let error = match self.reader.fetch(rest, &mut events).await {
                Ok(()) => return Ok((events, stopped)),
                Err(error) => error,
            };
            let ReadError::Undecodable { position: first, .. } = error else { return Err(error) };
            let end = rest.iter().find(|posting| posting.commit_first() == first);
            let end = match end {
                Some(posting) => self.reader.commit_end(posting).await?,
                None => return Err(error),
            };
            stopped = Some((first..end, error));
            if self.read.direction == Direction::Forward {
                return Ok((events, stopped));
            }
            events.clear();
            rest = &rest[rest.partition_point(|posting| posting.position < end)..];
        }
    }

    /// Says that a commit cannot be read; the next call goes on behind it.
    fn stop_at(&mut self, commit: &Range<Position>, error: ReadError) -> Result<(), ReadError> {
        self.go_on_at(match self.read.direction {
            Direction::Forward => commit.end,
            Direction::Backward => commit.start,
        });
        Err(error)
    }

    /// What is left begins here, in the read's direction.
    fn go_on_at(&mut self, place: Position) {
        let Stage::Lists { from, until, .. } = &mut self.stage else { return };
        match self.read.direction {
            Direction::Forward => *from = place,
            Direction::Backward => *until = place,
        }
        if from >= until {
            self.stage = Stage::Done;
        }
    }
}

/// Cuts `postings` to those that are read together: at most `max`, and about [`BATCH_BYTES`] of
/// log. Where to go on, if some were cut off.
fn cut_to_bytes(postings: &mut Vec<Posting>, max: usize, direction: Direction) -> Option<Position> {
    let mut bytes = 0_u64;
    let mut commit = None;
    let kept = postings.iter().take(max).take_while(|posting| {
        let room = bytes < BATCH_BYTES;
        if commit.replace(posting.place) != Some(posting.place) {
            bytes += if posting.bytes == 0 { LARGE_BYTES } else { posting.bytes.into() };
        }
        room
    });
    let kept = kept.count();
    let first_cut = postings.get(kept)?.position;
    postings.truncate(kept);
    Some(match direction {
        Direction::Forward => first_cut,
        Direction::Backward => first_cut.next(),
    })
}
