//! Reads what a directory says of itself: superblock, names, headers. Changes nothing.
//!
//! Opening for writing, opening read-only and the inspection tools all begin here.

mod unnamed;

pub(crate) use unnamed::identity;

use super::{directory::FileKind, procedures::read_file};
use crate::{
    error::OpenError,
    ids::{SegmentId, Sequence, StoreId},
    limits::{BLOCK_BYTES, BLOCK_LEN},
    log::{
        checkpoint,
        fields::usize_from,
        segment::{self, FORMAT, SegmentEntry, SegmentFault, SegmentHeader, SegmentTable},
        superblock::{self, CheckpointName, Choice, Superblock},
    },
    options::{Options, Settings},
    runtime::Disk,
};
use std::{collections::BTreeSet, fmt};
use unnamed::{is_of_creation, never_started, without_superblock};

/// What was noticed on the way and did not keep the store from opening.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenWarning {
    /// One superblock slot is damaged; the other one was used.
    SuperblockSlotDamaged,
    /// The superblock is older than the log: the disk lost a write that it had confirmed.
    SuperblockOutdated,
    /// The checkpoint is missing or damaged; the headers were read instead.
    CheckpointUnusable,
    /// A file that Sagalog does not know.
    UnknownFile(String),
}

impl fmt::Display for OpenWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SuperblockSlotDamaged => f.write_str(
                "one superblock slot does not hold, as after a crash in the middle of its write; \
                 the other one was used, and the next opening for writing mends it",
            ),
            Self::SuperblockOutdated => f.write_str(
                "the superblock is older than the log: the disk lost a write that it had confirmed",
            ),
            Self::CheckpointUnusable => {
                f.write_str("the checkpoint is missing or damaged; the headers were read instead")
            }
            Self::UnknownFile(name) => write!(f, "the file `{name}` is none of sagalog's"),
        }
    }
}

/// The directory, read.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) superblock: Superblock,
    /// The started segments.
    pub(crate) table: SegmentTable,
    /// The last group that a header calls durable, of those that were read.
    pub(crate) durable_through: Sequence,
    /// Whether the table came from a checkpoint.
    pub(crate) checkpoint_used: bool,
    /// The checkpoint that the superblock names, if it does not hold.
    pub(crate) lost_checkpoint: Option<CheckpointName>,
    /// Files that nothing refers to and that a writer may remove.
    pub(crate) leftovers: Vec<String>,
    /// Whether a file of the index lies here, which only a store of events has.
    pub(crate) indexed: bool,
    pub(crate) warnings: Vec<OpenWarning>,
}

/// What the directory is.
#[derive(Debug)]
pub(crate) enum Found {
    /// A store.
    Store(Box<Survey>),
    /// No file of a store, or an interrupted creation; and what else is there, which is another's.
    Empty(Vec<String>),
}

/// Surveys the directory.
pub(crate) async fn survey<D: Disk>(disk: &D) -> Result<Found, OpenError> {
    let names = disk.list().await?;
    let segments: BTreeSet<SegmentId> =
        names.iter().filter_map(|name| segment::parse_file_name(name)).collect();
    if !names.iter().any(|name| name == superblock::FILE_NAME) {
        return match without_superblock(disk, &names).await {
            OpenError::IdentityLost if never_started(disk, &names).await? => {
                Ok(Found::Empty(names.into_iter().filter(|name| !is_of_creation(name)).collect()))
            }
            refusal => Err(refusal),
        };
    }
    let (superblock, damaged) = match read_superblock(disk).await? {
        Choice::Use { superblock, damaged } => (superblock, damaged),
        Choice::Damaged => return Err(without_superblock(disk, &names).await),
        Choice::Newer(found) => {
            return Err(OpenError::NewerFormat { found, supported: FORMAT });
        }
    };
    let mut survey = Survey {
        superblock,
        table: SegmentTable::new(),
        durable_through: Sequence::default(),
        checkpoint_used: false,
        lost_checkpoint: None,
        leftovers: Vec::new(),
        indexed: false,
        warnings: Vec::new(),
    };
    if damaged {
        survey.warnings.push(OpenWarning::SuperblockSlotDamaged);
    }
    survey.read_table(disk, &segments).await?;
    survey.sort_names(&names, &segments)?;
    Ok(Found::Store(Box::new(survey)))
}

