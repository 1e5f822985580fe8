//! Limits and bad input: said before anything is written, and never a panic.

use super::{
    Host, check, event,
    host::{at, exact, tiny},
    key, note, stream,
};
use sagalog::{
    Append, AppendError, CommandKey, Commit, CommitError, ConsumerId, EventId, EventType,
    ExpectedRevision, FenceName, FencingToken, Log, NameError, OpenError, Options, Position, Query,
    QueryError, QueryItem, Read, ReadError, Revision, Store, StreamId, Tag,
    limits::{
        APPEND_EVENTS_MAX, APPEND_GUARDS_MAX, EVENT_TAGS_MAX, METADATA_BYTES_MAX, NAME_BYTES_MAX,
        QUERY_ITEM_NAMES_MAX, QUERY_ITEMS_MAX, TRACE_BYTES_MAX,
    },
    runtime::WallTime,
};
use sagalog_testkit::SimDisk;

fn is_over(error: &AppendError, sizes: (usize, usize)) {
    match error {
        AppendError::Limit { size, limit, .. } => assert_eq!((*size, *limit), sizes, "{error}"),
        other => panic!("{other}"),
    }
}

fn tags(count: usize) -> sagalog::NewEvent {
    let tags = (0..count).map(|n| Tag::parse(&format!("t{n}")).expect("a name"));
    tags.fold(event("T", ""), sagalog::NewEvent::tag)
}

#[test]
fn names_are_one_to_255_bytes_of_utf8_without_control_characters() {
    type Parse = fn(&str) -> Result<(), NameError>;
    let kinds: [(Parse, bool); 6] = [
        (|name| StreamId::parse(name).map(drop), true),
        (|name| EventType::parse(name).map(drop), true),
        (|name| ConsumerId::parse(name).map(drop), true),
        (|name| Tag::parse(name).map(drop), false),
        (|name| CommandKey::parse(name).map(drop), true),
        (|name| FenceName::parse(name).map(drop), true),
    ];
    let longest = "n".repeat(NAME_BYTES_MAX);
    let longer = "n".repeat(NAME_BYTES_MAX + 1);
    let wide = "ß".repeat(128);
    for (parse, reserves) in kinds {
        assert_eq!(parse(""), Err(NameError::Empty));
        assert_eq!(parse(&longest), Ok(()));
        let too_long = |name: &str| Err(NameError::TooLong { bytes: name.len(), limit: 255 });
        assert_eq!(parse(&longer), too_long(&longer));
        assert_eq!(parse(&wide), too_long(&wide), "bytes, not letters");
        for control in ["\0", "a\u{1}", "a\u{7f}", "a\tb", "a\u{9f}"] {
            assert!(matches!(parse(control), Err(NameError::Control { .. })), "{control:?}");
        }
        assert_eq!(parse("$x"), if reserves { Err(NameError::Reserved) } else { Ok(()) });
        assert_eq!(parse("x$ ü-–"), Ok(()));
    }
    let mut host = Host::new();
    let name = || stream(&longest);
    host.append(Append::new().event(name(), event(&longest, "x")).key(key(&longest)));
    host.append(check(&longest, exact(0)));
    host.flush();
    host.restart();
    assert_eq!(host.read(Read::stream(name())).len(), 1);
    assert_eq!(host.read(Read::category(longest.clone())).len(), 1);
    assert_eq!(host.read(Read::stream_prefix(longest.clone())).len(), 1);
    assert!(host.run(host.store().resolve(&key(&longest))).expect("healthy").is_some());
}

#[test]
fn every_limit_holds_at_its_last_value_and_refuses_the_next() {
    let host = Host::with(tiny().segment_bytes(16 << 20).group_bytes_max(2 << 20));
    let a = || stream("a");
    let long = |count: usize| "x".repeat(count);
    let at_limit = [
        Append::new().event(a(), tags(EVENT_TAGS_MAX)),
        Append::new().event(a(), event("T", "").metadata(long(METADATA_BYTES_MAX))),
        Append::new().event(a(), event("T", "").trace_context(long(TRACE_BYTES_MAX))),
        Append::new().event(a(), event("T", "").principal(long(NAME_BYTES_MAX))),
        (0..APPEND_EVENTS_MAX).fold(Append::new(), |append, n| {
            append.event(stream(&format!("s-{n}")), event("T", "x"))
        }),
        (0..APPEND_GUARDS_MAX)
            .fold(note("a", "x"), |append, _| append.expect(a(), ExpectedRevision::Any)),
    ];
    for append in at_limit {
        host.append(append);
    }
    let over = [
        (Append::new().event(a(), tags(EVENT_TAGS_MAX + 1)), EVENT_TAGS_MAX),
        (
            Append::new().event(a(), event("T", "").metadata(long(METADATA_BYTES_MAX + 1))),
            METADATA_BYTES_MAX,
        ),
        (
            Append::new().event(a(), event("T", "").trace_context(long(TRACE_BYTES_MAX + 1))),
            TRACE_BYTES_MAX,
        ),
        (
            Append::new().event(a(), event("T", "").principal(long(NAME_BYTES_MAX + 1))),
            NAME_BYTES_MAX,
        ),
        (
            (0..=APPEND_EVENTS_MAX)
                .fold(Append::new(), |append, _| append.event(a(), event("T", "x"))),
            APPEND_EVENTS_MAX,
        ),
    ];
    for (append, limit) in over {
        is_over(&host.refusal(append), (limit + 1, limit));
    }
    let million =
        (0..1_000_000).fold(note("a", "x"), |append, _| append.expect(a(), ExpectedRevision::Any));
    is_over(&host.refusal(million), (1_000_000, APPEND_GUARDS_MAX));
    let huge = Append::new().event(a(), event("T", long(64 << 20)));
    is_over(&host.refusal(huge), (64 << 20, 8 << 20));
    let group = Append::new().event(a(), event("T", long(2 << 20)));
    assert!(matches!(host.refusal(group), AppendError::Limit { .. }));
    let far = ConsumerId::parse("c").expect("a name");
    let far = Append::new().checkpoint(far, Position::new(u64::MAX));
    assert!(matches!(host.refusal(far), AppendError::Limit { .. }));
}

