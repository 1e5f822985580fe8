//! Reads: every selector, direction, beginning, limit and moment, against the model and one by one.

use super::{
    Host, event,
    host::{at, exact, first_of, positions, text, tiny},
    model::{Model, STREAMS},
    note, stream,
};
use sagalog::{
    Append, EventId, EventType, Query, QueryError, QueryItem, Read, ReadError, Revision,
    limits::{PREFIX_CATEGORIES_MAX, QUERY_ITEM_NAMES_MAX, QUERY_ITEMS_MAX},
    runtime::WallTime,
};
use sagalog_testkit::Seeded;

#[test]
fn every_read_that_can_be_asked_for_is_answered_as_a_list_would() {
    let mut random = Seeded::new(11);
    let mut host = Host::new();
    let mut model = Model::default();
    for life in 0..5 {
        host.agrees(&mut random, &model, 150);
        host.live(&mut random, &mut model, 70);
        host.agrees(&mut random, &model, 150);
        host.rest();
        host.agrees(&mut random, &model, 150);
        match life % 3 {
            0 => drop(host.restart()),
            1 => {
                host.kill();
                host.start();
            }
            _ => {}
        }
    }
    assert!(host.store().stats().runs > 2, "{:?}", host.run_names());
}

#[test]
fn a_cache_of_nothing_answers_as_one_of_everything() {
    let mut random = Seeded::new(12);
    let host = Host::with(tiny().cache_bytes(0));
    let mut model = Model::default();
    host.live(&mut random, &mut model, 200);
    host.rest();
    assert!(host.store().stats().runs > 0);
    host.agrees(&mut random, &model, 300);
    assert!(host.store().stats().cache_bytes <= 16 * 8 * 4096);
}

#[test]
fn a_reader_beside_sees_what_the_writer_shows() {
    let mut random = Seeded::new(13);
    let host = Host::new();
    let mut model = Model::default();
    let beside = host.beside();
    assert_eq!(beside.head(), at(0));
    for round in 0..4 {
        host.live(&mut random, &mut model, 60);
        if round % 2 == 0 {
            host.rest();
        }
        // What was written last is believed once a heartbeat behind it calls it durable.
        host.world().run_for(std::time::Duration::from_secs(5));
        assert_eq!(host.run(beside.refresh()).expect("looks"), host.store().head());
        for _ in 0..150 {
            let asked = super::model::Asked::draw(&mut random, &model);
            model.judge(&asked, host.run(beside.read(asked.read()).collect()));
        }
        for name in STREAMS {
            let ours = host.run(host.store().stream_info(&stream(name))).ok();
            assert_eq!(host.run(beside.stream_info(&stream(name))).ok(), ours, "{name}");
        }
    }
}

#[test]
fn a_read_is_pinned_at_its_first_poll_and_not_before() {
    for flushed in [false, true] {
        let host = Host::new();
        host.append(note("a", "0"));
        host.append(note("a", "1"));
        let reads = [
            Read::all(),
            Read::all().backward(),
            Read::stream(stream("a")),
            Read::stream(stream("a")).backward(),
            Read::category("a"),
            Read::stream_prefix("a"),
            Read::query(Query::new(
                QueryItem::new().event_type(EventType::parse("Noted").expect("a name")),
            )),
        ];
        let fresh: Vec<_> = reads.iter().map(|read| host.store().read(read.clone())).collect();
        host.append(note("a", "2"));
        let mut begun: Vec<_> = fresh;
        let firsts: Vec<_> = begun.iter_mut().map(|events| host.run(first_of(events))).collect();
        host.append(note("a", "3"));
        if flushed {
            host.flush();
        }
        for ((events, first), read) in begun.into_iter().zip(firsts).zip(&reads) {
            let rest = host.run(events.collect()).expect("readable");
            let mut all = vec![text(&first)];
            all.extend(rest.iter().map(text));
            all.sort_unstable();
            assert_eq!(all, ["0", "1", "2"], "{read:?}");
        }
    }
}

#[test]
fn a_stream_without_events_is_not_found_and_an_empty_part_of_one_is_empty() {
    for flushed in [false, true] {
        let host = Host::new();
        host.append(note("a", "0"));
        host.append(note("b", "1"));
        host.append(note("b", "2"));
        if flushed {
            host.flush();
        }
        let b = || Read::stream(stream("b"));
        let c = || Read::stream(stream("c"));
        let found = |read: Read| match host.try_read(read) {
            Ok(events) => Some(positions(&events)),
            Err(ReadError::StreamNotFound(_)) => None,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found(b().from_revision(Revision::new(2))), Some(vec![]));
        assert_eq!(found(b().from_revision(Revision::new(u64::MAX))), Some(vec![]));
        assert_eq!(found(b().from_revision(Revision::new(9)).backward()), Some(vec![2, 1]));
        assert_eq!(found(b().from_revision(Revision::new(0)).backward()), Some(vec![1]));
        assert_eq!(found(b().from_position(at(3))), Some(vec![]));
        assert_eq!(found(b().from_position(at(u64::MAX))), Some(vec![]));
        assert_eq!(found(b().from_position(at(0)).backward()), Some(vec![]));
        assert_eq!(found(b().as_of_position(at(0))), None, "not yet there");
        assert_eq!(found(b().as_of_position(at(1))), Some(vec![1]));
        assert_eq!(found(b().as_of_time(WallTime::from_unix_nanos(0))), None);
        assert_eq!(found(b().as_of_time(WallTime::from_unix_nanos(u64::MAX))), Some(vec![1, 2]));
        for read in [c(), c().backward(), c().from_revision(Revision::new(3))] {
            assert_eq!(found(read), None);
        }
        let info = host.run(host.store().stream_info(&stream("c")));
        assert!(matches!(info, Err(ReadError::StreamNotFound(name)) if name == stream("c")));
        let info = host.run(host.store().stream_info(&stream("b"))).expect("it is there");
        assert_eq!((info.revision.get(), info.position.get()), (1, 2));
    }
}

