//! Runs: golden bytes, whole runs against a sorted map, and runs that were tampered with.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes out of bounds fails, which is what it is for"
)]

use super::*;
use crate::{
    log::fields::usize_from,
    store::{
        filter::{TermHasher, contains},
        page::{Page, PageKind},
        payload::PostingsPayload,
        posting::Posting,
        random::Random,
        run::builder::RunBuilder,
        sample::KINDS,
        term::{TermKind, term_of},
    },
};
use bytes::Bytes;
use std::{collections::BTreeMap, fmt::Write};

pub(crate) const STORE: StoreId = StoreId::from_bytes(*b"0123456789abcdef");

fn anchor(position: u64, offset: u64, sequence: u64) -> Anchor {
    let at = |offset| Place { segment: SegmentId::new(2), offset };
    Anchor {
        next: at(offset),
        sequence: Sequence::new(sequence),
        position: Position::new(position),
        chain: Chain::new(0xC0DE),
        last: (sequence > 1).then(|| at(offset - 512)),
    }
}

pub(crate) fn posting(position: u64, index: u16) -> Posting {
    let offset = 592 + (position - u64::from(index)) * 100;
    let place = Place { segment: SegmentId::new(2), offset };
    Posting { position: Position::new(position), index, place, bytes: 192 }
}

/// What stands behind a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    Value(Vec<u8>),
    Postings(u64, Vec<Posting>),
}

pub(crate) type Map = BTreeMap<Vec<u8>, Behind>;

/// A run of the positions 100 to 2^20, as it would stand in its file.
pub(crate) fn run_of(map: &Map) -> (RunHeader, Vec<u8>) {
    let terms = u64_from(map.len());
    let mut builder =
        RunBuilder::new(STORE, anchor(100, 512, 1), anchor(1 << 20, 1 << 30, 9), terms);
    let mut file = vec![0; PAGE_BYTES];
    for (term, behind) in map {
        match behind {
            Behind::Value(value) => builder.value(term, value).expect("a term in order"),
            Behind::Postings(ordinal, postings) => {
                builder.begin(term, *ordinal).expect("a term in order");
                for posting in postings {
                    builder.posting(*posting).expect("a posting in order");
                }
                builder.end().expect("a list of postings");
            }
        }
        assert_eq!(builder.ready_bytes() % u64_from(PAGE_BYTES), 0);
        file.extend(builder.take_pages());
    }
    let finished = builder.finish();
    file.extend(finished.tail);
    file.extend(finished.filter);
    file[..PAGE_BYTES].copy_from_slice(&finished.header.encode());
    assert_eq!(finished.header.file_bytes(), u64_from(file.len()));
    (finished.header, file)
}

pub(crate) struct Reader {
    pub(crate) header: RunHeader,
    file: Bytes,
}

impl Reader {
    pub(crate) fn open(file: &[u8], name: RunName) -> Result<Self, RunFault> {
        let header = RunHeader::decode(file.get(..PAGE_BYTES).unwrap_or_default(), STORE, name)?;
        Ok(Self { header, file: Bytes::copy_from_slice(file) })
    }

    pub(crate) fn page(&self, number: u32) -> Result<Page, RunFault> {
        let start = usize_from(page_offset(number));
        let bytes = start..(start + PAGE_BYTES).min(self.file.len());
        if bytes.start >= bytes.end {
            return Err(RunFault::new("the file ends"));
        }
        Page::check(self.file.slice(bytes), &self.header.seal(), number)
    }

    /// What stands behind `term`, by the way that a look-up takes.
    pub(crate) fn find(&self, term: &[u8]) -> Result<Option<Behind>, RunFault> {
        let hash = TermHasher::new(STORE).hash(term);
        let (number, block) = self.header.filter_page_of(hash);
        let page = self.page(number)?;
        let block = page.filter_block(block).ok_or(RunFault::new("no such block"))?;
        if !contains(block, hash) {
            return Ok(None);
        }
        let mut page = self.page(self.header.root)?;
        for _ in 0..self.header.depth {
            page = self.page(page.child(term).ok_or(RunFault::new("no inner page"))?)?;
        }
        if page.kind() != PageKind::Leaf {
            return Err(RunFault::new("no leaf"));
        }
        page.search(term).map(|range| self.behind(term, page.slice(&range))).transpose()
    }

