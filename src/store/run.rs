//! A run: an immutable file with all terms of a piece of the log. Here its header, page 0.
//!
//! Page 0 is written last, behind everything else and a sync: a run that was torn while it was
//! written has no header and so is none. The rest is written by [`builder`]. Does not open
//! files, and does not decide which runs to believe.
//!
//! ```text
//! page 0   header
//! page 1…  leaves, inner pages and the pages of long lists, each before the page that names it
//! …        the root
//! …        the pages of the filter
//! ```

pub(crate) mod builder;

use crate::{
    ids::{Position, SegmentId, Sequence, StoreId},
    limits::{BLOCK_BYTES, SEGMENT_BYTES_MAX},
    log::{
        Anchor, Chain, Place,
        fields::{Fields, u64_from},
        segment::{HEADER_BYTES, is_zero, open_sealed, sealed},
    },
    store::{
        fault::RunFault,
        filter::{FilterPlace, TermHash, pages_of, probe_place},
        page::{ENTRIES_MAX, PAGE_BYTES, Seal},
        payload::PostingsBody,
        run_name::RunName,
    },
};

/// The first eight bytes of a run.
const MAGIC: [u8; 8] = *b"SgIdxRun";
/// Bytes of the header's fields, behind the envelope.
const FIELDS_BYTES: usize = 164;
const ENVELOPE_BYTES: usize = 16;
/// Levels of inner pages that a run can have: each page has at least 15 children.
pub(crate) const DEPTH_MAX: u32 = 12;

const NO_PLACE: Place = Place { segment: SegmentId::new(0), offset: 0 };

/// The header of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunHeader {
    /// The store.
    pub(crate) store: StoreId,
    /// Where in the log the run begins.
    pub(crate) first: Anchor,
    /// Where in the log the run ends; the next run begins there.
    pub(crate) end: Anchor,
    /// How many terms it has.
    pub(crate) terms: u64,
    /// How many postings they have together.
    pub(crate) postings: u64,
    /// The number of the root page.
    pub(crate) root: u32,
    /// How many levels of inner pages there are; 0 if the root is a leaf.
    pub(crate) depth: u32,
    /// The number of the first page of the filter; all pages of terms and lists are below.
    pub(crate) filter_first: u32,
    /// How many blocks the filter has.
    pub(crate) filter_blocks: u32,
    /// How many pages there are, with this one.
    pub(crate) pages: u32,
}

