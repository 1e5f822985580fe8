//! Every sentence of the store's contract, put to the reference store.

use super::*;
use sagalog::EventId;

fn event(id: u8, event_type: &str, tags: &[&str]) -> PlainEvent {
    PlainEvent {
        id: (id > 0).then(|| EventId::from_bytes([id; 16])),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..PlainEvent::new(event_type, [id])
    }
}

/// An append of events `(stream, id)` of type `A`.
fn write(writes: &[(&str, u8)]) -> PlainAppend {
    let writes = writes.iter().map(|(stream, id)| ((*stream).to_owned(), event(*id, "A", &[])));
    PlainAppend { writes: writes.collect(), ..PlainAppend::default() }
}

trait With: Sized {
    fn expect(self, stream: &str, expected: ExpectedRevision) -> Self;
    fn keyed(self, key: &str) -> Self;
}

impl With for PlainAppend {
    fn expect(mut self, stream: &str, expected: ExpectedRevision) -> Self {
        self.guards.push(PlainGuard::Stream(stream.to_owned(), expected));
        self
    }

    fn keyed(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }
}

const NONE: ExpectedRevision = ExpectedRevision::NoStream;

fn exact(revision: u64) -> ExpectedRevision {
    ExpectedRevision::Exact(Revision::new(revision))
}

fn committed(first: u64, positions: u64, revisions: &[(&str, u64)]) -> PlainCommitted {
    let revisions = revisions.iter().map(|(stream, last)| ((*stream).to_owned(), *last)).collect();
    PlainCommitted { first, positions, revisions, replayed: false }
}

fn stored(first: u64, positions: u64, revisions: &[(&str, u64)]) -> Outcome {
    Outcome::Committed(committed(first, positions, revisions))
}

fn replayed(first: u64, positions: u64, revisions: &[(&str, u64)]) -> Outcome {
    let answer = committed(first, positions, revisions);
    Outcome::Committed(PlainCommitted { replayed: true, ..answer })
}

fn partly(stream: &str, revision: u64) -> Outcome {
    Outcome::PartlyCommitted(stream.to_owned(), revision)
}

fn conflict(actual: Actual) -> Outcome {
    Outcome::Conflict(vec![(0, actual)])
}

fn at(revision: u64) -> Actual {
    Actual::Revision(Revision::new(revision))
}

fn wall(nanos: u64) -> WallTime {
    WallTime::from_unix_nanos(nanos)
}

/// A model that has taken these appends, each at the time that is its number.
fn after(appends: &[PlainAppend]) -> Model {
    let mut model = Model::new(100);
    for (number, append) in appends.iter().enumerate() {
        let outcome = model.append(append, wall(number as u64));
        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    }
    model
}

#[test]
fn an_append_takes_the_next_positions_and_revisions_in_the_order_given() {
    let mut model = after(&[write(&[("a", 1)])]);
    let answer = model.append(&write(&[("b", 2), ("a", 3), ("b", 4)]), wall(9));
    assert_eq!(answer, stored(1, 3, &[("b", 1), ("a", 1)]));
    let found: Vec<_> =
        model.now().events.iter().map(|e| (e.stream.as_str(), e.revision)).collect();
    assert_eq!(found, [("a", 0), ("b", 0), ("a", 1), ("b", 1)]);
    let heads = |range| model.heads(range).collect::<Vec<_>>();
    assert_eq!((heads(0..=4), heads(1..=3), heads(2..=3)), (vec![0, 1, 4], vec![1], vec![]));
}

