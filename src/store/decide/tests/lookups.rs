//! What is asked, and which answers count.

use super::{
    super::{Fact, Lookup, StoredEvent},
    Decision, Facts, HORIZON, Refusal, Store, at, conflict, exact, replay, revisions, write,
};
use crate::{
    append::{Append, ExpectedRevision},
    ids::{FencingToken, Position, Revision},
    store::{
        answer::{KeyAnswer, Original, Revisions},
        sample::{fence, id, key, named, query, stream},
    },
};

fn facts(through: u64, known: impl IntoIterator<Item = (Lookup, Fact)>) -> Facts {
    Facts { through: Position::new(through), known: known.into_iter().collect() }
}

fn head(name: &str) -> Lookup {
    Lookup::Head(stream(name))
}

fn is_at(revision: u64) -> Fact {
    Fact::Head(Some(Revision::new(revision)))
}

fn stored(name: &str, from: u64, events: u32) -> Lookup {
    Lookup::Stored { stream: stream(name), from: Revision::new(from), events }
}

/// A store whose first ten events are in runs: `a` is at revision 9.
fn released() -> Store {
    let mut store = Store::with([write("a", 10)]);
    store.release();
    store
}

#[test]
fn all_that_has_to_be_known_is_asked_at_once() {
    let mut store = released();
    let after = Some(Position::new(3));
    let append = write("a", 1)
        .key(key("k"))
        .fence(fence("f"), FencingToken::new(1))
        .expect(stream("b"), ExpectedRevision::Exists)
        .expect(stream("a"), exact(0))
        .expect(stream("c"), ExpectedRevision::Any)
        .no_match(query(&["T"]), after);
    let needs = vec![
        head("a"),
        head("b"),
        Lookup::Key(key("k")),
        Lookup::Fence(fence("f")),
        Lookup::NewestMatch { guard: 3, after },
    ];
    assert_eq!(store.append(append), Decision::Need(needs));
}

#[test]
fn nothing_is_asked_while_memory_holds_the_whole_log() {
    let mut store = Store::new();
    store.state.cut();
    let append = write("a", 1)
        .key(key("k"))
        .fence(fence("f"), FencingToken::new(1))
        .no_match(query(&["T"]), None);
    assert_eq!(revisions(&store.append(append)), [0]);
}

#[test]
fn memory_is_asked_first() {
    let mut store = released();
    let draft = store.draft(write("a", 1).key(key("k")).fence(fence("f"), FencingToken::new(3)));
    let known = [
        (head("a"), is_at(9)),
        (Lookup::Key(key("k")), Fact::Key(None)),
        (Lookup::Fence(fence("f")), Fact::Fence(None)),
    ];
    assert_eq!(revisions(&store.append_with(&facts(10, known), &draft)), [10]);
    // All of it is in memory now.
    let again = write("a", 1).key(key("k"));
    assert_eq!(store.append(again), replay(10, 1, &[("a", 10)]));
    let stale = write("a", 1).fence(fence("f"), FencingToken::new(2));
    let current = FencingToken::new(3);
    let refusal = Refusal::Fenced { fence: fence("f"), current };
    assert_eq!(store.append(stale), Decision::Refuse(refusal));
    assert_eq!(revisions(&store.append(write("a", 1).expect(stream("a"), exact(10)))), [11]);
}

#[test]
fn facts_count_as_long_as_they_reach_what_memory_holds() {
    let mut store = released();
    let draft = store.draft(write("a", 1));
    let short = facts(9, [(head("a"), is_at(8))]);
    assert_eq!(store.append_with(&short, &draft), Decision::Need(vec![head("a")]));
    let reaching = facts(10, [(head("a"), is_at(9))]);
    assert_eq!(revisions(&store.append_with(&reaching, &draft)), [10]);
    // Whatever was written since is in memory and is newer.
    let draft = store.draft(write("a", 1));
    assert_eq!(revisions(&store.append_with(&reaching, &draft)), [11]);
    // But once that has moved into runs, the facts are too old.
    store.release();
    let draft = store.draft(write("a", 1));
    assert_eq!(store.append_with(&reaching, &draft), Decision::Need(vec![head("a")]));
}

#[test]
fn a_match_in_memory_needs_no_lookup_and_one_behind_the_boundary_neither() {
    let mut store = released();
    let append = |after: u64| Append::new().no_match(query(&["T"]), Some(Position::new(after)));
    let need = |after| {
        let after = Some(Position::new(after));
        Decision::Need(vec![Lookup::NewestMatch { guard: 0, after }])
    };
    let check = Decision::Check { at: Position::new(10) };
    assert_eq!(store.append(append(8)), need(8));
    assert_eq!(store.append(append(9)), check, "all that runs hold has been seen");
    assert_eq!(store.append(append(u64::MAX)), check);
    let draft = store.draft(write("b", 1));
    store.append_with(&facts(10, [(head("b"), Fact::Head(None))]), &draft);
    let newest = crate::Actual::Match(Position::new(10));
    assert_eq!(store.append(append(3)), conflict([(0, newest)]));
}

