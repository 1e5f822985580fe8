//! Postings there and back, their cost in bytes, and bytes that are none.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes out of bounds fails, which is what it is for"
)]

use super::*;
use crate::store::random::Random;

/// Bytes that one posting takes at most: four numbers in full and a byte.
const POSTING_BYTES_MAX: usize = 4 * 10 + 1;

/// The posting as it comes back from an encoding: its hint is rounded up to 64 bytes.
fn rounded(posting: &Posting) -> Posting {
    Posting { bytes: u32::from(posting.class()) * CLASS_BYTES, ..*posting }
}

fn posting(position: u64, index: u16, segment: u64, offset: u64) -> Posting {
    Posting {
        position: Position::new(position),
        index,
        place: Place { segment: SegmentId::new(segment), offset },
        bytes: 200,
    }
}

fn encode(postings: &[Posting]) -> Vec<u8> {
    let mut encoder = PostingEncoder::new();
    let mut out = Vec::new();
    for posting in postings {
        encoder.push(*posting, &mut out);
    }
    out
}

fn decoder(first: u64, count: u64, bytes: &[u8]) -> PostingDecoder<'_> {
    let through = Position::new(COUNTER_MAX);
    PostingDecoder::new(Chunk { first: Position::new(first), through, count, bytes })
}

fn decode(first: u64, count: usize, bytes: &[u8]) -> Result<Vec<Posting>, RunFault> {
    decoder(first, u64_from(count), bytes).collect()
}

fn assert_comes_back(postings: &[Posting]) {
    let first = postings.first().map_or(0, |posting| posting.position.get());
    let expected: Vec<Posting> = postings.iter().map(rounded).collect();
    let bytes = encode(postings);
    assert!(bytes.len() <= postings.len() * POSTING_BYTES_MAX);
    assert_eq!(decode(first, postings.len(), &bytes), Ok(expected));
}

#[test]
fn edges_come_back() {
    let far = COUNTER_MAX;
    assert_comes_back(&[]);
    assert_comes_back(&[posting(0, 0, 1, 0)]);
    assert_comes_back(&[posting(far, 4095, far, SEGMENT_BYTES_MAX)]);
    assert_comes_back(&[posting(0, 0, 1, 512), posting(far, 0, far, 0)]);
    assert_comes_back(&[posting(5, 0, 2, 900), posting(6, 0, 1, 512), posting(7, 0, 1, 512)]);
    for bytes in [0, 1, 64, 65, 255 * 64, 255 * 64 + 1, u32::MAX] {
        assert_comes_back(&[Posting { bytes, ..posting(9, 9, 1, 592) }]);
    }
}

#[test]
fn all_short_rows_of_few_values_come_back() {
    let mut values = Vec::new();
    for position in 2..6 {
        for index in 0..2 {
            for (segment, offset) in [(1, 592), (1, 600), (2, 592)] {
                values.push(posting(position, index, segment, offset));
            }
        }
    }
    for a in &values {
        for b in values.iter().filter(|b| b.position > a.position) {
            assert_comes_back(&[*a, *b]);
            for c in values.iter().filter(|c| c.position > b.position) {
                assert_comes_back(&[*a, *b, *c]);
            }
        }
    }
}

/// A row as a log makes it: commits of a few events, of which the term has some.
fn drawn(random: &mut Random, count: u64) -> Vec<Posting> {
    let mut postings = Vec::new();
    let (mut base, mut segment, mut offset) = (random.below(1 << 40), 1 + random.below(9), 592);
    for _ in 0..count {
        let bytes = u32::try_from(16 + random.below(20_000)).expect("small");
        let place = Place { segment: SegmentId::new(segment), offset };
        for index in 0..u16::try_from(1 + random.below(4)).expect("small") {
            if random.below(3) > 0 {
                let position = Position::new(base + u64::from(index));
                postings.push(Posting { position, index, place, bytes });
            }
        }
        base += 4 + (random.next() >> 32 >> random.below(32));
        offset += u64::from(bytes);
        if random.below(8) == 0 {
            (segment, offset) = (segment + 1 + random.below(3), 592);
        }
    }
    postings
}

#[test]
fn drawn_rows_come_back() {
    let mut random = Random::new(2);
    for count in 0..300 {
        assert_comes_back(&drawn(&mut random, count));
    }
}

#[test]
fn a_further_event_of_a_commit_costs_a_byte_and_a_near_commit_five() {
    let row = [posting(1000, 0, 3, 70_000), posting(1001, 1, 3, 70_000)];
    assert_eq!(encode(&row).len() - encode(&row[..1]).len(), 1);
    let row = [posting(1000, 0, 3, 70_000), posting(1009, 0, 3, 72_000)];
    assert_eq!(encode(&row).len() - encode(&row[..1]).len(), 5);
}

#[test]
fn a_row_cut_short_or_run_on_is_a_fault() {
    let row = [posting(7, 0, 1, 592), posting(8, 1, 1, 592), posting(300, 0, 1, 9000)];
    let bytes = encode(&row);
    for len in 0..bytes.len() {
        assert!(decode(7, row.len(), &bytes[..len]).is_err(), "{len}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(decode(7, row.len(), &longer).is_err());
    assert!(decode(7, row.len() + 1, &bytes).is_err());
    let mut ended = decoder(7, 5, &bytes);
    assert_eq!(ended.by_ref().filter(Result::is_err).count(), 1);
    assert!(ended.next().is_none());
}

#[test]
fn positions_beyond_the_bound_are_faults() {
    let row = [posting(7, 0, 1, 592), posting(8, 0, 1, 700), posting(9, 0, 1, 800)];
    let bytes = encode(&row);
    for (through, sound) in [(9, true), (8, false), (6, false)] {
        let through = Position::new(through);
        let chunk = Chunk { first: Position::new(7), through, count: 3, bytes: &bytes };
        assert_eq!(PostingDecoder::new(chunk).all(|read| read.is_ok()), sound);
    }
}

#[test]
fn garbage_gives_ascending_postings_or_a_fault() {
    let mut random = Random::new(3);
    for round in 0..20_000 {
        let bytes = random.bytes(40);
        let first = random.next() >> (round % 64);
        let mut last = None;
        let decoder = decoder(first, u64::MAX, &bytes);
        assert!(decoder.size_hint().1 <= Some(bytes.len() + 1));
        for posting in decoder.map_while(Result::ok) {
            assert!(posting.is_within_bounds());
            assert!(last < Some(posting.position));
            last = Some(posting.position);
        }
    }
}

#[test]
#[should_panic(expected = "postings ascend")]
fn a_row_that_does_not_ascend_is_a_bug() {
    encode(&[posting(7, 0, 1, 592), posting(7, 0, 1, 592)]);
}