    pub(crate) fn behind(&self, term: &[u8], payload: &[u8]) -> Result<Behind, RunFault> {
        if TermKind::of(term).is_some_and(|kind| !kind.is_postings()) {
            return Ok(Behind::Value(payload.to_vec()));
        }
        let payload = PostingsPayload::decode(payload, self.header.name())?;
        let mut postings = Vec::new();
        if let Some(inline) = payload.inline() {
            postings = inline.collect::<Result<_, _>>()?;
        }
        if let Some(mut walk) = payload.pages() {
            if !self.header.holds(payload.body) {
                return Err(RunFault::new("a list outside of the run"));
            }
            while let Some(number) = walk.page() {
                let page = self.page(number)?;
                for posting in walk.supply(&page)? {
                    postings.push(posting?);
                }
            }
        }
        assert_eq!(u64_from(postings.len()), payload.count);
        Ok(Behind::Postings(payload.first_ordinal, postings))
    }
}

/// Makes the checksum of page `number` hold, as a forger would; written after FORMAT.md.
pub(crate) fn reseal(header: &RunHeader, file: &mut [u8], number: u32) {
    let start = usize_from(page_offset(number));
    let page = &mut file[start..start + PAGE_BYTES];
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header.store.as_bytes());
    hasher.update(&header.first.position.get().to_le_bytes());
    hasher.update(&header.end.position.get().to_le_bytes());
    hasher.update(&header.end.chain.get().to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(&page[4..]);
    page[..4].copy_from_slice(&hasher.finalize().to_le_bytes());
}

pub(crate) const NAME: RunName = RunName { first: Position::new(100), end: Position::new(1 << 20) };

/// A few terms of each sort, one of them with a long list.
pub(crate) fn small() -> Map {
    let long = (0..1500).map(|at| posting(100 + at * 7, 0)).collect();
    Map::from([
        (term_of(TermKind::Category, b"order"), Behind::Postings(0, long)),
        (term_of(TermKind::CommandKey, b"key"), Behind::Value(vec![1, 2, 3])),
        (term_of(TermKind::Stream, b"order-1"), Behind::Postings(5, vec![posting(100, 0)])),
        (
            term_of(TermKind::Stream, b"order-2"),
            Behind::Postings(0, vec![posting(107, 0), posting(108, 1), posting(200, 0)]),
        ),
        (term_of(TermKind::PlaceMark, &[0; 8]), Behind::Value(Vec::new())),
    ])
}

pub(crate) fn drawn(random: &mut Random, terms: u64) -> Map {
    let mut map = Map::new();
    for at in 0..terms {
        let kind = KINDS[usize_from(random.below(12))];
        let mut name = format!("name-{}-", random.below(1 << 40)).into_bytes();
        if at % 100 == 0 {
            name.resize(255, b'x');
        }
        let behind = if kind.is_postings() {
            let most = [3, 30, 600, 20_000][usize_from(at % 400 / 133)];
            let stride = 1 + random.below(40);
            let first = 100 + random.below(1000);
            let count = 1 + random.below(most);
            let postings = (0..count).map(|at| posting(first + at * stride, 0));
            let ordinal = if kind == TermKind::Stream { random.below(1 << 20) } else { 0 };
            Behind::Postings(ordinal, postings.collect())
        } else {
            Behind::Value(random.bytes(40))
        };
        map.insert(term_of(kind, &name), behind);
    }
    map
}

#[test]
fn a_run_answers_as_the_map_that_it_was_made_of() {
    let mut random = Random::new(12);
    for terms in [0, 1, 2, 30, 1000, 6000] {
        let map = drawn(&mut random, terms);
        let (header, file) = run_of(&map);
        let reader = Reader::open(&file, NAME).expect("it was just written");
        assert_eq!(reader.header, header);
        assert_eq!(header.terms, u64_from(map.len()));
        for (term, behind) in &map {
            assert_eq!(reader.find(term).as_ref(), Ok(&Some(behind.clone())));
        }
        for _ in 0..200 {
            let term = term_of(TermKind::Tag, &random.bytes(12));
            assert_eq!(reader.find(&term), Ok(map.get(&term).cloned()));
        }
    }
}

