//! Writes pages. What is put in has to obey the bounds: the caller is the builder of a run.

use super::{
    BLOCK_BYTES, BLOCKS_PER_PAGE, CHUNK_BYTES_MAX, HEAD_BYTES, PAGE_BYTES, PAYLOAD_BYTES_MAX,
    PageKind, RESTART_EVERY, Seal,
};
use crate::{
    log::fields::u64_from,
    store::{posting::Chunk, term::TERM_BYTES_MAX, varint},
};

/// A leaf or an inner page that is being filled.
#[derive(Debug)]
pub(crate) struct PageBuilder {
    kind: PageKind,
    /// The encoded entries.
    entries: Vec<u8>,
    restarts: Vec<u16>,
    count: usize,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl PageBuilder {
    /// An empty page of `kind`, a leaf or an inner page.
    pub(crate) fn new(kind: PageKind) -> Self {
        Self {
            kind,
            entries: Vec::with_capacity(PAGE_BYTES),
            restarts: Vec::new(),
            count: 0,
            first: Vec::new(),
            last: Vec::new(),
        }
    }

    /// Appends an entry, or does nothing and says `false` if the page has no room for it.
    ///
    /// # Panics
    /// If the term is empty, too long or not above the one before, or the payload too long.
    pub(crate) fn push(&mut self, term: &[u8], payload: &[u8]) -> bool {
        assert!((1..=TERM_BYTES_MAX).contains(&term.len()), "a term of {} bytes", term.len());
        assert!(payload.len() <= PAYLOAD_BYTES_MAX, "a payload of {} bytes", payload.len());
        assert!(term > self.last.as_slice(), "terms ascend");
        let is_restart = self.count.is_multiple_of(RESTART_EVERY);
        let shared = if is_restart { 0 } else { common_bytes(&self.last, term) };
        let suffix = term.get(shared..).unwrap_or_default();
        let restarts = self.restarts.len() + usize::from(is_restart);
        let start = self.entries.len();
        // Two bytes of lengths, at most two of the payload's.
        let payload_length_bytes = if payload.len() < 0x80 { 1 } else { 2 };
        let end = start + 2 + payload_length_bytes + suffix.len() + payload.len();
        if HEAD_BYTES + end + 2 * restarts > PAGE_BYTES {
            return false;
        }
        if is_restart {
            self.restarts.push(to_u16(HEAD_BYTES + start));
        }
        self.entries.push(to_u8(shared));
        self.entries.push(to_u8(suffix.len() - 1));
        varint::put(u64_from(payload.len()), &mut self.entries);
        self.entries.extend_from_slice(suffix);
        self.entries.extend_from_slice(payload);
        self.last.truncate(shared);
        self.last.extend_from_slice(suffix);
        if self.count == 0 {
            self.first.clone_from(&self.last);
        }
        self.count += 1;
        true
    }

    /// The first term, once there is one.
    pub(crate) fn first(&self) -> &[u8] {
        &self.first
    }

    /// Appends the page to `out` as number `number` of the run, and is empty again.
    pub(crate) fn finish(&mut self, seal: &Seal, number: u32, out: &mut Vec<u8>) {
        let start = begin(self.kind, self.count, out);
        out.extend_from_slice(&self.entries);
        out.resize(start + PAGE_BYTES - 2 * self.restarts.len(), 0);
        for restart in self.restarts.iter().rev() {
            out.extend_from_slice(&restart.to_le_bytes());
        }
        finish(start, seal, number, out);
        self.entries.clear();
        self.restarts.clear();
        self.count = 0;
        self.first.clear();
        self.last.clear();
    }
}

/// Appends a page with `chunk` of a list, whose first posting has this `ordinal` in the list.
///
/// # Panics
/// If the chunk is longer than [`CHUNK_BYTES_MAX`].
pub(crate) fn append_postings_page(
    chunk: Chunk<'_>,
    ordinal: u64,
    seal: &Seal,
    number: u32,
    out: &mut Vec<u8>,
) {
    assert!(chunk.bytes.len() <= CHUNK_BYTES_MAX, "a chunk of {} bytes", chunk.bytes.len());
    let count = usize::try_from(chunk.count).expect("every posting of a chunk takes a byte of it");
    let start = begin(PageKind::Postings, count, out);
    out.extend_from_slice(&chunk.first.get().to_le_bytes());
    out.extend_from_slice(&ordinal.to_le_bytes());
    out.extend_from_slice(&to_u16(chunk.bytes.len()).to_le_bytes());
    out.extend_from_slice(chunk.bytes);
    finish(start, seal, number, out);
}

/// Makes `page`, in which `blocks` blocks of a filter stand where they belong and everything else
/// is zero, page `number` of the run.
///
/// # Panics
/// If the page has another length than a page, or more blocks than fit.
pub(crate) fn seal_filter_page(page: &mut [u8], blocks: usize, seal: &Seal, number: u32) {
    assert!(blocks <= BLOCKS_PER_PAGE && page.len() == PAGE_BYTES, "{blocks} blocks in a page");
    let mut head = Vec::with_capacity(BLOCK_BYTES);
    begin(PageKind::Filter, blocks, &mut head);
    copy_to_front(page, &head);
    let crc = seal.crc(number, page.get(4..).unwrap_or_default());
    copy_to_front(page, &crc.to_le_bytes());
}

/// Appends the head of a page with room for its checksum; says where the page starts.
fn begin(kind: PageKind, count: usize, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind.code(), 0]);
    out.extend_from_slice(&to_u16(count).to_le_bytes());
    start
}

/// Fills the page that starts at `start` up with zeros and seals it.
fn finish(start: usize, seal: &Seal, number: u32, out: &mut Vec<u8>) {
    out.resize(start + PAGE_BYTES, 0);
    let page = out.get_mut(start..).unwrap_or_default();
    let crc = seal.crc(number, page.get(4..).unwrap_or_default());
    copy_to_front(page, &crc.to_le_bytes());
}

fn copy_to_front(page: &mut [u8], bytes: &[u8]) {
    let front = page.get_mut(..bytes.len()).expect("a page is longer than its head");
    front.copy_from_slice(bytes);
}

fn common_bytes(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn to_u16(number: usize) -> u16 {
    u16::try_from(number).expect("counts and offsets in a page fit 16 bits")
}

fn to_u8(number: usize) -> u8 {
    u8::try_from(number).expect("an ascending term shares less than its length, at most 255 bytes")
}
