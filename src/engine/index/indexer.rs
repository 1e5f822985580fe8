//! Keeps the index behind the log: writes frozen tables into runs, merges runs, rebuilds them.
//!
//! Two tasks, so that a long merge never keeps memory from being written. A run covers only what a
//! later group calls durable: no recovery takes that back. A failure here costs memory and time,
//! never an answer; callers are refused only when memory would grow without bound.

use super::{
    Index,
    replay::{Replay, Writes, log_start},
    run::Run,
    write::{Unmade, merge, write_table},
};
use crate::{
    engine::{
        procedures::remove_files,
        race::race,
        shared::{PoisonOnPanic, Shared},
    },
    error::ReadError,
    ids::StoreId,
    log::{
        Anchor,
        segment::{SegmentEntry, SegmentTable},
    },
    runtime::Runtime,
    store::{
        merge::{RunSpan, plan_merge},
        run::RunHeader,
        run_name::RunName,
        state::State,
    },
};
use std::{
    io,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, mpsc, oneshot};

/// How soon a run that could not be written is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// How many times that a merge pauses after a run had to be rebuilt for it.
const PAUSE_RETRIES: u32 = 20;

/// What is asked of the indexer.
pub(crate) enum Request {
    /// Make the run with this number anew from the log.
    Rebuild(u64, oneshot::Sender<Result<(), ReadError>>),
}

/// What the tasks of the index share.
pub(crate) struct Indexing<R: Runtime> {
    pub(crate) runtime: R,
    pub(crate) store: StoreId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) index: Arc<Index>,
    /// Numbers runs that were opened.
    pub(crate) numbers: Arc<AtomicU64>,
    /// Told when there are new runs to merge.
    pub(crate) merging: Arc<Notify>,
}

impl<R: Runtime> Clone for Indexing<R> {
    fn clone(&self) -> Self {
        Self {
            runtime: self.runtime.clone(),
            store: self.store,
            shared: Arc::clone(&self.shared),
            index: Arc::clone(&self.index),
            numbers: Arc::clone(&self.numbers),
            merging: Arc::clone(&self.merging),
        }
    }
}

impl<R: Runtime> Indexing<R> {
    /// Writes tables into runs until the store is closed. `begun` is where memory begins.
    pub(crate) async fn write_tables(self, mut begun: Anchor) {
        let shared = Arc::clone(&self.shared);
        let _poison = PoisonOnPanic(&shared);
        while !shared.has_ended() {
            let Some(end) = shared.core().proven_cut() else {
                shared.indexing.notified().await;
                continue;
            };
            match self.write_oldest(begun, end).await {
                Ok(()) => {
                    shared.core().take_cut();
                    shared.let_in();
                    self.merging.notify_one();
                    begun = end;
                }
                Err(error) => {
                    tracing::warn!(%error, "the index could not be written; memory keeps it");
                    shared.core().unindexed = Some(Arc::new(error));
                    shared.let_in();
                    let _ = race(shared.indexing.notified(), self.runtime.sleep(RETRY)).await;
                }
            }
        }
    }

    async fn write_oldest(&self, begun: Anchor, end: Anchor) -> io::Result<()> {
        let table = self.index.tables().state.frozen().next().cloned();
        let table = table.expect("a cut that is known has a frozen table");
        assert_eq!((table.first(), table.next()), (begun.position, end.position));
        let disk = self.runtime.disk();
        let header = write_table(&disk, self.store, &table, begun, end).await?;
        let run = self.open(header.name()).await?;
        let mut tables = self.index.tables_mut();
        Arc::make_mut(&mut tables.runs).push(run);
        tables.state.release(end.position);
        drop(tables);
        self.shared.core().unindexed = None;
        Ok(())
    }