#[test]
fn every_failing_guard_is_reported_with_what_was_there() {
    let model = after(&[write(&[("a", 1), ("a", 2)])]);
    let table = [
        ("a", ExpectedRevision::Any, None),
        ("x", ExpectedRevision::Any, None),
        ("a", NONE, Some(at(1))),
        ("x", NONE, None),
        ("a", ExpectedRevision::Exists, None),
        ("x", ExpectedRevision::Exists, Some(Actual::NoStream)),
        ("a", exact(1), None),
        ("a", exact(0), Some(at(1))),
        ("a", exact(7), Some(at(1))),
        ("x", exact(0), Some(Actual::NoStream)),
    ];
    let mut all = write(&[("y", 0)]);
    for (stream, expected, _) in table {
        all = all.expect(stream, expected);
    }
    let failing = table.iter().enumerate().filter_map(|(n, (.., actual))| Some((n, (*actual)?)));
    assert_eq!(model.now().answer(&all), Outcome::Conflict(failing.collect()));
}

#[test]
fn guards_alone_are_a_check_that_stores_nothing() {
    let mut model = after(&[write(&[("a", 1)])]);
    let check = PlainAppend::default().expect("a", exact(0));
    assert_eq!(model.append(&check, wall(1)), stored(1, 0, &[]));
    assert_eq!(model.head(), 1);
    let check = check.expect("b", ExpectedRevision::Exists);
    assert_eq!(model.append(&check, wall(1)), Outcome::Conflict(vec![(1, Actual::NoStream)]));
}

#[test]
fn a_query_guard_meets_the_newest_match_behind_its_position() {
    let tagged = |id, stream: &str, event_type, tags: &[&str]| PlainAppend {
        writes: vec![(stream.to_owned(), event(id, event_type, tags))],
        ..PlainAppend::default()
    };
    let model = after(&[
        tagged(1, "s", "A", &["t", "u"]),
        tagged(2, "s", "B", &["t"]),
        tagged(3, "s", "A", &["u"]),
        tagged(4, "$s", "A", &["t", "u"]),
    ]);
    let item = |types: &[&str], tags: &[&str]| PlainItem {
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        tags: tags.iter().map(|name| (*name).to_owned()).collect(),
    };
    let table = [
        (vec![item(&["A"], &[])], None, Some(2)),
        (vec![item(&["A"], &["t"])], None, Some(0)),
        (vec![item(&["A"], &["t"])], Some(0), None),
        (vec![item(&["A", "B"], &["t"])], None, Some(1)),
        (vec![item(&[], &["t", "u"])], None, Some(0)),
        (vec![item(&["B"], &["u"])], None, None),
        (vec![item(&["B"], &["u"]), item(&[], &["t"])], Some(0), Some(1)),
    ];
    for (query, after, met) in table {
        let guards = vec![PlainGuard::NoMatch(query.clone(), after)];
        let answer = model.now().answer(&PlainAppend { guards, ..PlainAppend::default() });
        let wanted =
            met.map_or(stored(4, 0, &[]), |met| conflict(Actual::Match(Position::new(met))));
        assert_eq!(answer, wanted, "{query:?} after {after:?}");
    }
    let guards = vec![PlainGuard::NoMatch(vec![item(&[], &[])], None)];
    let boundless = PlainAppend { guards, ..PlainAppend::default() }.expect("s", NONE);
    assert_eq!(model.now().answer(&boundless), Outcome::Query(0));
}

#[test]
fn a_key_returns_the_original_answer_in_every_guard_mode_and_beats_guards_and_fences() {
    let command = write(&[("a", 0), ("b", 0)]).keyed("k");
    let fenced = PlainAppend { fence: Some(("f".into(), 5)), ..write(&[("c", 0)]) };
    let model = after(&[command.clone(), fenced]);
    let original = replayed(0, 2, &[("a", 0), ("b", 0)]);
    let guards = [NONE, exact(7), ExpectedRevision::Any, ExpectedRevision::Exists];
    for expected in guards {
        assert_eq!(model.now().answer(&command.clone().expect("a", expected)), original);
    }
    let behind = PlainAppend { fence: Some(("f".into(), 1)), ..command };
    assert_eq!(model.now().answer(&behind), original);
    assert_eq!(model.now().resolve("k"), Some(committed(0, 2, &[("a", 0), ("b", 0)])));
    assert_eq!(model.now().resolve("other"), None);
}

