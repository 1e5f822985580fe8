//! What the names in a store's directory stand for: the one list of them.
//!
//! It reads names and never the content of a file. The invariant it guards: this list has every
//! name that Sagalog gives to a file. So no part of Sagalog calls a file of another part unknown.

use super::{
    procedures::{CHECKPOINT_DRAFT, LOCK_FILE, SUPERBLOCK_DRAFT},
    sagas::requests,
};
use crate::{
    ids::SegmentId,
    log::{checkpoint, segment, superblock},
    store::run_name::RunName,
};

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// The lock, which is empty.
    Lock,
    /// The superblock.
    Superblock,
    /// A superblock or a checkpoint before it gets its name; nothing refers to it.
    Draft,
    /// A segment of the log.
    Segment(SegmentId),
    /// A table of segments, current or not.
    Checkpoint,
    /// A file of the index. Only stores of events have them.
    Run,
    /// An operator's request to a saga, or its answer.
    Request,
    /// Begins like a segment's name and is none.
    MalformedSegment,
    /// Not Sagalog's.
    Unknown,
}

impl FileKind {
    /// What a file of this name is.
    pub(crate) fn of(name: &str) -> Self {
        if let Some(segment) = segment::parse_file_name(name) {
            return Self::Segment(segment);
        }
        match name {
            LOCK_FILE => Self::Lock,
            superblock::FILE_NAME => Self::Superblock,
            SUPERBLOCK_DRAFT | CHECKPOINT_DRAFT => Self::Draft,
            _ if name.starts_with("log-") => Self::MalformedSegment,
            _ if checkpoint::is_file_name(name) => Self::Checkpoint,
            _ if RunName::parse(name).is_some() => Self::Run,
            _ if requests::is_file_name(name) => Self::Request,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_sagalog_gives_is_known() {
        let request = "saga-request-00112233445566778899aabbccddeeff";
        for (name, kind) in [
            ("LOCK", FileKind::Lock),
            ("STORE", FileKind::Superblock),
            ("STORE.draft", FileKind::Draft),
            ("checkpoint.draft", FileKind::Draft),
            ("log-00000000000000000007.seg", FileKind::Segment(SegmentId::new(7))),
            ("log-7.seg", FileKind::MalformedSegment),
            ("checkpoint-00000000000000000007.ckpt", FileKind::Checkpoint),
            ("run-00000000000000000000-00000000000000000009.idx", FileKind::Run),
            ("run-00000000000000000009-00000000000000000000.idx", FileKind::Unknown),
            (request, FileKind::Request),
            ("index-00000000000000000001.idx", FileKind::Unknown),
            ("checkpoint-of-a-model", FileKind::Unknown),
            ("checkpoint-500/", FileKind::Unknown),
            ("checkpoint-7.ckpt", FileKind::Unknown),
            ("notes.txt", FileKind::Unknown),
        ] {
            assert_eq!(FileKind::of(name), kind, "{name}");
        }
    }
}