#[test]
fn long_names_make_a_deep_tree_that_is_still_searched() {
    let map: Map = (0..40_000_u32)
        .map(|at| {
            let mut name = vec![b'x'; 247];
            name.extend(format!("{at:08}").bytes());
            (term_of(TermKind::Fence, &name), Behind::Value(vec![7; 300]))
        })
        .collect();
    let (header, file) = run_of(&map);
    assert!(header.depth >= 2 && header.depth <= DEPTH_MAX, "{}", header.depth);
    let reader = Reader::open(&file, NAME).expect("it was just written");
    for (term, behind) in map.iter().step_by(997) {
        assert_eq!(reader.find(term), Ok(Some(behind.clone())));
    }
}

#[test]
fn any_flipped_bit_is_a_fault_or_changes_no_answer() {
    let map = small();
    let (header, file) = run_of(&map);
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= 1 << (at % 8);
        let number = u32::try_from(at / PAGE_BYTES).expect("a small run");
        let Ok(reader) = Reader::open(&flipped, NAME) else {
            assert_eq!(number, 0, "only the header decides whether there is a run");
            continue;
        };
        assert!(number > 0 && reader.header == header);
        assert!(reader.page(number).is_err(), "{at}");
    }
    let sound = Reader::open(&file, NAME).expect("it was just written");
    assert!((1..header.pages).all(|number| sound.page(number).is_ok()));
}

#[test]
fn a_run_cut_short_has_no_header_or_lacks_pages() {
    let map = small();
    let (header, file) = run_of(&map);
    for len in (0..file.len()).step_by(509) {
        match Reader::open(&file[..len], NAME) {
            Err(_) => assert!(len < PAGE_BYTES),
            Ok(reader) => {
                assert!(header.file_bytes() > u64_from(len));
                for (term, behind) in &map {
                    if let Ok(found) = reader.find(term) {
                        assert_eq!(found.as_ref(), Some(behind));
                    }
                }
            }
        }
    }
    let mut torn = file;
    torn[..PAGE_BYTES].fill(0);
    assert!(Reader::open(&torn, NAME).is_err());
}

#[test]
fn the_header_is_of_this_run_and_no_other() {
    let (header, file) = run_of(&small());
    let page = &file[..PAGE_BYTES];
    assert_eq!(RunHeader::decode(page, STORE, NAME), Ok(header));
    let other = RunName { first: Position::new(101), ..NAME };
    assert!(RunHeader::decode(page, STORE, other).is_err());
    assert!(RunHeader::decode(page, StoreId::from_bytes([0; 16]), NAME).is_err());
    assert!(RunHeader::decode(&file[..=PAGE_BYTES], STORE, NAME).is_err());
    assert!(RunHeader::decode(&[], STORE, NAME).is_err());
}

#[test]
fn a_forged_header_is_a_fault() {
    let (sound, _) = run_of(&small());
    let decoded = |header: RunHeader| RunHeader::decode(&header.encode(), STORE, NAME);
    assert_eq!(decoded(sound), Ok(sound));
    let place = |segment, offset| Place { segment: SegmentId::new(segment), offset };
    let end = sound.end;
    let table = [
        ("too many terms", RunHeader { terms: 1 << 40, ..sound }),
        ("too many postings", RunHeader { postings: 1 << 60, ..sound }),
        ("the header as root", RunHeader { root: 0, ..sound }),
        ("a root in the filter", RunHeader { root: sound.filter_first, ..sound }),
        ("too many levels", RunHeader { depth: DEPTH_MAX + 1, ..sound }),
        ("no filter", RunHeader { filter_blocks: 0, ..sound }),
        ("a filter beyond the end", RunHeader { filter_blocks: 64, ..sound }),
        ("the largest filter", RunHeader { filter_blocks: u32::MAX, ..sound }),
        ("a filter beyond all", RunHeader { filter_first: u32::MAX, ..sound }),
        ("another length", RunHeader { pages: sound.pages + 1, ..sound }),
        ("an end at the start", RunHeader { first: sound.end, ..sound }),
        ("a segment 0", RunHeader { end: Anchor { next: place(0, 512), ..end }, ..sound }),
        ("an odd offset", RunHeader { end: Anchor { next: place(9, 513), ..end }, ..sound }),
        ("a far offset", RunHeader { end: Anchor { next: place(9, 5 << 30), ..end }, ..sound }),
        ("a group in the header", RunHeader { end: Anchor { next: place(9, 0), ..end }, ..sound }),
        ("an end before", RunHeader { end: Anchor { next: place(1, 512), ..end }, ..sound }),
        ("a last behind", RunHeader { end: Anchor { last: Some(place(9, 512)), ..end }, ..sound }),
    ];
    for (what, header) in table {
        assert!(decoded(header).is_err(), "{what}");
    }
    let mut covered = sound.encode()[ENVELOPE_BYTES..].to_vec();
    covered[FIELDS_BYTES] = 1;
    assert!(RunHeader::decode(&sealed(MAGIC, &covered), STORE, NAME).is_err(), "not zero behind");
}

