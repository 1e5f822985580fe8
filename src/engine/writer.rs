//! Writes groups and gives the acknowledgements: the only place that does either.
//!
//! One turn takes one group from the pipeline, writes it, syncs it and publishes it. The writer
//! task takes turns for callers that wait asynchronously; `append_blocking` takes a turn in its own
//! thread, under the same lock and with the same code. A failed write or sync is never retried,
//! and what is not any more where its names lead is not acknowledged.

use super::{
    blocking::block_on,
    claim::{Claim, Stopped},
    procedures::write_all,
    race::race,
    shared::{PoisonOnPanic, Shared, Waits},
};
use crate::{
    ids::{SegmentId, Sequence},
    log::pipeline::Write,
    runtime::{Disk, File as _, Linger, Runtime},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    task::Waker,
    time::Duration,
};

/// How long a log is idle before it says that everything is durable.
pub(crate) const HEARTBEAT_IDLE: Duration = Duration::from_secs(1);

/// Files of prepared segments, handed from the keeper to the writer. One descriptor serves a
/// segment from its preparation to its end.
pub(crate) type PreparedFiles<F> = Arc<Mutex<VecDeque<(SegmentId, Arc<F>)>>>;

/// The file that groups go to.
pub(crate) struct Writer<D: Disk> {
    shared: Arc<Shared>,
    claim: Claim<D>,
    segment: SegmentId,
    file: Arc<D::File>,
    prepared: PreparedFiles<D::File>,
    /// Memory for the wakers of one group.
    wakers: Vec<Waker>,
}

impl<D: Disk> Writer<D> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        claim: Claim<D>,
        segment: SegmentId,
        file: Arc<D::File>,
        prepared: PreparedFiles<D::File>,
    ) -> Self {
        Self { shared, claim, segment, file, prepared, wakers: Vec::new() }
    }

    /// Writes one group, if there is one, and acknowledges it. Returns how many callers were
    /// woken; `None` if there was nothing to write.
    pub(crate) async fn turn(&mut self) -> Option<usize> {
        let write = self.shared.core().pipeline.take_write()?;
        match self.perform(&write).await {
            Ok(()) => self.acknowledge(write),
            Err(stopped) => {
                stopped.poison(&self.shared, write.place);
                None
            }
        }
    }

    async fn perform(&mut self, write: &Write) -> Result<(), Stopped> {
        if let Some((entry, header)) = &write.start {
            // Another writer that got in may have begun this very segment.
            self.claim.stands()?;
            self.file = self.take_prepared(entry.segment);
            self.segment = entry.segment;
            write_all(self.file.as_ref(), header, 0).await?;
        }
        assert_eq!(self.segment, write.place.segment, "a group goes to the active segment");
        write_all(self.file.as_ref(), &write.bytes, write.place.offset).await?;
        self.file.sync_data().await?;
        // Behind the sync: a writer that is let in later reads what was written here.
        Ok(self.claim.holds(self.segment, self.file.as_ref())?)
    }

    /// Looks for the last time before the log is closed.
    fn leave(&self) {
        if !self.shared.is_poisoned()
            && let Err(ousted) = self.claim.holds(self.segment, self.file.as_ref())
        {
            ousted.poison(&self.shared);
        }
    }

    fn take_prepared(&self, segment: SegmentId) -> Arc<D::File> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let (ready, file) = prepared.pop_front().expect("the pipeline starts prepared segments");
        assert_eq!(ready, segment, "segments are started in order");
        file
    }

    /// Acknowledges a durable group, unless the log was poisoned meanwhile: its callers were told
    /// that the outcome is unknown.
    fn acknowledge(&mut self, write: Write) -> Option<usize> {
        let mut core = self.shared.core();
        if core.pipeline.is_poisoned() {
            return None;
        }
        core.pipeline.written(write.sequence, write.bytes);
        let durable = *core.pipeline.durable();
        let chore = core.chore_due() || write.start.is_some();
        if let Some((entry, _)) = write.start {
            self.shared.change_table(|table| table.push(entry));
        }
        let woken = self.shared.publish(core, durable, &mut self.wakers);
        if chore {
            self.shared.chores.notify_one();
        }
        Some(woken)
    }
}

