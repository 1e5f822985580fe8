//! Reads of events: from the lists of the index, or along the log.
//!
//! A read is pinned at its first poll: to the head, or to the moment that it asks for. From then on
//! it holds a position and nothing else of the index, so that runs may come and go beneath it.
//!
//! The invariant: a commit that cannot be read is an error at its place, once; what lies before it
//! and behind it is given out as if it were not there.

mod bounds;
mod lists;

use super::reader::Reader;
use crate::{
    commit::RecordedCommit,
    engine::{files::Door, index::Want, reader::Reading, unreadable::Unreadable},
    error::ReadError,
    event::RecordedEvent,
    ids::{Position, Revision},
    limits::NAME_BYTES_MAX,
    names::{StreamId, category_of, is_system},
    read::{AsOf, Direction, Read, Selector, Start},
    store::{body::BodyView, term::TermKind},
};
use std::{collections::VecDeque, sync::Arc};

/// The events that answer a [`Read`], one after the other.
///
/// A commit that does not decode, because another program wrote it or a newer version of this one,
/// is answered with [`ReadError::Undecodable`] where it stands, if it may hold an event that was
/// asked for. The next call goes on behind it.
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
    /// The position below which the read stays, once that is known.
    bound: Option<Position>,
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
            bound: None,
        }
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// [`ReadError`] says what to do. After [`ReadError::Io`] the call can be repeated; after
    /// [`ReadError::Undecodable`] the next call goes on behind the commit that it names.
    pub async fn next(&mut self) -> Result<Option<RecordedEvent>, ReadError> {
        self.pinned.get_or_insert_with(|| self.reader.head());
        loop {
            if self.left == 0 && self.any {
                return Ok(None);
            }
            if self.left == 0 {
                // Who asks for no events is refused what anybody else would be refused.
                self.begin().await?;
                return self.end().await;
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
            Selector::Stream(stream) => event.stream() == stream.as_str() && self.has_begun(event),
            Selector::Category(category) => visible && category_of(event.stream()) == category,
            Selector::Prefix(prefix) => visible && event.stream().starts_with(prefix),
            Selector::Query(query) => {
                let tags: Vec<&str> = event.tags().collect();
                visible && query.matches(event.event_type(), &tags.iter().copied())
            }
        }
    }

    /// Whether the event stands where the read begins, or behind that in its direction. Positions
    /// have seen to it, unless the place of the revision is not known.
    fn has_begun(&self, event: &RecordedEvent) -> bool {
        match (self.read.start, self.read.direction) {
            (Start::Revision(first), Direction::Forward) => event.revision() >= first,
            (Start::Revision(last), Direction::Backward) => event.revision() <= last,
            (Start::Edge | Start::Position(_), _) => true,
        }
    }

    /// The commits that cannot be read, may hold what is asked for, and lie at least in part from
    /// `from` on and below `until`.
    fn unreadable(
        &self,
        from: Position,
        until: Position,
    ) -> impl DoubleEndedIterator<Item = &Unreadable> {
        let within = move |passed: &&Unreadable| passed.first < until && passed.end > from;
        let all = self.reader.unreadable.iter().filter(within);
        all.filter(|passed| passed.may_answer(&self.read))
    }

    /// Pins the read and chooses its way.
    async fn begin(&mut self) -> Result<Stage, ReadError> {
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
                    // It may stand in a commit that cannot be read: then all is looked through.
                    None if self.unreadable(Position::default(), bound).next().is_some() => {
                        return Ok(everything);
                    }
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
        // The last commit that cannot be read: what lies behind it comes first.
        let mut stopped: Option<(RecordedCommit, ReadError)> = None;
        while let Some(commit) = reading.next().await? {
            if let Err(error) = take_all(&commit, start, until, &mut events) {
                events.clear();
                stopped = Some((commit, error));
            }
        }
        let until = match &stopped {
            None => start,
            Some((commit, _)) if events.is_empty() => commit.first.max(start),
            Some((commit, _)) => commit.first.plus(commit.positions.into()),
        };
        self.stage = if until <= from { Stage::Done } else { Stage::Backward { from, until } };
        if let Some((_, error)) = stopped.filter(|_| events.is_empty()) {
            return Err(error);
        }
        events.make_contiguous().reverse();
        self.ready = events;
        Ok(())
    }

    /// The position below which the read stays.
    async fn bound(&mut self) -> Result<Position, ReadError> {
        if let Some(bound) = self.bound {
            return Ok(bound);
        }
        let head = self.pinned.unwrap_or_else(|| self.reader.head());
        let bound = match self.read.as_of {
            AsOf::Now => head,
            AsOf::Position(last) => self.reader.end_of_append(last, head).await?,
            AsOf::Time(time) => self.reader.end_as_of(time, head).await?,
        };
        self.bound = Some(bound);
        Ok(bound)
    }

    /// A stream that shows nothing either has nothing there or is none.
    async fn end(&mut self) -> Result<Option<RecordedEvent>, ReadError> {
        if self.any || !matches!(self.read.selector, Selector::Stream(_)) {
            return Ok(None);
        }
        let bound = self.bound().await?;
        let Selector::Stream(stream) = &self.read.selector else { return Ok(None) };
        let name = stream.as_str().as_bytes();
        if self.reader.index.last_posting(TermKind::Stream, name, bound).await?.is_some() {
            return Ok(None);
        }
        // Its events may all stand in commits that cannot be read.
        match self.unreadable(Position::default(), bound).next() {
            Some(_) => Ok(None),
            None => Err(ReadError::StreamNotFound(stream.clone())),
        }
    }
}

/// Appends the events of a commit at or behind `from` and below `until`: all of them, or none if
/// one does not decode.
fn take_all(
    commit: &RecordedCommit,
    from: Position,
    until: Position,
    out: &mut VecDeque<RecordedEvent>,
) -> Result<(), ReadError> {
    let before = out.len();
    let taken = try_take_all(commit, from, until, out);
    taken.inspect_err(|_| out.truncate(before))
}

fn try_take_all(
    commit: &RecordedCommit,
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

#[cfg(all(test, feature = "tokio"))]
mod tests;
