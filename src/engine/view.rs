//! A look at a log from outside: what is durable at this moment, beside a writer or without one.
//!
//! Takes no lock and writes nothing. A running writer moves things while they are looked at, so a
//! look that finds a contradiction is repeated; only what stands still is reported as damage.

use super::{
    recover::find_end_beside_writer,
    survey::{Found, OpenWarning, survey},
};
use crate::{
    error::OpenError,
    ids::{Epoch, Position, SegmentId, Sequence},
    log::{
        Anchor,
        recovery::{BlockClass, Row},
        segment::SegmentTable,
        superblock::{CheckpointName, Superblock},
    },
    runtime::Disk,
};
use std::sync::Arc;

/// How often a log is looked at before what was found is believed.
const LOOKS_MAX: usize = 3;

/// What one look has shown.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) superblock: Superblock,
    pub(crate) table: Arc<SegmentTable>,
    /// The end of what is proven durable.
    pub(crate) durable: Anchor,
    /// The end of what is whole, proven or not.
    pub(crate) walked: Anchor,
    /// What stands there.
    pub(crate) class: BlockClass,
    /// Bytes behind it that a writer would discard.
    pub(crate) torn_bytes: u64,
    /// Whether the store was closed in order and nobody has opened it for writing since.
    pub(crate) clean: bool,
    /// The highest epoch seen.
    epoch: Epoch,
    /// Whether a file of the index lies here, which only a store of events has.
    pub(crate) indexed: bool,
    /// The checkpoint that the superblock names, if it does not hold.
    pub(crate) lost_checkpoint: Option<CheckpointName>,
    pub(crate) warnings: Vec<OpenWarning>,
}

impl View {
    /// The lowest position that is kept.
    pub(crate) fn floor(&self) -> Position {
        let first = self.table.entries().first();
        first.map_or(self.durable.position, |entry| entry.first)
    }

    /// The segment that was begun and not started, if what is whole reaches into one: its header is
    /// still to be written.
    pub(crate) fn begun(&self) -> Option<SegmentId> {
        let segment = self.walked.next.segment;
        self.table.entry(segment).is_none().then_some(segment)
    }

    /// Whether the log proves that a newer superblock than this one was durable: nothing is written
    /// under an epoch, or to a segment, before the superblock that names it is. Without that a slot
    /// that does not hold may be a write that a crash has torn, which promised nothing.
    pub(crate) fn outlived_superblock(&self) -> bool {
        self.epoch > self.superblock.epoch
            || self.warnings.contains(&OpenWarning::SuperblockOutdated)
    }

    /// The first segment that is kept.
    pub(crate) fn first_segment(&self) -> SegmentId {
        self.superblock.floor
    }
}

/// Looks at the log.
pub(crate) async fn look<D: Disk>(disk: &D) -> Result<View, OpenError> {
    let mut doubted = None;
    let mut looks = 1;
    loop {
        match look_once(disk, &mut doubted).await {
            Err(error) if looks < LOOKS_MAX && may_be_passing(&error) => looks += 1,
            // A writer may have named another one meanwhile, and removed this one.
            Ok(view) if looks < LOOKS_MAX && view.lost_checkpoint.is_some() => looks += 1,
            outcome => return outcome,
        }
    }
}

/// Whether a writer at work can make a sound store look like this for a moment.
fn may_be_passing(error: &OpenError) -> bool {
    match error {
        OpenError::Corrupt(_)
        | OpenError::SuperblockDamaged
        | OpenError::IdentityLost
        | OpenError::SegmentMissing(_)
        | OpenError::SegmentDamaged(_)
        | OpenError::ForeignFile { .. }
        | OpenError::Io(_) => true,
        OpenError::NotAStore { .. }
        | OpenError::Occupied { .. }
        | OpenError::Undecodable { .. }
        | OpenError::IndexMissing
        | OpenError::Locked
        | OpenError::NewerFormat { .. }
        | OpenError::Options(_) => false,
    }
}

async fn look_once<D: Disk>(disk: &D, doubted: &mut Option<Sequence>) -> Result<View, OpenError> {
    let survey = match survey(disk).await? {
        Found::Store(survey) => *survey,
        Found::Empty(_) => {
            return Err(OpenError::NotAStore { reason: "the directory has no superblock".into() });
        }
    };
    let finding = find_end_beside_writer(disk, &survey, doubted).await?;
    Ok(View {
        superblock: survey.superblock,
        table: Arc::new(survey.table),
        durable: finding.durable,
        walked: finding.walked,
        class: finding.class,
        torn_bytes: finding.discarded_bytes,
        clean: finding.row.is_some_and(Row::proves_clean_close),
        epoch: finding.epoch,
        indexed: survey.indexed,
        lost_checkpoint: survey.lost_checkpoint,
        warnings: survey.warnings,
    })
}
