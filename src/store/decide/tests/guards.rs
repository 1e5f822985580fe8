//! Guards and fences: what holds, what does not, and what is said about it.

use super::{Decision, Refusal, Store, at, conflict, exact, revisions, write};
use crate::{
    append::{Append, ExpectedRevision},
    error::Actual,
    ids::{FencingToken, Position, Revision},
    store::sample::{bare, consumer, event_type, fence, item, query, stream, tag},
    time::WallTime,
};

use ExpectedRevision::{Any, Exists, NoStream};

#[test]
fn a_stream_is_compared_with_what_is_expected() {
    let none = Some(Actual::NoStream);
    let table = [
        ("empty", Any, None),
        ("empty", NoStream, None),
        ("empty", Exists, none),
        ("empty", exact(0), none),
        ("empty", exact(u64::MAX), none),
        ("one", Any, None),
        ("one", NoStream, Some(at(0))),
        ("one", Exists, None),
        ("one", exact(0), None),
        ("one", exact(1), Some(at(0))),
        ("three", NoStream, Some(at(2))),
        ("three", exact(1), Some(at(2))),
        ("three", exact(2), None),
        ("three", exact(3), Some(at(2))),
        ("three", exact(u64::MAX), Some(at(2))),
    ];
    for (name, expected, actual) in table {
        let mut store = Store::with([write("one", 1), write("three", 3)]);
        let check = Append::new().expect(stream(name), expected);
        let verdict = store.append(check.clone());
        let wanted = actual
            .map_or(Decision::Check { at: Position::new(4) }, |actual| conflict([(0, actual)]));
        assert_eq!(verdict, wanted, "{name} {expected:?}");
        // The same holds for an append that writes there, or elsewhere.
        for written in [name, "other"] {
            let mut store = Store::with([write("one", 1), write("three", 3)]);
            let verdict = store.append(check.clone().event(stream(written), bare()));
            let committed = matches!(verdict, Decision::Commit(_));
            assert_eq!(committed, actual.is_none(), "{name} {expected:?} writing {written}");
        }
    }
}

#[test]
fn every_failing_guard_is_reported_with_its_index_and_the_actual_state() {
    let mut store = Store::with([write("a", 2), write("b", 1)]);
    let append = write("c", 1)
        .expect(stream("a"), exact(0))
        .expect(stream("b"), exact(0))
        .no_match(query(&["T"]), Some(Position::new(0)))
        .expect(stream("none"), Exists)
        .no_match(query(&["T"]), Some(Position::new(2)))
        .expect(stream("a"), NoStream);
    let newest = Actual::Match(Position::new(2));
    let failed = [(0, at(1)), (2, newest), (3, Actual::NoStream), (5, at(1))];
    assert_eq!(store.append(append), conflict(failed));
}

#[test]
fn nothing_of_a_refused_append_is_stored() {
    let mut store = Store::with([write("a", 1)]);
    store.append(write("b", 3).event(stream("c"), bare()).expect(stream("a"), NoStream));
    assert_eq!(store.state.next(), Position::new(1));
    assert_eq!(store.state.head(&stream("b")), None);
}

#[test]
fn guards_may_name_a_stream_twice_and_contradict_each_other() {
    let mut store = Store::with([write("a", 1)]);
    let twice = write("a", 1).expect(stream("a"), exact(0)).expect(stream("a"), Exists);
    assert_eq!(revisions(&store.append(twice)), [1]);
    let contradiction = write("a", 1).expect(stream("a"), exact(1)).expect(stream("a"), exact(0));
    assert_eq!(store.append(contradiction), conflict([(1, at(1))]));
}

#[test]
fn guards_are_judged_before_the_append_itself() {
    let mut store = Store::new();
    let append = write("a", 3)
        .expect(stream("a"), NoStream)
        .no_match(query(&["T"]), None)
        .expect(stream("a"), NoStream);
    assert_eq!(revisions(&store.append(append)), [0]);
}

#[test]
fn a_list_of_guards_alone_is_a_check_that_stores_nothing() {
    let mut store = Store::with([write("a", 2)]);
    let check = Append::new().expect(stream("a"), exact(1)).no_match(query(&["U"]), None);
    assert_eq!(store.append(check), Decision::Check { at: Position::new(2) });
    let failing = Append::new().expect(stream("a"), exact(0));
    assert_eq!(store.append(failing), conflict([(0, at(1))]));
    assert_eq!(store.append(Append::new()), Decision::Check { at: Position::new(2) });
    assert_eq!(store.state.next(), Position::new(2));
}

