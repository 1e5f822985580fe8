//! One commit within a group's payload: a frame of [`FRAME_BYTES`] and the body.
//!
//! Each frame has a checksum of its own, bound to the position, so that a commit read alone
//! is known to be the one that was asked for. Knows nothing of where groups stand.

use crate::{
    ids::Position,
    limits::{COMMIT_POSITIONS_MAX, FRAME_BYTES},
    log::{
        fields::{Fields, len_u32, len_u64, usize_from},
        group::{GroupHeader, GroupKind},
    },
};

/// One commit as it stands in a group's payload, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommitView<'a> {
    /// Position of the commit's first event.
    pub first: Position,
    /// How many positions the commit takes; at least 1.
    pub positions: u32,
    /// Where the body begins, in bytes from the start of the payload.
    pub body_offset: usize,
    /// The commit's body.
    pub body: &'a [u8],
}

/// Walks the commits of a payload. Ends with an error at the first frame that does not hold.
#[derive(Clone, Debug)]
pub struct Commits<'a> {
    payload: &'a [u8],
    offset: usize,
    next: Position,
    remaining: u32,
}

/// A commit's frame does not hold although it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameFault {
    /// Where the frame begins, in bytes from the start of the payload.
    pub offset: usize,
}

impl<'a> Commits<'a> {
    /// The commits of a group with this header and payload. Groups of other kinds have none,
    /// whatever their payload.
    pub fn new(header: &GroupHeader, payload: &'a [u8]) -> Self {
        let payload = if header.kind == GroupKind::Commits { payload } else { &[] };
        Self { payload, offset: 0, next: header.first, remaining: header.commits }
    }

    fn frame(&self) -> Option<CommitView<'a>> {
        let commit = CommitView::at(self.payload.get(self.offset..)?, self.next)?;
        Some(CommitView { body_offset: self.offset + commit.body_offset, ..commit })
    }
}

impl<'a> Iterator for Commits<'a> {
    type Item = Result<CommitView<'a>, FrameFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.offset;
        if self.remaining == 0 {
            // A payload that goes on behind its last commit was not written by this format.
            let whole = offset == self.payload.len();
            self.offset = self.payload.len();
            return (!whole).then_some(Err(FrameFault { offset }));
        }
        self.remaining -= 1;
        let Some(commit) = self.frame() else {
            self.remaining = 0;
            self.offset = self.payload.len();
            return Some(Err(FrameFault { offset }));
        };
        self.offset = commit.body_offset + commit.body.len();
        self.next = self.next.plus(u64::from(commit.positions));
        Some(Ok(commit))
    }
}

/// A commit ready to be put into a group. Its checksum is computed before the writer's lock is
/// taken; only the stamp and the position are mixed in under it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub(super) body: &'a [u8],
    pub(super) stamp: &'a [u8],
    pub(super) positions: u32,
    crc: u32,
}

impl<'a> Frame<'a> {
    /// The frame of a commit with this body that takes `positions` positions.
    ///
    /// # Panics
    /// If the body exceeds 4 GiB; the limits refuse it long before.
    pub fn new(body: &'a [u8], positions: u32) -> Self {
        FrameDraft::new(body, 0, positions).stamped(body, &[])
    }

    /// Bytes that the commit takes in a payload.
    pub fn bytes(&self) -> u64 {
        FRAME_BYTES + len_u64(self.body) + len_u64(self.stamp)
    }

    /// How many positions the commit takes.
    pub fn positions(&self) -> u32 {
        self.positions
    }

    /// The stored length of the body, stamp included.
    pub(super) fn body_bytes(&self) -> u32 {
        len_u32(self.body) + len_u32(self.stamp)
    }

    /// The stored checksum: the content's, with both halves of the position folded in, so that a
    /// commit read alone is known to be the one that was asked for.
    pub(super) fn sealed_at(&self, first: Position) -> u32 {
        let bytes = first.get().to_le_bytes();
        let mut halves = Fields::new(&bytes);
        let low = halves.u32().unwrap_or_default();
        let high = halves.u32().unwrap_or_default();
        self.crc ^ low ^ high
    }
}

/// The frame of a commit whose last bytes, the stamp, are not known yet: most of its checksum.
#[derive(Clone, Debug)]
pub struct FrameDraft {
    hasher: crc32fast::Hasher,
    stamp_bytes: usize,
    positions: u32,
}

impl FrameDraft {
    /// The draft of a commit that begins with `body`, goes on with a stamp of `stamp_bytes`, and
    /// takes `positions` positions.
    ///
    /// # Panics
    /// If both together exceed 4 GiB; the limits refuse it long before.
    pub fn new(body: &[u8], stamp_bytes: usize, positions: u32) -> Self {
        let bytes = u32::try_from(body.len() + stamp_bytes).expect("the limits fit 32 bits");
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&bytes.to_le_bytes());
        hasher.update(&positions.to_le_bytes());
        hasher.update(body);
        Self { hasher, stamp_bytes, positions }
    }

    /// The frame with its stamp. `body` is the one that the draft was made from.
    ///
    /// # Panics
    /// If the stamp is not as long as was said.
    pub fn stamped<'a>(&self, body: &'a [u8], stamp: &'a [u8]) -> Frame<'a> {
        assert_eq!(stamp.len(), self.stamp_bytes, "the stamp is as long as was said");
        let mut hasher = self.hasher.clone();
        hasher.update(stamp);
        Frame { body, stamp, positions: self.positions, crc: hasher.finalize() }
    }
}

impl<'a> CommitView<'a> {
    /// The commit whose frame begins `bytes`, if it is whole and the one at `first`.
    pub fn at(bytes: &'a [u8], first: Position) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let length = fields.u32()?;
        let crc = fields.u32()?;
        let positions = fields.u32()?;
        let reserved = fields.u32()?;
        let body = fields.bytes(usize_from(u64::from(length)))?;
        let sealed = Frame::new(body, positions).sealed_at(first);
        (crc == sealed && reserved == 0 && (1..=COMMIT_POSITIONS_MAX).contains(&positions))
            .then_some(Self { first, positions, body_offset: usize_from(FRAME_BYTES), body })
    }
}
