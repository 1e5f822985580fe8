//! Everything a store was told and everything it has to answer: events, keys, facts, guards.
//!
//! The invariant it guards: the answers do not depend on what became of the index meanwhile.

use super::{
    Host, check,
    host::{at, exact},
    key,
    model::{Known, Model, STREAMS, drawn},
    stream,
};
use sagalog::{
    Actual, Append, AppendError, Committed, ConsumerId, ExpectedRevision, FenceName, FencingToken,
    Query, QueryItem, Read, Tag,
};
use sagalog_testkit::Seeded;

/// What a store was told, and what it answered.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) random: Seeded,
    pub(crate) model: Model,
    keys: Vec<(Append, Committed)>,
    newest: Option<u64>,
}

fn consumer() -> ConsumerId {
    ConsumerId::parse("consumer").expect("a name")
}

fn fence() -> FenceName {
    FenceName::parse("fence").expect("a name")
}

impl Truth {
    pub(crate) fn new(seed: u64) -> Self {
        let random = Seeded::new(seed);
        Self { random, model: Model::default(), keys: Vec::new(), newest: None }
    }

    /// The next append: what is drawn, every third time with a key, a checkpoint and a fence.
    pub(crate) fn next(&mut self) -> (Append, Vec<Known>) {
        let (append, events) = drawn(&mut self.random, &self.model);
        let number = self.model.events.len() as u64;
        if !number.is_multiple_of(3) {
            return (append, events);
        }
        let append = append
            .key(key(&format!("key {number}")))
            .checkpoint(consumer(), at(number))
            .fence(fence(), FencingToken::new(number));
        (append, events)
    }

    /// An append was acknowledged.
    pub(crate) fn took(&mut self, append: Append, committed: Committed, events: Vec<Known>) {
        self.model.add(&committed, events);
        if committed.first.get().is_multiple_of(3) {
            self.newest = Some(committed.first.get());
            self.keys.push((append, committed));
        }
    }

    /// Appends so many times.
    pub(crate) fn live(&mut self, host: &Host, appends: usize) {
        for _ in 0..appends {
            let (append, events) = self.next();
            let committed = host.append(append.clone());
            self.took(append, committed, events);
        }
        self.learn_times(host);
    }

    /// When each event was recorded is the store's word; it may not change later.
    pub(crate) fn learn_times(&mut self, host: &Host) {
        let all = host.read(Read::all().with_system());
        for (known, event) in self.model.events.iter_mut().zip(all) {
            known.recorded_at = event.recorded_at();
        }
    }

    /// Holds the store to its events and to the answers of commands.
    pub(crate) fn holds_events(&self, host: &Host, reads: usize) {
        let mut random = self.random.clone();
        host.agrees(&mut random, &self.model, reads);
        for (append, original) in &self.keys {
            let again = host.append(append.clone());
            assert!(again.replayed, "{again:?}");
            assert_eq!((again.first, &again.revisions), (original.first, &original.revisions));
        }
        self.boundaries(host);
    }

    /// Holds the store to all of it.
    pub(crate) fn holds(&self, host: &Host, reads: usize) {
        self.holds_events(host, reads);
        let store = host.store();
        assert_eq!(host.run(store.checkpoint(&consumer())).expect("healthy"), self.newest.map(at));
        let token = host.run(store.fence(&fence())).expect("healthy");
        assert_eq!(token, self.newest.map(FencingToken::new));
        for name in STREAMS {
            let of_stream = self.model.events.iter().filter(|known| known.stream == name);
            let expected = match of_stream.count() as u64 {
                0 => ExpectedRevision::NoStream,
                count => exact(count - 1),
            };
            host.append(check(name, expected));
        }
    }

    /// The newest event with a tag, as a guard meets it.
    fn boundaries(&self, host: &Host) {
        for name in ["x", "rare", "never"] {
            let visible = |known: &Known| !known.stream.starts_with('$');
            let events = self.model.events.iter();
            let newest = events
                .clone()
                .enumerate()
                .filter(|(_, known)| visible(known) && known.tags.iter().any(|tag| tag == name));
            let newest =
                newest.max_by_key(|(position, _)| *position).map(|(position, _)| position as u64);
            let tag = Tag::parse(name).expect("a name");
            let guard = Append::new().no_match(Query::new(QueryItem::new().tag(tag)), None);
            match (host.try_append(guard), newest) {
                (Ok(_), None) => {}
                (Err(AppendError::Conflict(failed)), Some(newest)) => {
                    assert_eq!(failed[0].actual, Actual::Match(at(newest)));
                }
                (answer, newest) => panic!("{answer:?} instead of {newest:?}"),
            }
        }
        let listed = host.run(host.store().streams("").collect()).expect("healthy");
        let mut names: Vec<&str> = STREAMS
            .into_iter()
            .filter(|name| {
                !name.starts_with('$')
                    && self.model.events.iter().any(|known| known.stream == *name)
            })
            .collect();
        names.sort_unstable();
        assert!(listed.iter().map(|info| info.stream.as_str()).eq(names.iter().copied()));
        for info in listed {
            let read = Read::stream(stream(info.stream.as_str())).backward().limit(1);
            assert_eq!(host.read(read)[0].revision(), info.revision);
        }
    }
}
