//! Appends that come twice: known by their key, or by their events' ids where guards name places.

use super::{
    Decision, HORIZON, Refusal, Store, at, conflict, exact, partly, replay, revisions, write,
};
use crate::{
    append::{Append, ExpectedRevision},
    ids::{FencingToken, Position},
    store::sample::{bare, consumer, event_type, fence, key, named, query, stream},
    time::WallTime,
};

use ExpectedRevision::{Any, Exists, NoStream};

/// Events with these ids for these streams.
fn events(of: &[(&str, u8)]) -> Append {
    let event = |append: Append, (name, id): &(&str, u8)| append.event(stream(name), named(*id));
    of.iter().fold(Append::new(), event)
}

#[test]
fn a_key_answers_a_repetition_in_every_guard_mode() {
    let mut store = Store::with([write("a", 1), write("a", 2).key(key("k")), write("a", 1)]);
    for expected in [Any, NoStream, Exists, exact(0), exact(3), exact(9)] {
        let again = write("a", 2).key(key("k")).expect(stream("a"), expected);
        assert_eq!(store.append(again), replay(1, 2, &[("a", 2)]), "{expected:?}");
    }
    let bounded = write("a", 2).key(key("k")).no_match(query(&["T"]), None);
    assert_eq!(store.append(bounded), replay(1, 2, &[("a", 2)]));
    assert_eq!(store.state.next(), Position::new(4));
}

#[test]
fn a_key_answers_with_all_streams_in_their_order() {
    let append = write("b", 1).event(stream("a"), bare()).event(stream("b"), bare()).key(key("k"));
    let mut store = Store::with([write("a", 3), append.clone()]);
    assert_eq!(store.append(append), replay(3, 3, &[("b", 1), ("a", 3)]));
}

#[test]
fn a_key_with_other_content_is_an_error() {
    let append = || Append::new().event(stream("a"), named(1)).key(key("k"));
    let mut store = Store::with([write("b", 1), append()]);
    let other_type =
        crate::NewEvent::new(event_type("U"), "payload").id(crate::EventId::from_bytes([1; 16]));
    let others = [
        append().event(stream("a"), bare()),
        Append::new().key(key("k")),
        Append::new().event(stream("b"), named(1)).key(key("k")),
        Append::new().event(stream("a"), named(2)).key(key("k")),
        Append::new().event(stream("a"), bare()).key(key("k")),
        Append::new().event(stream("a"), named(1).metadata("m")).key(key("k")),
        Append::new().event(stream("a"), named(1).schema_version(2)).key(key("k")),
        Append::new().event(stream("a"), other_type).key(key("k")),
        append().checkpoint(consumer("n"), Position::new(1)),
    ];
    let refusal = Refusal::KeyReused { key: key("k"), first: Position::new(1) };
    for other in others {
        assert_eq!(store.append(other.clone()), Decision::Refuse(refusal.clone()), "{other:?}");
    }
}

#[test]
fn guards_fences_and_circumstances_are_no_content_of_a_key() {
    let mut store = Store::with([Append::new().event(stream("a"), named(1)).key(key("k"))]);
    let event = named(1)
        .occurred_at(WallTime::from_unix_nanos(3))
        .correlation_id(crate::EventId::from_bytes([8; 16]))
        .causation_id(crate::EventId::from_bytes([9; 16]))
        .trace_context("00-x")
        .principal("somebody");
    let again = Append::new()
        .event(stream("a"), event)
        .expect(stream("b"), Exists)
        .fence(fence("f"), FencingToken::new(1))
        .key(key("k"));
    assert_eq!(store.append(again), replay(0, 1, &[("a", 0)]));
}

#[test]
fn a_key_is_known_even_without_events() {
    let append = Append::new().key(key("k")).checkpoint(consumer("n"), Position::new(5));
    let mut store = Store::with([append.clone()]);
    assert_eq!(store.append(append), replay(0, 1, &[("$commits", 0)]));
}