/// Surveys the directory for an opening with `options`, which refuses what is none of its business;
/// and says what they come to there.
pub(crate) async fn survey_for<D: Disk>(
    disk: &D,
    options: &Options,
) -> Result<(Found, Settings), OpenError> {
    let found = survey(disk).await?;
    let settings = match &found {
        Found::Store(survey) => options.of(survey.superblock.chosen)?,
        Found::Empty(_) => options.for_new_store()?,
    };
    match found {
        Found::Empty(_) if !options.creates() => {
            Err(OpenError::NotAStore { reason: "the directory has no superblock".into() })
        }
        Found::Empty(names) if !names.is_empty() && !settings.among_others => {
            Err(OpenError::Occupied { names })
        }
        found => Ok((found, settings)),
    }
}

/// Reads both slots. Bad news is asked for twice, since a read can be misdirected too.
async fn read_superblock<D: Disk>(disk: &D) -> Result<Choice, OpenError> {
    match look_at_superblock(disk).await? {
        sound @ Choice::Use { damaged: false, .. } => Ok(sound),
        _ => look_at_superblock(disk).await,
    }
}

async fn look_at_superblock<D: Disk>(disk: &D) -> Result<Choice, OpenError> {
    let bytes = read_file(disk, superblock::FILE_NAME, usize_from(superblock::FILE_BYTES)).await?;
    let slot = |at: u64| {
        let from = bytes.len().min(usize_from(at));
        let to = bytes.len().min(usize_from(at + BLOCK_BYTES));
        Superblock::decode(&bytes[from..to])
    };
    Ok(superblock::choose(slot(0), slot(superblock::SLOT_BYTES)))
}

impl Survey {
    async fn read_table<D: Disk>(
        &mut self,
        disk: &D,
        segments: &BTreeSet<SegmentId>,
    ) -> Result<(), OpenError> {
        let floor = self.superblock.floor;
        self.table = self.read_checkpoint(disk).await;
        self.table.retire_below(floor);
        if self.table.entries().first().is_some_and(|first| first.segment != floor) {
            self.table = SegmentTable::new();
        }
        self.checkpoint_used = !self.table.entries().is_empty();
        let prepared_through = self.superblock.prepared_through;
        let known = (floor.get()..=prepared_through.get()).map(SegmentId::new);
        if let Some(missing) = known.into_iter().find(|segment| !segments.contains(segment)) {
            return Err(OpenError::SegmentMissing(missing));
        }
        self.verify_active_headers(disk).await?;
        let from = self.table.last().map_or(floor, |last| last.segment.next());
        let mut unstarted = None;
        for segment in segments.range(from..) {
            match (read_header(disk, self, *segment).await?, unstarted) {
                (Some(_), Some(unstarted)) => return Err(OpenError::SegmentDamaged(unstarted)),
                (Some(header), None) => self.add(&header)?,
                (None, _) => unstarted = unstarted.or(Some(*segment)),
            }
        }
        let anchor = self.superblock.anchor;
        if anchor.last.is_some() && self.table.entry(anchor.next.segment).is_none() {
            return Err(OpenError::SegmentDamaged(anchor.next.segment));
        }
        Ok(())
    }

    /// The last segment that can hold groups. One that the superblock does not name was not
    /// started; if it holds groups all the same, the superblock that named it is lost.
    pub(crate) fn written_through(&self) -> SegmentId {
        let unnamed = self.leftovers.iter().filter_map(|name| segment::parse_file_name(name));
        unnamed.fold(self.superblock.prepared_through, SegmentId::max)
    }

    /// Groups of `segment` count. If only a lost superblock named it, the next one does again, so
    /// that its file is not removed as one that nothing refers to.
    pub(crate) fn keep(&mut self, segment: SegmentId) {
        if segment > self.superblock.prepared_through {
            self.superblock.prepared_through = segment;
            self.warnings.push(OpenWarning::SuperblockOutdated);
            let name = segment::file_name(segment);
            self.leftovers.retain(|leftover| *leftover != name);
        }
    }

    /// What a checkpoint says of the segments that recovery walks through has to stand in them too.
    async fn verify_active_headers<D: Disk>(&mut self, disk: &D) -> Result<(), OpenError> {
        let walked = self.superblock.anchor.next.segment;
        let mut headers = Vec::new();
        for entry in self.table.entries().iter().filter(|entry| entry.segment >= walked) {
            let header = read_header(disk, self, entry.segment).await?;
            let header = header.filter(|header| entry.agrees_with(header));
            headers.push(header.ok_or(OpenError::SegmentDamaged(entry.segment))?);
        }
        for header in headers {
            self.durable_through = self.durable_through.max(header.durable_through);
            self.table.learn(&header);
        }
        Ok(())
    }