/// The largest append that the options allow, byte by byte: stored and read, or refused.
#[test]
fn an_append_is_as_large_as_a_group_and_not_a_byte_larger() {
    let mut host = Host::new();
    let (mut stored, mut refused) = (Vec::new(), 0);
    for bytes in 3_500..4_200 {
        let text = "y".repeat(bytes);
        match host.try_append(note("a", &text)) {
            Ok(committed) => {
                assert_eq!(refused, 0, "{bytes}: none larger than one that was refused");
                stored.push((committed.first, bytes));
            }
            Err(AppendError::Limit { .. }) => refused += 1,
            Err(other) => panic!("{bytes}: {other}"),
        }
    }
    assert!(stored.len() > 100 && refused > 100);
    host.rest();
    host.restart();
    let lengths: Vec<_> = host
        .read(Read::stream(stream("a")))
        .iter()
        .map(|event| (event.position(), event.payload().len()))
        .collect();
    assert_eq!(lengths, stored);
}

#[test]
fn the_largest_numbers_are_only_numbers() {
    let mut host = Host::new();
    let wall = WallTime::from_unix_nanos(u64::MAX);
    let extreme = event("T", "")
        .id(EventId::from_bytes([0xFF; 16]))
        .schema_version(u32::MAX)
        .content_type(sagalog::ContentType::custom(255).expect("a code of the caller's"))
        .occurred_at(wall)
        .correlation_id(EventId::from_bytes([0; 16]))
        .trace_context("")
        .principal("");
    host.append(Append::new().event(stream("a"), extreme));
    for round in 0..2 {
        let found = &host.read(Read::stream(stream("a")))[0];
        assert_eq!((found.schema_version(), found.occurred_at()), (u32::MAX, Some(wall)));
        assert_eq!(found.content_type(), sagalog::ContentType::custom(255).expect("it was stored"));
        assert_eq!((found.trace_context(), found.principal()), (Some(""), Some("")));
        assert_eq!(found.correlation_id(), Some(EventId::from_bytes([0; 16])));
        assert_eq!(found.causation_id(), None);
        let far = at(u64::MAX);
        for read in [
            Read::all().from_position(far),
            Read::stream(stream("a")).from_position(far),
            Read::stream(stream("a")).from_revision(Revision::new(u64::MAX)),
            Read::category("a").from_position(far),
            Read::stream_prefix("a").from_position(far).as_of_position(far),
        ] {
            assert!(host.read(read.clone()).is_empty(), "{read:?}");
            assert!(!host.read(read.clone().backward()).is_empty(), "{read:?}");
            assert!(!host.read(read.clone().backward().as_of_position(far)).is_empty());
            assert!(!host.read(read.backward().as_of_time(wall).limit(u64::MAX)).is_empty());
        }
        if round == 0 {
            host.flush();
            host.restart();
        }
    }
}

