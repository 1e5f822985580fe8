//! The handle of a log that is open for writing.
//!
//! Not generic: the runtime's type ends at the tasks that `open` starts.

use super::{
    blocking::{block_on, park, unpark_here},
    claim::{Claim, Ousted},
    files::Door,
    keeper::{Keeper, KeeperParts, Request},
    open::{self, Opened},
    openings::EngineRuntime,
    pending::Pending,
    reader::LogReader,
    report::RecoveryReport,
    shared::{Shared, Writes},
    writer::{self, Lead, Leader, Writer},
};
use crate::{
    commit::{Appended, Commit},
    error::{CommitError, LogError, OpenError},
    ids::{Position, StoreId},
    log::pipeline::{Pipeline, Ticket},
    options::Options,
    runtime::{Disk, Runtime},
};
use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
};
use tokio::sync::{mpsc, oneshot, watch};

/// A log that is open for writing. Cheap to clone; the log closes in order when the last clone is
/// dropped, and [`Log::close`] waits for that. A drop does not wait: opening the log again right
/// behind it may find it [`Locked`](OpenError::Locked).
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let dir = tempfile::tempdir()?;
/// use sagalog::{Commit, Log, Options, Position};
///
/// let (log, report) = Log::open(dir.path(), Options::default()).await?;
/// assert_eq!(report.head, Position::new(0));
/// let appended = log.append(Commit::new("hello")).await?; // durable from here on
/// let mut reader = log.read(appended.first);
/// assert_eq!(reader.next().await?.expect("it is there").body, "hello");
/// log.close().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Log {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    store: StoreId,
    leader: Box<dyn Lead>,
    door: Door,
    stands: Box<Stands>,
    requests: mpsc::Sender<Request>,
    ended: watch::Receiver<Option<Result<(), LogError>>>,
}

/// Looks whether the store is where the next opening would look for it; hides the disk's type.
type Stands = dyn Fn() -> Result<(), Ousted> + Send + Sync;

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// What the log has done and holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStats {
    /// The next position that becomes durable.
    pub head: Position,
    /// The lowest position that is kept.
    pub floor: Position,
    /// How many segments were started and are kept.
    pub segments: usize,
    /// How many segments are prepared ahead.
    pub prepared_segments: usize,
    /// Whether a write or sync failed: the log only reads until it is reopened.
    pub poisoned: bool,
}

impl Log {
    /// Opens the log in `dir`, making the store if there is none and the options say so.
    ///
    /// The disk calls of opening block in the calling task: some milliseconds after a clean close,
    /// as long as it takes to read the rest of a segment after a crash.
    ///
    /// # Errors
    /// [`OpenError`] says what to do. Opening never repairs by deleting.
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

    /// Opens the log in the directory of `runtime`.
    ///
    /// # Errors
    /// See `Log::open`.
    ///
    /// # Cancel safety
    /// See `Log::open`.
    pub async fn open_with<R: EngineRuntime>(
        runtime: &R,
        options: Options,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        (R::openings().log)(runtime, options).await
    }

    pub(super) async fn open_on<R: Runtime>(
        runtime: &R,
        options: Options,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        let opened = open::open(runtime, &options).await?;
        let report = opened.report.clone();
        let (log, _) = start(runtime, opened, Door::open(runtime)?)?;
        Ok((log, report))
    }

    /// Appends a commit and waits until it is durable. Waits for room if the queue is full, first
    /// come, first served.
    ///
    /// # Errors
    /// [`CommitError`] says whether the commit was stored; only `Unknown` leaves it open.
    ///
    /// # Cancel safety
    /// The commit is submitted at the first poll at which there is room. A future dropped before
    /// that stored nothing; one dropped later may or may not store the commit, never half of it.
    pub async fn append(&self, commit: Commit) -> Result<Appended, CommitError> {
        let shared = &self.handle.shared;
        shared.check_bytes(commit.body().len())?;
        let frame = commit.frame();
        let (ticket, pending) =
            shared.in_line(|waker| shared.try_enter(frame, waker, Writes::Task, |_| false)).await?;
        pending.await?;
        Ok(Appended::at(&ticket, &commit))
    }

