//! What callers, the writer and the keeper share: the pipeline under its lock, and who waits.
//!
//! A caller puts its commit into the open group itself, under the lock, and leaves a waker with
//! the group; the writer wakes a group's callers together. No acknowledgement is given here: the
//! durable group number is published by `engine::writer` alone.

mod core;

pub(crate) use self::core::{Core, Waits};

use super::pending::Pending;
use crate::{
    error::{CommitError, Displaced, LogError, ReadError},
    ids::{Position, Sequence},
    log::{
        Anchor,
        fields::u64_from,
        group::Frame,
        pipeline::{Pipeline, Refusal, Ticket},
        segment::SegmentTable,
    },
};
use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Poll, Waker},
};
use tokio::sync::Notify;

/// Shared by the handles and the tasks of one log.
pub(crate) struct Shared {
    core: Mutex<Core>,
    /// Number of the last durable group.
    durable: AtomicU64,
    /// The next position behind the last durable group: what readers may see.
    head: AtomicU64,
    poisoned: AtomicBool,
    /// Why it was poisoned, if not by a failed write or sync.
    displaced: OnceLock<Displaced>,
    /// Why what an append depends on could not be read, the last time.
    unread: Mutex<Option<String>>,
    closing: AtomicBool,
    /// The largest commit, frame included, in bytes.
    commit_bytes_max: u64,
    writer_ended: AtomicBool,
    /// Commits in the open group, for a writer that lingers.
    arrivals: AtomicU32,
    /// Callers that wait for room, in line behind `turn`.
    queued: AtomicU32,
    turn: tokio::sync::Mutex<()>,
    room: Notify,
    /// Told when there is something to write.
    pub(crate) work: Notify,
    /// Told when a table of the index can be written.
    pub(crate) indexing: Notify,
    /// Told when the keeper has something to do.
    pub(crate) chores: Notify,
    table: Mutex<Arc<SegmentTable>>,
}

/// Who will write the group that a commit is put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// The writer task; it is woken.
    Task,
    /// The caller, or whoever is writing just now.
    Caller,
}

impl Shared {
    pub(crate) fn new(pipeline: Pipeline, table: SegmentTable) -> Self {
        let durable = *pipeline.durable();
        let commit_bytes_max = pipeline.commit_bytes_max();
        Self {
            core: Mutex::new(Core {
                pipeline,
                waiting: VecDeque::new(),
                spare_wakers: Vec::new(),
                waits: Waits::No,
                unprepared: None,
                cuts: VecDeque::new(),
                unindexed: None,
                checkpoint_mark: 0,
            }),
            durable: AtomicU64::new(durable.sequence.get() - 1),
            head: AtomicU64::new(durable.position.get()),
            poisoned: AtomicBool::new(false),
            displaced: OnceLock::new(),
            unread: Mutex::new(None),
            closing: AtomicBool::new(false),
            commit_bytes_max,
            writer_ended: AtomicBool::new(false),
            arrivals: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            turn: tokio::sync::Mutex::new(()),
            room: Notify::new(),
            work: Notify::new(),
            indexing: Notify::new(),
            chores: Notify::new(),
            table: Mutex::new(Arc::new(table)),
        }
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        // A panic under the lock is a bug in the machine; its state is not to be trusted.
        self.core.lock().expect("no panic under the pipeline's lock")
    }