#[test]
fn a_query_guard_that_no_index_serves_is_refused_by_its_number() {
    let host = Host::new();
    let t = || QueryItem::new().event_type(EventType::parse("T").expect("a name"));
    let refused = |query: Query| {
        let append = note("a", "x").expect(stream("b"), ExpectedRevision::Exists);
        match host.refusal(append.no_match(query, None)) {
            AppendError::Query { guard: 1, error } => error,
            other => panic!("{other}"),
        }
    };
    let boundless = refused(Query::new(t()).or(QueryItem::new()));
    assert_eq!(boundless, QueryError::Boundless { item: 1 });
    let items = (0..QUERY_ITEMS_MAX).fold(Query::new(t()), |query, _| query.or(t()));
    assert_eq!(refused(items), QueryError::TooManyItems { items: QUERY_ITEMS_MAX + 1 });
    let names = (0..=QUERY_ITEM_NAMES_MAX).map(|n| Tag::parse(&format!("t{n}")).expect("a name"));
    let names = Query::new(names.fold(t(), QueryItem::tag));
    let names = refused(names);
    assert_eq!(names, QueryError::TooManyNames { item: 0, names: QUERY_ITEM_NAMES_MAX + 1 });
    let most = (0..QUERY_ITEM_NAMES_MAX).map(|n| Tag::parse(&format!("t{n}")).expect("a name"));
    let most = most.fold(t(), QueryItem::tag);
    let most = (1..QUERY_ITEMS_MAX).fold(Query::new(most.clone()), |q, _| q.or(most.clone()));
    host.append(note("a", "x").no_match(most, None));
}

#[test]
fn options_that_contradict_themselves_are_refused() {
    let refused = |options: Options| {
        let mut host = Host::closed(SimDisk::new(), options);
        let error = host.open().expect_err("they do not fit");
        assert!(matches!(error, OpenError::Options(_)), "{error}");
        assert!(host.disk(|disk| disk.names()).is_empty(), "nothing was made");
    };
    refused(tiny().segment_bytes(0));
    refused(tiny().segment_bytes(u64::MAX));
    refused(tiny().segment_bytes((16 << 10) + 1));
    refused(tiny().group_bytes_max(0));
    refused(tiny().group_bytes_max(u64::MAX));
    refused(tiny().group_bytes_max(16 << 10));
    refused(tiny().queue_bytes_max(0));
    refused(tiny().prepared_segments(0));
    let mut host = Host::closed(SimDisk::new(), tiny().create(false));
    assert!(matches!(host.open(), Err(OpenError::NotAStore { .. })));
}

/// A directory of bare commits is no event store, and is left as it is.
#[test]
fn a_bare_log_is_not_opened_as_a_store_and_goes_on_as_a_log() {
    for commits in [1, 200] {
        let mut host = Host::closed(SimDisk::new(), tiny());
        let runtime = host.world().runtime();
        host.run(async {
            let (log, _) = Log::open_with(&runtime, tiny()).await.expect("a new log");
            for n in 0..commits {
                log.append(Commit::new(format!("{n}{}", "b".repeat(700)))).await.expect("healthy");
            }
            log.close().await.expect("closes");
        });
        for _ in 0..2 {
            let error = host.open().expect_err("no events");
            assert!(matches!(error, OpenError::Undecodable { .. }), "{error}");
            let beside = host.run(Store::open_read_only_with(&runtime)).expect("to look at");
            let first = host.run(beside.read(Read::all()).next()).expect_err("no events");
            assert!(matches!(first, ReadError::Undecodable { position, .. } if position == at(0)));
            let opening = Log::open_with(&runtime, tiny());
            let (log, _) = host.run(opening).expect("it is a log still, and not locked");
            assert!(host.run_names().is_empty(), "nothing was left behind");
            let mut reader = log.read(at(0));
            for n in 0..commits {
                let commit = host.run(reader.next()).expect("readable").expect("there");
                assert!(commit.body.starts_with(format!("{n}b").as_bytes()));
            }
            host.run(log.close()).expect("closes");
        }
    }
}

/// A store is a log of bodies. What a stranger writes there is no event, and is named.
#[test]
fn a_store_is_read_as_a_log_and_a_strangers_commit_is_named() {
    let mut host = Host::new();
    for _ in 0..40 {
        host.append(note("a", &"x".repeat(900)));
    }
    host.close();
    let runtime = host.world().runtime();
    host.run(async {
        let (log, report) = Log::open_with(&runtime, tiny()).await.expect("a log");
        assert_eq!(report.head, at(40));
        log.close().await.expect("closes");
    });
    host.start();
    assert_eq!(host.read(Read::all()).len(), 40);
    host.close();
    host.run(async {
        let (log, _) = Log::open_with(&runtime, tiny()).await.expect("a log");
        let refused = log.append(Commit::new(vec![0; 17 << 10])).await;
        assert!(matches!(refused, Err(CommitError::TooLarge { .. })));
        log.append(Commit::new("a stranger's")).await.expect("healthy");
        log.close().await.expect("closes");
    });
    match host.open() {
        Err(OpenError::Undecodable { position, .. }) => assert_eq!(position, at(40)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn fences_take_every_token() {
    let host = Host::new();
    for token in [0, 1, 1 << 62, u64::MAX - 1, u64::MAX] {
        let fence = FenceName::parse("f").expect("a name");
        host.append(note("a", "x").fence(fence, FencingToken::new(token)));
    }
    let found: Result<Vec<_>, ReadError> = host.try_read(Read::all());
    assert_eq!(found.expect("readable").len(), 5);
}