#[test]
fn a_key_is_kept_for_the_horizon_and_then_fresh() {
    let keyed = || write("a", 1).key(key("k"));
    let mut store =
        Store::with([keyed(), write("b", usize::try_from(HORIZON).expect("small") - 1)]);
    assert_eq!(store.state.next(), Position::new(HORIZON));
    assert_eq!(store.append(keyed()), replay(0, 1, &[("a", 0)]), "first + horizon == next");
    store.append(write("b", 1));
    assert_eq!(revisions(&store.append(keyed())), [1], "one event later it is fresh");
    assert_eq!(store.append(keyed()), replay(HORIZON + 1, 1, &[("a", 1)]), "and new again");
}

#[test]
fn a_key_beats_the_fence_and_guards_that_fail_today() {
    let mut store = Store::with([
        write("a", 1).key(key("k")),
        Append::new().fence(fence("f"), FencingToken::new(5)),
    ]);
    let stale = write("a", 1).key(key("k")).expect(stream("a"), NoStream);
    let stale = stale.fence(fence("f"), FencingToken::new(1));
    assert_eq!(store.append(stale), replay(0, 1, &[("a", 0)]));
}

#[test]
fn a_refused_append_leaves_its_key_fresh() {
    let mut store = Store::with([write("a", 1)]);
    let append = write("a", 1).key(key("k"));
    assert_eq!(store.append(append.clone().expect(stream("a"), NoStream)), conflict([(0, at(0))]));
    assert_eq!(revisions(&store.append(append)), [1]);
}

#[test]
fn ids_answer_a_repetition_where_a_guard_names_the_place() {
    let first = events(&[("a", 1), ("a", 2)]).expect(stream("a"), NoStream);
    let second = events(&[("a", 3)]).expect(stream("a"), exact(1));
    let mut store = Store::with([write("b", 1), first.clone(), second.clone(), write("a", 4)]);
    assert_eq!(store.append(first), replay(1, 2, &[("a", 1)]));
    assert_eq!(store.append(second), replay(3, 1, &[("a", 2)]));
}

#[test]
fn ids_are_not_looked_at_where_the_guards_hold() {
    let mut store = Store::with([events(&[("a", 1)])]);
    let again = events(&[("a", 1)]).expect(stream("a"), exact(0));
    assert_eq!(revisions(&store.append(again)), [1], "the same id again is a new event");
}

#[test]
fn ids_are_not_looked_at_where_no_guard_names_a_place() {
    let mut store = Store::with([events(&[("a", 1)]), events(&[("b", 2)])]);
    assert_eq!(revisions(&store.append(events(&[("a", 1)]))), [1]);
    assert_eq!(revisions(&store.append(events(&[("a", 1)]).expect(stream("a"), Any))), [2]);
    assert_eq!(revisions(&store.append(events(&[("a", 1)]).expect(stream("a"), Exists))), [3]);
    // With a guard elsewhere that fails, it is a plain conflict.
    let elsewhere = events(&[("a", 1)]).expect(stream("b"), NoStream);
    assert_eq!(store.append(elsewhere), conflict([(0, at(0))]));
    let one_of_two = events(&[("a", 1), ("b", 2)]).expect(stream("a"), NoStream);
    assert_eq!(store.append(one_of_two), conflict([(0, at(3))]));
}

#[test]
fn ids_count_only_if_the_caller_gave_them_all() {
    let mut store = Store::with([events(&[("a", 1), ("a", 2)])]);
    let half = events(&[("a", 1)]).event(stream("a"), bare()).expect(stream("a"), NoStream);
    assert_eq!(store.append(half), conflict([(0, at(1))]));
    let none = Append::new().key(key("k")).expect(stream("a"), NoStream);
    assert_eq!(store.append(none), conflict([(0, at(1))]), "a commit without events has none");
}

#[test]
fn ids_of_a_part_are_an_error_and_never_a_silent_rest() {
    let mut store = Store::with([events(&[("a", 1), ("a", 2), ("a", 3)])]);
    let table: [(&[(&str, u8)], Decision); 6] = [
        (&[("a", 1), ("a", 2), ("a", 3)], replay(0, 3, &[("a", 2)])),
        (&[("a", 1), ("a", 9), ("a", 3)], partly("a", 1)),
        (&[("a", 1), ("a", 2), ("a", 9)], partly("a", 2)),
        (&[("a", 1), ("a", 2), ("a", 3), ("a", 4)], partly("a", 3)),
        (&[("a", 9), ("a", 2), ("a", 3)], conflict([(0, at(2))])),
        (&[("a", 2), ("a", 1), ("a", 3)], conflict([(0, at(2))])),
    ];
    for (of, wanted) in table {
        let verdict = store.append(events(of).expect(stream("a"), NoStream));
        assert_eq!(verdict, wanted, "{of:?}");
    }
}