impl RunHeader {
    /// The header as page 0.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut covered = Vec::with_capacity(PAGE_BYTES);
        covered.extend_from_slice(self.store.as_bytes());
        encode_anchor(&self.first, &mut covered);
        encode_anchor(&self.end, &mut covered);
        covered.extend_from_slice(&self.terms.to_le_bytes());
        covered.extend_from_slice(&self.postings.to_le_bytes());
        for field in [self.root, self.depth, self.filter_first, self.filter_blocks, self.pages] {
            covered.extend_from_slice(&field.to_le_bytes());
        }
        assert_eq!(covered.len(), FIELDS_BYTES, "the header's fields have a fixed length");
        covered.resize(PAGE_BYTES - ENVELOPE_BYTES, 0);
        sealed(MAGIC, &covered)
    }

    /// Decodes page 0 of the run of `store` with this name, whatever its bytes are. A run of a
    /// newer format is none that this version can use.
    pub(crate) fn decode(page: &[u8], store: StoreId, name: RunName) -> Result<Self, RunFault> {
        if page.len() != PAGE_BYTES {
            return Err(RunFault::new("a header of another length"));
        }
        let covered = open_sealed(MAGIC, page);
        let covered = covered.map_err(|_| RunFault::new("no header, or one of a newer format"))?;
        let header = Self::decode_fields(covered).filter(Self::is_sound);
        let header = header.ok_or(RunFault::new("a header that contradicts itself"))?;
        if header.store != store || header.name() != name {
            return Err(RunFault::new("the header of another run"));
        }
        Ok(header)
    }

    fn decode_fields(covered: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(covered);
        let header = Self {
            store: StoreId::from_bytes(fields.id()?),
            first: decode_anchor(&mut fields)?,
            end: decode_anchor(&mut fields)?,
            terms: fields.u64()?,
            postings: fields.u64()?,
            root: fields.u32()?,
            depth: fields.u32()?,
            filter_first: fields.u32()?,
            filter_blocks: fields.u32()?,
            pages: fields.u32()?,
        };
        is_zero(covered.get(FIELDS_BYTES..)?).then_some(header)
    }

    fn is_sound(&self) -> bool {
        let pages = u64::from(self.filter_first);
        let filter_end = self.filter_first.checked_add(pages_of(self.filter_blocks));
        // What is counted has to fit the file, so that memory for it can be set aside.
        self.terms <= pages * u64_from(ENTRIES_MAX)
            && self.postings <= pages * u64_from(PAGE_BYTES)
            && (1..self.filter_first).contains(&self.root)
            && self.depth <= DEPTH_MAX
            && self.filter_blocks > 0
            && filter_end == Some(self.pages)
            && self.first.position < self.end.position
            && self.first.next < self.end.next
            && self.first.sequence < self.end.sequence
    }

    /// The run's name.
    pub(crate) fn name(&self) -> RunName {
        RunName { first: self.first.position, end: self.end.position }
    }

    /// What the run's pages are checked with.
    pub(crate) fn seal(&self) -> Seal {
        Seal::new(self.store, self.name(), self.end.chain)
    }

    /// Bytes of the run's file.
    pub(crate) fn file_bytes(&self) -> u64 {
        u64::from(self.pages) * u64_from(PAGE_BYTES)
    }

    /// The number of the page that says whether the run may have the term with this hash, and
    /// which of its blocks does.
    pub(crate) fn filter_page_of(&self, hash: TermHash) -> (u32, usize) {
        let FilterPlace { page, block } = probe_place(hash, self.filter_blocks);
        (self.filter_first + page, block)
    }

    /// Whether the pages of a list are pages of this run, and not of its filter.
    pub(crate) fn holds(&self, body: PostingsBody<'_>) -> bool {
        match body {
            PostingsBody::Inline(_) => true,
            PostingsBody::Pages { first, count } => {
                first > 0 && first.checked_add(count).is_some_and(|end| end <= self.filter_first)
            }
        }
    }
}

/// The offset in the file of the page with this number, in bytes.
pub(crate) fn page_offset(number: u32) -> u64 {
    u64::from(number) * u64_from(PAGE_BYTES)
}

fn encode_anchor(anchor: &Anchor, out: &mut Vec<u8>) {
    let last = anchor.last.unwrap_or(NO_PLACE);
    for field in [
        anchor.next.segment.get(),
        anchor.next.offset,
        anchor.sequence.get(),
        anchor.position.get(),
        last.segment.get(),
        last.offset,
    ] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(&anchor.chain.get().to_le_bytes());
    out.extend_from_slice(&[0; 4]);
}

fn decode_anchor(fields: &mut Fields<'_>) -> Option<Anchor> {
    let next = decode_place(fields)?;
    let sequence = Sequence::new(fields.counter()?);
    let position = Position::new(fields.counter()?);
    let last = decode_place(fields)?;
    let chain = Chain::new(fields.u32()?);
    let zero = fields.u32()?;
    let is_sound = zero == 0
        && sequence.get() >= 1
        && next.segment.get() >= 1
        && next.offset >= HEADER_BYTES
        && (last == NO_PLACE || last < next);
    let last = (last != NO_PLACE).then_some(last);
    is_sound.then_some(Anchor { next, sequence, position, chain, last })
}

fn decode_place(fields: &mut Fields<'_>) -> Option<Place> {
    let place = Place { segment: SegmentId::new(fields.counter()?), offset: fields.counter()? };
    let is_sound = place.offset <= SEGMENT_BYTES_MAX && place.offset.is_multiple_of(BLOCK_BYTES);
    is_sound.then_some(place)
}

#[cfg(test)]
pub(crate) mod tests;
