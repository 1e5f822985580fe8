//! Keeps house behind the writer: prepares segments, writes checkpoints, moves the floor, closes.
//!
//! The only owner of the superblock while the log is open. Nothing here is on the path of an
//! acknowledgement; when a caller waits for a segment, zeroing gives way at once.

use super::{
    claim::{Claim, Stopped},
    procedures::{create_segment, cut, recycle_segment, remove_files, write_all, write_checkpoint},
    race::race,
    shared::{Core, PoisonOnPanic, Shared},
    writer::PreparedFiles,
};
use crate::{
    error::LogError,
    ids::{Position, SegmentId},
    limits::CHECKPOINT_LOG_BYTES,
    log::{
        checkpoint, fields,
        pipeline::Prepared,
        retention, segment,
        superblock::{self, Superblock},
    },
    options::Settings,
    runtime::{Disk, File, Moment, Runtime},
};
use std::{
    io,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// How many zeros are written at a time, in bytes: little enough that an append's sync does not
/// wait long behind them.
const ZEROING_BYTES: u64 = 256 << 10;
/// The pause between two pieces of zeroing: the share of the device that appends keep.
const ZEROING_PAUSE: Duration = Duration::from_millis(4);
/// How soon a failed preparation may be tried again.
const RETRY_MIN: Duration = Duration::from_millis(10);
/// When it is tried again although nobody asked.
const RETRY_IDLE: Duration = Duration::from_secs(1);
/// A log that grows faster than this, in bytes a second, gets its segments unzeroed: writing zeros
/// ahead would take more from the appends than it gives them.
const ZEROING_LOG_BYTES_PER_S_MAX: u64 = 8 << 20;

const ZEROING_LEN: usize = 256 << 10;
const _: () = assert!(ZEROING_LEN as u64 == ZEROING_BYTES);

static ZEROS: [u8; ZEROING_LEN] = [0; ZEROING_LEN];

/// What a handle asks of the keeper.
pub(crate) enum Request {
    /// Drop whole segments whose events all lie below the position.
    KeepFrom(Position, oneshot::Sender<Result<Position, LogError>>),
}

/// A segment that is being prepared.
struct Preparing<F> {
    prepared: Prepared,
    file: Arc<F>,
    zeroed: u64,
}

pub(crate) struct Keeper<R: Runtime> {
    runtime: R,
    settings: Settings,
    shared: Arc<Shared>,
    claim: Claim<R::Disk>,
    superblock: Superblock,
    superblock_file: Arc<<R::Disk as Disk>::File>,
    files: PreparedFiles<<R::Disk as Disk>::File>,
    preparing: Option<Preparing<<R::Disk as Disk>::File>>,
    /// Segments that the opening gave up, and how many bytes of each are log.
    given_up: Vec<(SegmentId, u64)>,
    /// Retired segments whose files wait for a new life.
    retired: Vec<(SegmentId, u64)>,
    requests: mpsc::Receiver<Request>,
    /// When the last segment was started, to tell how fast the log fills them.
    last_start: (SegmentId, Moment),
    fills_fast: bool,
    retry: bool,
}

pub(crate) struct KeeperParts<R: Runtime> {
    pub(crate) runtime: R,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) claim: Claim<R::Disk>,
    pub(crate) superblock: Superblock,
    pub(crate) superblock_file: Arc<<R::Disk as Disk>::File>,
    pub(crate) files: PreparedFiles<<R::Disk as Disk>::File>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) given_up: Vec<(SegmentId, u64)>,
}

impl Core {
    /// Whether the keeper should look: a checkpoint is due, or a segment is wanted.
    pub(crate) fn chore_due(&mut self) -> bool {
        let log_bytes = self.pipeline.durable().next.offset / CHECKPOINT_LOG_BYTES;
        let due = log_bytes != self.checkpoint_mark || self.wants_segment();
        self.checkpoint_mark = log_bytes;
        due
    }

    /// Whether the next segment is needed soon and none is ready.
    fn wants_segment(&self) -> bool {
        self.pipeline.prepared() == 0
            && self.pipeline.segment_room_bytes() < self.pipeline.segment_bytes() / 2
    }
}

impl<R: Runtime> Keeper<R> {
    pub(crate) fn new(parts: KeeperParts<R>) -> Self {
        Self {
            last_start: (parts.superblock.anchor.next.segment, parts.runtime.now()),
            runtime: parts.runtime,
            settings: parts.settings,
            shared: parts.shared,
            claim: parts.claim,
            superblock: parts.superblock,
            superblock_file: parts.superblock_file,
            files: parts.files,
            requests: parts.requests,
            given_up: parts.given_up,
            preparing: None,
            retired: Vec::new(),
            fills_fast: false,
            retry: false,
        }
    }

