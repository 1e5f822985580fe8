//! Pages: searches against a sorted map, and bytes that are no page.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes out of bounds fails, which is what it is for"
)]

use super::*;
use crate::store::{posting::PostingDecoder, random::Random};
use std::collections::BTreeMap;

const STORE: StoreId = StoreId::from_bytes([7; 16]);

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

fn seal() -> Seal {
    let name = RunName { first: Position::new(0), end: Position::new(9) };
    Seal::new(STORE, name, Chain::new(5))
}

fn sealed(kind: PageKind, map: &Map) -> (Vec<u8>, usize) {
    let mut builder = PageBuilder::new(kind);
    let taken = map.iter().take_while(|(term, payload)| builder.push(term, payload)).count();
    let mut out = Vec::new();
    builder.finish(&seal(), 1000, &mut out);
    assert!(builder.first().is_empty());
    (out, taken)
}

fn check(bytes: &[u8]) -> Result<Page, RunFault> {
    Page::check(Bytes::copy_from_slice(bytes), &seal(), 1000)
}

/// Seals whatever stands in `page`, as a forger would.
fn resealed(mut page: Vec<u8>) -> Vec<u8> {
    let crc = seal().crc(1000, &page[4..]);
    page[..4].copy_from_slice(&crc.to_le_bytes());
    page
}

/// Terms with long common beginnings, so that prefixes matter.
fn drawn_term(random: &mut Random) -> Vec<u8> {
    let len = 1 + random.below(12);
    let mut term: Vec<u8> = (0..len).map(|_| b'a' + u8::from(random.below(4) == 0)).collect();
    if random.below(20) == 0 {
        term.resize(256, b'a' + u8::from(random.below(2) == 0));
    }
    term
}

fn drawn(random: &mut Random) -> Map {
    let count = random.below(400);
    (0..count).map(|_| (drawn_term(random), random.bytes(20))).collect()
}

