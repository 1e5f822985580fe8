//! A run that is open for reading: finds terms in it, page by page.
//!
//! Pages come from the cache, from the system's memory in the caller's task, or through the read
//! pool. Every page is checked before anything in it is believed. Whatever is wrong with a run is
//! one fault: the run is rebuilt from the log, which decides nothing here.

use super::cache::{PageCache, PageKey};
use crate::{
    engine::files::{Door, FileKey},
    ids::{Position, StoreId},
    read::Direction,
    store::{
        fault::RunFault,
        filter::{TermHash, contains},
        page::{Cursor, PAGE_BYTES, Page, PageKind, Seal},
        payload::PostingsPayload,
        posting::{Posting, PostingDecoder},
        run::{RunHeader, page_offset},
        run_name::RunName,
        walk::{Walk, WalkStep},
    },
};
use bytes::BytesMut;
use std::{error::Error, fmt, io, ops::Range};

/// A run cannot be used as it is.
#[derive(Debug)]
pub(crate) struct Damaged {
    pub(crate) run: RunName,
    pub(crate) why: Why,
}

/// What is wrong with a run.
#[derive(Debug)]
pub(crate) enum Why {
    /// Its bytes do not hold, or contradict themselves.
    Fault(RunFault),
    /// The disk refused to read it.
    Io(io::Error),
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.run.file_name(), self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Io(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

impl Error for Damaged {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::Fault(fault) => Some(fault),
            Why::Io(error) => Some(error),
        }
    }
}

/// Where pages come from.
pub(crate) struct Pages {
    pub(super) door: Door,
    pub(super) cache: PageCache,
}

/// A run that is open for reading.
pub(crate) struct Run {
    number: u64,
    name: RunName,
    header: RunHeader,
    seal: Seal,
}

/// A term's payload, within the leaf that holds it.
pub(crate) struct Found {
    leaf: Page,
    payload: Range<usize>,
}

impl Found {
    pub(super) fn bytes(&self) -> &[u8] {
        self.leaf.slice(&self.payload)
    }
}

impl Run {
    /// Opens the run of this name. `number` tells it from all that this process opened before.
    pub(super) async fn open(
        pages: &Pages,
        store: StoreId,
        name: RunName,
        number: u64,
    ) -> Result<Self, Damaged> {
        let damaged = |why| Damaged { run: name, why };
        let page = pages.door.read(FileKey::Run(name), 0, PAGE_BYTES).await;
        let page = page.map_err(|error| damaged(Why::Io(error)))?;
        let header = RunHeader::decode(&page, store, name);
        let header = header.map_err(|fault| damaged(Why::Fault(fault)))?;
        Ok(Self { number, name, header, seal: header.seal() })
    }

    pub(crate) fn name(&self) -> RunName {
        self.name
    }

    pub(crate) fn header(&self) -> &RunHeader {
        &self.header
    }

    fn fault(&self, reason: &'static str) -> Damaged {
        self.damaged(RunFault::new(reason))
    }

    pub(super) fn damaged(&self, fault: RunFault) -> Damaged {
        Damaged { run: self.name, why: Why::Fault(fault) }
    }

    /// The page of this number, checked.
    pub(super) async fn page(&self, pages: &Pages, number: u32) -> Result<Page, Damaged> {
        let key = PageKey { run: self.number, page: number };
        if let Some(page) = pages.cache.find(key) {
            return Ok(page);
        }
        let page = self.uncached_page(pages, number).await?;
        pages.cache.insert(key, page.clone());
        Ok(page)
    }

