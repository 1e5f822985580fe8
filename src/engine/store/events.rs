//! Reads of events: from the lists of the index, or along the log.
//!
//! A read is pinned at its first poll: to the head, or to the moment that it asks for. From then on
//! it holds a position and nothing else of the index, so that runs may come and go beneath it.

use super::reader::Reader;
use crate::{
    engine::{
        files::Door,
        index::{Part, Want, open::anchor_at},
        reader::Reading,
    },
    error::ReadError,
    event::RecordedEvent,
    ids::{Position, Revision},
    limits::{NAME_BYTES_MAX, PREFIX_CATEGORIES_MAX},
    names::{StreamId, category_of, is_system},
    read::{AsOf, Direction, Read, Selector, Start},
    store::{
        body::BodyView,
        posting::Posting,
        term::{TermKind, term_of},
    },
    time::WallTime,
};
use std::{collections::VecDeque, sync::Arc};

/// How many postings are looked up together.
const BATCH: u64 = 256;
/// About how much log is read for them together, in bytes.
const BATCH_BYTES: u64 = 1 << 20;
/// What a commit counts whose length is not known: it is longer than 16 KiB.
const LARGE_BYTES: u64 = 256 << 10;

/// The events that answer a [`Read`], one after the other.
///
/// # Cancel safety
/// A dropped call to [`Events::next`] loses nothing: the next call goes on where it was.
#[must_use = "nothing is read before the first poll"]
pub struct Events {
    reader: Arc<Reader>,
    read: Read,
    stage: Stage,
    ready: VecDeque<RecordedEvent>,
    /// How many may still be given out.
    left: u64,
    /// Whether one was given out.
    any: bool,
    /// The head at the first poll.
    pinned: Option<Position>,
}

/// How far a read has got.
enum Stage {
    /// It was not polled yet.
    Fresh,
    /// Through lists of the index: what is left of the log.
    Lists { want: Want, from: Position, until: Position },
    /// Along the log.
    Forward { reading: Box<Reading<Door>>, from: Position, until: Position },
    /// Against the log, a piece at a time.
    Backward { from: Position, until: Position },
    /// It has ended.
    Done,
}

impl Events {
    pub(crate) fn new(reader: Arc<Reader>, read: Read) -> Self {
        let left = read.limit;
        Self {
            reader,
            read,
            stage: Stage::Fresh,
            ready: VecDeque::new(),
            left,
            any: false,
            pinned: None,
        }
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// [`ReadError`] says what to do. After [`ReadError::Io`] the call can be repeated.
    pub async fn next(&mut self) -> Result<Option<RecordedEvent>, ReadError> {
        self.pinned.get_or_insert_with(|| self.reader.head());
        loop {
            if self.left == 0 {
                return Ok(None);
            }
            while let Some(event) = self.ready.pop_front() {
                if self.wants(&event) {
                    self.left -= 1;
                    self.any = true;
                    return Ok(Some(event));
                }
            }
            match &self.stage {
                Stage::Fresh => self.stage = self.begin().await?,
                Stage::Lists { .. } => self.go_on_in_lists().await?,
                Stage::Forward { .. } => self.go_on_forward().await?,
                Stage::Backward { .. } => self.go_on_backward().await?,
                Stage::Done => return self.end().await,
            }
        }
    }

    /// All events that are left.
    ///
    /// # Errors
    /// See [`Events::next`].
    pub async fn collect(mut self) -> Result<Vec<RecordedEvent>, ReadError> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await? {
            events.push(event);
        }
        Ok(events)
    }

    /// Whether the event is one that was asked for: names are compared here, never their hashes.
    fn wants(&self, event: &RecordedEvent) -> bool {
        let visible = self.read.system || !is_system(event.stream());
        match &self.read.selector {
            Selector::All => visible,
            Selector::Stream(stream) => event.stream() == stream.as_str(),
            Selector::Category(category) => visible && category_of(event.stream()) == category,
            Selector::Prefix(prefix) => visible && event.stream().starts_with(prefix),
            Selector::Query(query) => {
                let tags: Vec<&str> = event.tags().collect();
                visible && query.matches(event.event_type(), &tags.iter().copied())
            }
        }
    }