#[test]
fn a_key_with_other_content_is_an_error_and_circumstances_are_no_content() {
    let command = write(&[("a", 0)]).keyed("k");
    let model = after(&[write(&[("x", 0)]), command.clone()]);
    let change = |change: &dyn Fn(&mut PlainAppend)| {
        let mut other = command.clone();
        change(&mut other);
        model.now().answer(&other)
    };
    let reused = Outcome::KeyReused(1);
    assert_eq!(change(&|a| a.writes[0].0 = "b".into()), reused);
    assert_eq!(change(&|a| a.writes[0].1.payload.push(1)), reused);
    assert_eq!(change(&|a| a.writes[0].1.tags.push("t".into())), reused);
    assert_eq!(change(&|a| a.writes[0].1.schema_version = 2), reused);
    assert_eq!(change(&|a| a.writes[0].1.id = Some(EventId::from_bytes([1; 16]))), reused);
    assert_eq!(change(&|a| a.checkpoint = Some(("c".into(), 0))), reused);
    assert_eq!(change(&|a| a.writes.clear()), reused);
    let same = replayed(1, 1, &[("a", 0)]);
    let at = |a: &mut PlainAppend| a.writes[0].1.circumstances.occurred_at = Some(wall(3));
    assert_eq!(change(&at), same);
}

#[test]
fn a_key_is_fresh_again_behind_its_horizon() {
    let mut model = Model::new(2);
    let command = write(&[("a", 0)]).keyed("k");
    model.append(&command, wall(0));
    model.append(&write(&[("x", 0)]), wall(0));
    assert_eq!(model.append(&command, wall(0)), replayed(0, 1, &[("a", 0)]), "2 positions on");
    model.append(&write(&[("x", 0)]), wall(0));
    assert_eq!(model.now().resolve("k"), None);
    assert_eq!(model.append(&command, wall(0)), stored(3, 1, &[("a", 1)]));
    assert_eq!(model.append(&command, wall(0)), replayed(3, 1, &[("a", 1)]), "the newest counts");
}

#[test]
fn a_fence_refuses_lower_tokens_and_takes_equal_and_higher_ones() {
    let fenced = |token| PlainAppend { fence: Some(("f".into(), token)), ..write(&[("a", 0)]) };
    let mut model = after(&[fenced(5)]);
    assert_eq!(model.append(&fenced(4), wall(0)), Outcome::Fenced(5));
    assert_eq!(model.append(&fenced(5), wall(0)), stored(1, 1, &[("a", 1)]));
    let refused = fenced(9).expect("a", NONE);
    assert_eq!(model.append(&refused, wall(0)), conflict(at(1)));
    assert_eq!(model.now().fence("f"), Some(5), "a refused append raises nothing");
    assert_eq!(model.append(&fenced(6), wall(0)), stored(2, 1, &[("a", 2)]));
    assert_eq!((model.now().fence("f"), model.now().fence("g")), (Some(6), None));
    assert_eq!(model.now().answer(&fenced(5).expect("a", NONE)), Outcome::Fenced(6));
}

#[test]
fn what_carries_no_events_stores_one_in_a_system_stream() {
    let mark = |position| PlainAppend {
        checkpoint: Some(("c".into(), position)),
        ..PlainAppend::default()
    };
    let model = after(&[mark(7), mark(3), PlainAppend::default().keyed("k")]);
    assert_eq!(model.now().checkpoint("c"), Some(3), "it is overwritten, not raised");
    assert_eq!(model.now().resolve("k"), Some(committed(2, 1, &[("$commits", 2)])));
    assert_eq!(model.now().info("$commits").map(|last| last.revision), Some(2));
    let all = PlainRead::of(PlainSelector::All);
    assert_eq!(model.now().read(&all), Ok(vec![]));
}