    /// Appends a commit if there is room now. The commit is submitted by this call; the answer
    /// comes with the future that it returns.
    ///
    /// # Errors
    /// `Overloaded` instead of waiting for room; otherwise as [`Log::append`].
    ///
    /// # Cancel safety
    /// Dropping the returned future does not take the commit back.
    pub fn try_append(
        &self,
        commit: &Commit,
    ) -> Result<impl Future<Output = Result<Appended, CommitError>> + Send + use<>, CommitError>
    {
        let (ticket, mut pending) = self.enter_now(commit, Waker::noop(), Writes::Task)?;
        pending.await_later();
        let appended = Appended::at(&ticket, commit);
        Ok(async move { pending.await.map(|()| appended) })
    }

    fn enter_now(
        &self,
        commit: &Commit,
        waker: &Waker,
        writes: Writes,
    ) -> Result<(Ticket, Pending), CommitError> {
        let shared = &self.handle.shared;
        if shared.has_line() {
            return Err(CommitError::Overloaded);
        }
        shared.check_bytes(commit.body().len())?;
        shared.try_enter(commit.frame(), waker, writes, |_| false)
    }

    /// Appends a commit from a thread that may block. If nobody is writing, the caller writes for
    /// all itself, which saves the hand-over to another thread.
    ///
    /// Not for the tasks of an async runtime, and only for a runtime whose disk blocks in place
    /// (the production one does).
    ///
    /// # Errors
    /// See [`Log::append`].
    pub fn append_blocking(&self, commit: &Commit) -> Result<Appended, CommitError> {
        let waker = unpark_here();
        let shared = &self.handle.shared;
        let (ticket, pending) = match self.enter_now(commit, &waker, Writes::Caller) {
            Err(CommitError::Overloaded) => {
                let frame = commit.frame();
                let entering =
                    shared.in_line(|waker| shared.try_enter(frame, waker, Writes::Task, |_| false));
                block_on(entering, &waker)?
            }
            entered => entered?,
        };
        self.wait_blocking(&pending, &waker)?;
        Ok(Appended::at(&ticket, commit))
    }

    /// Waits until `pending` is decided, in a thread that `waker` unparks; writes for all if nobody
    /// else does.
    pub(crate) fn wait_blocking(
        &self,
        pending: &Pending,
        waker: &Waker,
    ) -> Result<(), CommitError> {
        loop {
            if let Poll::Ready(outcome) = pending.outcome() {
                return outcome;
            }
            if !self.handle.leader.lead(waker, &mut || pending.outcome().is_ready()) {
                park();
            }
        }
    }

    /// Reads commits from `from` on, up to what is durable now. A position inside a commit yields
    /// that commit; one that was retired begins at the floor.
    pub fn read(&self, from: Position) -> LogReader {
        let handle = &self.handle;
        LogReader::new(Arc::clone(&handle.shared), handle.door.clone(), handle.store, from)
    }

    /// The position behind the last durable one.
    pub fn head(&self) -> Position {
        self.handle.shared.head()
    }

    /// The store's identity.
    pub fn store(&self) -> StoreId {
        self.handle.store
    }

    /// What the log holds. Looks whether its files are still in place, too.
    pub fn stats(&self) -> LogStats {
        self.look_in_place();
        let shared = &self.handle.shared;
        let table = shared.table();
        let head = shared.head();
        LogStats {
            head,
            floor: table.entries().first().map_or(head, |entry| entry.first),
            segments: table.entries().len(),
            prepared_segments: shared.core().pipeline.prepared(),
            poisoned: shared.is_poisoned(),
        }
    }

