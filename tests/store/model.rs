//! What a store has to show, told by a list of what was appended, and reads that are drawn.
//!
//! Knows nothing of an index. The invariant it guards: the answer of a read is what a filter over
//! the whole list gives.

use super::{
    Host, event,
    host::{at, text},
    stream,
};
use sagalog::{
    Append, Committed, EventType, Position, Query, QueryItem, Read, ReadError, RecordedEvent,
    Revision, Tag, runtime::WallTime,
};
use sagalog_testkit::{Choices, Seeded};

/// An event that was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) stream: String,
    pub(crate) revision: u64,
    pub(crate) event_type: String,
    pub(crate) tags: Vec<String>,
    pub(crate) text: String,
    pub(crate) recorded_at: WallTime,
}

impl Known {
    pub(crate) fn of(event: &RecordedEvent) -> Self {
        Self {
            stream: event.stream().to_owned(),
            revision: event.revision().get(),
            event_type: event.event_type().to_owned(),
            tags: event.tags().map(str::to_owned).collect(),
            text: text(event),
            recorded_at: event.recorded_at(),
        }
    }

    fn category(&self) -> &str {
        self.stream.split('-').next().unwrap_or_default()
    }
}

/// Everything that was acknowledged, by position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) events: Vec<Known>,
    /// Where each append ends.
    pub(crate) ends: Vec<u64>,
}