#[test]
fn ids_are_compared_only_where_every_stream_has_a_place_named() {
    let original = write(&[("a", 1), ("b", 2), ("a", 3)]).expect("a", NONE).expect("b", NONE);
    let model = after(&[original.clone(), write(&[("a", 4)])]);
    assert_eq!(model.now().answer(&original), replayed(0, 3, &[("a", 1), ("b", 0)]));
    let half = write(&[("a", 1), ("b", 2), ("a", 3)]).expect("a", NONE);
    assert_eq!(model.now().answer(&half), conflict(at(2)), "b has no place");
    let torn = original.clone().expect("a", exact(0));
    assert!(matches!(model.now().answer(&torn), Outcome::Conflict(_)), "a has two places");
    let anonymous = write(&[("a", 1), ("b", 2), ("a", 0)]).expect("a", NONE).expect("b", NONE);
    assert!(matches!(model.now().answer(&anonymous), Outcome::Conflict(_)), "one has no id");
    let other = write(&[("a", 8), ("b", 9), ("a", 3)]).expect("a", NONE).expect("b", NONE);
    assert!(matches!(model.now().answer(&other), Outcome::Conflict(_)), "no stream begins so");
    let loose = write(&[("a", 1)]).expect("a", ExpectedRevision::Any);
    assert_eq!(model.now().answer(&loose), stored(4, 1, &[("a", 3)]), "with Any use a key");
}

#[test]
fn ids_are_not_looked_at_while_guards_hold() {
    let model = after(&[write(&[("a", 1)])]);
    assert_eq!(
        model.now().answer(&write(&[("a", 1)]).expect("a", exact(0))),
        stored(1, 1, &[("a", 1)])
    );
}

#[test]
fn a_replay_by_ids_beats_other_guards_that_fail_today() {
    let original = write(&[("a", 1)]).expect("a", NONE);
    let model = after(std::slice::from_ref(&original));
    let strict = original.expect("b", ExpectedRevision::Exists);
    assert_eq!(model.now().answer(&strict), replayed(0, 1, &[("a", 0)]));
}

#[test]
fn a_partial_match_is_an_error_at_the_first_difference() {
    let model = after(&[write(&[("a", 1), ("a", 2), ("b", 3)]), write(&[("a", 4)])]);
    let try_at = |writes: &[(&str, u8)]| {
        let both = |append: PlainAppend, stream| append.expect(stream, NONE);
        let mut streams: Vec<&str> = writes.iter().map(|(stream, _)| *stream).collect();
        streams.sort_unstable();
        streams.dedup();
        model.now().answer(&streams.into_iter().fold(write(writes), both))
    };
    assert_eq!(try_at(&[("a", 1), ("a", 9)]), partly("a", 1));
    assert_eq!(try_at(&[("a", 9), ("b", 3)]), partly("a", 0), "b begins so");
    assert_eq!(try_at(&[("b", 3), ("b", 5)]), partly("b", 1), "it runs past the end");
    assert_eq!(try_at(&[("b", 3), ("a", 1), ("a", 2)]), partly("a", 0), "in another order");
    assert_eq!(try_at(&[("a", 1), ("a", 2), ("a", 4)]), partly("a", 2), "in two commits");
    assert!(matches!(try_at(&[("a", 2), ("a", 1)]), Outcome::Conflict(_)));
}

#[test]
fn time_never_goes_back_from_one_position_to_the_next() {
    let mut model = Model::new(9);
    for nanos in [5, 3, 8] {
        model.append(&write(&[("a", 0)]), wall(nanos));
    }
    let times: Vec<_> = model.now().events.iter().map(|e| e.recorded_at).collect();
    assert_eq!(times, [wall(5), wall(5), wall(8)]);
}

