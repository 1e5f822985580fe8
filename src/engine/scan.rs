//! Walks the groups of a log in order, from wherever their bytes come.
//!
//! Recovery, readers and the inspection tools share this walk, so that there is one notion of
//! "the next group". It stops at the first doubt and decides nothing.

use super::procedures::read_full;
use crate::{
    ids::{Epoch, SegmentId, StoreId},
    limits::{BLOCK_BYTES, BLOCK_LEN},
    log::{
        Anchor, Place,
        fields::{u64_from, usize_from},
        group::{GroupHeader, HEADER_BYTES},
        recovery::{BlockClass, Expected},
        segment::{self, SegmentEntry, SegmentTable},
    },
    runtime::{Disk, File, OpenMode},
};
use bytes::{Bytes, BytesMut};
use std::{future::Future, io, sync::Arc};

/// How much is read ahead in one call at most, in bytes.
pub(crate) const CHUNK_BYTES: usize = 1 << 20;

/// The same for a look that happens once: memory that is touched for the first time costs more
/// than the bytes that are read into it, 0.7 ms a MiB against 0.1 (strace of the recovery bench).
const BRIEF_CHUNK_BYTES: usize = 128 << 10;

/// How much is read ahead where a look begins, in bytes; each call after it takes twice as much.
/// The look behind a clean close ends where it begins.
const FIRST_CHUNK_BYTES: usize = 32 << 10;

/// How much of what was never written is read at a time, in bytes. Larger pieces save calls, but
/// their memory too is touched for the first time.
const ZEROS_BYTES: usize = 256 << 10;

/// Where bytes come from: a disk, or the read pool.
pub(crate) trait Source: Send {
    /// Appends up to `more` bytes to `kept`, which holds the bytes from `place` on. Fewer only at
    /// the end of the file.
    fn read(
        &mut self,
        place: Place,
        kept: BytesMut,
        more: usize,
    ) -> impl Future<Output = io::Result<BytesMut>> + Send;
}

/// Reads in the calling task.
pub(crate) struct DiskSource<D: Disk> {
    disk: D,
    /// The open file and the length that it had when it was last asked.
    file: Option<(SegmentId, Arc<D::File>, u64)>,
}

impl<D: Disk> DiskSource<D> {
    pub(crate) fn new(disk: D) -> Self {
        Self { disk, file: None }
    }

    async fn file(&mut self, segment: SegmentId) -> io::Result<(Arc<D::File>, u64)> {
        match &self.file {
            Some((open, file, bytes)) if *open == segment => Ok((Arc::clone(file), *bytes)),
            _ => {
                let name = segment::file_name(segment);
                let file = Arc::new(self.disk.open(&name, OpenMode::Read).await?);
                let bytes = file.len().await?;
                self.file = Some((segment, Arc::clone(&file), bytes));
                Ok((file, bytes))
            }
        }
    }
}

impl<D: Disk> Source for DiskSource<D> {
    async fn read(
        &mut self,
        place: Place,
        mut kept: BytesMut,
        more: usize,
    ) -> io::Result<BytesMut> {
        let (file, mut bytes) = self.file(place.segment).await?;
        let held = kept.len();
        let from = place.offset + u64_from(held);
        if from >= bytes {
            bytes = file.len().await?;
        }
        let left = bytes.saturating_sub(from);
        let wanted = more.min(usize::try_from(left).unwrap_or(usize::MAX));
        extend(file.as_ref(), &mut kept, from, wanted).await?;
        Ok(kept)
    }
}

/// Appends `wanted` bytes of the file from `from` on to `kept`; fewer at its end, or before what
/// cannot be read.
pub(crate) async fn extend<F: File>(
    file: &F,
    kept: &mut BytesMut,
    from: u64,
    mut wanted: usize,
) -> io::Result<()> {
    let held = kept.len();
    loop {
        kept.resize(held + wanted, 0);
        match read_full(file, &mut kept[held..], from).await {
            Ok(filled) => {
                kept.truncate(held + filled);
                return Ok(());
            }
            // One bad sector must not hide its neighbours: ask again for less.
            Err(_) if wanted > BLOCK_LEN => {
                wanted = (wanted / 2).max(BLOCK_LEN);
            }
            Err(error) => return Err(error),
        }
    }
}

