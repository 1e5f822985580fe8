//! Every value that a store takes goes out and comes in again; and a store with a commit that
//! cannot be read is looked at all the same.

use crate::support::{block_on, sagalog};
use sagalog::{
    Append, Commit, ContentType, EventId, EventType, Log, NewEvent, Options, Read, RecordedEvent,
    Store, StreamId, Tag, WallTime,
    limits::{EVENT_TAGS_MAX, METADATA_BYTES_MAX, NAME_BYTES_MAX, TRACE_BYTES_MAX},
};
use std::path::Path;

/// What an export carries of an event; a store that takes it in gives it the rest.
type Said = (
    (String, String, u32, ContentType),
    (Vec<String>, Vec<u8>, Vec<u8>),
    (Option<WallTime>, Option<EventId>, Option<EventId>, Option<String>, Option<String>),
);

fn said(event: &RecordedEvent) -> Said {
    let (stream, event_type) = (event.stream().to_owned(), event.event_type().to_owned());
    let tags = event.tags().map(str::to_owned).collect();
    let text = |text: Option<&str>| text.map(str::to_owned);
    (
        (stream, event_type, event.schema_version(), event.content_type()),
        (tags, event.metadata().to_vec(), event.payload().to_vec()),
        (
            event.occurred_at(),
            event.correlation_id(),
            event.causation_id(),
            text(event.trace_context()),
            text(event.principal()),
        ),
    )
}

fn everything(dir: &Path) -> Vec<Said> {
    block_on(async {
        let store = Store::open_read_only(dir).await.expect("opens");
        let events = store.read(Read::all()).collect().await.expect("readable");
        events.iter().map(said).collect()
    })
}

fn noted(payload: impl Into<Vec<u8>>) -> NewEvent {
    // An import needs a time, so an export gives one to every event.
    NewEvent::new(EventType::parse("Noted").expect("a name"), payload.into())
        .occurred_at(WallTime::from_unix_nanos(1))
}

/// Numbers at which encodings change.
fn edges() -> impl Iterator<Item = u64> {
    let around = (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit]);
    (0..=256).chain(around).chain([u64::MAX - 1, u64::MAX])
}

/// Texts at the edges of what a name, and of what JSON, may be.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = ["-", "\"", "\\", "/", "{}", "null", "ä", "𝄞", "\u{2028}", " "]
        .into_iter()
        .map(str::to_owned)
        .collect();
    texts.extend([1, 127, NAME_BYTES_MAX].map(|bytes| "x".repeat(bytes)));
    texts.extend((0..0x250).filter_map(char::from_u32).map(String::from));
    texts
}

fn events() -> Vec<(String, NewEvent)> {
    let here = |event| ("s-1".to_owned(), event);
    let mut events = Vec::new();
    let custom = (0..=u8::MAX).filter_map(|code| ContentType::custom(code).ok());
    let usual = [ContentType::Bytes, ContentType::Json, ContentType::Bincode];
    for content_type in custom.chain(usual) {
        for payload in [&b"{\"a\":1.50}"[..], b"no json", b"\xff\0"] {
            let fits = content_type != ContentType::Json || payload.starts_with(b"{");
            if fits {
                events.push(here(noted(payload).content_type(content_type)));
            }
        }
    }
    for number in edges() {
        let id = EventId::from_bytes(u128::from(number).wrapping_neg().to_le_bytes());
        let event = noted("x").occurred_at(WallTime::from_unix_nanos(number));
        let version = u32::try_from(number).unwrap_or(u32::MAX);
        events.push(here(event.schema_version(version).correlation_id(id).causation_id(id)));
    }
    for text in texts() {
        let mut event = noted(text.clone()).metadata(text.clone());
        event = event.principal(text.clone()).trace_context(text.clone());
        let mut stream = "s-1".to_owned();
        if let Ok(tag) = Tag::parse(&text) {
            event = event.tag(tag);
        }
        if StreamId::parse(&text).is_ok() {
            stream = text;
        }
        events.push((stream, event));
    }
    let tags = (0..EVENT_TAGS_MAX).map(|n| Tag::parse(&format!("t{n}")).expect("a name"));
    events.push(here(tags.fold(noted("x"), NewEvent::tag)));
    events.push(here(noted("x").metadata(vec![0xFF; METADATA_BYTES_MAX])));
    events.push(here(noted("x").metadata("x".repeat(METADATA_BYTES_MAX))));
    events.push(here(noted("x").trace_context("x".repeat(TRACE_BYTES_MAX))));
    events.push(here(noted("").principal("").trace_context("")));
    events
}

#[test]
fn every_value_goes_out_and_comes_in_again() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (one, two) = (scratch.path().join("one"), scratch.path().join("two"));
    block_on(async {
        let (store, _) = Store::open(&one, Options::default()).await.expect("opens");
        for (stream, event) in events() {
            let stream = StreamId::parse(&stream).expect("a name");
            store.append(Append::new().event(stream, event)).await.expect("durable");
        }
        store.close().await.expect("closes");
    });
    let file = scratch.path().join("events.jsonl");
    let text = |path: &Path| path.to_str().expect("a scratch path is text").to_owned();
    let out = sagalog(&["export", &text(&one), &text(&file)]);
    assert_eq!((out.code, out.err.as_str()), (0, ""), "{}", out.err);
    let back = sagalog(&["import", &text(&two), &text(&file)]);
    assert_eq!(back.code, 0, "{}", back.err);
    let (before, after) = (everything(&one), everything(&two));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
}

/// What can be read is printed, and one sentence says what cannot.
#[test]
fn a_commit_that_cannot_be_read_is_named_and_the_rest_is_printed() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let path = dir.path().to_str().expect("a scratch path is text");
    block_on(async {
        let (store, _) = Store::open(dir.path(), Options::default()).await.expect("opens");
        let stream = || StreamId::parse("s-1").expect("a name");
        store.append(Append::new().event(stream(), noted("1"))).await.expect("durable");
        store.close().await.expect("closes");
        let (log, _) = Log::open(dir.path(), Options::default()).await.expect("a log");
        let body = log.read(sagalog::Position::new(0)).next().await.expect("readable");
        let mut next = body.expect("there is one").body.to_vec();
        let revision = next.len() - 8;
        next[revision] = 1;
        log.append(Commit::new("a stranger's")).await.expect("durable");
        log.append(Commit::new(next)).await.expect("durable");
        log.close().await.expect("closes");
    });
    for arguments in [&["read", path, "--all"][..], &["read", path, "s-1"]] {
        let run = sagalog(arguments);
        assert_eq!(run.json_lines().len(), 2, "{arguments:?}");
        assert_eq!(run.code, 1);
        assert!(run.err.contains("the commit at position 1 is no append of events"), "{}", run.err);
    }
    let behind = sagalog(&["export", path, "--from", "2"]);
    assert_eq!((behind.code, behind.json_lines().len()), (0, 1), "{}", behind.err);
    let all = sagalog(&["export", path]);
    assert_eq!(all.code, 1, "an export that lacks something is none");
    assert!(all.err.contains("position 1"), "{}", all.err);
    let writing = sagalog(&["append", path, "s-1", "Noted"]);
    assert_eq!(writing.code, 2);
    assert!(writing.err.contains("position 1") && writing.err.contains("for reading"));
}
