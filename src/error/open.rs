//! What stands in the way of opening: somebody else, the format, damage, or the disk.

use super::CorruptionReport;
use crate::ids::{Position, SegmentId, StoreId};
use std::{error::Error, fmt, io, sync::Arc};

/// Why a log cannot be opened. Nothing was changed, unless a variant says so.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no store in the directory. Create one, or correct the path.
    NotAStore {
        /// What was found instead.
        reason: String,
    },
    /// There is no store in the directory, and it is not empty: it belongs to somebody else, and
    /// nothing was made in it. Name an empty one, or say [`crate::Options::among_others`].
    Occupied {
        /// What is there, sorted; the name of a directory ends with `/`.
        names: Vec<String>,
    },
    /// Another process, or another handle of this one, has the store open for writing. Close it,
    /// or use [`crate::ReadOnlyLog`]. Handles that were dropped without [`crate::Store::close`] or
    /// [`crate::Log::close`] close in the background: try again a moment later, or call `close`.
    Locked,
    /// The store was written by a newer version of the format. Upgrade this program.
    NewerFormat {
        /// The version found.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// Acknowledged data is damaged or missing. Restore a backup, or copy what is left with
    /// `sagalog salvage`; opening never repairs by deleting. If the report
    /// [is of what cannot be read](CorruptionReport::is_unreadable), try again first: the store may
    /// be sound, and the disk may read it yet.
    Corrupt(Box<CorruptionReport>),
    /// Both superblock slots are damaged, or their file is gone: the store does not know what it
    /// promised. Restore a backup, or copy what is left with `sagalog salvage`.
    SuperblockDamaged,
    /// As before, and no segment's header and no checkpoint names the store any more either: none
    /// of its groups can be told from other bytes, so that nothing can be salvaged. Restore a
    /// backup.
    IdentityLost,
    /// A segment is missing between others, or the last one that was prepared is. Restore a backup,
    /// or copy what is left with `sagalog salvage`.
    SegmentMissing(SegmentId),
    /// A segment's header is damaged although the segment was in use. Restore a backup, or copy
    /// what is left with `sagalog salvage`.
    SegmentDamaged(SegmentId),
    /// A file belongs to another store, or to no store: the directory is a mixture of two. Take the
    /// file out; if a file of this store was in its place, the next opening says so.
    ForeignFile {
        /// The file.
        name: String,
        /// The store that it belongs to, if it says so.
        store: Option<StoreId>,
    },
    /// A commit's checksum holds, yet it is no append of events: the directory holds a bare log,
    /// or another program wrote to it. Nobody knows which streams, keys and fences it changed, so
    /// that no guard could be judged behind it, and the store is not opened for writing. Open it
    /// for reading ([`crate::Store::open_read_only_with`]): all other commits can be read, and
    /// copied into a new store with `sagalog salvage`. Or open it as a [`crate::Log`].
    Undecodable {
        /// Where the commit begins.
        position: Position,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The index lacks and may not be written. Open the store for writing once.
    IndexMissing,
    /// The options contradict each other or the format; the text says which.
    Options(String),
    /// The disk or the operating system refused a call. Try again, or see the source. On a disk
    /// without space a store that was not closed in order cannot be opened for writing, since the
    /// log goes on in a new segment: make room, or open it read-only meanwhile.
    Io(Arc<io::Error>),
}

/// What to do about damage that an opening has found.
const RESTORE_OR_SALVAGE: &str = "restore a backup, or copy what is left with `sagalog salvage`";

fn is_want_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAStore { reason } => write!(f, "no sagalog store here: {reason}"),
            Self::Occupied { names } => write!(
                f,
                "the directory holds no store, but {}, so that none was made in it; name an empty \
                 one, or say that the store may stand among others' files",
                Listed(names)
            ),
            Self::Locked => {
                f.write_str("the store is open for writing elsewhere; close it or open read-only")
            }
            Self::NewerFormat { found, supported } => write!(
                f,
                "the store has format {found}, this program reads up to {supported}; upgrade it"
            ),
            Self::Corrupt(report) if report.is_unreadable() => write!(
                f,
                "the disk cannot read what may be acknowledged data, which need not be damaged; \
                 open again, and look at the disk if that does not help: {report}"
            ),
            Self::Corrupt(report) => {
                write!(f, "acknowledged data is damaged: {report}; {RESTORE_OR_SALVAGE}")
            }
            Self::SuperblockDamaged => {
                write!(f, "both superblock slots are damaged or missing; {RESTORE_OR_SALVAGE}")
            }
            Self::IdentityLost => f.write_str(
                "both superblock slots are damaged or missing, and no segment header and no \
                 checkpoint is left that names the store, so that nothing of it can be told from \
                 other bytes; restore a backup",
            ),
            Self::SegmentMissing(segment) => {
                write!(f, "segment {segment} is missing; {RESTORE_OR_SALVAGE}")
            }
            Self::SegmentDamaged(segment) => write!(
                f,
                "the header of segment {segment} is damaged although it was in use; \
                 {RESTORE_OR_SALVAGE}"
            ),
            Self::ForeignFile { name, store: Some(store) } => {
                write!(f, "file {name} belongs to another store, {store}; take it out")
            }
            Self::ForeignFile { name, store: None } => write!(
                f,
                "file {name} could be a segment but does not belong to this store; take it out"
            ),
            Self::Undecodable { position, reason } => write!(
                f,
                "the commit at position {position} is no append of events: {reason}; nothing can \
                 be written behind it: open the store for reading, or copy all appends with \
                 `sagalog salvage`; a bare log opens as a `Log`"
            ),
            Self::IndexMissing => {
                f.write_str("the index is missing; open the store for writing once to rebuild it")
            }
            Self::Options(reason) => write!(f, "the options do not fit: {reason}"),
            Self::Io(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                write!(f, "this user may not use the store's files: {source}")
            }
            Self::Io(source) if is_want_of_room(source) => {
                write!(f, "no room to open for writing: {source}; make room, or open read-only")
            }
            Self::Io(source) => write!(f, "the disk refused: {source}"),
        }
    }
}

