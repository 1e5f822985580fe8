//! Postings: where the events behind a term lie in the log, and their compact encoding.
//!
//! A chunk is a row of postings of one term, ascending by position. The position of the first one
//! stands outside the chunk, with whoever holds it; everything else is inside, the first posting
//! in full and each further one as its difference to the one before. Does not know terms or pages.
//!
//! ```text
//! first:  index | segment | offset | class
//! others: head = (distance in positions - 1) << 2 | form, then by form
//!   0 same commit:   nothing
//!   1 same segment:  index | offset, difference | class
//!   2 anywhere:      index | segment | offset | class
//! ```

use crate::{
    ids::{Position, SegmentId},
    limits::{COMMIT_POSITIONS_MAX, COUNTER_MAX, SEGMENT_BYTES_MAX},
    log::{Place, fields::u64_from},
    store::{fault::RunFault, varint},
};

/// The unit in which a frame's length is kept.
const CLASS_BYTES: u32 = 64;

const SAME_COMMIT: u64 = 0;
const SAME_SEGMENT: u64 = 1;
const ANYWHERE: u64 = 2;

/// Where one event lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posting {
    /// The event's position.
    pub(crate) position: Position,
    /// The event's place in its commit, from 0.
    pub(crate) index: u16,
    /// Where the commit's frame begins.
    pub(crate) place: Place,
    /// Bytes of the frame and its body, a hint for reading: rounded up, 0 if unknown or large.
    pub(crate) bytes: u32,
}

impl Posting {
    /// The first position of the commit that the event is part of.
    pub(crate) fn commit_first(&self) -> Position {
        Position::new(self.position.get().saturating_sub(self.index.into()))
    }

    fn class(&self) -> u8 {
        u8::try_from(self.bytes.div_ceil(CLASS_BYTES)).unwrap_or(0)
    }

    /// Whether the numbers are ones that a log can reach.
    pub(crate) fn is_within_bounds(&self) -> bool {
        let index = u64::from(self.index);
        self.position.get() <= COUNTER_MAX
            && index < u64::from(COMMIT_POSITIONS_MAX)
            && index <= self.position.get()
            && (1..=COUNTER_MAX).contains(&self.place.segment.get())
            && self.place.offset <= SEGMENT_BYTES_MAX
    }

    /// Whether both are events of one commit, so that one follows from the other.
    fn is_of_commit_of(&self, other: &Self) -> bool {
        self.place == other.place
            && self.class() == other.class()
            && self.position.get() - u64::from(self.index)
                == other.position.get() - u64::from(other.index)
    }
}

/// Appends postings to a chunk.
#[derive(Debug, Default)]
pub(crate) struct PostingEncoder {
    last: Option<Posting>,
}

impl PostingEncoder {
    /// An encoder at the start of a chunk.
    pub(crate) const fn new() -> Self {
        Self { last: None }
    }

    /// Appends `posting` to the chunk in `out`; of the first one, all but its position.
    ///
    /// # Panics
    /// If its position does not exceed the one before, or a field is beyond what a log can reach.
    pub(crate) fn push(&mut self, posting: Posting, out: &mut Vec<u8>) {
        assert!(posting.is_within_bounds(), "no log has a posting such as {posting:?}");
        if let Some(last) = self.last.replace(posting) {
            assert!(posting.position > last.position, "postings ascend: {last:?}, {posting:?}");
            let head = (posting.position.get() - last.position.get() - 1) << 2;
            if posting.is_of_commit_of(&last) {
                varint::put(head | SAME_COMMIT, out);
                return;
            }
            if posting.place.segment == last.place.segment
                && posting.place.offset >= last.place.offset
            {
                varint::put(head | SAME_SEGMENT, out);
                varint::put(u64::from(posting.index), out);
                varint::put(posting.place.offset - last.place.offset, out);
                out.push(posting.class());
                return;
            }
            varint::put(head | ANYWHERE, out);
        }
        varint::put(u64::from(posting.index), out);
        varint::put(posting.place.segment.get(), out);
        varint::put(posting.place.offset, out);
        out.push(posting.class());
    }
}

/// An encoded chunk, and what is known of it from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    /// The position of its first posting.
    pub(crate) first: Position,
    /// No posting may lie beyond this position.
    pub(crate) through: Position,
    /// How many postings it claims to hold.
    pub(crate) count: u64,
    /// The encoded postings, exactly.
    pub(crate) bytes: &'a [u8],
}

/// Reads the postings of a chunk, whatever its bytes are: at most `count`, ascending, within
/// bounds, or a fault, after which nothing follows.
#[derive(Clone, Debug)]
pub(crate) struct PostingDecoder<'a> {
    chunk: Chunk<'a>,
    last: Option<Posting>,
    ended: bool,
}

impl<'a> PostingDecoder<'a> {
    /// A decoder at the start of `chunk`.
    pub(crate) const fn new(chunk: Chunk<'a>) -> Self {
        Self { chunk, last: None, ended: false }
    }

    fn decode(&mut self) -> Option<Posting> {
        let rest = &mut self.chunk.bytes;
        let posting = match self.last {
            None => take_anywhere(rest, self.chunk.first)?,
            Some(last) => {
                let head = varint::take(rest)?;
                let distance = (head >> 2) + 1;
                let position = Position::new(last.position.get().checked_add(distance)?);
                match head & 3 {
                    SAME_COMMIT => {
                        let index = u16::try_from(u64::from(last.index).checked_add(distance)?);
                        Posting { position, index: index.ok()?, ..last }
                    }
                    SAME_SEGMENT => {
                        let index = take_index(rest)?;
                        let further = varint::take(rest)?;
                        let offset = last.place.offset.checked_add(further)?;
                        let place = Place { segment: last.place.segment, offset };
                        Posting { position, index, place, bytes: take_class(rest)? }
                    }
                    ANYWHERE => take_anywhere(rest, position)?,
                    _ => return None,
                }
            }
        };
        (posting.is_within_bounds() && posting.position <= self.chunk.through).then_some(posting)
    }
}

fn take_anywhere(rest: &mut &[u8], position: Position) -> Option<Posting> {
    let index = take_index(rest)?;
    let segment = SegmentId::new(varint::take(rest)?);
    let place = Place { segment, offset: varint::take(rest)? };
    Some(Posting { position, index, place, bytes: take_class(rest)? })
}

fn take_index(rest: &mut &[u8]) -> Option<u16> {
    u16::try_from(varint::take(rest)?).ok()
}

fn take_class(rest: &mut &[u8]) -> Option<u32> {
    let (class, behind) = rest.split_first()?;
    *rest = behind;
    Some(u32::from(*class) * CLASS_BYTES)
}

impl Iterator for PostingDecoder<'_> {
    type Item = Result<Posting, RunFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let Some(left) = self.chunk.count.checked_sub(1) else {
            self.ended = true;
            let exact = self.chunk.bytes.is_empty();
            return (!exact).then_some(Err(RunFault::new("bytes behind the last posting")));
        };
        let decoded = self.decode();
        self.chunk.count = left;
        self.last = decoded;
        self.ended = decoded.is_none();
        Some(decoded.ok_or(RunFault::new("a posting that cannot be read")))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Each posting takes a byte at least, whatever the count claims; one fault may follow.
        let bytes = u64_from(self.chunk.bytes.len());
        let most = self.chunk.count.min(bytes).saturating_add(1);
        (0, usize::try_from(most).ok())
    }
}

#[cfg(test)]
mod tests;
