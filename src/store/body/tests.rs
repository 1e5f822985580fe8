//! Bodies: what is written comes back, what was written once stays readable, and bytes that nobody
//! wrote are a fault or another body, never a panic.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that indexes out of bounds fails, which is what it is for"
)]

use super::*;
use crate::{
    append::Append,
    event::ContentType,
    limits::{COUNTER_MAX, EVENT_TAGS_MAX, METADATA_BYTES_MAX, NAME_BYTES_MAX, TRACE_BYTES_MAX},
    names::Tag,
    store::{
        draft::Draft,
        random::Random,
        sample::{bare, consumer, draft_with, event_type, fence, id, key, stream, tag},
    },
};

const FIRST: Position = Position::new(1000);

/// Whole bodies, as `hexdump` would show them: sixteen bytes a line.
const SMALLEST: &str = "
01 00 01 00 01 00 01 61 00 00 00 00 01 00 00 00
01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01
00 01 54 07 00 00 00 70 61 79 6c 6f 61 64 00 00
2a 36 fe 9c 97 17 00 00 00 00 00 00 00 00
";
const LARGEST: &str = "
01 07 02 00 03 00 01 6b 09 31 e9 e8 2e 58 f7 1b
18 d2 1a 09 a0 48 1d ec 01 6e 05 00 00 00 00 00
00 00 01 66 ff ff ff ff ff ff ff ff 07 6f 72 64
65 72 2d 31 02 24 73 00 00 3f c8 7f 00 00 00 01
01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 02
01 54 03 74 3a 31 03 74 3a 32 ff ff ff ff ff ff
ff ff c0 c0 c0 c0 c0 c0 c0 c0 c0 c0 c0 c0 c0 c0
c0 c0 ca ca ca ca ca ca ca ca ca ca ca ca ca ca
ca ca 08 30 30 2d 74 72 61 63 65 08 73 6f 6d 65
62 6f 64 79 08 00 00 00 61 62 6f 75 74 20 69 74
07 00 00 00 70 61 79 6c 6f 61 64 01 00 00 00 01
00 00 00 02 02 02 02 02 02 02 02 02 02 02 02 02
02 02 02 00 01 55 00 00 00 00 00 00 00 01 01 00
00 00 03 03 03 03 03 03 03 03 03 03 03 03 03 03
03 03 00 01 54 07 00 00 00 70 61 79 6c 6f 61 64
00 00 2a 36 fe 9c 97 17 04 00 00 00 00 00 00 00
04 03 02 01 00 00 00 00
";

fn stamp(revisions: &[u64]) -> Stamp {
    Stamp {
        recorded_at: WallTime::from_unix_nanos(1_700_000_000_000_000_000),
        revisions: revisions.iter().copied().map(Revision::new).collect(),
    }
}

fn encoded(draft: &Draft, stamp: &Stamp) -> Bytes {
    let mut body = draft.body.clone();
    stamp.encode(&mut body);
    body.into()
}

/// The body and its events; a fault of either.
fn walk(body: &Bytes, positions: u32) -> Read<(BodyView, Vec<EventView>)> {
    let mut view = BodyView::decode(body.clone(), FIRST, positions)?;
    let mut events = Vec::new();
    while let Some(event) = view.next()? {
        events.push(event);
    }
    Ok((view, events))
}

/// Demands that the body says what the append says.
fn demand_same(draft: &Draft, stamp: &Stamp, body: &Bytes) {
    let (view, events) = walk(body, draft.positions()).expect("the store wrote it");
    let append = &draft.append;
    let key = append.key.as_ref().map(|key| (key.as_str(), draft.fingerprint));
    assert_eq!(view.key(), key);
    assert_eq!(view.checkpoint(), append.checkpoint.as_ref().map(|(n, p)| (n.as_str(), *p)));
    assert_eq!(view.fence(), append.fence.as_ref().map(|(n, t)| (n.as_str(), *t)));
    assert_eq!((view.recorded_at(), view.first()), (stamp.recorded_at, FIRST));
    let mut nexts = stamp.revisions.clone();
    let rows = draft.events.iter().zip(&append.writes).zip(&events);
    for ((((number, id), (stream, event)), found), at) in rows.zip(0..) {
        let next = &mut nexts[usize::from(*number)];
        assert_eq!((found.stream(), found.revision), (stream.as_str(), *next));
        assert_eq!((found.position, found.id), (FIRST.plus(at), *id));
        assert_eq!((found.stream_number(), found.recorded_at), (*number, stamp.recorded_at));
        demand_same_event(event, found);
        *next = next.next();
    }
    assert_eq!(events.len(), append.writes.len());
    let streams: Vec<_> = view.streams().collect();
    let expected: Vec<_> = draft.streams.iter().map(StreamId::as_str).zip(nexts).collect();
    assert_eq!(streams, expected);
}

