//! Looks at a whole store, damaged or not, and copies what is left of it elsewhere.
//!
//! For tools and operators; the engine itself never goes past damage. Nothing here takes a lock or
//! writes to the store that is looked at. What opens and where it ends is opening's own judgement,
//! of which nothing is repeated here. Reading order: `promises` and `map` (what the directory is),
//! `sweep` (the walk that goes past damage), `bodies` (what the commits are), `fork` (signs of a
//! second history), [`check()`], [`salvage()`].

mod bodies;
mod check;
mod fork;
mod map;
mod promises;
mod salvage;
mod sweep;

pub(super) use check::check_on;
pub use check::{CheckReport, TornTail, check};
pub use salvage::{SalvageError, SalvageReport, SalvagedRange, salvage};

use super::view::{View, look};
use crate::{
    error::OpenError,
    ids::{Position, SegmentId, Sequence},
    log::recovery::BlockClass,
    runtime::Disk,
};
use map::Map;
use std::fmt;

/// A directory as it is judged.
struct Judged {
    /// What there is.
    map: Map,
    /// What opening sees, or why it refuses.
    opening: Result<View, OpenError>,
}

impl Judged {
    /// Judges the directory; an error if there is nothing to be inspected.
    async fn of<D: Disk>(disk: &D) -> Result<Self, OpenError> {
        let opening = look(disk).await;
        let map = match &opening {
            Ok(view) => Map::of_view(disk, view).await?,
            Err(refusal) if refusal.leaves_a_store() => Map::draw(disk).await?,
            Err(_) => return Err(opening.expect_err("it was refused")),
        };
        Ok(Self { map, opening })
    }

    /// Groups from here on are not looked at: opening discards them.
    fn end(&self) -> Option<Sequence> {
        self.opening.as_ref().ok().map(|view| view.walked.sequence)
    }
}

/// How far an inspection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of groups that were read.
    pub bytes_done: u64,
    /// Bytes that there are at most.
    pub bytes_total: u64,
}

/// Told of progress, about once a megabyte.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// A slot of the superblock that was durable. One that a crash has torn in the middle of a
    /// write is no damage. While the other one holds, the store opens and the next opening for
    /// writing mends it.
    SuperblockSlot,
    /// The checkpoint. The store opens without it, only slower.
    Checkpoint,
    /// A segment's header, although the segment was in use.
    SegmentHeader,
    /// A segment's file is not there.
    SegmentMissing,
    /// A segment's file belongs to another store.
    ForeignSegment,
    /// Groups that were durable are damaged or missing.
    Groups,
    /// A group holds, yet a commit in it does not.
    Commit,
    /// Two writers were at work at once: this is of the other history. What was acknowledged in it
    /// is not in the store.
    Fork,
    /// A commit of a store of events holds, yet it is no append: another program wrote it. The log
    /// opens, the store does not.
    Body,
}

impl DamageKind {
    /// The kind as one word, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SuperblockSlot => "superblock_slot",
            Self::Checkpoint => "checkpoint",
            Self::SegmentHeader => "segment_header",
            Self::SegmentMissing => "segment_missing",
            Self::ForeignSegment => "foreign_segment",
            Self::Groups => "groups",
            Self::Commit => "commit",
            Self::Fork => "fork",
            Self::Body => "body",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::SuperblockSlot => "a superblock slot is damaged",
            Self::Checkpoint => "the checkpoint is damaged or missing; the store opens without it",
            Self::SegmentHeader => "the segment's header is damaged although it was in use",
            Self::SegmentMissing => "the segment's file is missing",
            Self::ForeignSegment => "the segment belongs to another store",
            Self::Groups => "groups that were durable are damaged or missing",
            Self::Commit => "a commit's frame does not hold although its group does",
            Self::Fork => {
                "a second writer was at work at the same time: this is of another history, and \
                 what was acknowledged in it is not in this one"
            }
            Self::Body => "a commit is no append of events although its frame holds",
        }
    }
}

/// A damaged range.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// What is damaged.
    pub kind: DamageKind,
    /// The file.
    pub file: String,
    /// The segment, if the file is one.
    pub segment: Option<SegmentId>,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes of the range, across the following segments if it goes on there.
    pub bytes: u64,
    /// What is lost with it, if that is known.
    pub lost: Option<LostGroups>,
    /// The commit, if it is one in a group that holds.
    pub commit: Option<BadCommit>,
}

/// A commit that does not hold in a group that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadCommit {
    /// Its first position.
    pub first: Position,
    /// How many positions it takes; of one whose frame does not hold, how many the rest of its
    /// group does.
    pub positions: u64,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Groups that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostGroups {
    /// The first of them.
    pub first: Sequence,
    /// How many; 0 if only the chain between two groups is broken.
    pub count: u64,
    /// The first position that is lost.
    pub from: Position,
    /// The first position behind them, if it is known.
    pub to: Option<Position>,
    /// What stands there instead.
    pub found: BlockClass,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, file, offset, bytes, .. } = self;
        write!(f, "{file} offset {offset}, {bytes} bytes: {}", kind.sentence())?;
        if let Some(commit) = &self.commit {
            write!(f, " (position {}: {})", commit.first, commit.reason)?;
        }
        let Some(lost) = &self.lost else {
            return Ok(());
        };
        let from = lost.from;
        write!(f, " ({} from group {}, positions ", lost.count, lost.first)?;
        match lost.to {
            Some(to) if to > from => write!(f, "{from} to {}", to.get() - 1)?,
            Some(_) => f.write_str("none")?,
            None => write!(f, "from {from} on")?,
        }
        write!(f, ", found {:?})", lost.found)
    }
}
