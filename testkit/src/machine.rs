//! A machine with one log on it, told as a story: start, append, kill, power off, damage, start.
//!
//! It judges nothing; the stories do. The invariant it guards: a step that a story takes for
//! granted panics if it does not happen, so that no story passes because nothing happened.

use std::time::Duration;

use sagalog::{
    Appended, Commit, CommitError, Log, OpenError, Options, Position, ReadError, RecoveryReport,
    SegmentId, StoreId,
    limits::BLOCK_LEN,
    log::{
        group::{GroupHeader, GroupKind},
        segment,
    },
    runtime::Clock,
};

use crate::{Operation, Order, SimDisk, World};

/// Longer than any chore of an idle log, shorter than its heartbeat.
const CHORES: Duration = Duration::from_millis(500);

/// A machine with one log.
#[derive(Debug)]
pub struct Machine {
    world: World,
    options: Options,
    log: Option<Log>,
    /// The store's identity, once a log was opened.
    store: Option<StoreId>,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// A machine with an empty disk; see [`Machine::options`].
    pub fn new() -> Self {
        Self::with_disk(SimDisk::new(), Self::options())
    }

    /// A machine with `disk` whose log opens with `options`. Tasks run first come, first served.
    pub fn with_disk(disk: SimDisk, options: Options) -> Self {
        Self::with_world(World::with_disk(1, disk).with_order(Order::Fifo), options)
    }

    /// A machine in `world`.
    pub fn with_world(world: World, options: Options) -> Self {
        Self { world, options, log: None, store: None }
    }

    /// Small segments of 16 KiB and groups of at most 4 KiB.
    pub fn options() -> Options {
        Options::default()
            .segment_bytes(16 << 10)
            .group_bytes_max(4 << 10)
            .queue_bytes_max(64 << 10)
    }

    /// The world around the machine.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Looks at the disk, or acts on it.
    pub fn disk<T>(&self, look: impl FnOnce(&mut SimDisk) -> T) -> T {
        self.world.disk(look)
    }

    /// The log.
    ///
    /// # Panics
    /// If it is not open.
    pub fn log(&self) -> &Log {
        self.log.as_ref().expect("the story started the log")
    }

    /// Opens the log and lets it finish its chores.
    ///
    /// # Errors
    /// What the log says.
    pub fn open(&mut self) -> Result<RecoveryReport, OpenError> {
        let report = self.open_at_once()?;
        self.world.run_for(CHORES);
        Ok(report)
    }

    /// Opens the log; its chores are still to be done.
    ///
    /// # Errors
    /// What the log says.
    ///
    /// # Panics
    /// If it is open already.
    pub fn open_at_once(&mut self) -> Result<RecoveryReport, OpenError> {
        assert!(self.log.is_none(), "the log is open already");
        let runtime = self.world.runtime();
        let opening = Log::open_with(&runtime, self.options.clone());
        let (log, report) = self.world.block_on(opening)?;
        self.log = Some(log);
        self.store = Some(report.store);
        Ok(report)
    }

    /// Begins to open the log and stops everything after `ops` more operations of the disk. False
    /// if the log opened before that.
    pub fn open_cut_after(&mut self, ops: u64) -> bool {
        let halt = self.disk(|disk| disk.ops()) + ops + 1;
        let runtime = self.world.runtime();
        let opening = Log::open_with(&runtime, self.options.clone());
        self.world.run_until_op(halt, opening).is_none()
    }

    /// Lets time pass and stops everything after `ops` more operations of the disk. False if there
    /// were not as many.
    pub fn chores_cut_after(&self, ops: u64) -> bool {
        let halt = self.disk(|disk| disk.ops()) + ops + 1;
        let runtime = self.world.runtime();
        self.world.run_until_op(halt, runtime.sleep(CHORES)).is_none()
    }

