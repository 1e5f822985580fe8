//! Lists of postings within a run: a part of one, a single posting, whether one holds a position.
//!
//! Long lists are gone into by halving over their pages; none is read further than the question
//! asks. Knows nothing of terms.

use super::run::{Damaged, Pages, Run};
use crate::{
    ids::Position,
    read::Direction,
    store::{
        fault::RunFault,
        payload::PostingsPayload,
        posting::{Posting, PostingDecoder},
    },
};
use std::ops::Range;

/// A part of a list of postings: those at or behind `from` and below `until`, at most `max` of
/// them, from the one end or the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) from: Position,
    pub(crate) until: Position,
    pub(crate) max: usize,
    pub(crate) direction: Direction,
}

impl Part {
    pub(super) fn of_slice(&self, postings: &[Posting], out: &mut Vec<Posting>) {
        let low = postings.partition_point(|posting| posting.position < self.from);
        let high = postings.partition_point(|posting| posting.position < self.until);
        let within = postings.get(low..high).unwrap_or_default();
        let room = self.max - out.len().min(self.max);
        match self.direction {
            Direction::Forward => out.extend(within.iter().take(room)),
            Direction::Backward => out.extend(within.iter().rev().take(room)),
        }
    }
}

impl Run {
    /// The postings of `list` in `part`, in its direction.
    pub(super) async fn postings(
        &self,
        pages: &Pages,
        list: &PostingsPayload<'_>,
        part: Part,
    ) -> Result<Vec<Posting>, Damaged> {
        let mut out = Vec::new();
        if part.from > list.last || part.until <= list.first {
            return Ok(out);
        }
        if let Some(decoder) = list.inline() {
            let all: Result<Vec<Posting>, RunFault> = decoder.collect();
            part.of_slice(&all.map_err(|fault| self.damaged(fault))?, &mut out);
            return Ok(out);
        }
        let Some(numbers) = list.page_numbers() else { return Ok(out) };
        let start = self.page_for(pages, list, numbers.clone(), part).await?;
        let mut number = start;
        while out.len() < part.max {
            let page = self.page(pages, number).await?;
            let (_, chunk) = page.postings(list.last).ok_or_else(|| self.not_a_list())?;
            let all: Result<Vec<Posting>, RunFault> = PostingDecoder::new(chunk).collect();
            let all = all.map_err(|fault| self.damaged(fault))?;
            part.of_slice(&all, &mut out);
            let next = match part.direction {
                Direction::Forward => {
                    let more = all.last().is_some_and(|last| last.position < part.until);
                    number.checked_add(1).filter(|_| more)
                }
                Direction::Backward => {
                    let more = all.first().is_some_and(|first| first.position >= part.from);
                    number.checked_sub(1).filter(|_| more)
                }
            };
            match next.filter(|next| numbers.contains(next)) {
                Some(next) => number = next,
                None => break,
            }
        }
        Ok(out)
    }

    /// Whether `list` has a posting at `position`.
    pub(super) async fn holds(
        &self,
        pages: &Pages,
        list: &PostingsPayload<'_>,
        position: Position,
    ) -> Result<bool, Damaged> {
        if !(list.first..=list.last).contains(&position) {
            return Ok(false);
        }
        if let Some(decoder) = list.inline() {
            return self.meets(decoder, position);
        }
        let Some(numbers) = list.page_numbers() else { return Ok(false) };
        let until = position.next();
        let part = Part { from: position, until, max: 1, direction: Direction::Forward };
        let number = self.page_for(pages, list, numbers, part).await?;
        let page = self.page(pages, number).await?;
        let (_, chunk) = page.postings(list.last).ok_or_else(|| self.not_a_list())?;
        self.meets(PostingDecoder::new(chunk), position)
    }

    /// Whether `decoder` comes to `position`. Reads no further: a page holds a thousand postings.
    fn meets(&self, decoder: PostingDecoder<'_>, position: Position) -> Result<bool, Damaged> {
        for posting in decoder {
            let found = posting.map_err(|fault| self.damaged(fault))?.position;
            if found >= position {
                return Ok(found == position);
            }
        }
        Ok(false)
    }

    /// The page of a long list in which `part` begins, in its direction.
    async fn page_for(
        &self,
        pages: &Pages,
        list: &PostingsPayload<'_>,
        numbers: Range<u32>,
        part: Part,
    ) -> Result<u32, Damaged> {
        // The last page whose first posting is not behind the place where the part begins.
        let sought = match part.direction {
            Direction::Forward => part.from,
            Direction::Backward => Position::new(part.until.get().saturating_sub(1)),
        };
        let (mut low, mut high) = (numbers.start, numbers.end);
        while high - low > 1 {
            let middle = u32::midpoint(low, high);
            let page = self.page(pages, middle).await?;
            let (_, chunk) = page.postings(list.last).ok_or_else(|| self.not_a_list())?;
            if chunk.first <= sought {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The posting with this ordinal in a list, counted from 0.
    pub(super) async fn nth(
        &self,
        pages: &Pages,
        list: &PostingsPayload<'_>,
        ordinal: u64,
    ) -> Result<Posting, Damaged> {
        let lacking = || self.fault("a list lacks a posting that it counts");
        if let Some(mut decoder) = list.inline() {
            let nth = usize::try_from(ordinal).ok().and_then(|nth| decoder.nth(nth));
            return nth.ok_or_else(lacking)?.map_err(|fault| self.damaged(fault));
        }
        let numbers = list.page_numbers().ok_or_else(lacking)?;
        let (mut low, mut high) = (numbers.start, numbers.end);
        loop {
            let middle = u32::midpoint(low, high);
            let page = self.page(pages, middle).await?;
            let (start, chunk) = page.postings(list.last).ok_or_else(|| self.not_a_list())?;
            if (start..start + chunk.count).contains(&ordinal) {
                let nth = usize::try_from(ordinal - start).ok();
                let mut decoder = PostingDecoder::new(chunk);
                let posting = nth.and_then(|nth| decoder.nth(nth)).ok_or_else(lacking)?;
                return posting.map_err(|fault| self.damaged(fault));
            }
            if start > ordinal {
                high = middle;
            } else {
                low = middle + 1;
            }
            if low >= high {
                return Err(lacking());
            }
        }
    }

    fn not_a_list(&self) -> Damaged {
        self.fault("a list names a page that holds no postings")
    }
}