    /// Pins the read and chooses its way.
    async fn begin(&self) -> Result<Stage, ReadError> {
        if let Selector::Query(query) = &self.read.selector {
            query.check().map_err(ReadError::Query)?;
        }
        let bound = self.bound().await?;
        let (from, until) = self.range(bound).await?;
        if from >= until {
            return Ok(Stage::Done);
        }
        let want = match &self.read.selector {
            Selector::All => {
                return Ok(match self.read.direction {
                    Direction::Forward => {
                        let reading = Box::new(self.reader.reading(from, until).await?);
                        Stage::Forward { reading, from, until }
                    }
                    Direction::Backward => Stage::Backward { from, until },
                });
            }
            Selector::Stream(stream) => Want::term(TermKind::Stream, stream.as_str()),
            // No name is as long as that.
            Selector::Category(name) | Selector::Prefix(name) if name.len() > NAME_BYTES_MAX => {
                return Ok(Stage::Done);
            }
            Selector::Category(category) => Want::term(TermKind::Category, category),
            Selector::Prefix(prefix) => self.reader.categories_of(prefix).await?,
            Selector::Query(query) => Want::query(query, self.read.system),
        };
        Ok(Stage::Lists { want, from, until })
    }

    /// The range of positions in which the read goes on, below `bound`.
    async fn range(&self, bound: Position) -> Result<(Position, Position), ReadError> {
        let everything = (Position::default(), bound);
        let start = match (self.read.start, &self.read.selector) {
            (Start::Edge, _) => return Ok(everything),
            (Start::Position(position), _) => position,
            (Start::Revision(revision), Selector::Stream(stream)) => {
                match self.position_of(stream, revision, bound).await? {
                    Some(position) => position,
                    None if self.read.direction == Direction::Backward => return Ok(everything),
                    None => return Ok((bound, bound)),
                }
            }
            (Start::Revision(_), _) => {
                return Err(ReadError::Request("only a read of one stream begins at a revision"));
            }
        };
        Ok(match self.read.direction {
            Direction::Forward => (start, bound),
            Direction::Backward => {
                let behind = Position::new(start.get().saturating_add(1));
                (Position::default(), bound.min(behind))
            }
        })
    }

    async fn position_of(
        &self,
        stream: &StreamId,
        revision: Revision,
        bound: Position,
    ) -> Result<Option<Position>, ReadError> {
        let found = self.reader.index.revision(stream.as_str(), revision).await?;
        Ok(found.map(|posting| posting.position).filter(|position| *position < bound))
    }

    async fn go_on_in_lists(&mut self) -> Result<(), ReadError> {
        let Stage::Lists { want, from, until } = &self.stage else { return Ok(()) };
        let (from, until, direction) = (*from, *until, self.read.direction);
        let max = usize::try_from(self.left.min(BATCH)).unwrap_or(1);
        let part = Part { from, until, max, direction };
        let (mut postings, next) = self.reader.index.postings(want, part).await?;
        let next = cut_to_bytes(&mut postings, max, direction).unwrap_or(next);
        let mut events = VecDeque::with_capacity(postings.len());
        if direction == Direction::Backward {
            postings.reverse();
        }
        self.reader.fetch(&postings, &mut events).await?;
        if direction == Direction::Backward {
            events.make_contiguous().reverse();
        }
        self.ready = events;
        let (from, until) = match direction {
            Direction::Forward => (next, until),
            Direction::Backward => (from, next),
        };
        if let Stage::Lists { from: old_from, until: old_until, .. } = &mut self.stage {
            (*old_from, *old_until) = (from, until);
        }
        if from >= until {
            self.stage = Stage::Done;
        }
        Ok(())
    }

    async fn go_on_forward(&mut self) -> Result<(), ReadError> {
        let Stage::Forward { reading, from, until } = &mut self.stage else { return Ok(()) };
        if let Some(commit) = reading.next().await? {
            return take_all(&commit, *from, *until, &mut self.ready);
        }
        self.stage = Stage::Done;
        Ok(())
    }