fn demand_same_event(event: &NewEvent, found: &EventView) {
    assert_eq!(found.event_type(), event.event_type.as_str());
    assert_eq!(found.schema_version, event.schema_version);
    assert_eq!(found.content_type, event.content_type);
    assert!(found.tags().eq(event.tags.iter().map(Tag::as_str)));
    assert_eq!(
        (found.metadata(), found.payload()),
        (event.metadata.clone(), event.payload.clone())
    );
    let extras = found.extras();
    assert_eq!(extras.occurred_at, event.occurred_at);
    assert_eq!((extras.correlation, extras.causation), (event.correlation, event.causation));
    assert_eq!(extras.trace_context, event.trace_context.as_deref());
    assert_eq!(extras.principal, event.principal.as_deref());
}

fn custom(code: u8) -> ContentType {
    ContentType::custom(code).expect("a code of the caller's")
}

/// An event that carries those of its optional fields whose bit is set.
fn with_options(bits: u8) -> NewEvent {
    let mut event = bare().schema_version(bits.into()).content_type(custom(200));
    let has = |bit: u8| bits & (1 << bit) != 0;
    if has(0) {
        event = event.occurred_at(WallTime::from_unix_nanos(u64::MAX));
    }
    if has(1) {
        event = event.correlation_id(id(0xC0));
    }
    if has(2) {
        event = event.causation_id(id(0xCA));
    }
    if has(3) {
        event = event.trace_context("00-trace");
    }
    if has(4) {
        event = event.principal("somebody");
    }
    if has(5) {
        event = event.metadata("about it");
    }
    if has(6) {
        event = event.tag(tag("t:1")).tag(tag("t:2"));
    }
    event
}

fn smallest() -> Draft {
    draft_with(Append::new().event(stream("a"), bare().id(id(1))), &mut 0)
}

fn largest() -> Draft {
    let append = Append::new()
        .event(stream("order-1"), with_options(0x7F).id(id(1)))
        .event(stream("$s"), NewEvent::new(event_type("U"), "").id(id(2)))
        .event(stream("order-1"), bare().content_type(ContentType::Json).id(id(3)))
        .key(key("k"))
        .checkpoint(consumer("n"), Position::new(5))
        .fence(fence("f"), FencingToken::new(u64::MAX));
    draft_with(append, &mut 0)
}

#[test]
fn every_choice_of_optional_fields_comes_back() {
    for bits in 0..1_u8 << 7 {
        for beside in 0..1_u8 << 3 {
            let mut append = Append::new().event(stream("a"), with_options(bits));
            append = append.event(stream("b"), bare()).event(stream("a"), with_options(!bits));
            if beside & 1 != 0 {
                append = append.key(key("k"));
            }
            if beside & 2 != 0 {
                append = append.checkpoint(consumer("n"), Position::new(COUNTER_MAX));
            }
            if beside & 4 != 0 {
                append = append.fence(fence("f"), FencingToken::new(u64::MAX));
            }
            let draft = draft_with(append, &mut 0);
            let stamp = stamp(&[7, COUNTER_MAX]);
            demand_same(&draft, &stamp, &encoded(&draft, &stamp));
        }
    }
}

#[test]
fn an_append_without_events_comes_back() {
    let draft = draft_with(Append::new().key(key("k")), &mut 0);
    assert_eq!(draft.positions(), 1);
    demand_same(&draft, &stamp(&[3]), &encoded(&draft, &stamp(&[3])));
}

#[test]
fn the_limits_come_back() {
    let longest = "x".repeat(NAME_BYTES_MAX);
    let mut event = NewEvent::new(event_type(&longest), vec![9; 1 << 20])
        .metadata(vec![8; METADATA_BYTES_MAX])
        .trace_context("t".repeat(TRACE_BYTES_MAX))
        .principal("p".repeat(NAME_BYTES_MAX))
        .schema_version(u32::MAX);
    for number in 0..EVENT_TAGS_MAX {
        event = event.tag(tag(&format!("{number:0>255}")));
    }
    let append = Append::new()
        .event(stream(&longest), event)
        .key(key(&longest))
        .checkpoint(consumer(&longest), Position::new(1))
        .fence(fence(&longest), FencingToken::new(0));
    let draft = draft_with(append, &mut 0);
    demand_same(&draft, &stamp(&[0]), &encoded(&draft, &stamp(&[0])));

    let each = |append: Append, number: usize| append.event(stream(&format!("s-{number}")), bare());
    let draft = draft_with((0..APPEND_EVENTS_MAX).fold(Append::new(), each), &mut 0);
    let stamp = stamp(&vec![2; APPEND_EVENTS_MAX]);
    demand_same(&draft, &stamp, &encoded(&draft, &stamp));
}