/// Which events a read asks for.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    All,
    Stream(&'static str),
    Category(&'static str),
    Prefix(&'static str),
    /// Alternatives: types, and tags.
    Query(&'static [(&'static [&'static str], &'static [&'static str])]),
}

/// A read, as the model understands it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) which: Which,
    pub(crate) from: Option<u64>,
    pub(crate) revision: Option<u64>,
    pub(crate) backward: bool,
    pub(crate) limit: Option<u64>,
    pub(crate) as_of: Option<u64>,
    pub(crate) time: Option<WallTime>,
    pub(crate) system: bool,
}

pub(crate) const STREAMS: [&str; 9] =
    ["order-1", "order-2", "order", "orders-1", "-odd", "user-1-a", "user-1-b", "$saga-1", "ünï-1"];
const TYPES: [&str; 4] = ["Placed", "Paid", "Sent", "Lost"];
const TAGS: [&str; 4] = ["x", "y", "z", "rare"];

const WHICH: [Which; 27] = [
    Which::All,
    Which::Stream("order-1"),
    Which::Stream("order"),
    Which::Stream("$saga-1"),
    Which::Stream("-odd"),
    Which::Stream("never"),
    Which::Category("order"),
    Which::Category("orders"),
    Which::Category(""),
    Which::Category("user"),
    Which::Category("$saga"),
    Which::Category("never"),
    Which::Prefix(""),
    Which::Prefix("order"),
    Which::Prefix("order-"),
    Which::Prefix("user-1-"),
    Which::Prefix("ü"),
    Which::Prefix("$"),
    Which::Prefix("nothing"),
    Which::Query(&[(&["Placed"], &[])]),
    Which::Query(&[(&["Placed", "Lost"], &["x"])]),
    Which::Query(&[(&[], &["x", "y"])]),
    Which::Query(&[(&[], &["rare"])]),
    Which::Query(&[(&["Never"], &[])]),
    Which::Query(&[(&[], &["x", "never"])]),
    Which::Query(&[(&["Paid"], &["z"]), (&["Sent"], &[]), (&[], &["rare", "x"])]),
    Which::Query(&[(&["Paid", "Placed", "Sent", "Lost"], &[]), (&["Paid"], &[])]),
];

fn event_type(name: &str) -> EventType {
    EventType::parse(name).expect("the story's names are valid")
}

fn tag(name: &str) -> Tag {
    Tag::parse(name).expect("the story's names are valid")
}

impl Which {
    fn read(&self) -> Read {
        match self {
            Self::All => Read::all(),
            Self::Stream(name) => Read::stream(stream(name)),
            Self::Category(name) => Read::category(*name),
            Self::Prefix(prefix) => Read::stream_prefix(*prefix),
            Self::Query(items) => {
                let mut items = items.iter().map(|(types, tags)| {
                    let item = types.iter().map(|name| event_type(name));
                    let item = item.fold(QueryItem::new(), QueryItem::event_type);
                    tags.iter().map(|name| tag(name)).fold(item, QueryItem::tag)
                });
                let first = Query::new(items.next().expect("a query has an item"));
                Read::query(items.fold(first, Query::or))
            }
        }
    }

    fn wants(&self, event: &Known, system: bool) -> bool {
        let visible = system || !event.stream.starts_with('$');
        match self {
            Self::All => visible,
            Self::Stream(name) => event.stream == *name,
            Self::Category(name) => visible && event.category() == *name,
            Self::Prefix(prefix) => visible && event.stream.starts_with(prefix),
            Self::Query(items) => {
                let has = |tag: &&str| event.tags.iter().any(|has| has == tag);
                let mut items = items.iter();
                visible
                    && items.any(|(types, tags)| {
                        let typed = types.is_empty() || types.contains(&&*event.event_type);
                        typed && tags.iter().all(has)
                    })
            }
        }
    }
}

impl Asked {
    /// A read that is drawn from everything that can be asked for.
    pub(crate) fn draw(random: &mut Seeded, model: &Model) -> Self {
        let which = usize::try_from(random.below(WHICH.len() as u64)).expect("few");
        let which = WHICH[which].clone();
        let head = model.events.len() as u64;
        let mut place = |edge: u64| match random.below(8) {
            0 => Some(0),
            1 => Some(edge),
            2 => Some(edge.saturating_sub(1)),
            3 => Some(u64::MAX),
            4 | 5 => Some(random.below(edge + 2)),
            _ => None,
        };
        let (from, as_of, revision) = (place(head), place(head), place(12));
        let limit = [None, None, Some(0), Some(1), Some(3), Some(300)];
        let limit = limit[usize::try_from(random.below(6)).expect("few")];
        let nth = usize::try_from(random.below(head + 1)).expect("few");
        let time = model.events.get(nth).map(|event| event.recorded_at);
        let is_stream = matches!(which, Which::Stream(_));
        let by_revision = is_stream && random.chance(500_000);
        Self {
            which,
            from: from.filter(|_| !by_revision),
            revision: revision.filter(|_| by_revision),
            backward: random.chance(500_000),
            limit,
            as_of: as_of.filter(|_| random.chance(500_000)),
            time: None,
            system: random.chance(300_000),
        }
        .at_time(time.filter(|_| random.chance(250_000)))
    }

    fn at_time(self, time: Option<WallTime>) -> Self {
        let as_of = self.as_of.filter(|_| time.is_none());
        Self { as_of, time, ..self }
    }

    pub(crate) fn read(&self) -> Read {
        let mut read = self.which.read();
        if let Some(from) = self.from {
            read = read.from_position(at(from));
        }
        if let Some(revision) = self.revision {
            read = read.from_revision(Revision::new(revision));
        }
        if self.backward {
            read = read.backward();
        }
        if let Some(limit) = self.limit {
            read = read.limit(limit);
        }
        if let Some(as_of) = self.as_of {
            read = read.as_of_position(at(as_of));
        }
        if let Some(time) = self.time {
            read = read.as_of_time(time);
        }
        if self.system { read.with_system() } else { read }
    }
}

impl Model {
    /// Takes in what was acknowledged: the events of an append, the first of them at `committed`.
    pub(crate) fn add(&mut self, committed: &Committed, events: Vec<Known>) {
        assert_eq!(committed.first.get(), self.events.len() as u64, "positions are gapless");
        self.extend(events);
    }

    /// Takes in the events of an append that was found behind the others.
    pub(crate) fn extend(&mut self, events: Vec<Known>) {
        self.events.extend(events);
        self.ends.push(self.events.len() as u64);
    }

    /// The answer to a read: positions, or none if the stream is not found.
    pub(crate) fn answer(&self, asked: &Asked) -> Option<Vec<u64>> {
        let known = (0..).zip(&self.events);
        // An append is written at once: a position within it names the moment at which all of it
        // was.
        let end = |as_of: u64| self.ends.iter().copied().find(|end| *end > as_of);
        let bound = |(position, event): &(u64, &Known)| {
            asked.as_of.and_then(end).is_none_or(|end| *position < end)
                && asked.time.is_none_or(|time| event.recorded_at <= time)
        };
        let then: Vec<(u64, &Known)> = known.filter(bound).collect();
        let behind = |start: u64, place: u64| {
            if asked.backward { place <= start } else { place >= start }
        };
        let wanted = then.iter().filter(|(position, event)| {
            asked.which.wants(event, asked.system)
                && asked.from.is_none_or(|from| behind(from, *position))
                && asked.revision.is_none_or(|from| behind(from, event.revision))
        });
        let mut found: Vec<u64> = wanted.map(|(position, _)| *position).collect();
        if asked.backward {
            found.reverse();
        }
        if let Which::Stream(name) = asked.which
            && then.iter().all(|(_, event)| event.stream != name)
        {
            return None;
        }
        found
            .truncate(asked.limit.map_or(usize::MAX, |limit| usize::try_from(limit).expect("few")));
        Some(found)
    }

    /// Holds an answer to the model.
    pub(crate) fn judge(&self, asked: &Asked, answer: Result<Vec<RecordedEvent>, ReadError>) {
        let expected = self.answer(asked);
        match (answer, expected) {
            (Ok(found), Some(expected)) => {
                let places: Vec<u64> = found.iter().map(|event| event.position().get()).collect();
                assert_eq!(places, expected, "{asked:?}");
                for event in &found {
                    let known = usize::try_from(event.position().get()).expect("few");
                    assert_eq!(Known::of(event), self.events[known], "{asked:?}");
                }
            }
            (Err(ReadError::StreamNotFound(name)), None) => {
                assert!(matches!(asked.which, Which::Stream(asked) if asked == name.as_str()));
            }
            (answer, expected) => panic!("{asked:?}: {answer:?} instead of {expected:?}"),
        }
    }
}

/// An append that is drawn, of one to five events, and what it has to become.
pub(crate) fn drawn(random: &mut Seeded, model: &Model) -> (Append, Vec<Known>) {
    let mut append = Append::new();
    let mut events: Vec<Known> = Vec::new();
    for _ in 0..=random.below(5) {
        let pick = |random: &mut Seeded, names: &[&'static str]| {
            names[usize::try_from(random.below(names.len() as u64)).expect("few")]
        };
        let (name, typed) = (pick(random, &STREAMS), pick(random, &TYPES));
        let text = format!(
            "{} {}",
            model.events.len() + events.len(),
            "p".repeat(usize::try_from(random.below(400)).expect("few"),)
        );
        let mut new = event(typed, text.clone());
        let mut tags = Vec::new();
        for (n, name) in TAGS.iter().enumerate() {
            if random.chance(if n == 3 { 20_000 } else { 400_000 }) {
                new = new.tag(tag(name));
                tags.push((*name).to_owned());
            }
        }
        append = append.event(stream(name), new);
        let before = model.events.iter().chain(&events).filter(|known| known.stream == name);
        events.push(Known {
            stream: name.to_owned(),
            revision: before.count() as u64,
            event_type: typed.to_owned(),
            tags,
            text,
            recorded_at: WallTime::from_unix_nanos(0),
        });
    }
    (append, events)
}

impl Host {
    /// Appends what is drawn, `appends` times, and lets the model know. Time passes in between.
    pub(crate) fn live(&self, random: &mut Seeded, model: &mut Model, appends: usize) {
        for _ in 0..appends {
            let (append, mut events) = drawn(random, model);
            let committed = self.append(append);
            let first = self.run(
                self.store()
                    .read(Read::all().with_system().from_position(committed.first).limit(1))
                    .collect(),
            );
            let recorded_at = first.expect("readable")[0].recorded_at();
            for known in &mut events {
                known.recorded_at = recorded_at;
            }
            model.add(&committed, events);
            self.world().run_for(std::time::Duration::from_millis(random.below(3)));
        }
    }

    /// Holds the store to the model: everything, each stream, and `reads` reads that are drawn.
    pub(crate) fn agrees(&self, random: &mut Seeded, model: &Model, reads: usize) {
        assert_eq!(self.store().head(), Position::new(model.events.len() as u64));
        let whole = Asked {
            which: Which::All,
            from: None,
            revision: None,
            backward: false,
            limit: None,
            as_of: None,
            time: None,
            system: true,
        };
        model.judge(&whole, self.try_read(whole.read()));
        for name in STREAMS {
            let asked = Asked { which: Which::Stream(name), ..whole.clone() };
            model.judge(&asked, self.try_read(asked.read()));
        }
        for _ in 0..reads {
            let asked = Asked::draw(random, model);
            model.judge(&asked, self.try_read(asked.read()));
        }
    }
}
