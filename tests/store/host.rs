//! A machine with one event store on it, told as a story, and the words the stories are told in.
//!
//! It judges nothing. The invariant it guards: a step that a story takes for granted panics if it
//! does not happen.

use sagalog::{
    Append, AppendError, CommandKey, Committed, EventType, Events, ExpectedRevision, NewEvent,
    OpenError, Options, Position, Read, ReadError, ReadOnlyStore, RecordedEvent, RecoveryReport,
    Revision, Store, StreamId,
};
use sagalog_testkit::{Order, SimDisk, World};
use std::time::Duration;

/// The smallest segments and groups of at most 4 KiB, so that little writing makes many runs.
pub(crate) fn tiny() -> Options {
    Options::default().segment_bytes(16 << 10).group_bytes_max(4 << 10).queue_bytes_max(64 << 10)
}

/// A machine with one store.
pub(crate) struct Host {
    world: World,
    options: Options,
    store: Option<Store>,
}

impl Host {
    /// A new machine whose store is open.
    pub(crate) fn new() -> Self {
        Self::with(tiny())
    }

    /// A new machine whose store is open with `options`.
    pub(crate) fn with(options: Options) -> Self {
        let mut host = Self::closed(SimDisk::new(), options);
        host.start();
        host
    }

    /// A machine with `disk` whose store is open.
    pub(crate) fn on(disk: SimDisk) -> Self {
        let mut host = Self::closed(disk, tiny());
        host.start();
        host
    }

    /// A machine with `disk` whose store is closed. Tasks run first come, first served.
    pub(crate) fn closed(disk: SimDisk, options: Options) -> Self {
        let world = World::with_disk(1, disk).with_order(Order::Fifo);
        Self { world, options, store: None }
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    pub(crate) fn disk<T>(&self, look: impl FnOnce(&mut SimDisk) -> T) -> T {
        self.world.disk(look)
    }

    /// A copy of the disk as it is now.
    pub(crate) fn image(&self) -> SimDisk {
        self.disk(|disk| disk.clone())
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().expect("the story opened the store")
    }

    pub(crate) fn open(&mut self) -> Result<RecoveryReport, OpenError> {
        assert!(self.store.is_none(), "the store is open already");
        let runtime = self.world.runtime();
        let opening = Store::open_with(&runtime, self.options.clone());
        let (store, report) = self.world.block_on(opening)?;
        self.store = Some(store);
        Ok(report)
    }

    /// Opens the store, which has to succeed.
    pub(crate) fn start(&mut self) -> RecoveryReport {
        match self.open() {
            Ok(report) => report,
            Err(error) => panic!("the store has to open: {error}"),
        }
    }

    pub(crate) fn close(&mut self) {
        let store = self.store.take().expect("the story opened the store");
        self.world.block_on(store.close()).expect("it closes");
    }

    pub(crate) fn kill(&mut self) {
        self.world.crash_process();
        self.store = None;
    }

    /// The power goes, and everything that was not synced is lost.
    pub(crate) fn power_off(&mut self) {
        self.disk(|disk| *disk = disk.power_failure_image(0));
        self.kill();
    }

    /// Closes the store in order and opens it again.
    pub(crate) fn restart(&mut self) -> RecoveryReport {
        self.close();
        self.start()
    }

    /// Gives the store time for its chores.
    pub(crate) fn rest(&self) {
        self.world.run_for(Duration::from_millis(500));
    }

    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.world.block_on(future)
    }

    pub(crate) fn try_append(&self, append: Append) -> Result<Committed, AppendError> {
        self.run(self.store().append(append))
    }

    /// Appends, which has to succeed.
    pub(crate) fn append(&self, append: Append) -> Committed {
        match self.try_append(append) {
            Ok(committed) => committed,
            Err(error) => panic!("it has to be stored: {error}"),
        }
    }

    /// Appends, which has to be refused.
    pub(crate) fn refusal(&self, append: Append) -> AppendError {
        let before = self.store().head();
        match self.try_append(append) {
            Ok(committed) => panic!("it has to be refused: {committed:?}"),
            Err(error) => {
                assert_eq!(self.store().head(), before, "a refused append stores nothing");
                error
            }
        }
    }

