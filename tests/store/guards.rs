//! Guards: streams and queries, written or not, in memory and in runs, alone and together.

use super::{
    Host, check, event,
    host::{at, exact},
    note, stream,
};
use ExpectedRevision::{Any, Exists, NoStream};
use sagalog::{
    Actual, Append, AppendError, EventType, ExpectedRevision, FailedGuard, Guard, Position, Query,
    QueryItem, Revision, Tag,
};

fn failed(error: AppendError) -> Vec<(usize, Actual)> {
    match error {
        AppendError::Conflict(failed) => {
            failed.iter().map(|FailedGuard { guard, actual, .. }| (*guard, *actual)).collect()
        }
        other => panic!("guards have to be named: {other}"),
    }
}

fn tag(name: &str) -> Tag {
    Tag::parse(name).expect("the story's names are valid")
}

fn tagged(tags: &[&str]) -> Query {
    let item = tags.iter().fold(QueryItem::new(), |item, name| item.tag(tag(name)));
    Query::new(item)
}

fn typed(types: &[&str]) -> Query {
    let parse = |name: &&str| EventType::parse(name).expect("the story's names are valid");
    let item = types.iter().map(parse).fold(QueryItem::new(), QueryItem::event_type);
    Query::new(item)
}

const fn revision(number: u64) -> Actual {
    Actual::Revision(Revision::new(number))
}

/// Tells the story twice: while all is in memory, and when it lies in runs.
fn in_memory_and_in_runs(story: impl Fn(&Host)) {
    for flushed in [false, true] {
        let mut host = Host::new();
        host.append(note("a", "0"));
        host.append(note("a", "1"));
        host.append(note("b", "2"));
        if flushed {
            host.flush();
            host.restart();
            assert!(host.store().stats().runs > 0);
        }
        story(&host);
    }
}

#[test]
fn every_expectation_meets_every_state_of_a_stream() {
    in_memory_and_in_runs(|host| {
        let none = Actual::NoStream;
        let table = [
            ("a", Any, None),
            ("a", NoStream, Some(revision(1))),
            ("a", Exists, None),
            ("a", exact(0), Some(revision(1))),
            ("a", exact(1), None),
            ("a", exact(2), Some(revision(1))),
            ("a", exact(u64::MAX), Some(revision(1))),
            ("none", Any, None),
            ("none", NoStream, None),
            ("none", Exists, Some(none)),
            ("none", exact(0), Some(none)),
            ("none", exact(u64::MAX), Some(none)),
        ];
        for (name, expected, actual) in table {
            // Of a stream that is not written, alone and beside an event of another one.
            match actual {
                None => assert_eq!(host.append(check(name, expected)).positions, 0),
                Some(actual) => {
                    assert_eq!(failed(host.refusal(check(name, expected))), [(0, actual)]);
                    let beside = note("other", "x").expect(stream(name), expected);
                    assert_eq!(failed(host.refusal(beside)), [(0, actual)]);
                    let written = note(name, "x").expect(stream(name), expected);
                    assert_eq!(failed(host.refusal(written)), [(0, actual)]);
                }
            }
        }
    });
}

#[test]
fn all_guards_that_fail_are_named_and_no_other() {
    in_memory_and_in_runs(|host| {
        let append = note("c", "x")
            .expect(stream("a"), exact(0))
            .expect(stream("a"), Exists)
            .expect(stream("none"), Exists)
            .no_match(typed(&["Noted"]), Some(at(1)))
            .expect(stream("b"), NoStream)
            .no_match(typed(&["Never"]), None)
            .no_match(typed(&["Never", "Noted"]), Some(at(2)))
            .expect(stream("a"), exact(0));
        let expected = [
            (0, revision(1)),
            (2, Actual::NoStream),
            (3, Actual::Match(at(2))),
            (4, revision(0)),
            (7, revision(1)),
        ];
        assert_eq!(failed(host.refusal(append)), expected);
    });
}

#[test]
fn guards_look_at_the_log_before_the_append() {
    let host = Host::new();
    let twice = Append::new()
        .expect(stream("a"), NoStream)
        .event(stream("a"), event("T", "0"))
        .event(stream("a"), event("T", "1"))
        .expect(stream("a"), NoStream)
        .no_match(typed(&["T"]), None);
    assert_eq!(host.append(twice).positions, 2);
    let contradiction = note("a", "2").expect(stream("a"), exact(1)).expect(stream("a"), NoStream);
    assert_eq!(failed(host.refusal(contradiction)), [(1, revision(1))]);
}

