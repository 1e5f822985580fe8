//! Every value that the store's interface takes: refused where it is made or given, or back again
//! after everything a store does with it.
//!
//! A walk, not a list of known mistakes: every small number, every edge, and what is drawn. The
//! invariant: nothing that was acknowledged is lost to its own encoding, and no value keeps a store
//! from opening.

use super::{
    Host, event,
    host::{at, exact, tiny},
    note, stream,
};
use proptest::prelude::*;
use sagalog::{
    Append, AppendError, CommandKey, ConsumerId, ContentType, EventId, EventType, ExpectedRevision,
    FenceName, FencingToken, NameError, NewEvent, Query, QueryItem, Read, ReadError, StreamId, Tag,
    WallTime,
    limits::{
        APPEND_EVENTS_MAX, COUNTER_MAX, EVENT_TAGS_MAX, METADATA_BYTES_MAX, NAME_BYTES_MAX,
        TRACE_BYTES_MAX,
    },
};
use sagalog_testkit::{
    SimDisk,
    model::{Circumstances, PlainAppend, PlainEvent, Recorded},
};

/// Numbers at which encodings change: small ones, and both sides of each power of two.
fn edges() -> Vec<u64> {
    let powers = (0..64).map(|bit| 1_u64 << bit);
    let around = powers.flat_map(|power| [power - 1, power, power.saturating_add(1)]);
    let mut edges: Vec<u64> = (0..=256).chain(around).chain([u64::MAX - 1, u64::MAX]).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// Texts at the edges of what a name may be, and beyond.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> =
        ["", " ", "-", "--", "a-", "-a", "/", "\\", "\"", "{}", "null", "$"]
            .into_iter()
            .chain([
                "$x", "a\nb", "\0", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "ä", "𝄞",
                "e\u{301}",
            ])
            .map(str::to_owned)
            .collect();
    for bytes in [1, 2, 120, 121, 200, 254, 255, 256, 65_535] {
        texts.push("x".repeat(bytes));
        texts.push(format!("{}{}", "𝄞".repeat(bytes / 4), "x".repeat(bytes % 4)));
    }
    texts.extend((0..=0x17F).filter_map(char::from_u32).map(String::from));
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn content_types() -> Vec<ContentType> {
    let custom = (0..=u8::MAX).filter_map(|code| ContentType::custom(code).ok());
    [ContentType::Bytes, ContentType::Json, ContentType::Bincode]
        .into_iter()
        .chain(custom)
        .collect()
}

/// Stores the appends, and looks at them in this life, in the next one, when they lie in runs, and
/// from beside.
#[track_caller]
fn survives(appends: &[PlainAppend]) {
    let mut host =
        Host::closed(SimDisk::new(), tiny().segment_bytes(64 << 10).group_bytes_max(16 << 10));
    host.start();
    let mut expected: Vec<(String, PlainEvent)> = Vec::new();
    for append in appends {
        host.append(Append::from(append));
        expected.extend_from_slice(append.stored());
    }
    let compare = |found: Vec<sagalog::RecordedEvent>| {
        assert!(found.len() >= expected.len(), "{} of {}", found.len(), expected.len());
        for (found, (stream, event)) in found.iter().map(Recorded::from).zip(&expected) {
            let id = event.id.or(found.event.id);
            assert_eq!(
                (&found.stream, &found.event),
                (stream, &PlainEvent { id, ..event.clone() })
            );
        }
    };
    let whole = || Read::all().with_system();
    compare(host.read(whole()));
    host.kill();
    host.start();
    compare(host.read(whole()));
    host.fill(24);
    host.restart();
    compare(host.read(whole()));
    let beside = host.beside();
    compare(host.run(beside.read(whole()).collect()).expect("readable"));
    for append in appends {
        looked_up(&host, append);
    }
}

/// Whatever the append may be found by finds it.
fn looked_up(host: &Host, append: &PlainAppend) {
    for (name, event) in &append.writes {
        let found = host.read(Read::stream(stream(name)));
        assert!(!found.is_empty(), "{name}");
        let of_type = EventType::parse(&event.event_type).expect("it was stored");
        let of_type = Read::query(Query::new(QueryItem::new().event_type(of_type)));
        assert!(!host.read(of_type.with_system()).is_empty(), "{}", event.event_type);
        for tag in &event.tags {
            let tag = Tag::parse(tag).expect("it was stored");
            let tagged = Read::query(Query::new(QueryItem::new().tag(tag))).with_system();
            assert!(!host.read(tagged).is_empty());
        }
        if let Some(id) = event.id {
            assert!(host.run(host.store().event(id)).expect("readable").is_some());
        }
    }
    if let Some(key) = &append.key {
        let key = CommandKey::parse(key).expect("it was stored");
        assert!(host.run(host.store().resolve(&key)).expect("readable").is_some());
    }
    if let Some((name, place)) = &append.checkpoint {
        let consumer = ConsumerId::parse(name).expect("it was stored");
        let found = host.run(host.store().checkpoint(&consumer)).expect("readable");
        assert_eq!(found, Some(at(*place)));
    }
    if let Some((name, token)) = &append.fence {
        let fence = FenceName::parse(name).expect("it was stored");
        let found = host.run(host.store().fence(&fence)).expect("readable");
        assert_eq!(found, Some(FencingToken::new(*token)));
    }
}

fn plain(event: PlainEvent) -> PlainAppend {
    PlainAppend { writes: vec![("s-1".to_owned(), event)], ..PlainAppend::default() }
}

fn noted() -> PlainEvent {
    PlainEvent::new("Noted", *b"x")
}

#[test]
fn every_content_type_comes_back_and_the_store_s_own_codes_are_refused() {
    for code in 0..ContentType::CUSTOM_MIN {
        let error = ContentType::custom(code).expect_err("the code is the store's own");
        assert_eq!(error.code, code);
        assert!(error.to_string().contains("128"), "{error}");
    }
    let types = content_types();
    assert_eq!(types.len(), 3 + 128);
    let of = |content_type| plain(PlainEvent { content_type, ..noted() });
    survives(&types.into_iter().map(of).collect::<Vec<_>>());
}

#[test]
fn every_number_of_an_event_comes_back() {
    let of = |number: u64| {
        let wall = Some(WallTime::from_unix_nanos(number));
        let circumstances = Circumstances { occurred_at: wall, ..Circumstances::default() };
        let schema_version = u32::try_from(number).unwrap_or(u32::MAX);
        let id = Some(EventId::from_bytes(u128::from(number).wrapping_neg().to_le_bytes()));
        plain(PlainEvent { schema_version, id, circumstances, ..noted() })
    };
    survives(&edges().into_iter().map(of).collect::<Vec<_>>());
}

#[test]
fn every_name_comes_back_or_is_none() {
    let of = |(number, text): (usize, &String)| {
        let mut append = PlainAppend::default();
        let mut event = PlainEvent::new("Noted", []);
        if EventType::parse(text).is_ok() {
            event.event_type.clone_from(text);
        }
        if Tag::parse(text).is_ok() {
            event.tags.push(text.clone());
        }
        append.key = CommandKey::parse(text).ok().map(|_| text.clone());
        append.checkpoint = ConsumerId::parse(text).ok().map(|_| (text.clone(), number as u64));
        append.fence = FenceName::parse(text).ok().map(|_| (text.clone(), number as u64));
        let named = StreamId::parse(text).or_else(|_| StreamId::system(text));
        let name = named.map_or_else(|_| "s-1".to_owned(), |name| name.as_str().to_owned());
        append.writes.push((name, event));
        append
    };
    let texts = texts();
    survives(&texts.iter().enumerate().map(of).collect::<Vec<_>>());
    for text in texts.iter().filter(|text| text.is_empty() || text.len() > NAME_BYTES_MAX) {
        assert!(matches!(Tag::parse(text), Err(NameError::Empty | NameError::TooLong { .. })));
    }
}

/// Keys and fences that begin with `$` are the engine's: whoever could use them up or raise them
/// to the end of all numbers would keep sagas from opening.
#[test]
fn no_caller_takes_the_engine_s_keys_and_fences() {
    for name in ["$", "$sagas", "$sagas 1"] {
        assert_eq!(CommandKey::parse(name), Err(NameError::Reserved));
        assert_eq!(FenceName::parse(name), Err(NameError::Reserved));
        assert_eq!(ConsumerId::parse(name), Err(NameError::Reserved));
    }
}

#[test]
fn every_text_and_length_of_an_event_comes_back_or_is_refused_whole() {
    let mut appends = Vec::new();
    for text in texts().into_iter().filter(|text| text.len() <= TRACE_BYTES_MAX) {
        let circumstances = Circumstances {
            trace_context: Some(text.clone()),
            principal: Some(text.clone()),
            ..Circumstances::default()
        };
        let (metadata, payload) = (text.clone().into_bytes(), text.into_bytes());
        appends.push(plain(PlainEvent { circumstances, metadata, payload, ..noted() }));
    }
    for length in (0..=17).chain([254, 255, 256, 257, 4095, 4096]) {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
        appends.push(plain(PlainEvent { metadata: bytes.clone(), payload: bytes, ..noted() }));
    }
    for tags in (0..4).chain([63, EVENT_TAGS_MAX]) {
        let tags = (0..tags).map(|number| format!("t{number}")).collect();
        appends.push(plain(PlainEvent { tags, ..noted() }));
    }
    survives(&appends);
    let host = Host::new();
    let refused = |event: NewEvent| {
        let error = host.refusal(Append::new().event(stream("s-1"), event));
        assert!(matches!(error, AppendError::Limit { .. }), "{error}");
    };
    refused(event("T", "").metadata(vec![0; METADATA_BYTES_MAX + 1]));
    refused(event("T", "").trace_context("x".repeat(TRACE_BYTES_MAX + 1)));
    refused(event("T", "").principal("x".repeat(NAME_BYTES_MAX + 1)));
    let tags = (0..=EVENT_TAGS_MAX).map(|n| Tag::parse(&format!("t{n}")).expect("a name"));
    refused(tags.fold(event("T", ""), NewEvent::tag));
    let many = (0..=APPEND_EVENTS_MAX)
        .fold(Append::new(), |append, _| append.event(stream("s-1"), event("T", "")));
    assert!(matches!(host.refusal(many), AppendError::Limit { .. }));
}

#[test]
fn every_token_and_checkpoint_comes_back_or_is_refused() {
    let mut appends = Vec::new();
    for (nth, number) in edges().into_iter().enumerate() {
        let mut append = PlainAppend { writes: vec![], ..PlainAppend::default() };
        append.fence = Some((format!("f{nth}"), number));
        if number <= COUNTER_MAX {
            append.checkpoint = Some((format!("c{nth}"), number));
        }
        appends.push(append);
    }
    survives(&appends);
    let host = Host::new();
    for number in edges().into_iter().filter(|number| *number > COUNTER_MAX) {
        let consumer = ConsumerId::parse("c").expect("a name");
        let error = host.refusal(Append::new().checkpoint(consumer, at(number)));
        assert!(matches!(error, AppendError::Limit { .. }), "{error}");
    }
}

/// Numbers that only conditions and reads carry reach no disk, and must not stop a store either.
#[test]
fn no_number_in_a_guard_or_a_read_harms() {
    let host = Host::new();
    host.append(note("a-1", "one"));
    let of_type = || EventType::parse("Noted").expect("a name");
    let noted = || Query::new(QueryItem::new().event_type(of_type()));
    for number in edges() {
        for expected in [exact(number), ExpectedRevision::NoStream] {
            let id = EventId::from_bytes(u128::from(number).to_le_bytes());
            let told = Append::new()
                .expect(stream("b-1"), exact(number))
                .expect(stream("a-1"), expected)
                .event(stream("b-1"), event("T", "").id(id));
            assert!(matches!(host.refusal(told), AppendError::Conflict(_)), "{number}");
        }
        let after = Some(at(number));
        host.append(Append::new().event(stream("c-1"), event("T", "")).no_match(noted(), after));
        for read in [
            Read::stream(stream("a-1")).from_revision(sagalog::Revision::new(number)),
            Read::stream(stream("a-1")).from_position(at(number)),
            Read::category("a").from_position(at(number)).limit(number),
            Read::query(noted()).as_of_position(at(number)),
            Read::all().as_of_time(WallTime::from_unix_nanos(number)).limit(number),
        ] {
            for read in [read.clone(), read.backward()] {
                assert!(host.try_read(read).is_ok(), "{number}");
            }
        }
    }
}

/// Who asks for no events is refused what anybody else is refused.
#[test]
fn a_limit_of_nothing_hides_no_refusal() {
    let host = Host::new();
    host.append(note("a-1", "one"));
    let none = host.try_read(Read::stream(stream("never")).limit(0));
    assert!(matches!(none, Err(ReadError::StreamNotFound(_))), "{none:?}");
    let boundless = host.try_read(Read::query(Query::new(QueryItem::new())).limit(0));
    assert!(matches!(boundless, Err(ReadError::Query(_))), "{boundless:?}");
    assert!(host.read(Read::stream(stream("a-1")).limit(0)).is_empty());
    assert!(host.read(Read::all().limit(0)).is_empty());
}

fn names() -> impl Strategy<Value = String> {
    let named = |text: &String| StreamId::parse(text).is_ok();
    prop_oneof!["[a-z]{1,3}-[0-9]", any::<String>().prop_filter("it is no name", named)]
}

fn numbers() -> impl Strategy<Value = u64> {
    let edges = edges();
    prop_oneof![0..300_u64, any::<u64>(), (0..edges.len()).prop_map(move |nth| edges[nth])]
}

fn circumstances() -> impl Strategy<Value = Circumstances> {
    let id = || proptest::option::of(any::<[u8; 16]>().prop_map(EventId::from_bytes));
    let text = || proptest::option::of("\\PC{0,40}|[\\x00-\\x7f]{0,40}");
    let wall = proptest::option::of(numbers().prop_map(WallTime::from_unix_nanos));
    (wall, id(), id(), text(), text()).prop_map(
        |(occurred_at, correlation, causation, trace_context, principal)| Circumstances {
            occurred_at,
            correlation,
            causation,
            trace_context,
            principal,
        },
    )
}

fn events() -> impl Strategy<Value = PlainEvent> {
    let bytes = |most| proptest::collection::vec(any::<u8>(), 0..most);
    let types = content_types();
    let content_type = (0..types.len()).prop_map(move |nth| types[nth]);
    let id = proptest::option::of(any::<[u8; 16]>().prop_map(EventId::from_bytes));
    let tags = proptest::collection::btree_set(names(), 0..5);
    (names(), numbers(), content_type, id, tags, bytes(300), bytes(900), circumstances()).prop_map(
        |(event_type, version, content_type, id, tags, metadata, payload, circumstances)| {
            PlainEvent {
                id,
                event_type,
                schema_version: u32::try_from(version).unwrap_or(u32::MAX),
                content_type,
                tags: tags.into_iter().collect(),
                metadata,
                payload,
                circumstances,
            }
        },
    )
}

fn appends() -> impl Strategy<Value = PlainAppend> {
    let writes = proptest::collection::vec((names(), events()), 0..4);
    let numbered = || proptest::option::of((names(), numbers()));
    let bounded = proptest::option::of((names(), numbers().prop_map(|n| n.min(COUNTER_MAX))));
    (writes, bounded, numbered()).prop_map(|(writes, checkpoint, fence)| PlainAppend {
        writes,
        checkpoint,
        fence,
        ..PlainAppend::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_stored_comes_back(
        mut appends in proptest::collection::vec(appends(), 1..6),
    ) {
        // Names that are looked up are used once, so that the newest value is the only one.
        for (nth, append) in appends.iter_mut().enumerate() {
            append.key = Some(format!("key {nth}"));
            let checkpoint = append.checkpoint.take();
            append.checkpoint = checkpoint.map(|(_, place)| (format!("c{nth}"), place));
            append.fence = append.fence.take().map(|(_, token)| (format!("f{nth}"), token));
        }
        survives(&appends);
    }
}
