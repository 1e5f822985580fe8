//! Writes a run from its terms in order, page by page, in memory that does not grow with it.
//!
//! What is put in may come from other runs, so from a disk: what does not ascend or lies outside
//! of the run is a fault and not a bug. Only the filter is held until the end.

use super::{DEPTH_MAX, RunHeader};
use crate::{
    ids::{Position, StoreId},
    log::{Anchor, fields::len_u64},
    store::{
        fault::RunFault,
        filter::{FilterBuilder, TermHasher, pages_of},
        page::{
            CHUNK_BYTES_MAX, PAYLOAD_BYTES_MAX, PageBuilder, PageKind, Seal, append_postings_page,
        },
        payload::{INLINE_BYTES_MAX, PostingsBody, PostingsPayload},
        posting::{Chunk, Posting, PostingEncoder},
        run_name::RunName,
        term::{TERM_BYTES_MAX, TermKind},
    },
};
use std::mem;

/// The rest of a run: what is to be written behind the pages that were taken, and its header.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The last pages of terms, to be written behind those that were taken.
    pub(crate) tail: Vec<u8>,
    /// The pages of the filter, to be written behind the tail.
    pub(crate) filter: Vec<u8>,
    /// The header; its encoding is page 0, to be written once all else is durable.
    pub(crate) header: RunHeader,
}

/// A run that is being written.
#[derive(Debug)]
pub(crate) struct RunBuilder {
    store: StoreId,
    first: Anchor,
    end: Anchor,
    name: RunName,
    seal: Seal,
    hasher: TermHasher,
    filter: FilterBuilder,
    /// The open page of each level: the leaf, then the inner pages above it.
    levels: Vec<PageBuilder>,
    /// Whole pages that were not taken yet.
    out: Vec<u8>,
    next_page: u32,
    terms: u64,
    postings: u64,
    last_term: Vec<u8>,
    list: List,
    payload: Vec<u8>,
}

/// The list of the term that was begun and not ended.
#[derive(Debug, Default)]
struct List {
    is_open: bool,
    first_ordinal: u64,
    count: u64,
    first: Position,
    last: Position,
    /// The number of the first page of the list, if it has pages.
    first_page: Option<u32>,
    encoder: PostingEncoder,
    chunk: Vec<u8>,
    chunk_first: Position,
    /// The ordinal in the list of the chunk's first posting.
    chunk_ordinal: u64,
}

impl RunBuilder {
    /// A run of the log from `first` to `end`, with about `terms_max` terms at most: more make
    /// its filter worse.
    ///
    /// # Panics
    /// If there is no position between the two.
    pub(crate) fn new(store: StoreId, first: Anchor, end: Anchor, terms_max: u64) -> Self {
        assert!(first.position < end.position, "a run covers a position at least");
        let name = RunName { first: first.position, end: end.position };
        Self {
            store,
            first,
            end,
            name,
            seal: Seal::new(store, name, end.chain),
            hasher: TermHasher::new(store),
            filter: FilterBuilder::with_capacity(terms_max),
            levels: vec![PageBuilder::new(PageKind::Leaf)],
            out: Vec::new(),
            next_page: 1,
            terms: 0,
            postings: 0,
            last_term: Vec::new(),
            list: List::default(),
            payload: Vec::new(),
        }
    }

    /// Appends a term with a value.
    pub(crate) fn value(&mut self, term: &[u8], value: &[u8]) -> Result<(), RunFault> {
        let kind = self.enter(term)?;
        if kind.is_postings() || value.len() > PAYLOAD_BYTES_MAX {
            return Err(RunFault::new("a value that is too long, or behind a term of postings"));
        }
        let term = mem::take(&mut self.last_term);
        self.push(0, &term, value);
        self.last_term = term;
        Ok(())
    }

    /// Begins a term with postings, the first of which has this ordinal: its revision if the term
    /// is a stream, else 0.
    pub(crate) fn begin(&mut self, term: &[u8], first_ordinal: u64) -> Result<(), RunFault> {
        let kind = self.enter(term)?;
        if !kind.is_postings() || (first_ordinal > 0 && kind != TermKind::Stream) {
            return Err(RunFault::new("postings behind a term of a value, or with revisions"));
        }
        let mut chunk = mem::take(&mut self.list.chunk);
        chunk.clear();
        self.list = List { is_open: true, first_ordinal, chunk, ..List::default() };
        Ok(())
    }

    /// Appends a posting to the term that was begun.
    pub(crate) fn posting(&mut self, posting: Posting) -> Result<(), RunFault> {
        let list = &mut self.list;
        let ascends = list.count == 0 || posting.position > list.last;
        let is_within = self.name.covers(posting.position) && posting.is_within_bounds();
        if !(list.is_open && ascends && is_within) {
            return Err(RunFault::new("a posting that does not ascend or is not of this run"));
        }
        let before = list.chunk.len();
        list.encoder.push(posting, &mut list.chunk);
        if list.chunk.len() > CHUNK_BYTES_MAX {
            list.chunk.truncate(before);
            self.cut_chunk();
            self.list.encoder.push(posting, &mut self.list.chunk);
        }
        let list = &mut self.list;
        if list.count == list.chunk_ordinal {
            list.chunk_first = posting.position;
        }
        if list.count == 0 {
            list.first = posting.position;
        }
        list.last = posting.position;
        list.count += 1;
        Ok(())
    }