fn assert_answers_as(page: &Page, map: &Map, term: &[u8]) {
    let payload = |range: Option<Range<usize>>| range.map(|range| page.slice(&range).to_vec());
    assert_eq!(payload(page.search(term)), map.get(term).cloned(), "{term:?}");
    let floor = page.floor(term).map(|at| (at.term().to_vec(), at.payload().to_vec()));
    let expected = map.range(..=term.to_vec()).next_back();
    assert_eq!(floor, expected.map(|(term, payload)| (term.clone(), payload.clone())));
    let mut found = Vec::new();
    let mut cursor = page.entries_from(term);
    while let Some(at) = &mut cursor {
        found.push((at.term().to_vec(), at.payload().to_vec()));
        if !at.advance() {
            cursor = None;
        }
    }
    let expected: Vec<_> =
        map.range(term.to_vec()..).map(|(a, b)| (a.clone(), b.clone())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_leaf_answers_as_a_sorted_map_does() {
    let mut random = Random::new(4);
    for _ in 0..60 {
        let all = drawn(&mut random);
        let (bytes, taken) = sealed(PageKind::Leaf, &all);
        let map: Map = all.into_iter().take(taken).collect();
        let page = check(&bytes).expect("it was just sealed");
        assert_eq!((page.kind(), page.count), (PageKind::Leaf, taken));
        for term in map.keys() {
            assert_answers_as(&page, &map, term);
        }
        for _ in 0..40 {
            assert_answers_as(&page, &map, &drawn_term(&mut random));
        }
        assert_answers_as(&page, &map, &[]);
        assert_answers_as(&page, &map, &[0xFF; 300]);
        assert_eq!(page.child(b"a"), None);
    }
}

#[test]
fn an_inner_page_leads_to_the_child_that_begins_at_or_before() {
    let numbers = [3_u32, 1, 2, 999];
    let terms: [&[u8]; 4] = [b"b", b"bb", b"d", b"dz"];
    let entry = |at: usize| (terms[at].to_vec(), numbers[at].to_le_bytes().to_vec());
    let (bytes, _) = sealed(PageKind::Inner, &(0..4).map(entry).collect());
    let page = check(&bytes).expect("sealed");
    let table: [(&[u8], u32); 7] =
        [(b"", 3), (b"a", 3), (b"b", 3), (b"bb", 1), (b"c", 1), (b"d", 2), (b"e", 999)];
    for (term, child) in table {
        assert_eq!(page.child(term), Some(child), "{term:?}");
    }
    assert_eq!(page.entries().and_then(|at| at.child()), Some(3));
    assert_eq!(page.search(b"b"), None);
    assert_eq!(page.postings(Position::new(9)).map(|_| ()), None);
    assert_eq!(page.filter_block(0), None);
}

#[test]
fn every_page_takes_an_entry_of_the_largest_size() {
    let map = Map::from([(vec![b'x'; TERM_BYTES_MAX], vec![1; PAYLOAD_BYTES_MAX])]);
    let (bytes, taken) = sealed(PageKind::Leaf, &map);
    assert_eq!(taken, 1);
    assert_answers_as(&check(&bytes).expect("sealed"), &map, b"x");
    let tiny: Map = (0..2000_u16)
        .map(|at| (at.to_le_bytes().iter().rev().copied().collect(), Vec::new()))
        .collect();
    let (_, taken) = sealed(PageKind::Leaf, &tiny);
    assert!((900..=ENTRIES_MAX).contains(&taken), "{taken}");
    assert_eq!(sealed(PageKind::Leaf, &Map::new()).1, 0);
    assert!(check(&sealed(PageKind::Leaf, &Map::new()).0).is_ok());
    assert!(check(&sealed(PageKind::Inner, &Map::new()).0).is_err());
}

fn postings_page(bytes: &[u8], count: u64) -> Vec<u8> {
    let (first, through) = (Position::new(3), Position::new(9));
    let mut out = Vec::new();
    let chunk = Chunk { first, through, count, bytes };
    append_postings_page(chunk, 77, &seal(), 1000, &mut out);
    out
}

#[test]
fn a_postings_page_gives_its_chunk_back() {
    let chunk = [0, 1, 200, 4, 3];
    let page = check(&postings_page(&chunk, 1)).expect("sealed");
    let (ordinal, found) = page.postings(Position::new(9)).expect("it holds postings");
    assert_eq!((ordinal, found.first.get(), found.count), (77, 3, 1));
    assert_eq!(found.bytes, chunk);
    assert!(PostingDecoder::new(found).count() <= 2);
    assert_eq!((page.search(b"a"), page.child(b"a")), (None, None));
    assert!(page.floor(b"a").is_none() && page.entries().is_none());
    // More postings than bytes, none, and more bytes than a page has.
    assert!(check(&postings_page(&chunk, 6)).is_err());
    assert!(check(&postings_page(&chunk, 0)).is_err());
    let mut long = postings_page(&chunk, 1);
    long[24..26].copy_from_slice(&4071_u16.to_le_bytes());
    assert!(check(&resealed(long)).is_err());
}

#[test]
fn a_filter_page_gives_its_blocks_back() {
    let mut page = vec![0; PAGE_BYTES];
    page[64..192].fill(9);
    seal_filter_page(&mut page, 2, &seal(), 1000);
    let checked = check(&page).expect("sealed");
    assert_eq!(checked.filter_block(1), Some([9; 64].as_slice()));
    assert_eq!(checked.filter_block(2), None);
    page[6..8].copy_from_slice(&64_u16.to_le_bytes());
    assert!(check(&resealed(page)).is_err());
}

#[test]
fn any_flipped_bit_and_any_other_place_breaks_the_seal() {
    let map: Map = (0..30).map(|at| (vec![b'a', at], vec![at; 3])).collect();
    let (bytes, _) = sealed(PageKind::Leaf, &map);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(check(&flipped).is_err(), "{at}");
    }
    let bytes = Bytes::from(bytes);
    assert!(Page::check(bytes.clone(), &seal(), 1001).is_err());
    assert!(Page::check(bytes.slice(1..), &seal(), 1000).is_err());
    let name = RunName { first: Position::new(0), end: Position::new(9) };
    let other = |end| RunName { end: Position::new(end), ..name };
    let stores = [[7; 16], [8; 16]].map(StoreId::from_bytes);
    for seal in [
        Seal::new(stores[1], name, Chain::new(5)),
        Seal::new(stores[0], other(8), Chain::new(5)),
        Seal::new(stores[0], name, Chain::new(6)),
    ] {
        assert!(Page::check(bytes.clone(), &seal, 1000).is_err());
    }
}

/// Uses everything of a page that passed its check; nothing may panic or run away.
fn use_all(page: &Page, term: &[u8]) {
    page.search(term);
    page.child(term);
    let mut cursor = page.entries_from(term);
    let mut steps = 0;
    while let Some(at) = &mut cursor {
        assert!(at.term().len() <= TERM_BYTES_MAX);
        steps += 1;
        if !at.advance() {
            cursor = None;
        }
    }
    assert!(steps <= ENTRIES_MAX);
    if let Some((_, chunk)) = page.postings(Position::new(1 << 40)) {
        assert!(PostingDecoder::new(chunk).count() <= PAGE_BYTES);
    }
    page.filter_block(0);
}

#[test]
fn forged_pages_are_faults_or_sorted_and_never_a_panic() {
    let mut random = Random::new(5);
    let mut believed = 0;
    for round in 0..30_000 {
        let map: Map = (0..40).map(|at| (vec![b'a', at], vec![1, 0, 0, 0])).collect();
        let kind = [PageKind::Leaf, PageKind::Inner][round % 2];
        let (mut page, _) = sealed(kind, &map);
        for _ in 0..=random.below(3) {
            // The head, the first entries and the restart points decide.
            let at = [4 + random.below(80), 4088 + random.below(8)][round / 2 % 2];
            page[usize::try_from(at).expect("small")] = random.next().to_le_bytes()[0];
        }
        if let Ok(page) = check(&resealed(page)) {
            believed += 1;
            use_all(&page, b"a\x05");
            use_all(&page, &random.bytes(5));
        }
    }
    // Payloads of a leaf may be anything.
    assert!(believed > 1000, "{believed}");
}

#[test]
fn sealed_garbage_is_never_a_panic() {
    let mut random = Random::new(6);
    for round in 0..2000 {
        let mut page: Vec<u8> = (0..512).flat_map(|_| random.next().to_le_bytes()).collect();
        page[4] = 1 + u8::try_from(round % 5).expect("small");
        page[5] = 0;
        page[7] &= 3;
        if let Ok(page) = check(&resealed(page)) {
            use_all(&page, &random.bytes(9));
        }
    }
}

#[test]
fn each_forgery_of_an_order_is_a_fault() {
    let map: Map = (0..40).map(|at| (vec![b'a', at], vec![1, 0, 0, 0])).collect();
    let (bytes, _) = sealed(PageKind::Inner, &map);
    assert!(check(&bytes).is_ok());
    // The first entry takes 3 + 2 + 4 bytes from 8, each further one 3 + 1 + 4.
    let table = [
        ("more entries than there are", 6, 41),
        ("a restart point elsewhere", 4094, 17),
        ("a first entry that shares", 8, 1),
        ("a second entry that shares more than there is", 17, 3),
        ("a second entry that could share more", 17, 0),
        ("a second entry not above the first", 20, 0),
        ("a suffix that runs into the payload", 18, 5),
        ("a payload beyond the page", 19, 0x7F),
        ("no child", 13, 0),
        ("a child behind the page", 16, 1),
        ("a reserved byte", 5, 1),
        ("an unknown kind", 4, 5),
    ];
    for (what, at, byte) in table {
        let mut page = bytes.clone();
        assert_ne!(page[at], byte, "{what}");
        page[at] = byte;
        assert!(check(&resealed(page)).is_err(), "{what}");
    }
}