    fn add(&mut self, header: &SegmentHeader) -> Result<(), OpenError> {
        let entry = SegmentEntry::from(header);
        let follows = self.table.last().is_none_or(|last| {
            last.segment.next() == entry.segment
                && last.sequence <= entry.sequence
                && last.first <= entry.first
        });
        if !follows {
            let gap = self.table.last().map_or(entry.segment, |last| last.segment.next());
            return Err(OpenError::SegmentMissing(gap));
        }
        if entry.segment > self.superblock.prepared_through {
            // The disk lost the superblock that named this segment. What the segment holds counts.
            self.superblock.prepared_through = entry.segment;
            self.warnings.push(OpenWarning::SuperblockOutdated);
        }
        self.durable_through = self.durable_through.max(header.durable_through);
        self.table.push(entry);
        Ok(())
    }

    async fn read_checkpoint<D: Disk>(&mut self, disk: &D) -> SegmentTable {
        let Some(name) = self.superblock.checkpoint else {
            return SegmentTable::new();
        };
        for _ in 0..2 {
            if let Some(table) = self.look_at_checkpoint(disk, name).await {
                return table;
            }
        }
        self.warnings.push(OpenWarning::CheckpointUnusable);
        // The superblock gives it up, so that a new one is made.
        self.lost_checkpoint = self.superblock.checkpoint.take();
        SegmentTable::new()
    }

    async fn look_at_checkpoint<D: Disk>(
        &self,
        disk: &D,
        name: CheckpointName,
    ) -> Option<SegmentTable> {
        let bytes = checkpoint::bytes_to_read(name)?;
        let bytes = read_file(disk, &checkpoint::file_name(name), bytes).await;
        let Superblock { store, prepared_through, .. } = self.superblock;
        checkpoint::decode(&bytes.ok()?, name, store, prepared_through)
    }

    /// Tells leftovers from foreign files.
    fn sort_names(
        &mut self,
        names: &[String],
        segments: &BTreeSet<SegmentId>,
    ) -> Result<(), OpenError> {
        let kept = self.superblock.floor..=self.superblock.prepared_through;
        let spare = self.superblock.prepared_through.next();
        for segment in segments.iter().filter(|segment| !kept.contains(segment)) {
            let name = segment::file_name(*segment);
            if *segment > spare {
                return Err(OpenError::ForeignFile { name, store: None });
            }
            self.leftovers.push(name);
        }
        let checkpoint = self.superblock.checkpoint.map(checkpoint::file_name);
        for name in names {
            match FileKind::of(name) {
                FileKind::Draft => self.leftovers.push(name.clone()),
                FileKind::Checkpoint if checkpoint.as_ref() != Some(name) => {
                    self.leftovers.push(name.clone());
                }
                FileKind::MalformedSegment => {
                    return Err(OpenError::ForeignFile { name: name.clone(), store: None });
                }
                FileKind::Run => self.indexed = true,
                FileKind::Unknown => self.warnings.push(OpenWarning::UnknownFile(name.clone())),
                FileKind::Lock
                | FileKind::Superblock
                | FileKind::Segment(_)
                | FileKind::Checkpoint
                | FileKind::Request => {}
            }
        }
        Ok(())
    }
}

/// The header of `segment`, or `None` if the segment was not started.
async fn read_header<D: Disk>(
    disk: &D,
    survey: &Survey,
    segment: SegmentId,
) -> Result<Option<SegmentHeader>, OpenError> {
    let store = survey.superblock.store;
    let mut header = look_at_header(disk, store, segment).await?;
    if header.is_err() {
        header = look_at_header(disk, store, segment).await?;
    }
    match header {
        Ok(header) => Ok(Some(header)),
        Err(SegmentFault::Zero | SegmentFault::Damaged) => Ok(None),
        Err(SegmentFault::OtherSegment(other)) if other < segment => Ok(None),
        Err(SegmentFault::OtherSegment(_)) => Err(OpenError::SegmentDamaged(segment)),
        Err(SegmentFault::OtherStore(store)) => {
            Err(OpenError::ForeignFile { name: segment::file_name(segment), store: Some(store) })
        }
        Err(SegmentFault::Newer(found)) => Err(OpenError::NewerFormat { found, supported: FORMAT }),
    }
}

async fn look_at_header<D: Disk>(
    disk: &D,
    store: StoreId,
    segment: SegmentId,
) -> Result<Result<SegmentHeader, SegmentFault>, OpenError> {
    let block = read_file(disk, &segment::file_name(segment), BLOCK_LEN).await?;
    Ok(SegmentHeader::decode(&block, store, segment))
}