#[test]
fn a_match_that_was_looked_up_counts() {
    let mut store = released();
    let after = Some(Position::new(3));
    let draft = store.draft(Append::new().no_match(query(&["U"]), after));
    let lookup = Lookup::NewestMatch { guard: 0, after };
    let found =
        |found: Option<u64>| facts(10, [(lookup.clone(), Fact::Match(found.map(Position::new)))]);
    let check = Decision::Check { at: Position::new(10) };
    assert_eq!(store.append_with(&found(None), &draft), check);
    let newest = crate::Actual::Match(Position::new(7));
    assert_eq!(store.append_with(&found(Some(7)), &draft), conflict([(0, newest)]));
}

#[test]
fn a_key_that_was_looked_up_counts_within_the_horizon() {
    let mut store = released();
    let draft = store.draft(write("a", 1).key(key("k")));
    let original = Original {
        first: Position::new(4),
        positions: 1,
        revisions: Revisions::Known(vec![(stream("a"), Revision::new(4))]),
    };
    let answer = KeyAnswer { fingerprint: draft.fingerprint, original };
    let known = |answer| facts(10, [(Lookup::Key(key("k")), Fact::Key(Some(answer)))]);
    let met = known(answer.clone());
    assert_eq!(store.append_with(&met, &draft), replay(4, 1, &[("a", 4)]));
    let other = known(KeyAnswer { fingerprint: 1, ..answer });
    let refusal = Refusal::KeyReused { key: key("k"), first: Position::new(4) };
    assert_eq!(store.append_with(&other, &draft), Decision::Refuse(refusal));
}

#[test]
fn a_key_is_not_looked_up_where_all_keys_are_beyond_the_horizon() {
    let mut store = released();
    let filler = store.draft(write("b", usize::try_from(HORIZON).expect("small") - 1));
    store.append_with(&facts(10, [(head("b"), Fact::Head(None))]), &filler);
    let keyed = write("b", 1).key(key("k"));
    // The newest event that runs hold is at 9.
    let need = Decision::Need(vec![Lookup::Key(key("k"))]);
    assert_eq!(store.append(keyed.clone()), need, "9 + horizon >= next");
    store.append(write("b", 1));
    assert_eq!(revisions(&store.append(keyed)), [HORIZON]);
}

#[test]
fn events_are_looked_up_only_where_memory_does_not_hold_them() {
    let mut store = released();
    let draft = store.draft(write("a", 2));
    store.append_with(&facts(10, [(head("a"), is_at(9))]), &draft);
    let retry = |last| {
        let two = Append::new().event(stream("a"), named(1)).event(stream("a"), named(2));
        two.expect(stream("a"), exact(last))
    };
    let need = |from, events| Decision::Need(vec![stored("a", from, events)]);
    assert_eq!(store.append(retry(3)), need(4, 2));
    assert_eq!(store.append(retry(8)), need(9, 1), "the second one is in memory");
    assert_eq!(store.append(retry(9)), conflict([(0, at(11))]), "both are");
    assert_eq!(revisions(&store.append(retry(11))), [12]);
}

#[test]
fn events_that_were_looked_up_count_whatever_has_happened_since() {
    let mut store = released();
    let two = Append::new().event(stream("a"), named(1)).event(stream("a"), named(2));
    let draft = store.draft(two.expect(stream("a"), exact(3)));
    let event = |number, position| StoredEvent {
        id: id(number),
        position: Position::new(position),
        commit_first: Position::new(4),
        commit_positions: 2,
    };
    let met = vec![event(1, 4), event(2, 5)];
    let known = [(head("a"), is_at(9)), (stored("a", 4, 2), Fact::Stored(met))];
    let mut met = facts(10, known);
    assert_eq!(store.append_with(&met, &draft), replay(4, 2, &[("a", 5)]));
    // The head is asked for again, the events are not.
    met.through = Position::new(5);
    assert_eq!(store.append_with(&met, &draft), Decision::Need(vec![head("a")]));
}

#[test]
#[should_panic(expected = "does not answer")]
fn a_fact_for_another_question_is_a_bug() {
    let mut store = released();
    let draft = store.draft(write("a", 1));
    store.append_with(&facts(10, [(head("a"), Fact::Key(None))]), &draft);
}
