//! A run that is open for reading: finds terms in it, page by page.
//!
//! Pages come from the cache, from the system's memory in the caller's task, or through the read
//! pool. Every page is checked before anything in it is believed. Whatever is wrong with a run is
//! one fault: the run is rebuilt from the log, which decides nothing here.

use super::cache::{PageCache, PageKey};
use crate::{
    engine::files::{Door, FileKey},
    ids::StoreId,
    store::{
        fault::RunFault,
        filter::{TermHash, contains},
        page::{Cursor, PAGE_BYTES, Page, PageKind, Seal},
        payload::PostingsPayload,
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
    /// Which of the runs that this process opened.
    pub(crate) number: u64,
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
    /// Tells it from all that were opened before.
    number: u64,
    name: RunName,
    header: RunHeader,
    seal: Seal,
    file: OpenFile,
}

/// The file of a run; it stays open until the run is dropped.
struct OpenFile {
    door: Door,
    key: FileKey,
}

impl OpenFile {
    async fn header(&self, store: StoreId, name: RunName) -> Result<RunHeader, Why> {
        let page = self.door.read_on(self.key, 0, BytesMut::new(), PAGE_BYTES).await;
        RunHeader::decode(&page.map_err(Why::Io)?, store, name).map_err(Why::Fault)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.door.forget(self.key);
    }
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
    /// Opens the run of this name.
    pub(super) async fn open(
        pages: &Pages,
        store: StoreId,
        name: RunName,
    ) -> Result<Self, Damaged> {
        let number = pages.door.next_run();
        let damaged = |why| Damaged { run: name, number, why };
        let file = OpenFile { door: pages.door.clone(), key: FileKey::Run(name, number) };
        // A read can be misdirected: what does not hold is looked at twice.
        let mut header = file.header(store, name).await;
        if header.is_err() {
            header = file.header(store, name).await;
        }
        let header = header.map_err(damaged)?;
        Ok(Self { number, name, header, seal: header.seal(), file })
    }

    pub(crate) fn name(&self) -> RunName {
        self.name
    }

    pub(crate) fn header(&self) -> &RunHeader {
        &self.header
    }

    pub(super) fn fault(&self, reason: &'static str) -> Damaged {
        self.damaged(RunFault::new(reason))
    }

    pub(super) fn damaged(&self, fault: RunFault) -> Damaged {
        Damaged { run: self.name, number: self.number, why: Why::Fault(fault) }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
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
        let (file, offset) = (self.file.key, page_offset(number));
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
                Err(error) => {
                    Err(Damaged { run: self.name, number: self.number, why: Why::Io(error) })
                }
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