    /// As [`Shared::core`], for who only looks and must not fall over a bug elsewhere.
    pub(crate) fn core_or_poisoned(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries `attempt` until it is not refused for want of room: at once if nobody waits, else in
    /// line, first come, first served.
    pub(crate) async fn in_line<T>(
        &self,
        mut attempt: impl FnMut(&Waker) -> Result<T, CommitError>,
    ) -> Result<T, CommitError> {
        if self.queued.load(Ordering::Acquire) == 0 {
            match poll_fn(|cx| Poll::Ready(attempt(cx.waker()))).await {
                Err(CommitError::Overloaded) => {}
                outcome => return outcome,
            }
        }
        self.queued.fetch_add(1, Ordering::AcqRel);
        let _leave = Leave(&self.queued);
        // One caller at a time waits for room, the others for it.
        let _turn = self.turn.lock().await;
        loop {
            match poll_fn(|cx| Poll::Ready(attempt(cx.waker()))).await {
                Err(CommitError::Overloaded) => self.room.notified().await,
                outcome => return outcome,
            }
        }
    }

    /// Whether callers wait in line: whoever does not want to wait is refused then.
    pub(crate) fn has_line(&self) -> bool {
        self.queued.load(Ordering::Acquire) > 0
    }

    /// Refuses a body that no group takes before it is looked at.
    pub(crate) fn check_bytes(&self, body_bytes: usize) -> Result<(), CommitError> {
        let bytes = u64_from(body_bytes);
        if bytes > self.commit_bytes_max {
            return Err(CommitError::TooLarge { bytes, limit: self.commit_bytes_max });
        }
        Ok(())
    }

    /// Takes a commit in if there is room now; `waker` is called when its group is durable. If
    /// `cuts` says so, the point in front of the commit's group is kept for the index.
    pub(crate) fn try_enter(
        self: &Arc<Self>,
        frame: Frame<'_>,
        waker: &Waker,
        writes: Writes,
        cuts: impl FnOnce(&Ticket) -> bool,
    ) -> Result<(Ticket, Pending), CommitError> {
        let mut core = self.core();
        let ticket = match core.pipeline.append(frame) {
            Ok(ticket) => ticket,
            Err(refusal) => return Err(self.refused(&core, refusal)),
        };
        if cuts(&ticket) {
            let durable = *core.pipeline.durable();
            let reached = (durable.sequence == ticket.sequence).then_some(durable);
            core.cuts.push_back((ticket.sequence, reached));
        }
        let slot = core.leave_waker(ticket.sequence, waker);
        self.arrivals.store(core.pipeline.open_commits(), Ordering::Relaxed);
        let wake = writes == Writes::Task && core.waits != Waits::No;
        if wake {
            core.waits = Waits::No;
        }
        drop(core);
        if wake {
            self.work.notify_one();
        }
        Ok((ticket, Pending::new(Arc::clone(self), ticket.sequence, slot)))
    }

    /// Waits until everything that was taken in so far is durable.
    pub(crate) fn behind_last(self: &Arc<Self>, waker: &Waker) -> Pending {
        let mut core = self.core();
        let last = core.pipeline.last_sequence();
        let slot = if self.is_durable(last) { 0 } else { core.leave_waker(last, waker) };
        Pending::new(Arc::clone(self), last, slot)
    }

    /// Why nothing can be appended any more, if that is so.
    pub(crate) fn ended(&self) -> Option<CommitError> {
        if self.is_poisoned() {
            Some(self.why_poisoned())
        } else if self.is_closing() {
            Some(CommitError::Closed)
        } else {
            None
        }
    }

    fn why_poisoned(&self) -> CommitError {
        self.displaced().map_or(CommitError::Poisoned, CommitError::Displaced)
    }

    fn refused(&self, core: &Core, refusal: Refusal) -> CommitError {
        match refusal {
            Refusal::NoRoom => {
                self.chores.notify_one();
                CommitError::Overloaded
            }
            Refusal::TooLarge { bytes, limit } => CommitError::TooLarge { bytes, limit },
            Refusal::Poisoned => self.why_poisoned(),
            Refusal::Closed => CommitError::Closed,
            Refusal::Unprepared => {
                // The refused caller's need is what makes the keeper try again.
                self.chores.notify_one();
                match &core.unprepared {
                    Some(source) if !is_full(source) => CommitError::Unprepared(Arc::clone(source)),
                    _ => CommitError::StorageFull,
                }
            }
        }
    }

    /// Publishes that everything before `durable` is durable, then wakes those who waited.
    /// `wakers` is empty memory of the writer's, kept for the next time.
    pub(crate) fn publish(
        &self,
        mut core: MutexGuard<'_, Core>,
        durable: Anchor,
        wakers: &mut Vec<Waker>,
    ) -> usize {
        // The head first: whoever learns that its commit is durable has to find it.
        self.head.store(durable.position.get(), Ordering::Release);
        self.durable.store(durable.sequence.get() - 1, Ordering::Release);
        self.arrivals.store(core.pipeline.open_commits(), Ordering::Relaxed);
        core.take_waiting(durable.sequence, wakers);
        let cut = core.reach(&durable);
        drop(core);
        if cut {
            self.indexing.notify_one();
        }
        let count = wakers.len();
        for waker in wakers.drain(..) {
            waker.wake();
        }
        self.let_in();
        count
    }

    /// A write or sync failed: what is pending is unknown, and nothing is written any more.
    pub(crate) fn poison(&self) {
        // Also called while a panic under the lock unwinds: a second one would end the host.
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.pipeline.failed();
        self.poisoned.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut core.waiting);
        drop(core);
        for waker in waiting.into_iter().flat_map(|(_, wakers)| wakers) {
            waker.wake();
        }
        self.let_in();
        self.work.notify_one();
        self.chores.notify_one();
        self.indexing.notify_one();
    }

