//! Payloads there and back, payloads that are none, and lists whose pages do not belong together.

use super::*;
use crate::{
    ids::StoreId,
    limits::COUNTER_MAX,
    log::Chain,
    store::{
        page::{Seal, append_postings_page},
        random::Random,
    },
};
use bytes::Bytes;

const ALL: RunName = RunName { first: Position::new(0), end: Position::new(COUNTER_MAX + 1) };

fn payload(count: u64, first: u64, last: u64, body: PostingsBody<'_>) -> PostingsPayload<'_> {
    let (first, last) = (Position::new(first), Position::new(last));
    PostingsPayload { first_ordinal: 0, count, first, last, body }
}

fn encoded(payload: &PostingsPayload<'_>) -> Vec<u8> {
    let mut out = vec![1, 2, 3];
    payload.encode(&mut out);
    out
}

fn decode(bytes: &[u8]) -> Result<PostingsPayload<'_>, RunFault> {
    PostingsPayload::decode(bytes, ALL)
}

#[test]
fn a_payload_is_read_as_it_was_written() {
    let chunk = [7; 1024];
    let pages = PostingsBody::Pages { first: 1, count: 2 };
    for body in [PostingsBody::Inline(&chunk), pages] {
        for (count, first, last) in [(2, 0, 1), (3, 5, 7), (1024, 0, COUNTER_MAX), (70, 1, 1 << 40)]
        {
            for first_ordinal in [0, 1, COUNTER_MAX] {
                let payload =
                    PostingsPayload { first_ordinal, ..payload(count, first, last, body) };
                assert_eq!(decode(&encoded(&payload)), Ok(payload));
                assert_eq!(payload.end_ordinal(), first_ordinal + count);
            }
        }
    }
    let one = payload(1, 9, 9, PostingsBody::Inline(&chunk));
    assert_eq!(decode(&encoded(&one)), Ok(one));
    // The count, the position and the chunk; what is 0 or follows takes nothing.
    assert_eq!(encoded(&one).len(), 2 + chunk.len());
    assert!(one.pages().is_none() && payload(2, 0, 1, pages).inline().is_none());
}

#[test]
fn a_payload_that_contradicts_itself_is_a_fault() {
    let chunk = [7; 4];
    let inline = PostingsBody::Inline(&chunk);
    let pages = |first, count| PostingsBody::Pages { first, count };
    let table = [
        ("more postings than bytes", payload(5, 0, 9, inline)),
        ("more postings than positions", payload(3, 5, 6, inline)),
        ("a last position beyond all", payload(2, COUNTER_MAX, COUNTER_MAX + 1, inline)),
        ("a list in page 0", payload(2, 0, 9, pages(0, 1))),
        ("a list without pages", payload(2, 0, 9, pages(3, 0))),
        ("pages beyond the last number", payload(2, 0, 9, pages(u32::MAX, 1))),
        ("fewer postings than pages", payload(2, 0, 9, pages(3, 3))),
        ("more than the pages hold", payload(1 << 20, 0, 1 << 30, pages(3, 3))),
    ];
    for (what, payload) in table {
        assert!(decode(&encoded(&payload)).is_err(), "{what}");
    }
    let outside = RunName { first: Position::new(4), end: Position::new(8) };
    for (first, last, sound) in [(3, 5, false), (5, 8, false), (4, 7, true)] {
        let bytes = encoded(&payload(2, first, last, inline));
        assert_eq!(PostingsPayload::decode(&bytes, outside).is_ok(), sound);
    }
    let mut longer = encoded(&payload(2, 0, 9, pages(3, 1)));
    longer.push(0);
    assert!(decode(&longer).is_err());
    assert!(decode(&[]).is_err() && decode(&[0, 0, 0]).is_err());
}

#[test]
fn garbage_is_a_fault_or_a_sound_payload() {
    let mut random = Random::new(9);
    for _ in 0..20_000 {
        let bytes = random.bytes(30);
        if let Ok(found) = decode(&bytes) {
            assert!(found.is_sound(ALL));
            if let Some(postings) = found.inline() {
                assert!(postings.count() <= bytes.len() + 1);
            }
        }
    }
}

fn page(first: u64, ordinal: u64, count: u64) -> Page {
    let name = RunName { first: Position::new(0), end: Position::new(1000) };
    let seal = Seal::new(StoreId::from_bytes([7; 16]), name, Chain::new(5));
    let bytes = vec![0; 60];
    let (first, through) = (Position::new(first), Position::new(999));
    let mut out = Vec::new();
    let chunk = Chunk { first, through, count, bytes: &bytes };
    append_postings_page(chunk, ordinal, &seal, 3, &mut out);
    Page::check(Bytes::from(out), &seal, 3).expect("it was just sealed")
}

#[test]
fn the_pages_of_a_list_have_to_follow_each_other() {
    let list = payload(30, 100, 200, PostingsBody::Pages { first: 3, count: 2 });
    let started = || {
        let mut walk = list.pages().expect("it has pages");
        assert_eq!(walk.page(), Some(3));
        assert!(walk.supply(&page(100, 0, 20)).is_ok());
        assert_eq!(walk.page(), Some(4));
        walk
    };
    let mut walk = started();
    assert!(walk.supply(&page(120, 20, 10)).is_ok());
    assert_eq!(walk.page(), None);
    assert!(walk.supply(&page(130, 30, 1)).is_err());
    for (what, next) in [
        ("another ordinal", page(120, 21, 10)),
        ("a position that was passed", page(119, 20, 10)),
        ("too many postings", page(120, 20, 11)),
        ("too few postings", page(120, 20, 9)),
    ] {
        assert!(started().supply(&next).is_err(), "{what}");
    }
    let mut walk = list.pages().expect("it has pages");
    assert!(walk.supply(&page(101, 0, 20)).is_err(), "another first position");
    assert!(walk.supply(&page(100, 0, 30)).is_err(), "all in the first of two");
}