/// A sliding view of one segment's bytes.
pub(crate) struct Window<S> {
    source: S,
    start: Option<Place>,
    held: BytesMut,
    /// Memory that was held before. It serves again once nobody has a group in it any more.
    spare: BytesMut,
    /// How much the next call reads ahead, and the most that one may.
    ahead: usize,
    ahead_max: usize,
    ended: bool,
    /// Memory for what was never written.
    piece: Vec<u8>,
}

impl<S: Source> Window<S> {
    pub(crate) fn new(source: S) -> Self {
        Self {
            source,
            start: None,
            held: BytesMut::new(),
            spare: BytesMut::new(),
            ahead: FIRST_CHUNK_BYTES,
            ahead_max: CHUNK_BYTES,
            ended: false,
            piece: Vec::new(),
        }
    }

    /// A window for a look that happens once and mostly at little.
    pub(crate) fn brief(source: S) -> Self {
        Self { ahead_max: BRIEF_CHUNK_BYTES, ..Self::new(source) }
    }

    /// Moves to `place` and reads until `bytes` are held there, or the file ends. `limit` is how
    /// many bytes the segment has behind `place`.
    pub(crate) async fn fill(
        &mut self,
        place: Place,
        bytes: usize,
        limit: u64,
    ) -> io::Result<&[u8]> {
        self.move_to(place);
        while self.held.len() < bytes && !self.ended {
            let left = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(self.held.len());
            let more = self.ahead.max(bytes - self.held.len()).min(left);
            if more == 0 {
                break;
            }
            self.ahead = self.ahead_max.min(2 * self.ahead);
            let before = self.held.len();
            let kept = self.with_room(more);
            self.start = None;
            self.held = self.source.read(place, kept, more).await?;
            self.start = Some(place);
            self.ended = self.held.len() == before;
        }
        Ok(&self.held)
    }

    /// What is held, in memory that takes `more` bytes. Groups that were taken share the memory
    /// they were read into, so two pieces of it serve in turns.
    fn with_room(&mut self, more: usize) -> BytesMut {
        let mut held = std::mem::take(&mut self.held);
        if held.try_reclaim(more) {
            return held;
        }
        let mut roomy = std::mem::take(&mut self.spare);
        roomy.clear();
        let needed = held.len() + more;
        if !roomy.try_reclaim(needed) {
            roomy = BytesMut::with_capacity(needed.max(2 * self.ahead_max));
        }
        roomy.extend_from_slice(&held);
        held.clear();
        self.spare = held;
        roomy
    }

    fn move_to(&mut self, place: Place) {
        let skip = self
            .start
            .filter(|start| start.segment == place.segment)
            .and_then(|start| place.offset.checked_sub(start.offset))
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|skip| *skip <= self.held.len());
        if let Some(skip) = skip {
            let _ = self.held.split_to(skip);
        } else {
            self.held.clear();
            self.ahead = FIRST_CHUNK_BYTES;
            self.ended = false;
        }
        self.start = Some(place);
    }

    /// Takes the first `bytes` that are held, without copying them.
    fn take(&mut self, bytes: usize) -> Bytes {
        let taken = self.held.split_to(bytes).freeze();
        if let Some(start) = &mut self.start {
            start.offset += u64_from(bytes);
        }
        taken
    }

    /// Forgets what is held, so that the next look goes to the source again.
    pub(crate) fn forget(&mut self) {
        self.start = None;
    }
}

impl<D: Disk> Window<DiskSource<D>> {
    /// How many bytes from `place` on are zeros, up to the offset `end`, as far as whole pieces
    /// tell; fewer where something cannot be read. What was never written is long, so it takes a
    /// way without the window's book-keeping: read and compared once, in memory that is not
    /// cleared in between.
    pub(crate) async fn zeros_ahead(&mut self, place: Place, end: u64) -> u64 {
        let Ok((file, bytes)) = self.source.file(place.segment).await else {
            return 0;
        };
        let end = bytes.min(end);
        let mut at = place.offset;
        if self.piece.is_empty() {
            self.piece = vec![0; ZEROS_BYTES];
        }
        while at < end {
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            let piece = &mut self.piece[..left.min(ZEROS_BYTES)];
            match read_full(file.as_ref(), piece, at).await {
                Ok(filled) if filled == piece.len() && segment::is_zero(piece) => {
                    at += u64_from(filled);
                }
                // Whatever it is, the window looks at it more closely.
                _ => break,
            }
        }
        at - place.offset
    }
}