    /// Ends the term that was begun.
    pub(crate) fn end(&mut self) -> Result<(), RunFault> {
        if !mem::take(&mut self.list.is_open) || self.list.count == 0 {
            return Err(RunFault::new("a term without postings"));
        }
        if self.list.first_page.is_some() || self.list.chunk.len() > INLINE_BYTES_MAX {
            self.cut_chunk();
        }
        let list = &self.list;
        let body = match list.first_page {
            None => PostingsBody::Inline(&list.chunk),
            Some(first) => PostingsBody::Pages { first, count: self.next_page - first },
        };
        let (first_ordinal, count) = (list.first_ordinal, list.count);
        let (first, last) = (list.first, list.last);
        let mut payload = mem::take(&mut self.payload);
        PostingsPayload { first_ordinal, count, first, last, body }.encode(&mut payload);
        self.postings += count;
        let term = mem::take(&mut self.last_term);
        self.push(0, &term, &payload);
        self.last_term = term;
        self.payload = payload;
        Ok(())
    }

    /// Bytes of the pages that can be taken.
    pub(crate) fn ready_bytes(&self) -> u64 {
        len_u64(&self.out)
    }

    /// The whole pages since the last call, to be written one behind the other from page 1 on.
    pub(crate) fn take_pages(&mut self) -> Vec<u8> {
        mem::take(&mut self.out)
    }

    /// Ends the run.
    ///
    /// # Panics
    /// If a term was begun and not ended.
    pub(crate) fn finish(mut self) -> Finished {
        assert!(!self.list.is_open, "a run is finished between two terms");
        let mut level = 0;
        let (root, depth) = loop {
            let (first, number) = self.emit(level);
            if level + 1 == self.levels.len() {
                break (number, level);
            }
            level += 1;
            self.push(level, &first, &number.to_le_bytes());
        };
        let depth = u32::try_from(depth).expect("a tree has few levels");
        assert!(depth <= DEPTH_MAX, "every inner page has many children");
        let filter_first = self.next_page;
        let filter_blocks = self.filter.blocks();
        let pages = filter_first.checked_add(pages_of(filter_blocks));
        let header = RunHeader {
            store: self.store,
            first: self.first,
            end: self.end,
            terms: self.terms,
            postings: self.postings,
            root,
            depth,
            filter_first,
            filter_blocks,
            pages: pages.expect("a run has less than 16 TiB"),
        };
        Finished { tail: self.out, filter: self.filter.finish(&self.seal, filter_first), header }
    }

    /// Checks that `term` is the next one, and counts it.
    fn enter(&mut self, term: &[u8]) -> Result<TermKind, RunFault> {
        let kind = TermKind::of(term).ok_or(RunFault::new("a term of an unknown kind"))?;
        let ascends = term > self.last_term.as_slice();
        if self.list.is_open || !ascends || term.len() > TERM_BYTES_MAX {
            return Err(RunFault::new("a term that does not ascend or is too long"));
        }
        self.last_term.clear();
        self.last_term.extend_from_slice(term);
        self.filter.insert(self.hasher.hash(term));
        self.terms += 1;
        Ok(kind)
    }

    /// Puts an entry into the open page of `level`, and a full page before it into the level above.
    fn push(&mut self, level: usize, term: &[u8], payload: &[u8]) {
        if self.levels.len() == level {
            self.levels.push(PageBuilder::new(PageKind::Inner));
        }
        if self.open(level).push(term, payload) {
            return;
        }
        let (first, number) = self.emit(level);
        self.push(level + 1, &first, &number.to_le_bytes());
        assert!(self.open(level).push(term, payload), "an empty page takes any entry");
    }

    /// Ends the open page of `level`; its first term and its number.
    fn emit(&mut self, level: usize) -> (Vec<u8>, u32) {
        let number = self.take_number();
        let page = self.levels.get_mut(level).expect("a page is emitted where one is open");
        let first = page.first().to_vec();
        page.finish(&self.seal, number, &mut self.out);
        (first, number)
    }

    fn open(&mut self, level: usize) -> &mut PageBuilder {
        self.levels.get_mut(level).expect("levels are opened one above the other")
    }

    /// Makes the open chunk of the list a page.
    fn cut_chunk(&mut self) {
        let number = self.take_number();
        let list = &mut self.list;
        list.first_page.get_or_insert(number);
        let chunk = Chunk {
            first: list.chunk_first,
            through: list.last,
            count: list.count - list.chunk_ordinal,
            bytes: &list.chunk,
        };
        append_postings_page(chunk, list.chunk_ordinal, &self.seal, number, &mut self.out);
        list.chunk_ordinal = list.count;
        list.chunk.clear();
        list.encoder = PostingEncoder::new();
    }

    fn take_number(&mut self) -> u32 {
        let number = self.next_page;
        self.next_page = number.checked_add(1).expect("a run has less than 16 TiB");
        number
    }
}
