//! Operations on a store, drawn from small alphabets so that they meet: conflicts, repetitions,
//! half repetitions and empty answers are usual.
//!
//! It judges nothing and asks nobody. The invariant it guards: an operation follows from the
//! choices and from what the model holds, and zeros draw the simplest one, so that a list of
//! choices can be shrunk.

use super::{
    Circumstances, Past, PlainAppend, PlainAsOf, PlainEvent, PlainGuard, PlainItem, PlainQuery,
    PlainRead, PlainSelector, PlainStart, Question, Recorded,
};
use crate::choices::{Choices, Seeded};
use sagalog::{ContentType, EventId, ExpectedRevision, Revision, runtime::WallTime};
use std::sync::Arc;

const STREAMS: [&str; 8] = ["a-1", "a-2", "b-1", "b", "a-11", "-", "ä-1", "$j-1"];
const TYPES: [&str; 3] = ["A", "B", "C"];
const TAGS: [&str; 4] = ["t:1", "t:2", "u", "ü"];
const CONSUMERS: [&str; 2] = ["c1", "c2"];
const FENCES: [&str; 2] = ["f1", "f2"];
const PREFIXES: [&str; 8] = ["", "a", "a-", "a-1", "b", "$", "ä", "x"];
const CATEGORIES: [&str; 6] = ["a", "b", "", "ä", "$j", "x"];

/// How large the alphabets are that grow with the run.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "made field by field by tests")]
pub struct Alphabet {
    /// Streams beside the named ones; they are `s-0`, `s-1` and so on.
    pub streams: u64,
    /// Command keys.
    pub keys: u64,
    /// Event ids that writers give.
    pub ids: u64,
    /// The largest payload; most are small.
    pub payload_bytes_max: u64,
}

/// Draws operations from `choices`, for a store that is as `past` says.
#[derive(Debug)]
pub struct Draw<'a, C> {
    choices: &'a mut C,
    alphabet: Alphabet,
    past: Past<'a>,
}

impl<'a, C: Choices> Draw<'a, C> {
    /// Draws from `choices` for a store that is as `past` says.
    pub fn new(choices: &'a mut C, alphabet: Alphabet, past: Past<'a>) -> Self {
        Self { choices, alphabet, past }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.choices.below(n)
    }

    /// True in one of `n` draws; never if the choices are all zero.
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == n - 1
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    fn of(&mut self, names: &[&str]) -> String {
        names[self.index(names.len())].to_owned()
    }

    fn stream(&mut self) -> String {
        let named = STREAMS.len() as u64;
        match self.below(named + self.alphabet.streams) {
            number if number < named => STREAMS[usize::try_from(number).unwrap_or(0)].to_owned(),
            number => format!("s-{}", number - named),
        }
    }

    fn id(&mut self) -> EventId {
        let number = self.below(self.alphabet.ids);
        EventId::from_bytes(u128::from(number + 1).to_le_bytes())
    }

    /// An append: fresh, keyed, a repetition of what is stored, without events, or a check.
    pub fn append(&mut self) -> PlainAppend {
        let mut append = match self.below(12) {
            0..=4 => self.fresh(),
            5..=7 => self.keyed(),
            8..=9 => self.repetition(),
            10 => PlainAppend::default(),
            _ => return self.check(),
        };
        let bare = append.writes.is_empty() && append.key.is_none();
        if bare || self.one_in(8) {
            append.checkpoint = Some((self.of(&CONSUMERS), self.below(50)));
        }
        if self.one_in(8) {
            append.fence = Some((self.of(&FENCES), self.below(6)));
        }
        append
    }

    fn fresh(&mut self) -> PlainAppend {
        let identified = self.one_in(2);
        let count = 1 + self.below(3) + if self.one_in(12) { self.below(12) } else { 0 };
        let writes = (0..count).map(|_| (self.stream(), self.event(identified))).collect();
        let mut append = PlainAppend { writes, ..PlainAppend::default() };
        self.guard(&mut append);
        append
    }