/// Positions 0 to 5: `a-1 b a-1 $x a-2 b`, one a commit, at times 0 to 5.
fn six() -> Model {
    let streams = ["a-1", "b", "a-1", "$x", "a-2", "b"];
    let appends: Vec<_> = (1..).zip(streams).map(|(id, stream)| write(&[(stream, id)])).collect();
    after(&appends)
}

fn positions(model: &Model, read: &PlainRead) -> Result<Vec<u64>, Refusal> {
    Ok(model.now().read(read)?.iter().map(|event| event.position).collect())
}

#[test]
fn each_selector_shows_its_events_and_system_streams_only_when_asked() {
    let model = six();
    let table: [(PlainSelector, &[u64], &[u64]); 8] = [
        (PlainSelector::All, &[0, 1, 2, 4, 5], &[0, 1, 2, 3, 4, 5]),
        (PlainSelector::Stream("a-1".into()), &[0, 2], &[0, 2]),
        (PlainSelector::Stream("$x".into()), &[3], &[3]),
        (PlainSelector::Category("a".into()), &[0, 2, 4], &[0, 2, 4]),
        (PlainSelector::Category("b".into()), &[1, 5], &[1, 5]),
        (PlainSelector::Prefix("a-2".into()), &[4], &[4]),
        (PlainSelector::Prefix(String::new()), &[0, 1, 2, 4, 5], &[0, 1, 2, 3, 4, 5]),
        (PlainSelector::Category("none".into()), &[], &[]),
    ];
    for (selector, shown, with_system) in table {
        let read = PlainRead::of(selector);
        assert_eq!(positions(&model, &read), Ok(shown.to_vec()), "{read:?}");
        let read = PlainRead { system: true, ..read };
        assert_eq!(positions(&model, &read), Ok(with_system.to_vec()), "{read:?}");
    }
}

#[test]
fn a_read_begins_where_it_says_in_its_direction_and_stops_at_its_limit() {
    let model = six();
    let table: [(&str, PlainStart, bool, u64, &[u64]); 9] = [
        ("", PlainStart::Edge, true, 2, &[5, 4]),
        ("", PlainStart::Position(1), false, 2, &[1, 2]),
        ("", PlainStart::Position(3), true, 9, &[2, 1, 0]),
        ("", PlainStart::Position(6), false, 9, &[]),
        ("", PlainStart::Position(99), true, 1, &[5]),
        ("b", PlainStart::Revision(1), false, 9, &[5]),
        ("b", PlainStart::Revision(0), true, 9, &[1]),
        ("b", PlainStart::Revision(2), false, 9, &[]),
        ("b", PlainStart::Revision(9), true, 1, &[5]),
    ];
    for (stream, start, backward, limit, shown) in table {
        let selector = match stream {
            "" => PlainSelector::All,
            stream => PlainSelector::Stream(stream.into()),
        };
        let read = PlainRead { start, backward, limit, ..PlainRead::of(selector) };
        assert_eq!(positions(&model, &read), Ok(shown.to_vec()), "{read:?}");
    }
    let start = PlainStart::Revision(0);
    let senseless = PlainRead { start, ..PlainRead::of(PlainSelector::All) };
    assert_eq!(positions(&model, &senseless), Err(Refusal::Request));
}

#[test]
fn a_stream_without_events_at_that_moment_is_not_found() {
    let model = six();
    let b = PlainRead::of(PlainSelector::Stream("b".into()));
    let none = PlainRead::of(PlainSelector::Stream("c".into()));
    assert_eq!(positions(&model, &none), Err(Refusal::StreamNotFound));
    for as_of in [PlainAsOf::Position(0), PlainAsOf::Time(wall(0))] {
        let then = PlainRead { as_of, ..b.clone() };
        assert_eq!(positions(&model, &then), Err(Refusal::StreamNotFound), "{as_of:?}");
    }
    for as_of in [PlainAsOf::Position(1), PlainAsOf::Time(wall(4))] {
        assert_eq!(positions(&model, &PlainRead { as_of, ..b.clone() }), Ok(vec![1]));
    }
    let late = PlainRead { start: PlainStart::Position(6), ..b };
    assert_eq!(positions(&model, &late), Ok(vec![]), "it is there, though not from there on");
}