#[test]
fn a_query_guard_asks_for_one_of_the_types_and_all_of_the_tags() {
    for flushed in [false, true] {
        let host = Host::new();
        let seat = |event_type: &str, tags: &[&str]| {
            let event = tags.iter().fold(event(event_type, ""), |event, name| event.tag(tag(name)));
            Append::new().event(stream("courses"), event)
        };
        host.append(seat("Subscribed", &["course:1", "student:1"]));
        host.append(seat("Subscribed", &["course:2", "student:1"]));
        host.append(seat("Left", &["student:1", "course:1"]));
        if flushed {
            host.flush();
        }
        let found = |query: Query, after: Option<u64>| match host
            .try_append(Append::new().no_match(query, after.map(Position::new)))
        {
            Ok(_) => None,
            Err(error) => Some(failed(error)),
        };
        let at_place = |place: u64| Some(vec![(0, Actual::Match(at(place)))]);
        assert_eq!(found(tagged(&["course:1"]), None), at_place(2));
        assert_eq!(found(tagged(&["course:1", "student:1"]), Some(1)), at_place(2));
        assert_eq!(found(tagged(&["course:1", "student:1"]), Some(2)), None);
        assert_eq!(found(tagged(&["course:1", "course:2"]), None), None);
        assert_eq!(found(typed(&["Subscribed"]), None), at_place(1));
        assert_eq!(found(typed(&["Subscribed"]), Some(1)), None);
        assert_eq!(found(typed(&["Subscribed", "Left"]), Some(0)), at_place(2));
        let subscribed = EventType::parse("Subscribed").expect("a name");
        let one = QueryItem::new().event_type(subscribed).tag(tag("course:1"));
        assert_eq!(found(Query::new(one.clone()), None), at_place(0));
        assert_eq!(found(Query::new(one.clone()), Some(0)), None);
        let both = Query::new(one).or(QueryItem::new().tag(tag("course:2")));
        assert_eq!(found(both, None), at_place(1));
        assert_eq!(found(tagged(&["course"]), None), None, "names, not beginnings of names");
        assert_eq!(found(typed(&["Subscribed"]), Some(u64::MAX)), None);
    }
}

#[test]
fn query_guards_do_not_look_at_system_streams() {
    for flushed in [false, true] {
        let host = Host::new();
        let hidden = event("Secret", "").tag(tag("x"));
        host.append(Append::new().event(stream("$saga-1"), hidden));
        if flushed {
            host.flush();
        }
        for query in [typed(&["Secret"]), tagged(&["x"])] {
            assert_eq!(host.append(Append::new().no_match(query, None)).positions, 0);
        }
        let guarded = check("$saga-1", NoStream);
        assert_eq!(failed(host.refusal(guarded)), [(0, revision(0))], "a stream guard does");
    }
}

/// The boundary of a decision over several pieces of the index: one match in each run, some of
/// them behind the place from which on is looked.
#[test]
fn the_newest_match_is_found_wherever_it_lies() {
    let host = Host::new();
    let mut places = Vec::new();
    for round in 0..8 {
        let tagged = event("Marked", "").tag(tag("boundary")).tag(tag(&format!("round:{round}")));
        places.push(host.append(Append::new().event(stream("m"), tagged)).first);
        host.fill(40);
    }
    assert!(host.store().stats().runs >= 3, "{:?}", host.run_names());
    let newest = *places.last().expect("eight places");
    for (round, place) in places.iter().enumerate() {
        let of_round = tagged(&["boundary", &format!("round:{round}")]);
        let refused = host.refusal(Append::new().no_match(of_round.clone(), None));
        assert_eq!(failed(refused), [(0, Actual::Match(*place))]);
        assert_eq!(host.append(Append::new().no_match(of_round, Some(*place))).positions, 0);
        let guard = Guard::NoMatch { query: tagged(&["boundary"]), after: Some(*place) };
        let outcome = host.try_append(Append::new().guard(guard));
        match (*place == newest, outcome) {
            (true, outcome) => assert!(outcome.is_ok(), "{outcome:?}"),
            (false, outcome) => {
                let error = outcome.expect_err("newer ones match");
                assert_eq!(failed(error), [(0, Actual::Match(newest))]);
            }
        }
    }
}

#[test]
fn of_rivals_with_the_same_guard_exactly_one_gets_through() {
    let host = Host::new();
    host.append(note("a", "0"));
    host.flush();
    let store = host.store();
    let rivals =
        (0..20).map(|n| store.append(note("a", &format!("{n}")).expect(stream("a"), exact(0))));
    let mut rivals: Vec<_> = rivals.map(Box::pin).collect();
    let (mut won, mut lost, mut left) = (0, 0, rivals.len());
    host.run(std::future::poll_fn(|cx| {
        rivals.retain_mut(|rival| match rival.as_mut().poll(cx) {
            std::task::Poll::Pending => true,
            std::task::Poll::Ready(outcome) => {
                left -= 1;
                match outcome {
                    Ok(_) => won += 1,
                    Err(error) => {
                        assert_eq!(failed(error), [(0, revision(1))]);
                        lost += 1;
                    }
                }
                false
            }
        });
        if left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    }));
    assert_eq!((won, lost), (1, 19));
}

/// Who reads the text of a conflict knows which stream is meant, or what was looked for.
#[test]
fn a_conflict_names_the_stream_or_the_query() {
    let host = Host::new();
    host.append(note("order-17", "one"));
    host.append(note("order-17", "two"));
    let noted = EventType::parse("Noted").expect("a name");
    let either = typed(&["Noted", "Sent"]);
    let append = Append::new()
        .expect(stream("order-17"), exact(0))
        .expect(stream("order-18"), Exists)
        .no_match(either.or(QueryItem::new().event_type(noted).tag(tag("x"))), None)
        .no_match(typed(&["Noted"]), Some(at(0)));
    let error = host.refusal(append);
    assert_eq!(
        error.to_string(),
        "stream order-17 is at revision 1, expected revision 0; \
         stream order-18 has no events, expected events; \
         the newest event stands at position 1, \
         expected none with type Noted or Sent, or type Noted, tag x; \
         the newest event stands at position 1, \
         expected none behind position 0 with type Noted; nothing was stored"
    );
    let AppendError::Conflict(failed) = error else { panic!("{error}") };
    let named: Vec<_> =
        failed.iter().map(|failed| failed.stream().map(sagalog::StreamId::as_str)).collect();
    assert_eq!(named, [Some("order-17"), Some("order-18"), None, None]);
}