#[test]
fn one_event_is_found_by_its_id_the_newest_if_there_are_two() {
    let mut host = Host::new();
    let id = |n: u8| EventId::from_bytes([n; 16]);
    host.append(Append::new().event(stream("a"), event("T", "first").id(id(1))));
    host.append(Append::new().event(stream("$s"), event("T", "hidden").id(id(2))));
    for round in 0..3 {
        let find = |n: u8| host.run(host.store().event(id(n))).expect("healthy");
        assert_eq!(find(1).map(|event| text(&event)).as_deref(), Some("first"));
        assert_eq!(find(2).map(|event| text(&event)).as_deref(), Some("hidden"));
        assert!(find(3).is_none());
        if round == 0 {
            host.flush();
        } else {
            host.restart();
        }
    }
    host.append(Append::new().event(stream("b"), event("T", "second").id(id(1))));
    let found = host.run(host.store().event(id(1))).expect("healthy").expect("there");
    assert_eq!((found.stream(), text(&found).as_str()), ("b", "second"));
    let drawn = host.append(note("c", "drawn"));
    let drawn = &host.read(Read::all().from_position(drawn.first))[0];
    let again = host.run(host.store().event(drawn.id())).expect("healthy").expect("there");
    assert_eq!(&again, drawn);
}

#[test]
fn streams_are_listed_in_the_order_of_their_bytes() {
    let host = Host::new();
    let mut names: Vec<String> = (0..1500).map(|n| format!("s-{:03x}", n * 7919 % 4096)).collect();
    names.extend(["a", "s", "s-", "ß", "z-1"].map(str::to_owned));
    for names in names.chunks(20) {
        let append = names
            .iter()
            .fold(Append::new(), |append, name| append.event(stream(name), event("T", "x")));
        host.append(append);
    }
    host.append(note("$hidden", "x"));
    host.rest();
    assert!(host.store().stats().runs > 1);
    names.sort_unstable();
    names.dedup();
    let list = |prefix: &str| -> Vec<String> {
        let streams = host.run(host.store().streams(prefix).collect()).expect("healthy");
        streams.iter().map(|info| info.stream.as_str().to_owned()).collect()
    };
    assert_eq!(list(""), names);
    for prefix in ["s", "s-", "s-0", "s-7f", "a", "ß", "\u{c3}", "zz", "$", "s-fff-"] {
        let mut expected: Vec<String> =
            names.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
        if prefix == "$" {
            expected = vec!["$hidden".to_owned()];
        }
        assert_eq!(list(prefix), expected, "{prefix}");
    }
    let infos = host.run(host.store().streams("s-").collect()).expect("healthy");
    assert!(infos.iter().all(|info| info.revision.get() == 0));
    assert!(list(&"x".repeat(70_000)).is_empty());
}

/// The place where a page of names ends is the longest name that there can be.
#[test]
fn names_of_full_length_are_listed_page_by_page() {
    let host = Host::with(tiny().segment_bytes(2 << 20).group_bytes_max(1 << 20));
    let name = |n: usize| format!("{n:04}{}", "n".repeat(251));
    let append =
        (0..2_500).fold(Append::new(), |append, n| append.event(stream(&name(n)), event("T", "x")));
    host.append(append);
    for flushed in [false, true] {
        if flushed {
            for _ in 0..6 {
                host.append(note("~", &"x".repeat(900 << 10)));
            }
            host.rest();
            assert!(host.store().stats().runs > 0);
        }
        let found = host.run(host.store().streams("").collect()).expect("healthy");
        let found = found.iter().map(|info| info.stream.as_str()).filter(|name| *name != "~");
        assert!(found.eq((0..2_500).map(name)));
    }
}