    /// The same key has the same content in most cases, and hardly ever the same guards.
    fn keyed(&mut self) -> PlainAppend {
        let number = self.below(self.alphabet.keys);
        let mut of_the_key = Seeded::new(number);
        let nothing = Past { key_horizon_events: 0, events: &[], commits: &[] };
        let mut content = Draw::new(&mut of_the_key, self.alphabet, nothing).fresh();
        content.guards.clear();
        if number % 5 == 4 {
            content.writes.clear();
        }
        if self.one_in(6) {
            content = self.fresh();
        }
        content.key = Some(format!("k{number}"));
        if self.one_in(3) {
            self.guard(&mut content);
        }
        for (_, event) in &mut content.writes {
            event.circumstances = self.circumstances();
        }
        content
    }

    /// Events that stand in the log are appended again where they are, changed or not.
    fn repetition(&mut self) -> PlainAppend {
        let events = self.past.events;
        let start = self.index(events.len());
        let count = 1 + self.index(4);
        let mut repeated: Vec<&Arc<Recorded>> = events.iter().skip(start).take(count).collect();
        if self.one_in(5) && repeated.len() > 1 {
            repeated.swap(0, 1);
        }
        let mut append = PlainAppend::default();
        for recorded in repeated {
            let (stream, mut event) = (recorded.stream.clone(), recorded.event.clone());
            if event.event_type.starts_with('$') {
                continue;
            }
            if append.writes.iter().all(|(written, _)| *written != stream) {
                let expected = match recorded.revision.checked_sub(1) {
                    Some(last) => ExpectedRevision::Exact(Revision::new(last)),
                    None => ExpectedRevision::NoStream,
                };
                append.guards.push(PlainGuard::Stream(stream.clone(), expected));
            }
            if self.one_in(8) {
                event.id = Some(self.id());
            }
            append.writes.push((stream, event));
        }
        if self.one_in(6) {
            self.guard(&mut append);
        }
        if self.one_in(6) {
            append.writes.push((self.stream(), self.event(true)));
        }
        append
    }

    fn check(&mut self) -> PlainAppend {
        let mut check = PlainAppend::default();
        let streams = (0..=self.below(3)).map(|_| (self.stream(), self.event(false))).collect();
        let mut of_streams = PlainAppend { writes: streams, ..PlainAppend::default() };
        self.guard(&mut of_streams);
        check.guards = of_streams.guards;
        check
    }

    fn event(&mut self, identified: bool) -> PlainEvent {
        let large = self.one_in(10);
        let bytes =
            if large { self.below(self.alphabet.payload_bytes_max) } else { self.below(24) };
        let payload = vec![b'a' + u8::try_from(self.below(26)).unwrap_or(0); self.index_of(bytes)];
        let mut event = PlainEvent::new(&self.of(&TYPES), payload);
        event.id = identified.then(|| self.id());
        for _ in 0..self.below(3) {
            let tag = self.of(&TAGS);
            if !event.tags.contains(&tag) {
                event.tags.push(tag);
            }
        }
        if self.one_in(4) {
            event.schema_version = u32::try_from(self.below(3)).unwrap_or(1);
            let custom = ContentType::custom(200).expect("a code of the caller's");
            event.content_type = [ContentType::Json, ContentType::Bincode, custom][self.index(3)];
            event.metadata = vec![7; self.index(40)];
        }
        event
    }

    fn index_of(&self, bytes: u64) -> usize {
        usize::try_from(bytes.min(self.alphabet.payload_bytes_max)).unwrap_or(0)
    }

    fn circumstances(&mut self) -> Circumstances {
        let text = self.one_in(4).then(|| "00-11-22-01".to_owned());
        Circumstances {
            occurred_at: self.one_in(4).then(|| WallTime::from_unix_nanos(self.below(1_000))),
            correlation: self.one_in(4).then(|| self.id()),
            causation: self.one_in(4).then(|| self.id()),
            principal: text.clone(),
            trace_context: text,
        }
    }