    /// The keeper task. Ends when the log is closed or poisoned, and the writer has ended. A chore
    /// that was begun is always finished: half a superblock write must not be followed by another.
    pub(crate) async fn run(mut self) -> Result<(), LogError> {
        let shared = Arc::clone(&self.shared);
        let _poison = PoisonOnPanic(&shared);
        // Before anything else: later the file of such a segment may have got a new life.
        self.give_back_space().await;
        while !self.shared.writer_ended() {
            if self.shared.is_poisoned() {
                self.shared.chores.notified().await;
            } else if let Err(stopped) = self.work().await {
                stopped.poison(&self.shared, superblock::FILE_NAME);
            }
        }
        self.requests.close();
        while let Ok(Request::KeepFrom(_, answer)) = self.requests.try_recv() {
            let _ = answer.send(Err(self.shared.why_ended()));
        }
        if self.shared.is_poisoned() {
            return Err(self.shared.why_ended());
        }
        self.close_in_order().await.map_err(|stopped| {
            stopped.poison(&self.shared, superblock::FILE_NAME);
            self.shared.why_ended()
        })
    }

    async fn write_superblock(&mut self) -> Result<(), Stopped> {
        self.claim.write_superblock(&self.superblock_file, &mut self.superblock).await
    }

    /// Does the most urgent chore, or waits for one. Fails only where the superblock is in doubt.
    async fn work(&mut self) -> Result<(), Stopped> {
        self.watch_speed();
        if let Ok(request) = self.requests.try_recv() {
            return self.answer(request).await;
        }
        if self.checkpoint_due() {
            return self.checkpoint().await;
        }
        if self.preparing.is_some() {
            self.go_on_preparing().await;
            return Ok(());
        }
        let ready = self.shared.core().pipeline.prepared();
        if fields::u64_from(ready) < self.settings.chosen.prepared_segments {
            return self.begin_preparing().await;
        }
        self.shared.chores.notified().await;
        Ok(())
    }

    /// Cuts the segments that the opening gave up. Failing costs space only, and so does a crash
    /// before it.
    async fn give_back_space(&mut self) {
        for (segment, bytes) in std::mem::take(&mut self.given_up) {
            let name = segment::file_name(segment);
            if let Err(error) = cut(&self.runtime.disk(), &name, bytes).await {
                tracing::warn!(%name, %error, "could not give back the space of a segment");
            }
        }
    }

    fn watch_speed(&mut self) {
        let table = self.shared.table();
        let Some(active) = table.last().map(|entry| entry.segment) else {
            return;
        };
        let (before, since) = self.last_start;
        if active > before {
            let now = self.runtime.now();
            let filled = table.entries().iter().filter(|e| (before..active).contains(&e.segment));
            let filled_bytes: u64 = filled.map(|entry| entry.segment_bytes).sum();
            let zeroable = now.since(since).as_millis() * u128::from(ZEROING_LOG_BYTES_PER_S_MAX);
            self.fills_fast = u128::from(filled_bytes) * 1000 > zeroable;
            self.last_start = (active, now);
        }
    }

    async fn begin_preparing(&mut self) -> Result<(), Stopped> {
        if std::mem::take(&mut self.retry) {
            self.runtime.sleep(RETRY_MIN).await;
            let _ = race(self.shared.chores.notified(), self.runtime.sleep(RETRY_IDLE)).await;
        }
        let segment = self.superblock.prepared_through.next();
        let disk = self.runtime.disk();
        let segment_bytes = segment::bytes_for(
            self.shared.table().bytes(),
            self.settings.chosen.group_bytes_max,
            self.settings.chosen.segment_bytes,
        );
        self.drop_misfits(segment_bytes).await;
        let (made, zeroed) = match self.retired.pop() {
            // Recycled space was written before: it needs no zeros.
            Some((from, bytes)) => (recycle_segment(&disk, from, segment, bytes).await, bytes),
            None => (create_segment(&disk, segment, segment_bytes).await, 0),
        };
        let file = match made {
            Ok(file) => Arc::new(file),
            Err(error) => {
                self.preparation_failed(segment, error).await;
                return Ok(());
            }
        };
        self.superblock.prepared_through = segment;
        self.write_superblock().await?;
        let prepared = Prepared { segment, segment_bytes };
        self.preparing = Some(Preparing { prepared, file, zeroed });
        Ok(())
    }

    /// Removes retired files whose size does not suit the next segment: segments only grow.
    async fn drop_misfits(&mut self, segment_bytes: u64) {
        let (kept, misfits): (Vec<_>, Vec<_>) =
            self.retired.drain(..).partition(|(_, bytes)| *bytes == segment_bytes);
        self.retired = kept;
        let names: Vec<_> =
            misfits.iter().map(|(segment, _)| segment::file_name(*segment)).collect();
        if let Err(error) = remove_files(&self.runtime.disk(), &names).await {
            tracing::warn!(%error, "retired segments could not be removed; the next open does it");
        }
    }

    async fn preparation_failed(&mut self, segment: SegmentId, error: io::Error) {
        tracing::warn!(%segment, %error, "the next segment could not be prepared");
        let name = segment::file_name(segment);
        if let Err(error) = remove_files(&self.runtime.disk(), &[name]).await {
            tracing::warn!(%segment, %error, "what was made of it could not be removed");
        }
        let mut core = self.shared.core();
        core.pipeline.segment_failed();
        core.unprepared = Some(Arc::new(error));
        drop(core);
        self.shared.let_in();
        self.retry = true;
    }

