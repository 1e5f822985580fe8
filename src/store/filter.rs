//! The filter of a run: says of most terms that the run does not have that it does not.
//!
//! A blocked Bloom filter. All probes of a term fall into one block of 64 bytes, so that a look
//! costs one page, and in it one cache line. It never denies a term that was put in. Does not know
//! what a term means.

use crate::{
    ids::StoreId,
    log::fields::{Fields, u64_from, usize_from},
    store::page::{BLOCK_BYTES, BLOCKS_PER_PAGE, PAGE_BYTES, Seal, seal_filter_page},
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bits that the filter spends on a term.
const TERM_BITS: u64 = 10;
/// Bits that a term sets in its block: nine bits of its hash for each.
const PROBES: u32 = 7;
const BLOCK_BITS: u64 = 512;
/// Odd, with well-mixed bits: the fractional part of the golden ratio.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// Hashes the terms of one store. Seeded with its identity, so that names which fall together in
/// one store do not in another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TermHasher {
    seed: u64,
}

impl TermHasher {
    /// The hasher of `store`.
    pub(crate) fn new(store: StoreId) -> Self {
        let mut halves = Fields::new(store.as_bytes());
        let seed = halves.u64().unwrap_or(0) ^ halves.u64().unwrap_or(0);
        Self { seed }
    }

    /// The hash of `term`: its 64-bit XXH3.
    pub(crate) fn hash(self, term: &[u8]) -> TermHash {
        TermHash(xxh3_64_with_seed(term, self.seed))
    }
}

/// The hash of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TermHash(u64);

impl TermHash {
    /// The block of `blocks` into which the term falls.
    fn block(self, blocks: u32) -> u32 {
        // The upper half, scaled down: no division, and no block is favoured.
        let block = ((self.0 >> 32) * u64::from(blocks)) >> 32;
        u32::try_from(block).expect("the product of two 32-bit numbers has 64 bits")
    }

    /// The bits that the term sets in its block, each as a byte of the block and a mask.
    fn probes(self) -> impl Iterator<Item = (usize, u8)> {
        // Mixed again, since all terms of one block have similar upper halves.
        let mixed = self.0.wrapping_mul(MIX);
        (0..PROBES).map(move |probe| {
            let bit = (mixed >> (9 * probe)) % BLOCK_BITS;
            (usize_from(bit / 8), 1 << (bit % 8))
        })
    }
}

/// A block of a filter: the page of the filter, from 0, and the block in that page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FilterPlace {
    /// The page, counted from the first one of the filter.
    pub(crate) page: u32,
    /// The block in that page.
    pub(crate) block: usize,
}

/// Where the term with this hash has to be looked for in a filter of `blocks` blocks.
pub(crate) fn probe_place(hash: TermHash, blocks: u32) -> FilterPlace {
    let block = usize_from(u64::from(hash.block(blocks)));
    let page = u32::try_from(block / BLOCKS_PER_PAGE).expect("there are fewer pages than blocks");
    FilterPlace { page, block: block % BLOCKS_PER_PAGE }
}

/// Whether the term with this hash may have been put into this block; if not, it was not.
pub(crate) fn contains(block: &[u8], hash: TermHash) -> bool {
    hash.probes().all(|(byte, mask)| block.get(byte).is_none_or(|found| found & mask != 0))
}

/// How many pages a filter of `blocks` blocks takes.
pub(crate) fn pages_of(blocks: u32) -> u32 {
    let per_page = u32::try_from(BLOCKS_PER_PAGE).expect("a page has few blocks");
    blocks.div_ceil(per_page)
}

/// A filter that is being filled.
#[derive(Debug)]
pub(crate) struct FilterBuilder {
    blocks: u32,
    /// Whole pages, with the blocks where they will stand.
    pages: Vec<u8>,
}

impl FilterBuilder {
    /// An empty filter for about `terms` terms; with more it still holds, but lets more through.
    pub(crate) fn with_capacity(terms: u64) -> Self {
        let blocks = terms.saturating_mul(TERM_BITS).div_ceil(BLOCK_BITS).max(1);
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
        let bytes = u64::from(pages_of(blocks)) * u64_from(PAGE_BYTES);
        Self { blocks, pages: vec![0; usize_from(bytes)] }
    }

    /// How many blocks the filter has.
    pub(crate) fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Puts the term with this hash in.
    pub(crate) fn insert(&mut self, hash: TermHash) {
        let place = probe_place(hash, self.blocks);
        let page = usize_from(u64::from(place.page));
        let start = page * PAGE_BYTES + (place.block + 1) * BLOCK_BYTES;
        let block = self.pages.get_mut(start..start + BLOCK_BYTES).unwrap_or_default();
        for (byte, mask) in hash.probes() {
            if let Some(byte) = block.get_mut(byte) {
                *byte |= mask;
            }
        }
    }