    pub(crate) fn try_read(&self, read: Read) -> Result<Vec<RecordedEvent>, ReadError> {
        self.run(self.store().read(read).collect())
    }

    /// Reads, which has to succeed.
    #[expect(clippy::needless_pass_by_value, reason = "stories write the request in place")]
    pub(crate) fn read(&self, read: Read) -> Vec<RecordedEvent> {
        match self.try_read(read.clone()) {
            Ok(events) => events,
            Err(error) => panic!("{read:?} has to succeed: {error}"),
        }
    }

    /// The payloads of what is read.
    pub(crate) fn texts(&self, read: Read) -> Vec<String> {
        self.read(read).iter().map(text).collect()
    }

    /// Appends so many filling events of category `filler`, and rests.
    pub(crate) fn fill(&self, events: usize) {
        for number in 0..events {
            let filler = stream(&format!("filler-{}", number % 7));
            self.append(Append::new().event(filler, event("Filled", "x".repeat(900))));
        }
        self.rest();
    }

    /// Appends filling events until what was there before lies in runs.
    pub(crate) fn flush(&self) {
        let before = self.store().head();
        let runs = |host: &Self| host.run_ends();
        for _ in 0..40 {
            self.fill(4);
            if runs(self).last().is_some_and(|end| *end >= before.get()) {
                return;
            }
        }
        panic!("no run covers position {before}: {:?}", self.run_names());
    }

    /// The files of the index.
    pub(crate) fn run_names(&self) -> Vec<String> {
        let mut names = self.disk(|disk| disk.names());
        names.retain(|name| name.starts_with("run-"));
        names
    }

    fn run_ends(&self) -> Vec<u64> {
        let names = self.run_names();
        let ends = names
            .iter()
            .filter_map(|name| name.strip_suffix(".idx")?.rsplit_once('-')?.1.parse::<u64>().ok());
        let mut ends: Vec<u64> = ends.collect();
        ends.sort_unstable();
        ends
    }

    pub(crate) fn beside(&self) -> ReadOnlyStore {
        let runtime = self.world.runtime();
        self.run(Store::open_read_only_with(&runtime)).expect("a reader opens beside the writer")
    }
}

pub(crate) fn stream(name: &str) -> StreamId {
    if name.starts_with('$') { StreamId::system(name) } else { StreamId::parse(name) }
        .expect("the story's names are valid")
}

pub(crate) fn event(event_type: &str, payload: impl Into<String>) -> NewEvent {
    let event_type = EventType::parse(event_type).expect("the story's names are valid");
    NewEvent::new(event_type, payload.into())
}

pub(crate) fn key(name: &str) -> CommandKey {
    CommandKey::parse(name).expect("the story's names are valid")
}

/// An append of one event of type `Noted`.
pub(crate) fn note(name: &str, text: &str) -> Append {
    Append::new().event(stream(name), event("Noted", text))
}

/// A pure check of one stream.
pub(crate) fn check(name: &str, expected: ExpectedRevision) -> Append {
    Append::new().expect(stream(name), expected)
}

pub(crate) fn exact(revision: u64) -> ExpectedRevision {
    ExpectedRevision::Exact(Revision::new(revision))
}

pub(crate) fn at(position: u64) -> Position {
    Position::new(position)
}

/// What an event says, as text.
pub(crate) fn text(event: &RecordedEvent) -> String {
    String::from_utf8_lossy(&event.payload()).into_owned()
}

/// The positions of events.
pub(crate) fn positions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position().get()).collect()
}

/// The revisions of an answer, by the names of the streams.
pub(crate) fn revisions(committed: &Committed) -> Vec<(&str, u64)> {
    committed.revisions.iter().map(|(stream, last)| (stream.as_str(), last.get())).collect()
}

/// The next event, which has to be there.
pub(crate) async fn first_of(events: &mut Events) -> RecordedEvent {
    events.next().await.expect("readable").expect("there is one")
}
