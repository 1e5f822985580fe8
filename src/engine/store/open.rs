//! Opens an event store: the log, then the index, then the tasks that keep the index up with it.
//!
//! What the log says decides; the index is believed as far as it fits.

use super::{
    ReadOnlyStore, Store,
    append::{Appender, Ids, Stamping},
    reader::{LogEnd, Reader},
};
use crate::{
    engine::{
        files::Door,
        index::{
            indexer::Indexing,
            open::{self as index_open, IndexOptions, LogEnds},
            replay::Writes,
        },
        log::start,
        open,
        openings::EngineRuntime,
        report::RecoveryReport,
    },
    error::OpenError,
    options::Options,
    runtime::Runtime,
    time::WallTime,
};
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, watch};

/// How many requests to rebuild a run may wait.
const REPAIRS_WAITING_MAX: usize = 16;

impl Store {
    /// Opens the store in `dir`, making it if there is none and the options say so.
    ///
    /// The disk calls of opening block in the calling task. The index is checked as far as it
    /// takes to believe it; what lacks is made from the log again, which takes as long as
    /// reading it.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let dir = tempfile::tempdir()?;
    /// use sagalog::{Options, Store};
    ///
    /// let (store, report) = Store::open(dir.path(), Options::default()).await?;
    /// println!("{} events, opened in {:?}", report.head, report.elapsed);
    /// store.close().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`OpenError`] says what to do. Opening never repairs by deleting what was acknowledged.
    ///
    /// # Cancel safety
    /// Dropping the future leaves a directory that opens again.
    #[cfg(feature = "tokio")]
    pub async fn open(
        dir: impl AsRef<std::path::Path>,
        options: Options,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        use crate::runtime::tokio::TokioRuntime;
        options.check_alone()?;
        let creates = options.creates();
        let runtime = if creates { TokioRuntime::create(dir) } else { TokioRuntime::open(dir) };
        Self::open_with(&runtime.map_err(OpenError::of_directory)?, options).await
    }

    /// Opens the store in the directory of `runtime`.
    ///
    /// # Errors
    /// See `Store::open`.
    ///
    /// # Cancel safety
    /// See `Store::open`.
    pub async fn open_with<R: EngineRuntime>(
        runtime: &R,
        options: Options,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        (R::openings().store)(runtime, options).await
    }

    pub(in crate::engine) async fn open_on<R: Runtime>(
        runtime: &R,
        options: Options,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        let started = runtime.now();
        let opened = open::open(runtime, &options).await?;
        let settings = opened.settings;
        let mut report = opened.report.clone();
        let store = opened.superblock.store;
        let door = Door::open(runtime)?;
        let (repairs, requests) = mpsc::channel(REPAIRS_WAITING_MAX);
        let ends = LogEnds { store, table: &opened.table, tail: opened.tail };
        let index_options = IndexOptions {
            key_horizon_events: settings.chosen.key_horizon_events,
            cache_bytes: settings.cache_bytes,
            writes: Writes::Runs,
        };
        let opened_index =
            index_open::open(&runtime.disk(), door.clone(), ends, index_options, Some(repairs))
                .await?;
        report.runs_rebuilt = opened_index.runs_rebuilt;
        let (log, lock) = start(runtime, opened, door.clone())?;
        let shared = Arc::clone(log.shared());
        shared.core().begin_cuts(&opened_index.cuts);
        let index = Arc::new(opened_index.index);
        let reader = Arc::new(Reader {
            store,
            index: Arc::clone(&index),
            door,
            end: LogEnd::Live(Arc::clone(&shared)),
            unreadable: opened_index.unreadable,
        });
        let indexing = Indexing {
            runtime: runtime.clone(),
            store,
            shared: Arc::clone(&shared),
            index,
            merging: Arc::new(Notify::new()),
        };
        // The lock is held until nothing is written to the directory any more, and is free when
        // that is told: it stands in front of what tells.
        let (ends, indexed) = watch::channel(2);
        let (writing, merging) = (indexing.clone(), indexing);
        let (ends, lock) = (Arc::new(ends), Arc::new(lock));
        let told = Arc::clone(&merging.merging);
        let end = Ended { ends: Arc::clone(&ends), told: Arc::clone(&told) };
        let held = Arc::clone(&lock);
        let begun = opened_index.begun;
        runtime.spawn("sagalog-indexer", async move {
            let _ended = (held, end);
            writing.write_tables(begun).await;
        })?;
        let (end, held) = (Ended { ends, told }, lock);
        runtime.spawn("sagalog-merger", async move {
            let _ended = (held, end);
            merging.merge_runs(requests).await;
        })?;
        let clock = Box::new(RuntimeClock(runtime.clone()));
        let ids = Ids::new([runtime.random(), runtime.random()]);
        let appender = Appender { log: log.clone(), shared, reader, clock, ids };
        report.elapsed = runtime.now().since(started);
        Ok((Self { log, appender: Arc::new(appender), indexed }, report))
    }

    /// Opens the store in `dir` for reading, beside a writer or without one.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let dir = tempfile::tempdir()?;
    /// use sagalog::{Options, Read, Store};
    ///
    /// let (writer, _) = Store::open(dir.path(), Options::default()).await?;
    /// let beside = Store::open_read_only(dir.path()).await?; // also from another process
    /// assert!(beside.read(Read::all()).collect().await?.is_empty());
    /// # writer.close().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`OpenError`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    #[cfg(feature = "tokio")]
    pub async fn open_read_only(
        dir: impl AsRef<std::path::Path>,
    ) -> Result<ReadOnlyStore, OpenError> {
        let runtime = crate::runtime::tokio::TokioRuntime::open(dir);
        Self::open_read_only_with(&runtime.map_err(OpenError::of_directory)?).await
    }

    /// Opens the store in the directory of `runtime` for reading.
    ///
    /// # Errors
    /// See `Store::open_read_only`.
    ///
    /// # Cancel safety
    /// See `Store::open_read_only`.
    pub async fn open_read_only_with<R: EngineRuntime>(
        runtime: &R,
    ) -> Result<ReadOnlyStore, OpenError> {
        (R::openings().store_read_only)(runtime).await
    }
}

/// A task of the index has ended, also by a panic.
struct Ended {
    ends: Arc<watch::Sender<usize>>,
    /// Lets the other one look whether it may end.
    told: Arc<Notify>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.ends.send_modify(|tasks| *tasks -= 1);
        self.told.notify_one();
    }
}

struct RuntimeClock<R>(R);

impl<R: Runtime> Stamping for RuntimeClock<R> {
    fn wall(&self) -> WallTime {
        self.0.wall().of_clock()
    }
}
