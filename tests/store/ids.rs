//! Repetitions that are known by the ids of their events: where guards name their places, exactly.

use super::{
    Host, event,
    host::{exact, revisions},
    key, note, stream,
};
use ExpectedRevision::{Any, Exists, NoStream};
use sagalog::{
    Actual, Append, AppendError, Committed, EventId, EventType, ExpectedRevision, NewEvent, Query,
    QueryItem, Revision,
};

fn id(number: u8) -> EventId {
    EventId::from_bytes([number; 16])
}

fn numbered(number: u8) -> NewEvent {
    event("T", format!("{number}")).id(id(number))
}

/// Events with these ids for one stream, under one expectation.
fn batch(name: &str, expected: ExpectedRevision, ids: &[u8]) -> Append {
    let append = Append::new().expect(stream(name), expected);
    ids.iter().fold(append, |append, id| append.event(stream(name), numbered(*id)))
}

fn is_replay_of(original: &Committed, answer: &Committed) {
    assert!(answer.replayed, "{answer:?}");
    assert_eq!((answer.first, answer.positions), (original.first, original.positions));
    assert_eq!(answer.revisions, original.revisions);
}

fn differs_at(error: AppendError) -> (String, u64) {
    match error {
        AppendError::PartlyCommitted { stream, revision } => {
            (stream.as_str().to_owned(), revision.get())
        }
        other => panic!("it is stored in part: {other}"),
    }
}

fn conflicts(error: &AppendError) -> bool {
    matches!(error, AppendError::Conflict(_))
}

/// Tells the story while everything is in memory, when it lies in runs, and when more was written.
fn wherever_it_lies(story: impl Fn(&Host, &Committed, &Committed)) {
    for round in 0..4 {
        let mut host = Host::new();
        let first = host.append(batch("a", NoStream, &[0, 1, 2]));
        let second = host.append(batch("a", exact(2), &[3, 4]));
        if round > 0 {
            host.flush();
        }
        if round > 1 {
            host.restart();
        }
        if round > 2 {
            host.append(batch("a", exact(4), &[5]));
            host.append(note("a", "without an id"));
        }
        story(&host, &first, &second);
    }
}

#[test]
fn a_repetition_at_its_place_is_answered_with_the_original_answer() {
    wherever_it_lies(|host, first, second| {
        let head = host.store().head();
        for _ in 0..3 {
            is_replay_of(first, &host.append(batch("a", NoStream, &[0, 1, 2])));
            is_replay_of(second, &host.append(batch("a", exact(2), &[3, 4])));
        }
        assert_eq!(host.store().head(), head);
    });
}

#[test]
fn another_first_event_is_a_conflict() {
    wherever_it_lies(|host, _, _| {
        for append in [
            batch("a", NoStream, &[9]),
            batch("a", NoStream, &[9, 1, 2]),
            batch("a", exact(2), &[9, 4]),
            batch("a", exact(2), &[4, 3]),
            batch("a", exact(0), &[0, 1, 2]),
            batch("a", exact(99), &[0]),
            batch("a", exact(u64::MAX), &[0]),
        ] {
            let refused = host.refusal(append);
            assert!(conflicts(&refused), "{refused}");
        }
    });
}

#[test]
fn a_later_difference_is_an_error_of_its_own_and_nothing_is_stored() {
    wherever_it_lies(|host, _, _| {
        let a = |revision: u64| ("a".to_owned(), revision);
        assert_eq!(differs_at(host.refusal(batch("a", NoStream, &[0, 9, 2]))), a(1));
        assert_eq!(differs_at(host.refusal(batch("a", NoStream, &[0, 1, 9]))), a(2));
        // It runs on into the next append, or past the end.
        assert_eq!(differs_at(host.refusal(batch("a", NoStream, &[0, 1, 2, 3]))), a(3));
        assert_eq!(differs_at(host.refusal(batch("a", exact(2), &[3, 4, 77]))), a(5));
        assert_eq!(differs_at(host.refusal(batch("a", NoStream, &[0, 1, 2, 9]))), a(3));
    });
}

/// The first events of an append that had more: these stand there already, in order.
#[test]
fn the_beginning_of_an_earlier_append_stands_there_already() {
    wherever_it_lies(|host, first, _| {
        let answer = host.append(batch("a", NoStream, &[0, 1]));
        assert!(answer.replayed);
        assert_eq!(answer.first, first.first);
        assert_eq!(revisions(&answer), [("a", 1)]);
    });
}

#[test]
fn where_the_guard_holds_ids_are_not_looked_at() {
    let host = Host::new();
    host.append(batch("a", NoStream, &[0]));
    let again = host.append(batch("a", exact(0), &[0]));
    assert!(!again.replayed, "a new event with an old id");
    assert_eq!(again.revision(&stream("a")), Some(Revision::new(1)));
    host.append(batch("b", NoStream, &[0]));
}

#[test]
fn weak_expectations_know_no_repetition() {
    let host = Host::new();
    host.append(batch("a", NoStream, &[0]));
    for (n, expected) in [Any, Exists].into_iter().enumerate() {
        let again = host.append(batch("a", expected, &[0]));
        assert!(!again.replayed);
        assert_eq!(again.revision(&stream("a")).map(Revision::get), Some(n as u64 + 1));
    }
    assert!(!host.append(Append::new().event(stream("a"), numbered(0))).replayed);
}