fn hex(bytes: &[u8]) -> String {
    let line =
        |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn bodies_of_version_1_stay_as_they_are() {
    for (draft, revisions, golden) in
        [(smallest(), &[0][..], SMALLEST), (largest(), &[4, 0x0102_0304][..], LARGEST)]
    {
        let stamp = stamp(revisions);
        let body = encoded(&draft, &stamp);
        let written = hex(&body);
        assert_eq!(written, golden.trim(), "the format has drifted; written today:\n{written}");
        demand_same(&draft, &stamp, &body);
    }
}

#[test]
fn a_body_that_is_cut_short_is_a_fault() {
    for (draft, revisions) in [(smallest(), &[0][..]), (largest(), &[4, 5])] {
        let body = encoded(&draft, &stamp(revisions));
        for length in 0..body.len() {
            let cut = walk(&body.slice(..length), draft.positions());
            assert!(cut.is_err(), "{length} of {} bytes", body.len());
        }
        let longer = Bytes::from([&body[..], &[0]].concat());
        assert!(walk(&longer, draft.positions()).is_err(), "a byte more");
    }
}

/// Looks at everything that a body says.
fn look(view: &BodyView, events: &[EventView]) -> usize {
    let names: usize = view.streams().map(|(name, _)| name.len()).sum();
    let beside = view.key().map_or(0, |(name, _)| name.len())
        + view.checkpoint().map_or(0, |(name, _)| name.len())
        + view.fence().map_or(0, |(name, _)| name.len());
    let of = |event: &EventView| {
        let tags: usize = event.tags().map(str::len).sum();
        let extras = event.extras();
        let texts = [extras.trace_context, extras.principal].into_iter().flatten();
        tags + texts.map(str::len).sum::<usize>()
            + event.stream().len()
            + event.event_type().len()
            + event.metadata().len()
            + event.payload().len()
    };
    names + beside + events.iter().map(of).sum::<usize>()
}

#[test]
fn a_byte_that_is_changed_gives_a_fault_or_another_body() {
    for (draft, revisions) in [(smallest(), &[0][..]), (largest(), &[4, 5])] {
        let body = encoded(&draft, &stamp(revisions));
        let mut others = 0;
        for at in 0..body.len() {
            for byte in 0..=u8::MAX {
                let mut forged = body.to_vec();
                forged[at] = byte;
                if forged == *body {
                    continue;
                }
                if let Ok((view, events)) = walk(&forged.into(), draft.positions()) {
                    others += 1;
                    assert!(look(&view, &events) <= 2 * body.len());
                }
            }
        }
        assert!(others > 0, "payloads are free to be anything");
    }
}

#[test]
fn bytes_without_a_meaning_are_a_fault_or_a_body() {
    let mut random = Random::new(9);
    for _ in 0..20_000 {
        let mut bytes = random.bytes(200);
        if let Some(version) = bytes.first_mut() {
            *version = BODY_VERSION;
        }
        for positions in [1, 2, 4096] {
            let mut forged = bytes.clone();
            // Counts that fit, so that the decoder gets further in.
            if let Some(counts) = forged.get_mut(1..6) {
                counts.copy_from_slice(&[counts[0] & 7, 1, 0, 0, 0]);
                let events = u16::try_from(positions).expect("few");
                counts[3..].copy_from_slice(&events.to_le_bytes());
            }
            if let Ok((view, events)) = walk(&forged.into(), positions) {
                look(&view, &events);
            }
        }
    }
}

#[test]
fn forged_counts_are_faults_before_they_are_believed() {
    let draft = largest();
    let body = encoded(&draft, &stamp(&[4, 5]));
    let with = |at: usize, count: u16| {
        let mut forged = body.to_vec();
        forged[at..at + 2].copy_from_slice(&count.to_le_bytes());
        Bytes::from(forged)
    };
    for (streams, events, positions) in [
        (0, 3, 3),
        (4, 3, 3),
        (u16::MAX, u16::MAX, u16::MAX),
        (2, 3, 2),
        (2, 2, 3),
        (2, u16::MAX, u16::MAX),
        (4096, 4096, 4096),
        (4097, 4097, 4097),
        (2, 0, 0),
    ] {
        let forged = with(2, streams);
        let mut forged = forged.to_vec();
        forged[4..6].copy_from_slice(&events.to_le_bytes());
        let walked = walk(&Bytes::from(forged), positions.into());
        assert!(walked.is_err(), "{streams} streams, {events} events, {positions} positions");
    }
}

#[test]
fn each_fault_has_its_reason() {
    let draft = largest();
    let body = encoded(&draft, &stamp(&[4, 5]));
    let at = |text: &[u8]| {
        let found = body.windows(text.len()).position(|bytes| bytes == text);
        found.expect("it stands there")
    };
    let event = at(b"\x07order-1") + 8 + 3;
    let end = body.len();
    let table: [(usize, u8, &str); 11] = [
        (0, 2, "it is of no version that this program reads"),
        (1, 8, "it has unknown flags"),
        (2, 4, "its counts do not fit the positions that it takes"),
        (6, 0, "a name is empty"),
        (7, 0xFF, "a text is not UTF-8"),
        (at(b"\x01n") + 9, 0xFF, "a counter is out of bounds"),
        (event, 2, "an event names a stream that is not in the table"),
        (event + 3, 127, "a content type is unknown"),
        (end - 1, 0xFF, "a revision is out of bounds"),
        (event + 2, 0xFF, "an event has unknown flags"),
        (end - 24 - 7 - 4, 6, "it goes on behind its last event"),
    ];
    for (at, byte, reason) in table {
        let mut forged = body.to_vec();
        forged[at] = byte;
        let found = walk(&forged.into(), 3).err();
        assert_eq!(found, Some(BodyFault(reason)), "byte {at}");
    }
}