    /// Writes some zeros, or hands the segment over if it is done or wanted.
    async fn go_on_preparing(&mut self) {
        let Some(preparing) = &mut self.preparing else {
            return;
        };
        let wanted = {
            let core = self.shared.core();
            core.wants_segment() || core.pipeline.segment_is_awaited()
        };
        let left = preparing.prepared.segment_bytes - preparing.zeroed;
        if left == 0 || wanted || self.fills_fast {
            return self.hand_over();
        }
        let piece = left.min(ZEROING_BYTES);
        let zeros = &ZEROS[..usize::try_from(piece).unwrap_or(ZEROS.len())];
        let zeroing = async {
            write_all(preparing.file.as_ref(), zeros, preparing.zeroed).await?;
            preparing.file.sync_data().await
        };
        match zeroing.await {
            Ok(()) => preparing.zeroed += piece,
            // The space is set aside and reads as zeros; zeroing only makes it faster.
            Err(error) => {
                tracing::warn!(%error, "zeroing ahead failed; the segment is used as it is");
                return self.hand_over();
            }
        }
        let _ = race(self.shared.chores.notified(), self.runtime.sleep(ZEROING_PAUSE)).await;
    }

    fn hand_over(&mut self) {
        let Some(Preparing { prepared, file, .. }) = self.preparing.take() else {
            return;
        };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.push_back((prepared.segment, file));
        drop(files);
        let mut core = self.shared.core();
        core.pipeline.segment_ready(prepared);
        core.unprepared = None;
        drop(core);
        self.shared.let_in();
    }

    fn checkpoint_due(&self) -> bool {
        let durable = *self.shared.core().pipeline.durable();
        let before = self.superblock.anchor.next;
        // Until the first one the superblock does not know that the log was ever started.
        self.superblock.anchor.last.is_none()
            || durable.next.segment != before.segment
            || durable.next.offset >= before.offset + CHECKPOINT_LOG_BYTES
    }

    /// Moves the anchor up to what is durable, and names a checkpoint of the table if segments
    /// were started since the last one.
    async fn checkpoint(&mut self) -> Result<(), Stopped> {
        let durable = *self.shared.core().pipeline.durable();
        let old = self.superblock.checkpoint;
        self.write_table().await;
        self.superblock.anchor = durable;
        self.write_superblock().await?;
        if let Some(old) = old.filter(|old| self.superblock.checkpoint != Some(*old))
            && self.superblock.checkpoint.map(checkpoint::file_name)
                != Some(checkpoint::file_name(old))
        {
            let removed = remove_files(&self.runtime.disk(), &[checkpoint::file_name(old)]).await;
            if let Err(error) = removed {
                tracing::warn!(%error, "an old checkpoint could not be removed");
            }
        }
        Ok(())
    }

    /// A checkpoint saves time at the next open and nothing else: failing is no reason to stop.
    async fn write_table(&mut self) {
        let table = self.shared.table();
        let last = table.last().map(|entry| entry.segment);
        if last == self.superblock.checkpoint.map(|name| name.segment) {
            return;
        }
        match write_checkpoint(&self.runtime.disk(), self.superblock.store, &table).await {
            Ok(Some(name)) => self.superblock.checkpoint = Some(name),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a checkpoint could not be written"),
        }
    }

    async fn answer(&mut self, request: Request) -> Result<(), Stopped> {
        let Request::KeepFrom(position, answer) = request;
        let durable = *self.shared.core().pipeline.durable();
        let table = self.shared.table();
        let floor = retention::floor_for(&table, position, &self.superblock.anchor);
        if floor > self.superblock.floor {
            self.superblock.floor = floor;
            // Both slots know the floor before a file goes: with one of them damaged, the other
            // must not miss what was retired.
            self.write_superblock().await?;
            self.write_superblock().await?;
            self.shared.change_table(|table| table.retire_below(floor));
            self.retire_files(table.entries().iter().take_while(|entry| entry.segment < floor))
                .await;
        }
        let first = self.shared.table().entries().first().map_or(durable.position, |e| e.first);
        let _ = answer.send(Ok(first));
        Ok(())
    }

    /// Keeps one file of a retired segment for a new life and removes the others.
    async fn retire_files(&mut self, entries: impl Iterator<Item = &segment::SegmentEntry>) {
        let mut removed = Vec::new();
        for entry in entries {
            if fields::u64_from(self.retired.len()) < self.settings.chosen.prepared_segments {
                self.retired.push((entry.segment, entry.segment_bytes));
            } else {
                removed.push(segment::file_name(entry.segment));
            }
        }
        if let Err(error) = remove_files(&self.runtime.disk(), &removed).await {
            tracing::warn!(%error, "retired segments could not be removed; the next open does it");
        }
    }

    /// Everything is written: says so, durably.
    async fn close_in_order(&mut self) -> Result<(), Stopped> {
        self.write_table().await;
        self.superblock.anchor = *self.shared.core().pipeline.durable();
        self.superblock.clean = true;
        self.write_superblock().await?;
        // Whoever is told that the store is closed in order has to find it.
        Ok(self.claim.stands()?)
    }
}