#[test]
fn events_without_ids_are_never_a_repetition() {
    let host = Host::new();
    host.append(note("a", "0").expect(stream("a"), NoStream));
    let refused = host.refusal(note("a", "0").expect(stream("a"), NoStream));
    assert!(conflicts(&refused));
    host.append(batch("b", NoStream, &[1]).event(stream("b"), event("T", "no id")));
    let half = batch("b", NoStream, &[1]).event(stream("b"), event("T", "no id"));
    assert!(conflicts(&host.refusal(half)), "one id lacks");
}

#[test]
fn a_repetition_beats_guards_that_fail_today() {
    wherever_it_lies(|host, _, second| {
        let t = QueryItem::new().event_type(EventType::parse("T").expect("a name"));
        let again = batch("a", exact(2), &[3, 4])
            .expect(stream("never"), Exists)
            .no_match(Query::new(t), None);
        is_replay_of(second, &host.append(again));
        let new = batch("a", NoStream, &[3, 4]).expect(stream("never"), Exists);
        match host.refusal(new) {
            AppendError::Conflict(failed) => {
                let guards: Vec<_> = failed.iter().map(|f| (f.guard, f.actual)).collect();
                assert_eq!(guards[1], (1, Actual::NoStream));
                assert_eq!(guards.len(), 2);
            }
            other => panic!("{other}"),
        }
    });
}

/// An append to two streams: both guards have to name the place of what stands there.
#[test]
fn a_repetition_of_an_append_to_several_streams_is_known_as_a_whole() {
    for flushed in [false, true] {
        let mut host = Host::new();
        host.append(note("b", "before"));
        let two = |a: ExpectedRevision, b: ExpectedRevision, ids: [u8; 3]| {
            Append::new()
                .expect(stream("a"), a)
                .expect(stream("b"), b)
                .event(stream("a"), numbered(ids[0]))
                .event(stream("b"), numbered(ids[1]))
                .event(stream("a"), numbered(ids[2]))
        };
        let original = host.append(two(NoStream, exact(0), [0, 1, 2]));
        host.append(batch("a", exact(1), &[7]));
        if flushed {
            host.flush();
            host.restart();
        }
        is_replay_of(&original, &host.append(two(NoStream, exact(0), [0, 1, 2])));
        let b = |revision: u64| ("b".to_owned(), revision);
        assert_eq!(differs_at(host.refusal(two(NoStream, exact(0), [0, 9, 2]))), b(1));
        assert_eq!(
            differs_at(host.refusal(two(NoStream, exact(0), [0, 1, 9]))),
            ("a".to_owned(), 1)
        );
        assert!(conflicts(&host.refusal(two(NoStream, exact(0), [9, 8, 2]))));
        assert!(conflicts(&host.refusal(two(NoStream, Exists, [0, 1, 2]))), "one is weak");
        // The same events in another order are another append.
        let turned = Append::new()
            .expect(stream("a"), NoStream)
            .expect(stream("b"), exact(0))
            .event(stream("b"), numbered(1))
            .event(stream("a"), numbered(0))
            .event(stream("a"), numbered(2));
        let refused = host.refusal(turned);
        assert!(matches!(refused, AppendError::PartlyCommitted { .. }), "{refused}");
        // One stream has it, the other is new.
        let half = Append::new()
            .expect(stream("a"), NoStream)
            .expect(stream("c"), NoStream)
            .event(stream("a"), numbered(0))
            .event(stream("c"), numbered(1));
        assert_eq!(differs_at(host.refusal(half)), ("c".to_owned(), 0));
    }
}

/// Events that stand at their places, but came in two appends: nobody ever got one answer for them.
#[test]
fn events_of_two_appends_are_no_repetition_of_one() {
    wherever_it_lies(|host, _, _| {
        let joined = batch("a", NoStream, &[0, 1, 2, 3, 4]);
        assert_eq!(differs_at(host.refusal(joined)), ("a".to_owned(), 3));
    });
}

#[test]
fn a_key_goes_before_ids() {
    let host = Host::new();
    let original = host.append(batch("a", NoStream, &[0]).key(key("k")));
    is_replay_of(&original, &host.append(batch("a", exact(55), &[0]).key(key("k"))));
    let reused = host.refusal(batch("a", NoStream, &[1]).key(key("k")));
    assert!(matches!(reused, AppendError::KeyReused { .. }), "{reused}");
    // Another key for the same events at the same place: the ids tell.
    is_replay_of(&original, &host.append(batch("a", NoStream, &[0]).key(key("other"))));
}

#[test]
fn an_id_in_another_stream_means_nothing() {
    let host = Host::new();
    host.append(batch("a", NoStream, &[0]));
    host.append(batch("b", NoStream, &[1]));
    let refused = host.refusal(batch("b", NoStream, &[0]));
    assert!(conflicts(&refused));
    assert!(!host.append(batch("c", NoStream, &[0])).replayed);
}