/// How many names a sentence lists.
const LISTED_MAX: usize = 5;

/// Names, as far as a sentence has room for them.
struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, others) = self.0.split_at(self.0.len().min(LISTED_MAX));
        let shown: Vec<String> = shown.iter().map(|name| format!("`{name}`")).collect();
        f.write_str(&shown.join(", "))?;
        if others.is_empty() { Ok(()) } else { write!(f, " and {} more", others.len()) }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl OpenError {
    /// Whether a store may be there all the same, so that it can be inspected and salvaged.
    pub(crate) fn leaves_a_store(&self) -> bool {
        match self {
            Self::Corrupt(_)
            | Self::SuperblockDamaged
            | Self::SegmentMissing(_)
            | Self::SegmentDamaged(_)
            | Self::ForeignFile { .. }
            | Self::Undecodable { .. }
            | Self::IndexMissing
            | Self::Io(_) => true,
            Self::NotAStore { .. }
            | Self::Occupied { .. }
            | Self::IdentityLost
            | Self::Locked
            | Self::NewerFormat { .. }
            | Self::Options(_) => false,
        }
    }

    /// Why the directory of a store cannot be opened. That there is none is no refusal of the disk.
    #[cfg(feature = "tokio")]
    pub(crate) fn of_directory(error: io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such directory",
            io::ErrorKind::NotADirectory => "this is a file, a store is a directory",
            _ => return Self::from(error),
        };
        Self::NotAStore { reason: reason.into() }
    }
}

impl From<io::Error> for OpenError {
    fn from(source: io::Error) -> Self {
        Self::Io(Arc::new(source))
    }
}