#[test]
fn a_boundary_holds_until_an_event_behind_it_matches() {
    let tagged = |of_type, name: &str| {
        let event = crate::NewEvent::new(event_type(of_type), "").tag(tag(name));
        Append::new().event(stream("a"), event)
    };
    let mut store = Store::with([tagged("T", "c:1"), tagged("U", "c:2"), tagged("T", "c:2")]);
    let matched = |position| Some(Actual::Match(Position::new(position)));
    let table = [
        (query(&["T", "c:1"]), None, matched(0)),
        (query(&["T", "c:1"]), Some(0), None),
        (query(&["T", "U", "c:2"]), Some(0), matched(2)),
        (query(&["c:1", "c:2"]), None, None),
        (query(&["U", "c:1"]), None, None),
        (query(&["U", "c:1"]).or(item(&["U"])), None, matched(1)),
        (query(&["U", "c:1"]).or(item(&["U"])), Some(1), None),
        (query(&["T"]), Some(2), None),
        (query(&["T"]), Some(u64::MAX), None),
    ];
    for (query, after, actual) in table {
        let verdict = store.append(Append::new().no_match(query.clone(), after.map(Position::new)));
        let wanted = actual
            .map_or(Decision::Check { at: Position::new(3) }, |actual| conflict([(0, actual)]));
        assert_eq!(verdict, wanted, "{query:?} behind {after:?}");
    }
}

#[test]
fn a_query_does_not_look_at_system_streams() {
    let mut store = Store::with([write("$journal-1", 2)]);
    let append = write("a", 1).no_match(query(&["T"]), None);
    assert_eq!(revisions(&store.append(append.clone())), [0]);
    assert_eq!(store.append(append), conflict([(0, Actual::Match(Position::new(2)))]));
}

#[test]
fn a_later_append_of_the_same_group_sees_the_earlier_one() {
    let mut store = Store::new();
    let append = write("a", 1).expect(stream("a"), NoStream).no_match(query(&["T"]), None);
    assert_eq!(revisions(&store.append(append.clone())), [0]);
    let newest = Actual::Match(Position::new(0));
    assert_eq!(store.append(append), conflict([(0, at(0)), (1, newest)]));
    assert_eq!(revisions(&store.append(write("a", 1))), [1], "its neighbour survives");
}

#[test]
fn revisions_go_on_in_each_stream_by_itself() {
    let mut store = Store::with([write("b", 2)]);
    let append = write("a", 1).event(stream("b"), bare()).event(stream("a"), bare());
    assert_eq!(revisions(&store.append(append.clone())), [0, 2]);
    assert_eq!(revisions(&store.append(append)), [2, 3]);
}

#[test]
fn an_append_without_events_takes_a_position_of_its_own() {
    let mut store = Store::new();
    let moved = |position| Append::new().checkpoint(consumer("n"), Position::new(position));
    assert_eq!(revisions(&store.append(moved(7))), [0]);
    assert_eq!(revisions(&store.append(moved(3))), [1]);
    assert_eq!(store.state.next(), Position::new(2));
    assert_eq!(store.state.head(&stream("$commits")), Some(Revision::new(1)));
    // A checkpoint is overwritten, also by a lower one.
    assert_eq!(store.state.checkpoint(&consumer("n")), Some(Position::new(3)));
}

#[test]
fn a_fence_refuses_lower_tokens_and_is_raised_by_higher_ones() {
    let mut store = Store::new();
    let with = |token| write("a", 1).fence(fence("f"), FencingToken::new(token));
    let table = [
        (3, None),
        (3, None),
        (2, Some(3)),
        (5, None),
        (4, Some(5)),
        (u64::MAX, None),
        (5, Some(u64::MAX)),
    ];
    for (token, higher) in table {
        let verdict = store.append(with(token));
        match higher {
            None => assert!(matches!(verdict, Decision::Commit(_)), "token {token}"),
            Some(higher) => {
                let refusal =
                    Refusal::Fenced { fence: fence("f"), current: FencingToken::new(higher) };
                assert_eq!(verdict, Decision::Refuse(refusal), "token {token}");
            }
        }
    }
    let elsewhere = write("a", 1).fence(fence("g"), FencingToken::new(0));
    assert!(matches!(store.append(elsewhere), Decision::Commit(_)));
}

#[test]
fn a_refused_append_does_not_raise_the_fence() {
    let mut store = Store::with([write("a", 1)]);
    let token = FencingToken::new(9);
    store.append(write("a", 1).fence(fence("f"), token).expect(stream("a"), NoStream));
    assert_eq!(store.state.fence(&fence("f")), None);
}

#[test]
fn a_fence_comes_before_guards() {
    let mut store = Store::with([write("a", 1).fence(fence("f"), FencingToken::new(2))]);
    let stale = write("a", 1).fence(fence("f"), FencingToken::new(1)).expect(stream("a"), NoStream);
    let verdict = store.append(stale);
    assert!(matches!(verdict, Decision::Refuse(Refusal::Fenced { .. })), "{verdict:?}");
}

#[test]
fn recorded_time_never_goes_back() {
    let mut store = Store::new();
    let mut recorded = Vec::new();
    for now in [50, 40, 60, 1] {
        store.now = WallTime::from_unix_nanos(now);
        let Decision::Commit(stamp) = store.append(write("a", 1)) else { panic!("no guards") };
        recorded.push(stamp.recorded_at.as_unix_nanos());
    }
    assert_eq!(recorded, [50, 50, 60, 60]);
}