    /// Somebody took files away under the store: nothing is acknowledged any more.
    pub(crate) fn displace(&self, displaced: Displaced) {
        let _ = self.displaced.set(displaced);
        self.poison();
    }

    /// What was taken away under the store, if that was seen.
    pub(crate) fn displaced(&self) -> Option<Displaced> {
        self.displaced.get().copied()
    }

    /// What an append depends on was read, or why not.
    pub(crate) fn note_read(&self, error: Option<&ReadError>) {
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        *unread = error.map(ToString::to_string);
    }

    /// Why what an append depends on could not be read, if that is still so.
    pub(crate) fn unread(&self) -> Option<String> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// No more appends.
    pub(crate) fn close(&self) {
        // Also called from destructors: a panic elsewhere must not become an abort here.
        self.core.lock().unwrap_or_else(PoisonError::into_inner).pipeline.close();
        self.closing.store(true, Ordering::Release);
        self.let_in();
        self.work.notify_one();
        self.chores.notify_one();
    }

    /// Lets the caller at the head of the line look again.
    pub(crate) fn let_in(&self) {
        if self.queued.load(Ordering::Acquire) > 0 {
            self.room.notify_one();
        }
    }

    pub(crate) fn arrivals(&self) -> u32 {
        self.arrivals.load(Ordering::Relaxed)
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// Why the keeper answers no more.
    pub(crate) fn why_ended(&self) -> LogError {
        if self.is_poisoned() {
            self.displaced().map_or(LogError::Poisoned, LogError::Displaced)
        } else {
            LogError::Closed
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn is_durable(&self, group: Sequence) -> bool {
        self.durable.load(Ordering::Acquire) >= group.get()
    }

    pub(crate) fn writer_ended(&self) -> bool {
        self.writer_ended.load(Ordering::Acquire)
    }

    /// Whether nothing is written any more: the log is closed and drained, or poisoned.
    pub(crate) fn has_ended(&self) -> bool {
        self.writer_ended() || self.is_poisoned()
    }

    /// The writer writes no more: the keeper may finish.
    pub(crate) fn end_writer(&self) {
        self.writer_ended.store(true, Ordering::Release);
        self.chores.notify_one();
        self.indexing.notify_one();
    }

    pub(crate) fn head(&self) -> Position {
        Position::new(self.head.load(Ordering::Acquire))
    }

    pub(crate) fn table(&self) -> Arc<SegmentTable> {
        Arc::clone(&self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change_table(&self, change: impl FnOnce(&mut SegmentTable)) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut table));
    }
}

/// Whether space lacks.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Leaves the line, also when the caller gives up.
struct Leave<'a>(&'a AtomicU32);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A panic at work on the log is a bug; its callers must not wait for ever, and nobody may go on
/// writing what the others cannot follow.
pub(crate) struct PoisonOnPanic<'a>(pub(crate) &'a Shared);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison();
        }
    }
}