#[test]
fn ids_beyond_the_end_of_the_stream_are_a_conflict() {
    let mut store = Store::with([events(&[("a", 1)])]);
    for place in [1, 7, u64::MAX - 1, u64::MAX] {
        let beyond = events(&[("a", 1), ("a", 2)]).expect(stream("a"), exact(place));
        assert_eq!(store.append(beyond), conflict([(0, at(0))]), "{place}");
    }
}

#[test]
fn a_part_of_a_commit_is_answered_with_that_commit() {
    let mut store = Store::with([write("b", 1), events(&[("a", 1), ("c", 2), ("a", 3)])]);
    let part = events(&[("a", 1), ("a", 3)]).expect(stream("a"), NoStream);
    assert_eq!(store.append(part), replay(1, 3, &[("a", 1)]));
}

#[test]
fn ids_of_two_commits_are_no_repetition_of_one() {
    let mut store = Store::with([events(&[("a", 1)]), events(&[("a", 2)])]);
    let both = events(&[("a", 1), ("a", 2)]).expect(stream("a"), NoStream);
    assert_eq!(store.append(both), partly("a", 1));
}

#[test]
fn several_streams_repeat_only_as_they_were_interleaved() {
    let append = |of| events(of).expect(stream("a"), NoStream).expect(stream("b"), exact(0));
    let written: [(&str, u8); 3] = [("a", 1), ("b", 2), ("a", 3)];
    let mut store = Store::with([write("b", 1), append(&written)]);
    assert_eq!(store.append(append(&written)), replay(1, 3, &[("a", 1), ("b", 1)]));
    assert_eq!(store.append(append(&[("b", 2), ("a", 1), ("a", 3)])), partly("a", 0));
    assert_eq!(store.append(append(&[("a", 1), ("a", 3), ("b", 2)])), partly("b", 1));
    // One stream has begun with other events, the other one stands.
    assert_eq!(store.append(append(&[("a", 9), ("b", 2)])), partly("a", 0));
    assert_eq!(store.append(append(&[("a", 9), ("b", 8)])), conflict([(0, at(1)), (1, at(1))]));
}

#[test]
fn a_stream_that_was_written_and_one_that_is_new_are_not_mixed() {
    let mut store = Store::with([events(&[("a", 1)])]);
    let mixed =
        events(&[("a", 1), ("b", 2)]).expect(stream("a"), NoStream).expect(stream("b"), NoStream);
    assert_eq!(store.append(mixed), partly("b", 0));
}

#[test]
fn a_repetition_by_ids_beats_guards_that_fail_today() {
    let append = events(&[("a", 1)])
        .expect(stream("a"), NoStream)
        .expect(stream("b"), NoStream)
        .no_match(query(&["T"]), None);
    let mut store = Store::with([append.clone(), write("b", 1)]);
    assert_eq!(store.append(append), replay(0, 1, &[("a", 0)]));
}

#[test]
fn two_places_for_one_stream_are_no_place() {
    let mut store = Store::with([events(&[("a", 1)]), events(&[("a", 1)])]);
    let torn = events(&[("a", 1)]).expect(stream("a"), NoStream).expect(stream("a"), exact(0));
    assert_eq!(store.append(torn), conflict([(0, at(1)), (1, at(1))]));
    let twice = events(&[("a", 1)]).expect(stream("a"), NoStream).expect(stream("a"), NoStream);
    assert_eq!(store.append(twice), replay(0, 1, &[("a", 0)]));
    // Places of a stream that is not written do not matter.
    let elsewhere = events(&[("a", 1)])
        .expect(stream("a"), NoStream)
        .expect(stream("b"), NoStream)
        .expect(stream("b"), exact(3));
    assert_eq!(store.append(elsewhere), replay(0, 1, &[("a", 0)]));
}
