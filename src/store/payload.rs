//! What stands in a leaf behind a term with postings: how many, from where to where, and then
//! either the postings themselves or the pages that hold them.
//!
//! Values need no such thing: they stand in the leaf as they are. Does not read pages.
//!
//! ```text
//! head = count << 2 | has an ordinal << 1 | has pages
//! first ordinal, if there is one | first position | last - first position, if count > 1
//! first page | count of pages, or the encoded chunk up to the payload's end
//! ```

use crate::{
    ids::Position,
    log::fields::u64_from,
    store::{
        fault::RunFault,
        page::{CHUNK_BYTES_MAX, Page},
        posting::{Chunk, PostingDecoder},
        run_name::RunName,
        varint,
    },
};
use std::ops::Range;

/// Bytes of encoded postings that stand in the leaf; a longer list takes pages of its own.
pub(crate) const INLINE_BYTES_MAX: usize = 1024;

/// No list is longer, so that its length leaves room for two marks.
const COUNT_MAX: u64 = 1 << 61;
const HAS_ORDINAL: u64 = 2;
const HAS_PAGES: u64 = 1;

/// What is known of a list of postings without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PostingsPayload<'a> {
    /// The revision of the first posting, for a stream; 0 for all other terms.
    pub(crate) first_ordinal: u64,
    /// How many postings there are, at least one.
    pub(crate) count: u64,
    /// The position of the first.
    pub(crate) first: Position,
    /// The position of the last.
    pub(crate) last: Position,
    /// Where they are.
    pub(crate) body: PostingsBody<'a>,
}

/// Where the postings of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PostingsBody<'a> {
    /// Here: an encoded chunk.
    Inline(&'a [u8]),
    /// In consecutive pages of the run.
    Pages {
        /// The number of the first page.
        first: u32,
        /// How many there are, at least one.
        count: u32,
    },
}

impl<'a> PostingsPayload<'a> {
    /// Writes the payload into `out`, in place of what was there.
    ///
    /// # Panics
    /// If there is no posting, or more than any log has.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        assert!((1..=COUNT_MAX).contains(&self.count), "a list of {} postings", self.count);
        out.clear();
        let ordinal = if self.first_ordinal > 0 { HAS_ORDINAL } else { 0 };
        let pages = match self.body {
            PostingsBody::Inline(_) => 0,
            PostingsBody::Pages { .. } => HAS_PAGES,
        };
        varint::put(self.count << 2 | ordinal | pages, out);
        if self.first_ordinal > 0 {
            varint::put(self.first_ordinal, out);
        }
        varint::put(self.first.get(), out);
        if self.count > 1 {
            varint::put(self.last.get() - self.first.get(), out);
        }
        match self.body {
            PostingsBody::Inline(chunk) => out.extend_from_slice(chunk),
            PostingsBody::Pages { first, count } => {
                varint::put(first.into(), out);
                varint::put(count.into(), out);
            }
        }
    }

    /// Reads a payload of the run of this name, whatever its bytes are.
    pub(crate) fn decode(payload: &'a [u8], name: RunName) -> Result<Self, RunFault> {
        let found = Self::decode_fields(payload).filter(|found| found.is_sound(name));
        found.ok_or(RunFault::new("a list of postings that contradicts itself"))
    }

    fn decode_fields(mut rest: &'a [u8]) -> Option<Self> {
        let head = varint::take(&mut rest)?;
        let count = head >> 2;
        let first_ordinal =
            if head & HAS_ORDINAL > 0 { varint::take_counter(&mut rest)? } else { 0 };
        let first = varint::take_counter(&mut rest)?;
        let span = if count > 1 { varint::take_counter(&mut rest)? } else { 0 };
        let body = if head & HAS_PAGES > 0 {
            let first = u32::try_from(varint::take(&mut rest)?).ok()?;
            let count = u32::try_from(varint::take(&mut rest)?).ok()?;
            rest.is_empty().then_some(PostingsBody::Pages { first, count })?
        } else {
            PostingsBody::Inline(rest)
        };
        let (first, last) = (Position::new(first), Position::new(first + span));
        Some(Self { first_ordinal, count, first, last, body })
    }

    fn is_sound(&self, name: RunName) -> bool {
        let span = self.last.get() - self.first.get();
        let fits = match self.body {
            PostingsBody::Inline(chunk) => self.count <= u64_from(chunk.len()),
            PostingsBody::Pages { first, count } => {
                let most = u64::from(count) * u64_from(CHUNK_BYTES_MAX);
                first > 0
                    && first.checked_add(count).is_some()
                    && (u64::from(count)..=most).contains(&self.count)
            }
        };
        // Positions ascend, so there are not more of them than fit between the first and the last.
        fits && (1..=span.saturating_add(1)).contains(&self.count)
            && name.covers(self.first)
            && name.covers(self.last)
    }

    /// The revision or ordinal behind the last posting.
    pub(crate) fn end_ordinal(&self) -> u64 {
        self.first_ordinal + self.count
    }

    /// The postings, if they stand here.
    pub(crate) fn inline(&self) -> Option<PostingDecoder<'a>> {
        match self.body {
            PostingsBody::Inline(bytes) => {
                let (first, through, count) = (self.first, self.last, self.count);
                Some(PostingDecoder::new(Chunk { first, through, count, bytes }))
            }
            PostingsBody::Pages { .. } => None,
        }
    }

    /// The numbers of the pages of the list, if it has pages.
    pub(crate) fn page_numbers(&self) -> Option<Range<u32>> {
        match self.body {
            PostingsBody::Inline(_) => None,
            PostingsBody::Pages { first, count } => Some(first..first.saturating_add(count)),
        }
    }

    /// The way through the pages of the list, if it has pages.
    pub(crate) fn pages(&self) -> Option<ListWalk> {
        match self.body {
            PostingsBody::Inline(_) => None,
            PostingsBody::Pages { first, count } => Some(ListWalk {
                next: first,
                pages_left: count,
                ordinal: 0,
                left: self.count,
                from: self.first,
                through: self.last,
            }),
        }
    }
}

/// Goes through the pages of a long list, from the first to the last.
#[derive(Clone, Debug)]
pub(crate) struct ListWalk {
    next: u32,
    pages_left: u32,
    ordinal: u64,
    left: u64,
    from: Position,
    through: Position,
}

impl ListWalk {
    /// The number of the page to read next; `None` behind the last.
    pub(crate) fn page(&self) -> Option<u32> {
        (self.pages_left > 0).then_some(self.next)
    }

    /// The postings in `page`, which is the one that was asked for.
    pub(crate) fn supply<'a>(&mut self, page: &'a Page) -> Result<PostingDecoder<'a>, RunFault> {
        let fault = RunFault::new("a page of postings does not follow the one before");
        let (ordinal, chunk) = page.postings(self.through).ok_or(fault)?;
        let left = self.left.checked_sub(chunk.count).ok_or(fault)?;
        let pages_left = self.pages_left.checked_sub(1).ok_or(fault)?;
        let is_first = self.ordinal == 0;
        let follows = if is_first { chunk.first == self.from } else { chunk.first >= self.from };
        if ordinal != self.ordinal || !follows || (left == 0) != (pages_left == 0) {
            return Err(fault);
        }
        self.next += 1;
        self.pages_left = pages_left;
        self.ordinal += chunk.count;
        self.left = left;
        // The least that the next page can begin with; its decoder sees to the rest.
        self.from = Position::new(chunk.first.get().saturating_add(chunk.count));
        Ok(PostingDecoder::new(chunk))
    }
}

#[cfg(test)]
mod tests;
