//! Samples for the tests of this folder: short names for appends, and a log on paper that gives
//! commits their places. Not for the product.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes out of bounds fails, which is what it is for"
)]

use super::{
    body::{BodyView, Stamp},
    draft::Draft,
    memory::GroupStart,
    random::Random,
    term::TermKind,
};
use crate::{
    append::{Append, ExpectedRevision, Guard},
    event::{EventId, NewEvent},
    ids::{FencingToken, Position, Revision, SegmentId, Sequence},
    log::Place,
    names::{CommandKey, ConsumerId, EventType, FenceName, StreamId, Tag},
    query::{Query, QueryItem},
    time::WallTime,
};
use bytes::Bytes;

/// All kinds of terms, as they are sorted in a run.
pub(super) const KINDS: [TermKind; 12] = [
    TermKind::SystemTag,
    TermKind::SystemType,
    TermKind::Category,
    TermKind::Fence,
    TermKind::Tag,
    TermKind::EventId,
    TermKind::CommandKey,
    TermKind::Checkpoint,
    TermKind::PlaceMark,
    TermKind::Stream,
    TermKind::Type,
    TermKind::TimeMark,
];

pub(super) fn stream(name: &str) -> StreamId {
    super::answer::stream_of(name.as_bytes()).expect("a sample's name is valid")
}

pub(super) fn key(name: &str) -> CommandKey {
    CommandKey::parse(name).expect("a sample's name is valid")
}

pub(super) fn fence(name: &str) -> FenceName {
    FenceName::parse(name).expect("a sample's name is valid")
}

pub(super) fn consumer(name: &str) -> ConsumerId {
    ConsumerId::parse(name).expect("a sample's name is valid")
}

pub(super) fn tag(name: &str) -> Tag {
    Tag::parse(name).expect("a sample's name is valid")
}

pub(super) fn event_type(name: &str) -> EventType {
    EventType::parse(name).expect("a sample's name is valid")
}

pub(super) fn id(number: u8) -> EventId {
    EventId::from_bytes([number; 16])
}

/// An event of type `T` without anything.
pub(super) fn bare() -> NewEvent {
    NewEvent::new(event_type("T"), "payload")
}

/// An event of type `T` with the id of this number.
pub(super) fn named(number: u8) -> NewEvent {
    bare().id(id(number))
}

/// An item: a name with a colon is a tag, any other a type.
pub(super) fn item(names: &[&str]) -> QueryItem {
    names.iter().fold(QueryItem::new(), |item, name| {
        if name.contains(':') { item.tag(tag(name)) } else { item.event_type(event_type(name)) }
    })
}

pub(super) fn query(names: &[&str]) -> Query {
    Query::new(item(names))
}

/// The append as it comes to a decision; ids that it lacks are drawn from `unique`.
pub(super) fn draft_with(append: Append, unique: &mut u64) -> Draft {
    let draw = || {
        *unique += 1;
        EventId::draw(WallTime::default(), [0, *unique])
    };
    Draft::new(append, draw).expect("a sample is within the limits")
}

/// A commit on paper.
#[derive(Clone, Debug)]
pub(super) struct PaperCommit {
    pub(super) group: Option<GroupStart>,
    pub(super) first: Position,
    pub(super) positions: u32,
    pub(super) place: Place,
    pub(super) bytes: u32,
    pub(super) body: Bytes,
}

impl PaperCommit {
    pub(super) fn view(&self) -> BodyView {
        let view = BodyView::decode(self.body.clone(), self.first, self.positions);
        view.expect("it was encoded just now")
    }
}

/// A log without a disk: every commit gets its place and its bytes.
#[derive(Debug)]
pub(super) struct Paper {
    place: Place,
    sequence: Sequence,
    grouped: bool,
    pub(super) next: Position,
}

impl Paper {
    pub(super) fn new() -> Self {
        let place = Place { segment: SegmentId::new(1), offset: 512 };
        Self { place, sequence: Sequence::new(1), grouped: false, next: Position::default() }
    }

    /// The next commit begins a group.
    pub(super) fn end_group(&mut self) {
        if std::mem::take(&mut self.grouped) {
            self.sequence = self.sequence.next();
            self.place.offset = self.place.offset.next_multiple_of(512);
        }
    }

    /// The next commit begins a segment.
    pub(super) fn end_segment(&mut self) {
        self.end_group();
        self.place = Place { segment: self.place.segment.next(), offset: 512 };
    }

    pub(super) fn write(&mut self, draft: &Draft, stamp: &Stamp) -> PaperCommit {
        let mut group = None;
        if !std::mem::replace(&mut self.grouped, true) {
            group = Some(GroupStart {
                place: self.place,
                sequence: self.sequence,
                first: self.next,
                recorded_at: stamp.recorded_at,
            });
            self.place.offset += 80;
        }
        let mut body = draft.body.clone();
        stamp.encode(&mut body);
        let bytes = u32::try_from(16 + body.len()).expect("samples are small");
        let (first, place, positions) = (self.next, self.place, draft.positions());
        self.place.offset += u64::from(bytes);
        self.next = first.plus(u64::from(positions));
        PaperCommit { group, first, positions, place, bytes, body: body.into() }
    }
}