#[test]
fn what_no_index_serves_is_refused_also_where_nothing_would_be_found() {
    let asked = |read: Read| {
        let mut answers = Vec::new();
        let host = Host::new();
        answers.push(host.try_read(read.clone()));
        host.append(note("a", "0"));
        answers.push(host.try_read(read.clone()));
        answers.push(host.try_read(read.clone().from_position(at(99))));
        answers.push(host.try_read(read.as_of_time(WallTime::from_unix_nanos(0))));
        answers
    };
    let t = || EventType::parse("T").expect("a name");
    let boundless = Query::new(QueryItem::new().event_type(t())).or(QueryItem::new());
    for answer in asked(Read::query(boundless)) {
        let refused = matches!(answer, Err(ReadError::Query(QueryError::Boundless { item: 1 })));
        assert!(refused, "{answer:?}");
    }
    let item = || QueryItem::new().event_type(t());
    let items = (0..QUERY_ITEMS_MAX).fold(Query::new(item()), |query, _| query.or(item()));
    for answer in asked(Read::query(items)) {
        let refused = matches!(answer, Err(ReadError::Query(QueryError::TooManyItems { .. })));
        assert!(refused, "{answer:?}");
    }
    let names = (0..=QUERY_ITEM_NAMES_MAX).map(|n| EventType::parse(&format!("T{n}")));
    let names =
        names.map(|name| name.expect("a name")).fold(QueryItem::new(), QueryItem::event_type);
    for answer in asked(Read::query(Query::new(names))) {
        let refused = matches!(answer, Err(ReadError::Query(QueryError::TooManyNames { .. })));
        assert!(refused, "{answer:?}");
    }
    let host = Host::new();
    for read in [Read::all(), Read::category("a"), Read::stream_prefix("a")] {
        let answer = host.try_read(read.from_revision(Revision::new(0)));
        assert!(matches!(answer, Err(ReadError::Request(_))), "{answer:?}");
    }
}

#[test]
fn a_prefix_of_too_many_categories_is_refused_and_one_less_is_not() {
    let host = Host::with(tiny().segment_bytes(1 << 20).group_bytes_max(256 << 10));
    let categories: Vec<String> =
        (0..PREFIX_CATEGORIES_MAX).map(|n| format!("c{n:04}-1")).collect();
    let append = categories
        .iter()
        .fold(Append::new(), |append, name| append.event(stream(name), event("T", "x")));
    host.append(append);
    assert_eq!(host.read(Read::stream_prefix("c")).len(), PREFIX_CATEGORIES_MAX);
    host.append(note("c-one-more", "x"));
    let answer = host.try_read(Read::stream_prefix("c"));
    assert!(matches!(answer, Err(ReadError::Request(_))), "{answer:?}");
    assert_eq!(host.read(Read::stream_prefix("c-")).len(), 1);
    assert_eq!(host.read(Read::stream_prefix("c00")).len(), 100);
}

#[test]
fn names_that_are_too_long_for_any_event_find_nothing() {
    for flushed in [false, true] {
        let host = Host::new();
        host.append(note("a-1", "0"));
        if flushed {
            host.flush();
        }
        for length in [255, 256, 257, 4096, 70_000, 1 << 20] {
            let long = "a".repeat(length);
            assert!(host.read(Read::category(long.clone())).is_empty());
            assert!(host.read(Read::stream_prefix(long.clone())).is_empty());
            assert!(host.read(Read::stream_prefix(format!("{long}-"))).is_empty());
            assert!(host.read(Read::stream_prefix(format!("a-{long}"))).is_empty());
        }
        assert_eq!(host.read(Read::category("a")).len(), 1);
    }
}

#[test]
fn long_lists_of_one_term_are_read_whole_from_both_ends() {
    let host = Host::new();
    let mut count = 0;
    while count < 3_000 {
        let append = (0..30).fold(Append::new(), |append, _| {
            count += 1;
            append.event(stream("long"), event("T", format!("{count}")))
        });
        host.append(append);
    }
    host.rest();
    assert!(host.store().stats().runs > 1);
    let all: Vec<u64> = (0..3_000).collect();
    let back: Vec<u64> = all.iter().rev().copied().collect();
    for read in [
        Read::all(),
        Read::stream(stream("long")),
        Read::category("long"),
        Read::query(Query::new(
            QueryItem::new().event_type(EventType::parse("T").expect("a name")),
        )),
    ] {
        assert_eq!(positions(&host.read(read.clone())), all);
        assert_eq!(positions(&host.read(read.clone().backward())), back);
        for from in [0, 1, 29, 30, 31, 999, 1_000, 2_998, 2_999, 3_000] {
            let forward = host.read(read.clone().from_position(at(from)).limit(40));
            let end = (from + 40).min(3_000);
            assert_eq!(positions(&forward), (from..end).collect::<Vec<_>>());
            let backward = host.read(read.clone().from_position(at(from)).backward().limit(40));
            let newest = from.min(2_999);
            let expected: Vec<u64> = (newest.saturating_sub(39)..=newest).rev().collect();
            assert_eq!(positions(&backward), expected);
        }
    }
    for revision in [0, 1, 255, 256, 257, 1_499, 2_999] {
        let from = Read::stream(stream("long")).from_revision(Revision::new(revision)).limit(1);
        assert_eq!(positions(&host.read(from)), [revision]);
    }
    host.append(Append::new().expect(stream("long"), exact(2_999)));
}