    /// Opens the log, which has to succeed.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(&mut self) -> RecoveryReport {
        match self.open() {
            Ok(report) => report,
            Err(error) => panic!("the log has to open: {error}"),
        }
    }

    /// Opens the log, which has to refuse.
    ///
    /// # Panics
    /// If it opens.
    pub fn refusal(&mut self) -> OpenError {
        match self.open() {
            Ok(report) => panic!("the log has to refuse: {report:?}"),
            Err(error) => error,
        }
    }

    /// Appends a commit and waits for the answer.
    ///
    /// # Errors
    /// What the log says.
    pub fn try_append(&self, body: &str) -> Result<Appended, CommitError> {
        let commit = Commit::new(body.to_owned());
        self.world.block_on(self.log().append(commit))
    }

    /// Appends a commit, which has to succeed.
    ///
    /// # Panics
    /// If it does not.
    pub fn append(&self, body: &str) -> Position {
        match self.try_append(body) {
            Ok(appended) => appended.first,
            Err(error) => panic!("`{body:.20}` has to be stored: {error}"),
        }
    }

    /// Appends commits of about 3 KiB, named `prefix` and a number, until `segment` is started.
    /// Returns them.
    pub fn fill_up_to(&self, segment: u64, prefix: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while self.active_segment() < segment {
            let body = format!("{prefix}{}-{}", bodies.len(), "x".repeat(3_000));
            self.append(&body);
            bodies.push(body);
            self.world.run_for(CHORES);
        }
        bodies
    }

    fn active_segment(&self) -> u64 {
        let names = self.disk(|disk| disk.names());
        let started = names.iter().filter_map(|name| {
            let segment = segment::parse_file_name(name)?;
            (!self.groups(segment.get()).is_empty()).then_some(segment.get())
        });
        started.max().unwrap_or(0)
    }

    /// Begins to append a commit and stops everything after `ops` more operations of the disk.
    ///
    /// # Panics
    /// If the append was answered before.
    pub fn append_cut_after(&self, ops: u64, body: &str) {
        let halt = self.disk(|disk| disk.ops()) + ops + 1;
        let commit = Commit::new(body.to_owned());
        let answer = self.world.run_until_op(halt, self.log().append(commit));
        assert!(answer.is_none(), "the append was answered: {answer:?}");
    }

    /// Appends a commit, lets the log do its chores and stops everything after `ops` more
    /// operations of the disk. False if there were not as many.
    pub fn append_and_chores_cut_after(&self, ops: u64, body: &str) -> bool {
        let halt = self.disk(|disk| disk.ops()) + ops + 1;
        let runtime = self.world.runtime();
        let commit = Commit::new(body.to_owned());
        let story = async {
            let _ = self.log().append(commit).await;
            runtime.sleep(CHORES).await;
        };
        self.world.run_until_op(halt, story).is_none()
    }

    /// Begins to append a commit and stops everything before its sync.
    ///
    /// # Panics
    /// If there is no such moment: the write is then not the next operation.
    pub fn append_unsynced(&self, body: &str) {
        self.disk(|disk| disk.keep_events(1));
        self.append_cut_after(1, body);
        let written =
            self.disk(|disk| disk.events().any(|event| event.operation == Operation::Write));
        assert!(written, "the last operation was the write");
    }

    /// Closes the log in order.
    ///
    /// # Panics
    /// If that fails.
    pub fn close(&mut self) {
        let log = self.log.take().expect("the story started the log");
        self.world.block_on(log.close()).expect("it closes");
    }

    /// The process dies.
    pub fn kill(&mut self) {
        self.world.crash_process();
        self.log = None;
    }

    /// The power goes, and everything that was not synced is lost.
    pub fn power_off(&mut self) {
        self.power_off_keeping(0);
    }

    /// The power goes; of what was not synced exactly the units in `mask` survive, counted in the
    /// order of [`SimDisk::unsynced_units`].
    pub fn power_off_keeping(&mut self, mask: u64) {
        self.disk(|disk| *disk = disk.power_failure_image(mask));
        self.kill();
    }

    /// Time passes: a second is enough for a heartbeat.
    pub fn wait(&self, duration: Duration) {
        self.world.run_for(duration);
    }

    /// Everything that the log holds.
    ///
    /// # Panics
    /// If it cannot be read whole.
    pub fn read(&self) -> Vec<String> {
        let (found, error) = self.read_from(Position::new(0));
        assert!(error.is_none(), "the log has to be readable: {error:?}");
        found
    }

    /// What the log holds from a position on, up to the first error.
    pub fn read_from(&self, from: Position) -> (Vec<String>, Option<ReadError>) {
        let mut reader = self.log().read(from);
        let mut found = Vec::new();
        self.world.block_on(async {
            loop {
                match reader.next().await {
                    Ok(Some(commit)) => {
                        found.push(String::from_utf8_lossy(&commit.body).into_owned());
                    }
                    Ok(None) => return (found, None),
                    Err(error) => return (found, Some(error)),
                }
            }
        })
    }

    /// The sound group headers in `segment`, as the cache shows them.
    pub fn groups(&self, segment: u64) -> Vec<GroupHeader> {
        let bytes = self.contents(&segment_name(segment));
        let headers = bytes.chunks(BLOCK_LEN).filter_map(|block| {
            let header = GroupHeader::decode(block, self.store?).ok()?;
            (header.place.segment.get() == segment).then_some(header)
        });
        headers.collect()
    }

    /// The last group of `segment` that holds commits.
    ///
    /// # Panics
    /// If there is none.
    pub fn last_commits(&self, segment: u64) -> GroupHeader {
        let mut groups = self.groups(segment);
        groups.retain(|group| group.kind == GroupKind::Commits);
        groups.pop().expect("the segment holds commits")
    }

    /// What the cache shows of a file; nothing if it is not there.
    pub fn contents(&self, name: &str) -> Vec<u8> {
        self.disk(|disk| disk.contents(name)).unwrap_or_default()
    }

    /// Flips a bit of the byte at `offset` of a file.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn flip(&self, name: &str, offset: u64) {
        self.disk(|disk| disk.corrupt_bit(name, offset, 3)).expect("the file is there");
    }
}

/// The name of the file of segment `number`.
pub fn segment_name(number: u64) -> String {
    segment::file_name(SegmentId::new(number))
}
