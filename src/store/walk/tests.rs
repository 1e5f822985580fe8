//! Walks through whole runs, and through trees that do not hold together.

use super::*;
use crate::store::{
    page::{PageBuilder, Seal},
    random::Random,
    run::{
        builder::RunBuilder,
        tests::{Behind, Map, NAME, Reader, STORE, drawn, reseal, run_of, small},
    },
    term::{TermKind, term_of},
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// All entries from `from` on, in order.
fn walked(reader: &Reader, from: &[u8]) -> Result<Map, RunFault> {
    let mut walk = Walk::new(&reader.header, from);
    let mut found = Map::new();
    loop {
        match walk.step() {
            WalkStep::Read(number) => walk.supply(&reader.page(number)?)?,
            WalkStep::Entry => {
                let entry = walk.entry().expect("it stands on one");
                let behind = reader.behind(entry.term(), entry.payload())?;
                let in_order =
                    found.last_key_value().is_none_or(|(last, _)| last.as_slice() < entry.term());
                assert!(in_order && found.insert(entry.term().to_vec(), behind).is_none());
            }
            WalkStep::End => return Ok(found),
        }
    }
}

#[test]
fn a_walk_meets_every_term_from_its_start_on() {
    let mut random = Random::new(13);
    for terms in [0, 1, 30, 3000] {
        let map = drawn(&mut random, terms);
        let (_, file) = run_of(&map);
        let reader = Reader::open(&file, NAME).expect("it was just written");
        assert_eq!(walked(&reader, b"").as_ref(), Ok(&map));
        let starts = map.keys().step_by(211).cloned();
        for from in starts.chain((0..9).map(|_| random.bytes(3))).chain([vec![0xFF]]) {
            let expected: Map =
                map.range(from.clone()..).map(|(a, b)| (a.clone(), b.clone())).collect();
            assert_eq!(walked(&reader, &from), Ok(expected), "{from:?}");
        }
    }
}

#[test]
fn a_walk_wants_its_pages_in_their_places() {
    let (header, file) = run_of(&small());
    let reader = Reader::open(&file, NAME).expect("it was just written");
    let mut walk = Walk::new(&header, b"");
    assert_eq!(walk.step(), WalkStep::Read(header.root));
    assert!(walk.supply(&reader.page(header.filter_first).expect("sealed")).is_err());
    walk.supply(&reader.page(header.root).expect("sealed")).expect("the root");
    assert!(walk.supply(&reader.page(header.root).expect("sealed")).is_err(), "nothing wanted");
    let mut deeper = Walk::new(&RunHeader { depth: 1, ..header }, b"");
    assert!(deeper.supply(&reader.page(header.root).expect("sealed")).is_err());
}

/// A tree of pages that are sound each for itself.
struct Forged(BTreeMap<u32, Page>);

impl Forged {
    fn add(&mut self, kind: PageKind, number: u32, entries: &[(&[u8], &[u8])], seal: &Seal) {
        let mut builder = PageBuilder::new(kind);
        for (term, payload) in entries {
            assert!(builder.push(term, payload));
        }
        let mut out = Vec::new();
        builder.finish(seal, number, &mut out);
        let page = Page::check(Bytes::from(out), seal, number).expect("sound for itself");
        self.0.insert(number, page);
    }

    fn walk(&self, header: &RunHeader) -> Result<usize, RunFault> {
        let mut walk = Walk::new(header, b"");
        let mut entries = 0;
        loop {
            match walk.step() {
                WalkStep::Read(number) => walk.supply(self.0.get(&number).expect("below"))?,
                WalkStep::Entry => entries += 1,
                WalkStep::End => return Ok(entries),
            }
        }
    }
}

#[test]
fn a_tree_that_leads_back_or_nowhere_is_a_fault() {
    let value = Map::from([(term_of(TermKind::Fence, b"x"), Behind::Value(Vec::new()))]);
    let (header, _) = run_of(&value);
    let seal = header.seal();
    let header = RunHeader { root: 9, depth: 1, ..header };
    let number = |number: u32| number.to_le_bytes();
    let forged = |children: [u32; 2]| {
        let mut forged = Forged(BTreeMap::new());
        forged.add(PageKind::Leaf, 1, &[(b"fa", b""), (b"fb", b"")], &seal);
        forged.add(PageKind::Leaf, 2, &[(b"fc", b"")], &seal);
        forged.add(PageKind::Leaf, 3, &[], &seal);
        let [a, b] = children.map(number);
        forged.add(PageKind::Inner, 9, &[(b"fa", &a), (b"fc", &b)], &seal);
        forged.walk(&header)
    };
    assert_eq!(forged([1, 2]), Ok(3));
    for children in [[1, 1], [2, 1], [1, 3], [3, 1], [2, 2]] {
        assert!(forged(children).is_err(), "{children:?}");
    }
}

/// Writes what was found anew, as a merge does.
fn rewritten(header: &RunHeader, map: &Map) -> Result<(), RunFault> {
    let mut builder = RunBuilder::new(STORE, header.first, header.end, header.terms);
    for (term, behind) in map {
        match behind {
            Behind::Value(value) => builder.value(term, value)?,
            Behind::Postings(ordinal, postings) => {
                builder.begin(term, *ordinal)?;
                postings.iter().try_for_each(|posting| builder.posting(*posting))?;
                builder.end()?;
            }
        }
    }
    let written = builder.finish().header;
    RunHeader::decode(&written.encode(), STORE, NAME).map(|_| ())
}

#[test]
fn forged_runs_are_searched_walked_and_merged_without_a_panic() {
    let map = small();
    let (header, file) = run_of(&map);
    let mut random = Random::new(14);
    let (mut walks, mut merges) = (0, 0);
    for _ in 0..20_000 {
        let number = 1 + u32::try_from(random.below(header.filter_first.into())).expect("a page");
        let mut forged = file.clone();
        for _ in 0..=random.below(3) {
            let at = u64::from(number) * 4096 + 4 + random.below(120);
            let byte = forged.get_mut(usize::try_from(at).expect("small")).expect("within");
            *byte = random.next().to_le_bytes()[0];
        }
        reseal(&header, &mut forged, number);
        let reader = Reader::open(&forged, NAME).expect("the header is as it was");
        for term in map.keys() {
            drop(reader.find(term));
        }
        if let Ok(found) = walked(&reader, b"") {
            walks += 1;
            merges += u32::from(rewritten(&header, &found).is_ok());
        }
    }
    // A forger can write another answer, but nothing that could not be an answer.
    assert!(walks > 1000 && merges > 1000, "{walks} walks, {merges} merges");
}