    async fn open(&self, name: RunName) -> io::Result<Arc<Run>> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let run = Run::open(&self.index.pages, self.store, name, number).await;
        run.map(Arc::new).map_err(io::Error::other)
    }

    /// Merges runs and rebuilds damaged ones until the store is closed.
    pub(crate) async fn merge_runs(self, mut requests: mpsc::Receiver<Request>) {
        let shared = Arc::clone(&self.shared);
        let _poison = PoisonOnPanic(&shared);
        while !self.shared.has_ended() {
            if let Ok(Request::Rebuild(number, answer)) = requests.try_recv() {
                let _ = answer.send(self.rebuild(number).await);
                continue;
            }
            if let Some(range) = self.due() {
                self.merge(range).await;
                continue;
            }
            let asked = race(requests.recv(), self.merging.notified()).await;
            if let Ok(Some(Request::Rebuild(number, answer))) = asked {
                let _ = answer.send(self.rebuild(number).await);
            }
        }
    }

    /// Which runs are to be merged, if any are.
    fn due(&self) -> Option<Range<usize>> {
        let runs = Arc::clone(&self.index.tables().runs);
        let table = self.shared.table();
        let spans: Vec<RunSpan> = runs.iter().map(|run| span_of(run.header(), &table)).collect();
        plan_merge(&spans)
    }

    async fn merge(&self, range: Range<usize>) {
        let runs = Arc::clone(&self.index.tables().runs);
        let Some(inputs) = runs.get(range) else { return };
        let disk = self.runtime.disk();
        let is_wanted = || !self.shared.has_ended();
        match merge(&disk, &self.index.pages, inputs, is_wanted).await {
            Ok(header) => {
                let inputs: Vec<RunName> = inputs.iter().map(|run| run.name()).collect();
                if let Err(error) = self.replace(&inputs, &[header]).await {
                    tracing::warn!(%error, "a merged run could not be opened");
                    self.rest().await;
                }
            }
            Err(Unmade::Closing) => {}
            Err(Unmade::Damaged(damaged)) => {
                tracing::warn!(run = %damaged.run.file_name(), why = %damaged.why,
                    "a run is rebuilt before it is merged");
                if let Err(error) = self.rebuild(damaged.number).await {
                    tracing::error!(%error, "a damaged run could not be rebuilt");
                }
                // What rebuilding does not cure must not be tried without a pause.
                self.pause().await;
            }
            Err(Unmade::Io(error)) => {
                tracing::warn!(%error, "runs could not be merged; they serve as they are");
                self.rest().await;
            }
        }
    }

    /// A pause that ends early only when the store does.
    async fn pause(&self) {
        for _ in 0..PAUSE_RETRIES {
            if self.shared.has_ended() {
                return;
            }
            self.runtime.sleep(RETRY).await;
        }
    }

    async fn rest(&self) {
        let _ = race(self.merging.notified(), self.runtime.sleep(RETRY)).await;
    }

    /// Puts runs in the place of others that cover the same, and removes the files of those.
    async fn replace(&self, old: &[RunName], new: &[RunHeader]) -> io::Result<()> {
        let mut opened = Vec::with_capacity(new.len());
        for header in new {
            opened.push(self.open(header.name()).await?);
        }
        self.index.tables_mut().replace_runs(old, opened);
        let replaced = |name: &&RunName| new.iter().all(|header| header.name() != **name);
        let names: Vec<String> = old.iter().filter(replaced).map(|name| name.file_name()).collect();
        if let Err(error) = remove_files(&self.runtime.disk(), &names).await {
            tracing::warn!(%error, "runs that were replaced stay until the next open");
        }
        Ok(())
    }

    /// Makes a run anew from the log, in pieces.
    async fn rebuild(&self, number: u64) -> Result<(), ReadError> {
        let runs = Arc::clone(&self.index.tables().runs);
        let Some(at) = runs.iter().position(|run| run.number() == number) else {
            // It was replaced meanwhile.
            return Ok(());
        };
        let disk = self.runtime.disk();
        let table = self.shared.table();
        let first = begin_of(&runs, at, &table);
        let Some((first, run)) = first.zip(runs.get(at)) else { return Ok(()) };
        let end = run.header().end;
        let state = {
            let tables = self.index.tables();
            State::empty_like(&tables.state, first.position)
        };
        let mut replay = Replay::new(&disk, self.store, &table, first, state, Writes::Runs);
        replay.read_to(&end).await?;
        let made = replay.into_runs().await?;
        let unwritten = |error| ReadError::IndexUnwritten { source: Arc::new(error) };
        self.replace(&[run.name()], &made).await.map_err(unwritten)
    }
}

/// Where the run at `at` begins: where the one before was seen to end in the log.
fn begin_of(runs: &[Arc<Run>], at: usize, table: &SegmentTable) -> Option<Anchor> {
    match at.checked_sub(1) {
        Some(before) => runs.get(before).map(|run| run.header().end),
        None => log_start(table),
    }
}

/// What the policy of merging has to know of a run.
fn span_of(header: &RunHeader, table: &SegmentTable) -> RunSpan {
    let (first, end) = (&header.first, &header.end);
    // The first group may be the first of the next segment.
    let starts = |entry: &&SegmentEntry| entry.sequence == first.sequence;
    let started = table.entries().iter().rev().find(starts).map(|entry| entry.segment);
    let behind = table.entry(end.next.segment.next());
    let last_segment = end.next.segment;
    RunSpan {
        name: header.name(),
        first_segment: started.unwrap_or(first.next.segment),
        last_segment,
        whole: behind.is_some_and(|next| next.sequence == end.sequence),
    }
}

/// Bytes of all runs.
pub(crate) fn index_bytes(index: &Index) -> u64 {
    index.tables().runs.iter().map(|run| run.header().file_bytes()).sum()
}