    /// As [`Run::page`], past the cache: for who goes through the whole run.
    pub(super) async fn uncached_page(&self, pages: &Pages, number: u32) -> Result<Page, Damaged> {
        let (file, offset) = (FileKey::Run(self.name), page_offset(number));
        if let Some(bytes) = pages.door.try_read(file, offset, PAGE_BYTES)
            && let Ok(page) = Page::check(bytes, &self.seal, number)
        {
            return Ok(page);
        }
        // A read can be misdirected: what does not hold is looked at twice.
        let mut looked = Err(self.fault("a page was not read"));
        for _ in 0..2 {
            let read = pages.door.read_on(file, offset, BytesMut::new(), PAGE_BYTES).await;
            looked = match read {
                Ok(bytes) => Page::check(bytes.freeze(), &self.seal, number)
                    .map_err(|fault| self.damaged(fault)),
                Err(error) => Err(Damaged { run: self.name, why: Why::Io(error) }),
            };
            if looked.is_ok() {
                break;
            }
        }
        looked
    }

    /// Whether the run may hold the term with this hash; without a read if the filter is cached.
    async fn may_hold(&self, pages: &Pages, hash: TermHash) -> Result<bool, Damaged> {
        let (number, block) = self.header.filter_page_of(hash);
        let page = self.page(pages, number).await?;
        let block = page.filter_block(block);
        let block = block.ok_or_else(|| self.fault("a filter lacks one of its blocks"))?;
        Ok(contains(block, hash))
    }

    /// The leaf in which `term` has to stand, if it is in this run.
    async fn leaf(&self, pages: &Pages, term: &[u8]) -> Result<Page, Damaged> {
        let mut page = self.page(pages, self.header.root).await?;
        for _ in 0..self.header.depth {
            let child = page.child(term);
            let child = child.ok_or_else(|| self.fault("an inner page without a child"))?;
            page = self.page(pages, child).await?;
        }
        if page.kind() == PageKind::Leaf {
            Ok(page)
        } else {
            Err(self.fault("a leaf of another kind than its place says"))
        }
    }

    /// What stands behind `term`, whose hash is `hash`.
    pub(super) async fn find(
        &self,
        pages: &Pages,
        term: &[u8],
        hash: TermHash,
    ) -> Result<Option<Found>, Damaged> {
        if !self.may_hold(pages, hash).await? {
            return Ok(None);
        }
        let leaf = self.leaf(pages, term).await?;
        Ok(leaf.search(term).map(|payload| Found { leaf, payload }))
    }

    /// The last entry not above `term`, if there is one.
    pub(super) async fn floor(
        &self,
        pages: &Pages,
        term: &[u8],
    ) -> Result<Option<Cursor>, Damaged> {
        // A child begins with the first of its terms, so that the floor stands under it.
        Ok(self.leaf(pages, term).await?.floor(term))
    }

    /// Goes through the terms from the first that is not below `from` on.
    pub(super) fn walk(&self, from: &[u8]) -> RunWalk<'_> {
        RunWalk { run: self, walk: Walk::new(&self.header, from) }
    }

    /// The list of postings behind a term that was found.
    pub(super) fn list<'a>(&self, found: &'a [u8]) -> Result<PostingsPayload<'a>, Damaged> {
        let list = PostingsPayload::decode(found, self.name);
        let list = list.map_err(|fault| self.damaged(fault))?;
        if self.header.holds(list.body) {
            Ok(list)
        } else {
            Err(self.fault("a list names pages that are not its run's"))
        }
    }
}

/// Goes through the terms of a run.
pub(super) struct RunWalk<'a> {
    run: &'a Run,
    walk: Walk,
}

impl RunWalk<'_> {
    /// Goes on to the next entry; `None` behind the last.
    pub(super) async fn next(&mut self, pages: &Pages) -> Result<Option<&Cursor>, Damaged> {
        loop {
            match self.walk.step() {
                WalkStep::Read(number) => {
                    let page = self.run.uncached_page(pages, number).await?;
                    self.walk.supply(&page).map_err(|fault| self.run.damaged(fault))?;
                }
                WalkStep::Entry => return Ok(self.walk.entry()),
                WalkStep::End => return Ok(None),
            }
        }
    }
}

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