/// Draws appends over few names, so that they get into each other's way.
pub(super) struct Appends {
    pub(super) random: Random,
    /// What was drawn before, to be repeated.
    drawn: Vec<Append>,
}

const STREAMS: [&str; 6] = ["a-1", "a-2", "b-1", "c", "$s-1", "a"];
const TYPES: [&str; 4] = ["T", "U", "V", "W"];
const TAGS: [&str; 5] = ["t:1", "t:2", "t:3", "u:1", "u:2"];

impl Appends {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), drawn: Vec::new() }
    }

    pub(super) fn below(&mut self, bound: u64) -> usize {
        usize::try_from(self.random.below(bound)).expect("bounds are small")
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn one_of<'a>(&mut self, names: &[&'a str]) -> &'a str {
        let at = self.below(names.len().try_into().expect("few names"));
        names[at]
    }

    pub(super) fn stream(&mut self) -> StreamId {
        stream(self.one_of(&STREAMS))
    }

    pub(super) fn query(&mut self) -> Query {
        let mut query = Query::new(self.item());
        while self.chance(30) {
            query = query.or(self.item());
        }
        query
    }

    fn item(&mut self) -> QueryItem {
        let mut names = vec![self.one_of(&TYPES)];
        if self.chance(70) {
            names = vec![self.one_of(&TAGS)];
        }
        while self.chance(40) {
            names.push(if self.chance(50) { self.one_of(&TYPES) } else { self.one_of(&TAGS) });
        }
        item(&names)
    }

    fn event(&mut self, id_percent: u64) -> NewEvent {
        let mut event = NewEvent::new(event_type(self.one_of(&TYPES)), "p");
        while self.chance(45) {
            event = event.tag(tag(self.one_of(&TAGS)));
        }
        if self.chance(id_percent) {
            let number = self.below(40);
            event = event.id(id(number.try_into().expect("few ids")));
        }
        event
    }

    fn guard(&mut self, next: Position, revision_max: u64) -> Guard {
        if self.chance(25) {
            let after = self.random.below(next.get() + 2).checked_sub(1).map(Position::new);
            return Guard::NoMatch { query: self.query(), after };
        }
        let stream = self.stream();
        let revision = Revision::new(self.random.below(revision_max + 2));
        let expected = match self.below(4) {
            0 => ExpectedRevision::Any,
            1 => ExpectedRevision::NoStream,
            2 => ExpectedRevision::Exists,
            _ => ExpectedRevision::Exact(revision),
        };
        Guard::Stream { stream, expected }
    }

    /// An append, fresh or like an earlier one. `head` tells how long a stream is by now.
    pub(super) fn append(
        &mut self,
        next: Position,
        head: impl Fn(&StreamId) -> Option<Revision>,
    ) -> Append {
        let drawn = u64::try_from(self.drawn.len()).expect("few appends");
        let mut append = if drawn > 0 && self.chance(30) {
            let back = self.below(drawn.min(30));
            self.drawn[self.drawn.len() - 1 - back].clone()
        } else {
            self.fresh(&head)
        };
        while self.chance(12) {
            self.disturb(&mut append, next);
        }
        self.drawn.push(append.clone());
        append
    }

    fn fresh(&mut self, head: impl Fn(&StreamId) -> Option<Revision>) -> Append {
        let mut append = Append::new();
        let id_percent = if self.chance(70) { 100 } else { 50 };
        while self.chance(65) {
            append = append.event(self.stream(), self.event(id_percent));
        }
        let mut guarded: Vec<StreamId> = Vec::new();
        for (stream, _) in &append.writes.clone() {
            if !guarded.contains(stream) && self.chance(80) {
                let expected =
                    head(stream).map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
                append = append.expect(stream.clone(), expected);
                guarded.push(stream.clone());
            }
        }
        if self.chance(20) {
            append = append.key(key(self.one_of(&["k1", "k2", "k3", "k4", "k5"])));
        }
        if self.chance(10) {
            let position = Position::new(self.random.below(9));
            append = append.checkpoint(consumer(self.one_of(&["n1", "n2"])), position);
        }
        if self.chance(15) {
            let token = FencingToken::new(self.random.below(40));
            append = append.fence(fence(self.one_of(&["f1", "f2"])), token);
        }
        append
    }

    /// Changes one thing.
    fn disturb(&mut self, append: &mut Append, next: Position) {
        match self.below(6) {
            0 => append.guards.push(self.guard(next, 12)),
            1 => drop(append.writes.pop()),
            2 => append.writes.push((self.stream(), self.event(100))),
            3 if append.writes.len() > 1 => append.writes.swap(0, 1),
            4 => append.key = None,
            5 => drop(append.guards.pop()),
            _ => append.fence = None,
        }
    }
}