    async fn go_on_backward(&mut self) -> Result<(), ReadError> {
        let Stage::Backward { from, until } = self.stage else { return Ok(()) };
        let last = Position::new(until.get().saturating_sub(1));
        let mark = self.reader.index.mark_before(last).await?;
        let start = mark.map_or(Position::default(), |mark| mark.position).max(from);
        let mut reading = self.reader.reading(start, until).await?;
        let mut events = VecDeque::new();
        while let Some(commit) = reading.next().await? {
            take_all(&commit, start, until, &mut events)?;
        }
        events.make_contiguous().reverse();
        self.ready = events;
        self.stage =
            if start <= from { Stage::Done } else { Stage::Backward { from, until: start } };
        Ok(())
    }

    /// The position below which the read stays.
    async fn bound(&self) -> Result<Position, ReadError> {
        let head = self.pinned.unwrap_or_else(|| self.reader.head());
        match self.read.as_of {
            AsOf::Now => Ok(head),
            AsOf::Position(last) => Ok(head.min(Position::new(last.get().saturating_add(1)))),
            AsOf::Time(time) => self.reader.end_as_of(time, head).await,
        }
    }

    /// A stream that shows nothing either has nothing there or is none.
    async fn end(&self) -> Result<Option<RecordedEvent>, ReadError> {
        let Selector::Stream(stream) = &self.read.selector else { return Ok(None) };
        if self.any {
            return Ok(None);
        }
        let bound = self.bound().await?;
        let name = stream.as_str().as_bytes();
        match self.reader.index.last_posting(TermKind::Stream, name, bound).await? {
            Some(_) => Ok(None),
            None => Err(ReadError::StreamNotFound(stream.clone())),
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

/// Appends the events of a commit at or behind `from` and below `until`.
fn take_all(
    commit: &crate::commit::RecordedCommit,
    from: Position,
    until: Position,
    out: &mut VecDeque<RecordedEvent>,
) -> Result<(), ReadError> {
    let undecodable = |reason| ReadError::Undecodable { position: commit.first, reason };
    let mut view = BodyView::decode(commit.body.clone(), commit.first, commit.positions)
        .map_err(|fault| undecodable(fault.0))?;
    while let Some(event) = view.next().map_err(|fault| undecodable(fault.0))? {
        if (from..until).contains(&event.position) {
            out.push_back(RecordedEvent::new(event));
        }
    }
    Ok(())
}

impl Reader {
    /// Reads commits along the log, from the one that holds `from` on.
    pub(super) async fn reading(
        &self,
        from: Position,
        until: Position,
    ) -> Result<Reading<Door>, ReadError> {
        let table = self.table();
        let mark = self.index.mark_before(from).await?;
        if let Some(mark) = mark
            && let Some(at) = anchor_at(&self.door, self.store, mark.place).await
        {
            return Ok(Reading::at(self.door.clone(), self.store, table, at, from, until));
        }
        Ok(Reading::new(self.door.clone(), self.store, table, from, until))
    }

    /// The position behind the last event that was recorded at `time` or before, below `head`.
    async fn end_as_of(&self, time: WallTime, head: Position) -> Result<Position, ReadError> {
        let start = self.index.marked_at(time).await?.unwrap_or_default();
        let mut reading = self.reading(start, head).await?;
        while let Some(commit) = reading.next().await? {
            let view = BodyView::decode(commit.body.clone(), commit.first, commit.positions);
            let view = view.map_err(|fault| ReadError::Undecodable {
                position: commit.first,
                reason: fault.0,
            })?;
            if view.recorded_at() > time {
                return Ok(commit.first);
            }
        }
        Ok(head)
    }

    /// The categories that hold all streams whose name begins with `prefix`.
    async fn categories_of(&self, prefix: &str) -> Result<Want, ReadError> {
        if let Some(category) = Want::category_of_prefix(prefix) {
            return Ok(Want::term(TermKind::Category, category));
        }
        let max = PREFIX_CATEGORIES_MAX + 1;
        let prefix = prefix.as_bytes();
        let (names, _) = self.index.names(TermKind::Category, prefix, prefix, max).await?;
        if names.len() > PREFIX_CATEGORIES_MAX {
            return Err(ReadError::Request("the prefix spans too many categories; make it longer"));
        }
        let terms = names.iter().map(|name| term_of(TermKind::Category, name)).collect();
        Ok(Want::any_of(terms))
    }
}