#[test]
fn streams_are_listed_by_name_with_their_last_events() {
    let model = six();
    let list = |prefix: &str| -> Vec<(String, u64, u64)> {
        let past = model.now();
        let last = past.streams(prefix).into_iter();
        last.map(|last| (last.stream.clone(), last.revision, last.position)).collect()
    };
    assert_eq!(list("a-"), [("a-1".into(), 1, 2), ("a-2".into(), 0, 4)]);
    assert_eq!(list("").len(), 3, "system streams are asked for by name");
    assert_eq!(list("$"), [("$x".into(), 0, 3)]);
    assert_eq!(list("c"), []);
}

#[test]
fn the_past_knows_nothing_of_what_came_later() {
    let model = after(&[
        write(&[("a", 1)]).keyed("k"),
        PlainAppend { fence: Some(("f".into(), 5)), ..write(&[("a", 2)]) },
    ]);
    let past = model.at(1);
    assert_eq!(
        (past.head(), past.fence("f"), past.info("a").map(|e| e.revision)),
        (1, None, Some(0))
    );
    assert_eq!(model.at(0).resolve("k"), None);
    assert_eq!(model.at(0).answer(&write(&[("a", 9)])), stored(0, 1, &[("a", 0)]));
}

#[test]
fn what_the_store_chose_is_learned_and_what_the_writer_gave_stays() {
    let mut model = after(&[write(&[("a", 0), ("a", 7)])]);
    let drawn = EventId::from_bytes([9; 16]);
    let read = |position: usize, id| {
        let known = Recorded::clone(&model.now().events[position]);
        let event = PlainEvent { id: Some(id), ..known.event };
        Arc::new(Recorded { recorded_at: wall(50), event, ..known })
    };
    let (first, given) = (read(0, drawn), read(1, EventId::from_bytes([7; 16])));
    let (other, later) = (read(1, drawn), Arc::new(Recorded { position: 2, ..(*given).clone() }));
    assert!(model.learn(&first) && model.learn(&given));
    assert!(!model.learn(&other) && !model.learn(&later));
    assert!(model.now().events.iter().eq([&first, &given]));
    assert!(Arc::ptr_eq(&model.now().events[0], &first));
}

#[test]
fn a_store_that_is_cut_is_as_it_was_then() {
    let appends = [write(&[("a", 1)]).keyed("k"), write(&[("a", 2), ("b", 3)]), write(&[("b", 4)])];
    for kept in 0..=appends.len() {
        let (mut model, then) = (after(&appends), after(&appends[..kept]));
        model.cut(then.head());
        assert_eq!(model.now().events, then.now().events);
        assert_eq!(model.heads(0..=9).collect::<Vec<_>>(), then.heads(0..=9).collect::<Vec<_>>());
        assert_eq!(model.now().resolve("k"), then.now().resolve("k"));
    }
}

#[test]
fn a_position_within_an_append_is_the_moment_of_all_of_it() {
    let mut model = Model::new(100);
    for _ in 0..2 {
        let writes = ["a", "b", "a"].map(|name| (name.to_owned(), PlainEvent::new("T", [])));
        let append = PlainAppend { writes: writes.to_vec(), ..PlainAppend::default() };
        model.append(&append, wall(1));
    }
    for (place, whole) in [(0, 3), (1, 3), (2, 3), (3, 6), (4, 6), (5, 6), (9, 6)] {
        let as_of = PlainAsOf::Position(place);
        let read = PlainRead { as_of, ..PlainRead::of(PlainSelector::All) };
        assert_eq!(positions(&model, &read), Ok((0..whole).collect()), "as of {place}");
    }
}