    /// Guards on the streams that are written, on others, and on queries; most of them hold.
    fn guard(&mut self, append: &mut PlainAppend) {
        let mut streams: Vec<String> = append.writes.iter().map(|(s, _)| s.clone()).collect();
        streams.dedup();
        if self.one_in(5) {
            streams.push(self.stream());
        }
        for stream in streams {
            if self.one_in(2) {
                let expected = self.expected(&stream);
                append.guards.push(PlainGuard::Stream(stream, expected));
            }
        }
        if self.one_in(4) {
            let back = self.below(8);
            let near = self.past.head().checked_sub(1 + back);
            let after = if self.one_in(4) { None } else { near };
            let mut query = self.query();
            if self.one_in(40) {
                query.push(PlainItem::default()); // Boundless: it is refused.
            }
            append.guards.push(PlainGuard::NoMatch(query, after));
        }
    }

    fn expected(&mut self, stream: &str) -> ExpectedRevision {
        let last = self.past.info(stream).map(|last| last.revision);
        match self.below(8) {
            0..=4 => last.map_or(ExpectedRevision::NoStream, |last| {
                ExpectedRevision::Exact(Revision::new(last))
            }),
            5 => ExpectedRevision::Any,
            6 => ExpectedRevision::Exists,
            _ => ExpectedRevision::Exact(Revision::new(self.below(last.unwrap_or(0) + 3))),
        }
    }

    fn query(&mut self) -> PlainQuery {
        (0..=self.below(2)).map(|_| self.item()).collect()
    }

    fn item(&mut self) -> PlainItem {
        let (mut types, mut tags): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
        let shape = self.below(3);
        if shape != 1 {
            types.extend((0..=self.below(2)).map(|_| self.of(&TYPES)));
        }
        if shape != 0 {
            tags.extend((0..=self.below(2)).map(|_| self.of(&TAGS)));
        }
        PlainItem { types, tags }
    }

    /// A question.
    pub fn question(&mut self) -> Question {
        match self.below(12) {
            0..=6 => Question::Read(self.read()),
            7 => Question::Info(self.stream()),
            8 => Question::Streams(self.of(&PREFIXES)),
            9 => {
                let at = self.index(self.past.events.len());
                let stored = self.past.events.get(at).and_then(|event| event.event.id);
                let id = self.id();
                Question::Event(stored.filter(|_| !self.one_in(2)).unwrap_or(id))
            }
            10 => Question::Resolve(format!("k{}", self.below(self.alphabet.keys))),
            _ if self.one_in(2) => Question::Fence(self.of(&FENCES)),
            _ => Question::Checkpoint(self.of(&CONSUMERS)),
        }
    }

    /// A read.
    pub fn read(&mut self) -> PlainRead {
        let selector = match self.below(9) {
            0..=1 => PlainSelector::All,
            2..=4 => PlainSelector::Stream(self.stream()),
            5 => PlainSelector::Category(self.of(&CATEGORIES)),
            6 => PlainSelector::Prefix(self.of(&PREFIXES)),
            _ => PlainSelector::Query(self.query()),
        };
        let head = self.past.head();
        let one_stream = matches!(selector, PlainSelector::Stream(_));
        let start = match self.below(4) {
            0..=1 => PlainStart::Edge,
            2 if one_stream || self.one_in(16) => {
                PlainStart::Revision(self.below(head.min(12) + 2))
            }
            _ => PlainStart::Position(self.below(head + 2)),
        };
        let as_of = match self.below(6) {
            0..=3 => PlainAsOf::Now,
            4 => PlainAsOf::Position(self.below(head + 2)),
            _ => PlainAsOf::Time(self.time()),
        };
        let limit = if self.one_in(3) { 1 + self.below(6) } else { u64::MAX };
        let (backward, system) = (self.one_in(2), self.one_in(3));
        PlainRead { selector, start, backward, limit, as_of, system }
    }

    /// A time about which something was recorded.
    fn time(&mut self) -> WallTime {
        let at = self.index(self.past.events.len());
        let near = self.past.events.get(at).map_or(0, |event| event.recorded_at.as_unix_nanos());
        WallTime::from_unix_nanos((near + self.below(3)).saturating_sub(1))
    }
}