    /// Drops whole segments all of whose events lie below `position`; returns the lowest position
    /// that is kept. The files are reused or removed.
    ///
    /// # Errors
    /// [`LogError`] if the log is closed or poisoned.
    ///
    /// # Cancel safety
    /// A future dropped while another request is being served made none; one dropped later does not
    /// take its request back.
    pub async fn keep_from(&self, position: Position) -> Result<Position, LogError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::KeepFrom(position, answer);
        self.handle.requests.send(request).await.map_err(|_| self.why_ended())?;
        self.handle.shared.chores.notify_one();
        answered.await.map_err(|_| self.why_ended())?
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Looks whether the files are where their names lead, for a log that nobody appends to: the
    /// writer looks at each acknowledgement by itself.
    pub(crate) fn look_in_place(&self) {
        let shared = &self.handle.shared;
        if !shared.is_poisoned()
            && !shared.is_closing()
            && let Err(ousted) = (self.handle.stands)()
        {
            ousted.poison(shared);
        }
    }

    fn why_ended(&self) -> LogError {
        self.handle.shared.why_ended()
    }

    /// Closes the log in order: writes what was taken, marks the store as cleanly closed and
    /// releases the lock. Appends of other clones fail with `Closed` from here on.
    ///
    /// # Errors
    /// `Poisoned` if a write failed; the next open recovers.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the closing.
    pub async fn close(self) -> Result<(), LogError> {
        self.handle.shared.close();
        let mut ended = self.handle.ended.clone();
        let outcome = ended.wait_for(Option::is_some).await.map_err(|_| LogError::Poisoned)?;
        outcome.clone().unwrap_or(Err(LogError::Closed))
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("store", &self.handle.store).finish_non_exhaustive()
    }
}

/// The lock of a store in the directory of `R`.
pub(crate) type StoreLock<R> = Arc<<<R as Runtime>::Disk as Disk>::Lock>;

/// Starts the tasks of an opened log. The directory stays locked until the log is closed and the
/// lock that is returned was dropped.
pub(crate) fn start<R: Runtime>(
    runtime: &R,
    opened: Opened<R>,
    door: Door,
) -> Result<(Log, StoreLock<R>), OpenError> {
    let (store, settings) = (opened.superblock.store, opened.settings);
    let mut pipeline =
        Pipeline::new(settings.limits, store, opened.superblock.epoch, opened.tail, opened.active);
    let mut ready = VecDeque::new();
    for (prepared, file) in opened.prepared {
        pipeline.segment_ready(prepared);
        ready.push_back((prepared.segment, Arc::new(file)));
    }
    let files = Arc::new(Mutex::new(ready));
    let shared = Arc::new(Shared::new(pipeline, opened.table));
    let lock = Arc::new(opened.lock);
    let superblock_file = Arc::new(opened.superblock_file);
    let claim = Claim::<R::Disk>::new(&lock, &superblock_file);
    let writer = Writer::new(
        Arc::clone(&shared),
        claim.clone(),
        opened.active.segment,
        opened.active_file,
        Arc::clone(&files),
    );
    let writer = Arc::new(tokio::sync::Mutex::new(writer));
    let (ends, ended) = watch::channel(None);
    let (requests, requested) = mpsc::channel(1);
    let keeper = Keeper::new(KeeperParts {
        runtime: runtime.clone(),
        settings,
        shared: Arc::clone(&shared),
        claim: claim.clone(),
        superblock: opened.superblock,
        superblock_file,
        files,
        requests: requested,
        given_up: opened.given_up,
    });
    let writing = writer::run(runtime.clone(), Arc::clone(&shared), Arc::clone(&writer));
    let leader = Box::new(Leader { shared: Arc::clone(&shared), writer });
    // Made before the tasks: if one of them cannot be started, dropping it ends the others.
    let stands = Box::new(move || claim.stands());
    let handle = Arc::new(Handle { shared, store, leader, door, stands, requests, ended });
    let held = Arc::clone(&lock);
    runtime.spawn("sagalog-keeper", async move {
        let outcome = keeper.run().await;
        drop(held);
        let _ = ends.send(Some(outcome));
    })?;
    runtime.spawn("sagalog-writer", writing)?;
    Ok((Log { handle }, lock))
}