#[test]
fn what_does_not_ascend_or_belong_is_refused_by_the_builder() {
    let builder = || {
        let mut builder =
            RunBuilder::new(STORE, anchor(100, 512, 1), anchor(1 << 20, 1 << 30, 9), 9);
        builder.begin(b"sb", 3).expect("the first term");
        builder.posting(posting(200, 0)).expect("the first posting");
        builder
    };
    for (what, wrong) in [
        ("the same position", posting(200, 0)),
        ("before the run", posting(99, 0)),
        ("behind the run", posting(1 << 20, 0)),
        ("an index beyond a commit", posting(100_000, 4096)),
    ] {
        assert!(builder().posting(wrong).is_err(), "{what}");
    }
    let mut open = builder();
    assert!(open.value(b"wb", b"").is_err(), "within a list");
    let mut ended = builder();
    ended.end().expect("a list of one");
    assert!(ended.posting(posting(300, 0)).is_err() && ended.end().is_err());
    for (what, term, ordinal) in [
        ("the same term", b"sb".as_slice(), 0),
        ("a lower term", b"sa", 0),
        ("an unknown kind", b"x", 0),
        ("a kind with values", b"w", 0),
        ("revisions behind a type", b"ta", 1),
        ("no term", b"", 0),
    ] {
        assert!(builder().begin(term, ordinal).is_err(), "{what}");
        let mut ended = builder();
        ended.end().expect("a list of one");
        assert!(ended.begin(term, ordinal).is_err(), "{what}");
    }
    ended.begin(b"ta", 0).expect("the next term");
    assert!(ended.end().is_err(), "no postings");
    assert!(ended.value(b"tb", b"").is_err(), "a kind with postings");
    assert!(ended.value(b"w", &[0; 2049]).is_err() && ended.value(&[b'w'; 257], b"").is_err());
}

/// The bytes that are not zero, 32 to a line.
fn dump(file: &[u8]) -> String {
    let mut text = String::new();
    for (at, row) in file.chunks(32).enumerate().filter(|(_, row)| !is_zero(row)) {
        let hex: String = row.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a string");
            hex
        });
        writeln!(text, "{:05x} {hex}", at * 32).expect("writing to a string");
    }
    text
}

#[test]
fn the_bytes_of_a_run_are_these() {
    let map = Map::from([
        (term_of(TermKind::CommandKey, b"key"), Behind::Value(vec![1, 2, 3])),
        (term_of(TermKind::Stream, b"order-1"), Behind::Postings(5, vec![posting(100, 0)])),
        (
            term_of(TermKind::Stream, b"order-2"),
            Behind::Postings(0, vec![posting(107, 0), posting(108, 1), posting(200, 0)]),
        ),
    ]);
    let (_, file) = run_of(&map);
    assert_eq!(dump(&file), GOLDEN);
}

/// The offset of each line, then its bytes.
const GOLDEN: &str = "\
00000 536749647852756e020000003087dc7930313233343536373839616263646566
00020 0200000000000000000200000000000001000000000000006400000000000000
00040 00000000000000000000000000000000dec00000000000000200000000000000
00060 0000004000000000090000000000000000001000000000000200000000000000
00080 00feff3f00000000dec000000000000003000000000000000400000000000000
000a0 0100000000000000020000000100000003000000000000000000000000000000
01000 07b41fe7010003000003036b6b6579010203000708736f726465722d31060564
01020 0002e0520307000f320c6b5d00029c580300ed0200d448030000000000000000
01fe0 0000000000000000000000000000000000000000000000000000000000000800
02000 90da66e604000100000000000000000000000000000000000000000000000000
02040 0000010000008042000200000000009200080000000002004200080000000080
02060 0000000400010000000000000000000008000000000000104000000000080020
";