/// What stands at the place that a walk has reached.
#[derive(Debug)]
pub(crate) enum Step {
    /// The right group.
    Group(Group),
    /// Something else.
    Doubt(BlockClass, Option<io::Error>),
}

/// A group, checked.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) header: GroupHeader,
    pub(crate) payload: Bytes,
}

/// A walk over the groups of a log.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub(crate) store: StoreId,
    /// The point that was reached.
    pub(crate) at: Anchor,
    /// The epoch of the last group.
    pub(crate) epoch: Epoch,
}

impl Walk {
    pub(crate) fn new(store: StoreId, at: Anchor, epoch: Epoch) -> Self {
        Self { store, at, epoch }
    }

    /// What has to follow in the segment that was reached, of which `entry` tells. None of its
    /// groups is of a lower epoch than its header says.
    pub(crate) fn expected(&self, entry: Option<&SegmentEntry>) -> Expected {
        let least = entry.map_or(self.epoch, |entry| entry.epoch);
        Expected::at(self.store, &self.at, self.epoch.max(least))
    }

    /// Takes one step. A doubt is looked at twice, since a read can be misdirected too.
    pub(crate) async fn step<S: Source>(
        &mut self,
        window: &mut Window<S>,
        table: &SegmentTable,
    ) -> Step {
        self.cross_segments(table);
        match self.look(window, table).await {
            Step::Doubt(BlockClass::End, _) => Step::Doubt(BlockClass::End, None),
            Step::Doubt(..) => {
                window.forget();
                self.look(window, table).await
            }
            group @ Step::Group(_) => group,
        }
    }

    /// A segment ends where the header of the next one says that it begins.
    fn cross_segments(&mut self, table: &SegmentTable) {
        while let Some(next) = table.entry(self.at.next.segment.next())
            && next.sequence == self.at.sequence
            && next.chain == self.at.chain
        {
            self.at.next = Place { segment: next.segment, offset: segment::HEADER_BYTES };
        }
    }

    async fn look<S: Source>(&mut self, window: &mut Window<S>, table: &SegmentTable) -> Step {
        let place = self.at.next;
        let entry = table.entry(place.segment);
        let segment_bytes = entry.map_or(0, |entry| entry.segment_bytes);
        let room = segment_bytes.saturating_sub(place.offset);
        if room < BLOCK_BYTES {
            return Step::Doubt(BlockClass::End, None);
        }
        let expected = self.expected(entry);
        let block = match window.fill(place, BLOCK_LEN, room).await {
            Ok(held) => &held[..held.len().min(BLOCK_LEN)],
            Err(error) => return Step::Doubt(BlockClass::Unreadable, Some(error)),
        };
        let header = match expected.classify(block) {
            Ok(header) if header.padded_bytes() <= room => header,
            Ok(_) => return Step::Doubt(BlockClass::TornHeader, None),
            Err(class) => return Step::Doubt(class, None),
        };
        let bytes = usize::try_from(header.padded_bytes()).unwrap_or(usize::MAX);
        match window.fill(place, bytes, room).await {
            Ok(held) if held.len() < bytes => return Step::Doubt(BlockClass::TornPayload, None),
            Ok(_) => {}
            Err(error) => return Step::Doubt(BlockClass::Unreadable, Some(error)),
        }
        let payload =
            window.held[HEADER_BYTES..][..usize_from(u64::from(header.payload_bytes))].as_ref();
        if !header.covers(payload) {
            return Step::Doubt(BlockClass::TornPayload, None);
        }
        let group = window.take(bytes);
        self.at = Anchor::behind(&header);
        self.epoch = header.epoch;
        Step::Group(Group {
            header,
            payload: group
                .slice(HEADER_BYTES..HEADER_BYTES + usize_from(u64::from(header.payload_bytes))),
        })
    }
}