/// The writer, to be led by whoever holds the lock.
pub(crate) type WriterLock<D> = Arc<tokio::sync::Mutex<Writer<D>>>;

/// The writer task. Ends when the log is closed and drained, or poisoned. A task that is dropped
/// before it was started has ended too.
pub(crate) fn run<R: Runtime>(
    runtime: R,
    shared: Arc<Shared>,
    writer: WriterLock<R::Disk>,
) -> impl Future<Output = ()> + Send {
    let end = End(Arc::clone(&shared));
    async move {
        let _end = end;
        write(&runtime, &shared, &writer).await;
        // A caller may still be writing; the store is not given up before it has ended.
        writer.lock().await.leave();
    }
}

async fn write<R: Runtime>(runtime: &R, shared: &Shared, writer: &WriterLock<R::Disk>) {
    loop {
        take_turns(runtime, shared, writer).await;
        if shared.is_poisoned() {
            return;
        }
        runtime.linger(Linger::Arrival, || shared.arrivals() > 0).await;
        match idle(shared) {
            Idle::Work => {}
            Idle::Ended => return,
            Idle::Quiet => shared.work.notified().await,
            Idle::Uncovered(durable) => {
                let told = race(shared.work.notified(), runtime.sleep(HEARTBEAT_IDLE)).await;
                let mut core = shared.core();
                core.waits = Waits::No;
                // Callers that write for themselves may have been busy all the while.
                if told.is_err() && core.pipeline.durable().sequence == durable {
                    core.pipeline.heartbeat();
                }
            }
        }
    }
}

/// What an idle writer has before it.
enum Idle {
    /// A group waits after all.
    Work,
    /// Closed and drained.
    Ended,
    /// Nothing until somebody tells.
    Quiet,
    /// Nothing, and the last commits are not yet covered by a group that calls them durable.
    /// The number is the next group's, to tell whether the log stayed idle.
    Uncovered(Sequence),
}

fn idle(shared: &Shared) -> Idle {
    let mut core = shared.core();
    if core.pipeline.has_work() {
        return Idle::Work;
    }
    if shared.is_closing() && !core.pipeline.is_writing() {
        return Idle::Ended;
    }
    if core.pipeline.wants_heartbeat() {
        core.waits = Waits::ForHeartbeat;
        return Idle::Uncovered(core.pipeline.durable().sequence);
    }
    core.waits = Waits::ForWork;
    Idle::Quiet
}

async fn take_turns<R: Runtime>(runtime: &R, shared: &Shared, writer: &WriterLock<R::Disk>) {
    let mut writer = writer.lock().await;
    while let Some(woken) = writer.turn().await {
        // A lonely caller is served at once; of many, those just woken come back together.
        if woken > 1 {
            let wanted = u32::try_from(woken).unwrap_or(u32::MAX);
            runtime.linger(Linger::Gather, || shared.arrivals() >= wanted).await;
        }
    }
}

/// Lets a blocking caller write for all.
pub(crate) trait Lead: Send + Sync {
    /// Takes turns until `done`; `false` if somebody else is writing.
    fn lead(&self, waker: &Waker, done: &mut dyn FnMut() -> bool) -> bool;
}

pub(crate) struct Leader<D: Disk> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: WriterLock<D>,
}

impl<D: Disk> Lead for Leader<D> {
    fn lead(&self, waker: &Waker, done: &mut dyn FnMut() -> bool) -> bool {
        let Ok(mut writer) = self.writer.try_lock() else {
            return false;
        };
        let _poison = PoisonOnPanic(&self.shared);
        while !done() && block_on(writer.turn(), waker).is_some() {}
        drop(writer);
        // What arrived meanwhile is the writer task's, and so is the heartbeat.
        if self.shared.core().wake_behind_leader(self.shared.is_closing()) {
            self.shared.work.notify_one();
        }
        true
    }
}

/// The end of the writer. A panic in it is a bug; its callers must not wait for ever.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison();
        }
        self.0.end_writer();
    }
}