    /// The pages of the filter, the first of which has this number in the run.
    pub(crate) fn finish(mut self, seal: &Seal, first: u32) -> Vec<u8> {
        let mut left = usize_from(u64::from(self.blocks));
        for (number, page) in (first..).zip(self.pages.chunks_mut(PAGE_BYTES)) {
            let blocks = left.min(BLOCKS_PER_PAGE);
            seal_filter_page(page, blocks, seal, number);
            left -= blocks;
        }
        self.pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::Position,
        log::Chain,
        store::{page::Page, random::Random, run_name::RunName},
    };
    use bytes::Bytes;

    const STORE: StoreId = StoreId::from_bytes(*b"0123456789abcdef");

    struct Filter {
        blocks: u32,
        pages: Vec<Page>,
    }

    impl Filter {
        fn new(builder: FilterBuilder) -> Self {
            let name = RunName { first: Position::new(0), end: Position::new(9) };
            let seal = Seal::new(STORE, name, Chain::new(5));
            let blocks = builder.blocks();
            let bytes = Bytes::from(builder.finish(&seal, 40));
            let pages = (0..pages_of(blocks)).map(|at| {
                let start = usize_from(u64::from(at)) * PAGE_BYTES;
                let page = bytes.slice(start..start + PAGE_BYTES);
                Page::check(page, &seal, 40 + at).expect("it was just sealed")
            });
            Self { blocks, pages: pages.collect() }
        }

        fn may_have(&self, term: &[u8]) -> bool {
            let hash = TermHasher::new(STORE).hash(term);
            let place = probe_place(hash, self.blocks);
            let page = self.pages.get(usize_from(u64::from(place.page))).expect("within");
            contains(page.filter_block(place.block).expect("within"), hash)
        }
    }

    fn with_terms(terms: u64, capacity: u64) -> Filter {
        let mut builder = FilterBuilder::with_capacity(capacity);
        let hasher = TermHasher::new(STORE);
        for at in 0..terms {
            builder.insert(hasher.hash(format!("sorder-{at}").as_bytes()));
        }
        Filter::new(builder)
    }

    #[test]
    fn what_was_put_in_is_never_denied_and_of_the_rest_less_than_two_percent_pass() {
        let filter = with_terms(100_000, 100_000);
        assert!((0..100_000).all(|at| filter.may_have(format!("sorder-{at}").as_bytes())));
        let mut random = Random::new(7);
        let passed = |terms: &mut dyn Iterator<Item = Vec<u8>>| {
            terms.filter(|term| filter.may_have(term)).count()
        };
        let others = &mut (100_000..200_000).map(|at| format!("sorder-{at}").into_bytes());
        let (similar, drawn) =
            (passed(others), passed(&mut (0..100_000).map(|_| random.next().to_le_bytes().into())));
        assert!(similar < 2000 && drawn < 2000, "{similar} and {drawn} of 100000 passed");
        // And yet it is a filter of ten bits a term, not of more.
        assert!(filter.blocks < 2000, "{} blocks", filter.blocks);
    }

    #[test]
    fn small_and_overfull_filters_never_deny_either() {
        for (terms, capacity) in [(0, 0), (1, 0), (1, 1), (60, 51), (500, 1), (4000, 3300)] {
            let filter = with_terms(terms, capacity);
            assert!((0..terms).all(|at| filter.may_have(format!("sorder-{at}").as_bytes())));
        }
        assert!(!with_terms(0, 0).may_have(b"a"));
    }

    #[test]
    fn hashes_differ_from_store_to_store_and_stay_the_same_in_one() {
        let other = TermHasher::new(StoreId::from_bytes([1; 16]));
        assert_ne!(other.hash(b"sa"), TermHasher::new(STORE).hash(b"sa"));
        // Part of the format: XXH3 of "sa" with the seed 0.
        let zero = TermHasher::new(StoreId::from_bytes([0; 16]));
        assert_eq!(zero.hash(b""), TermHash(0x2D06_8005_38D3_94C2));
    }

    #[test]
    fn every_block_is_reached_and_none_beyond() {
        for blocks in [1, 2, 63, 64, 1000] {
            let mut random = Random::new(8);
            let drawn = (0..20_000).map(|_| TermHash(random.next()).block(blocks));
            let found: std::collections::BTreeSet<u32> = drawn.collect();
            assert_eq!(found, (0..blocks).collect());
        }
        assert_eq!(TermHash(u64::MAX).block(u32::MAX), u32::MAX - 1);
    }
}
