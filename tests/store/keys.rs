//! Command keys: a repetition is answered with the original answer, or is an error.

use super::{
    Host, event,
    host::{at, exact, tiny},
    key, note, stream,
};
use ExpectedRevision::{Any, Exists, NoStream};
use sagalog::{
    Append, AppendError, Committed, ConsumerId, ContentType, EventId, ExpectedRevision, FenceName,
    FencingToken, NewEvent, Position, Query, QueryItem, Tag, runtime::WallTime,
};

fn place(name: &str) -> Append {
    Append::new()
        .event(stream(name), event("Placed", "1"))
        .event(stream("orders"), event("Listed", "2"))
        .event(stream(name), event("Paid", "3"))
        .key(key(&format!("place {name}")))
}

fn is_replay_of(original: &Committed, answer: &Committed) {
    assert!(answer.replayed && !original.replayed, "{answer:?}");
    assert_eq!((answer.first, answer.positions), (original.first, original.positions));
    assert_eq!(answer.revisions, original.revisions);
}

#[test]
fn a_key_replays_in_every_guard_mode_in_memory_in_runs_and_in_every_later_life() {
    let mut host = Host::new();
    host.append(note("orders", "0"));
    let original = host.append(place("a-1").expect(stream("a-1"), NoStream));
    assert_eq!(original.revisions.len(), 2);
    for round in 0..5 {
        let head = host.store().head();
        for expected in [Any, NoStream, Exists, exact(0), exact(1), exact(77)] {
            for guarded in ["a-1", "orders", "never"] {
                let again = place("a-1").expect(stream(guarded), expected);
                is_replay_of(&original, &host.append(again));
            }
        }
        let query = Query::new(QueryItem::new().tag(Tag::parse("t").expect("a name")));
        is_replay_of(&original, &host.append(place("a-1").no_match(query, None)));
        is_replay_of(&original, &host.append(place("a-1")));
        assert_eq!(host.store().head(), head, "nothing was stored");
        let resolved = host.run(host.store().resolve(&key("place a-1"))).expect("healthy");
        is_replay_of(&original, &resolved.expect("it was committed"));
        match round {
            0 => host.flush(),
            1 => drop(host.restart()),
            2 => host.fill(300),
            _ => {
                host.power_off();
                host.start();
            }
        }
    }
    assert!(host.store().stats().runs > 1);
    let none = host.run(host.store().resolve(&key("place a-2"))).expect("healthy");
    assert_eq!(none, None);
}

#[test]
fn a_failed_append_does_not_use_up_its_key() {
    let host = Host::new();
    host.refusal(place("a").expect(stream("a"), Exists));
    assert_eq!(host.run(host.store().resolve(&key("place a"))).expect("healthy"), None);
    assert!(!host.append(place("a")).replayed);
}

/// What makes another command of it, and what does not.
#[test]
fn the_content_is_what_the_events_say_and_not_their_circumstances() {
    let plain = || event("T", "body").tag(Tag::parse("t1").expect("a name"));
    let with = |event: NewEvent| Append::new().event(stream("a"), event);
    let tag = |name: &str| Tag::parse(name).expect("a name");
    let id = EventId::from_bytes([1; 16]);
    let consumer = ConsumerId::parse("c").expect("a name");
    let fence = FenceName::parse("f").expect("a name");
    let different = [
        Append::new().event(stream("b"), plain()),
        Append::new().event(stream("a"), event("U", "body").tag(tag("t1"))),
        Append::new().event(stream("a"), event("T", "bodY").tag(tag("t1"))),
        Append::new().event(stream("a"), event("T", "body")),
        with(plain().tag(tag("t2"))),
        with(plain().schema_version(2)),
        with(plain().content_type(ContentType::Json)),
        with(plain().metadata("m")),
        with(plain().id(id)),
        with(plain()).event(stream("a"), plain()),
        with(plain()).checkpoint(consumer.clone(), Position::new(1)),
        Append::new(),
        Append::new().checkpoint(consumer, Position::new(1)),
    ];
    let same = [
        with(plain()).expect(stream("z"), Exists),
        with(plain().occurred_at(WallTime::from_unix_nanos(7))),
        with(plain().correlation_id(id)),
        with(plain().causation_id(id)),
        with(plain().trace_context("00-1")),
        with(plain().principal("me")),
        with(plain().tag(tag("t1"))),
        with(plain()).fence(fence, FencingToken::new(3)),
    ];
    for flushed in [false, true] {
        let host = Host::new();
        host.append(note("z0", "so that it does not begin at 0"));
        let original = host.append(with(plain()).key(key("k")));
        if flushed {
            host.flush();
        }
        for append in different.clone() {
            match host.refusal(append.clone().key(key("k"))) {
                AppendError::KeyReused { key: used, first } => {
                    assert_eq!((used, first), (key("k"), original.first), "{append:?}");
                }
                other => panic!("{append:?}: {other}"),
            }
        }
        for append in same.clone() {
            is_replay_of(&original, &host.append(append.key(key("k"))));
        }
        let unfenced = host.run(host.store().fence(&FenceName::parse("f").expect("a name")));
        assert_eq!(unfenced.expect("healthy"), None, "a replay moves no fence");
    }
}

#[test]
fn a_key_without_events_is_a_command_too() {
    let mut host = Host::new();
    let original = host.append(Append::new().key(key("k")));
    assert_eq!(original.positions, 1);
    for _ in 0..2 {
        is_replay_of(&original, &host.append(Append::new().key(key("k"))));
        host.flush();
        host.restart();
    }
    let refused = host.refusal(note("a", "0").key(key("k")));
    assert!(matches!(refused, AppendError::KeyReused { .. }), "{refused}");
}

#[test]
fn an_answer_about_many_streams_is_given_whole() {
    let mut host = Host::with(tiny().segment_bytes(1 << 20).group_bytes_max(256 << 10));
    let append = || {
        let streams = (0..600).map(|n| format!("{n}-{}", "s".repeat(n % 200)));
        streams.fold(Append::new().key(key("k")), |append, name| {
            append.event(stream(&name), event("T", "1")).event(stream(&name), event("T", "2"))
        })
    };
    let original = host.append(append());
    assert_eq!((original.positions, original.revisions.len()), (1200, 600));
    assert!(original.revisions.iter().all(|(_, last)| last.get() == 1));
    for _ in 0..2 {
        is_replay_of(&original, &host.append(append()));
        host.restart();
    }
}

#[test]
fn a_key_is_forgotten_behind_its_horizon_and_not_before() {
    const HORIZON: u64 = 22;
    for lies_in_run in [false, true] {
        let mut host = Host::with(tiny().key_horizon_events(HORIZON));
        let original = host.append(place("a").key(key("k")));
        let filled = || host.store().head().get();
        while filled() < HORIZON {
            let size = if lies_in_run { 900 } else { 1 };
            host.append(note("filler", &"x".repeat(size)));
        }
        host.rest();
        assert_eq!(host.store().stats().runs > 0, lies_in_run);
        is_replay_of(&original, &host.append(place("a").key(key("k"))));
        let resolved = host.run(host.store().resolve(&key("k"))).expect("healthy");
        assert!(resolved.is_some(), "exactly at the horizon");
        host.append(note("filler", "1"));
        let resolved = host.run(host.store().resolve(&key("k"))).expect("healthy");
        assert_eq!(resolved, None, "one behind the horizon");
        // Another content: the key is fresh again, and belongs to the new append from now on.
        let fresh = host.append(note("b", "new").key(key("k")));
        assert!(!fresh.replayed);
        for _ in 0..2 {
            is_replay_of(&fresh, &host.append(note("b", "new").key(key("k"))));
            let refused = host.refusal(place("a").key(key("k")));
            assert!(matches!(refused, AppendError::KeyReused { .. }), "{refused}");
            host.restart();
        }
    }
}

#[test]
fn a_horizon_of_nothing_and_one_of_everything_are_horizons() {
    let host = Host::with(tiny().key_horizon_events(0));
    host.append(note("a", "0").key(key("k")));
    assert_eq!(host.append(note("a", "0").key(key("k"))).first, at(1));
    let host = Host::with(tiny().key_horizon_events(u64::MAX));
    host.append(note("a", "0").key(key("k")));
    host.flush();
    assert!(host.append(note("a", "0").key(key("k"))).replayed);
}

/// The key index has thousands of keys in several runs, and each gives its own answer.
#[test]
fn each_of_many_keys_gives_its_own_answer() {
    let mut host = Host::new();
    let append = |n: u64| note(&format!("s-{}", n % 9), &format!("{n}")).key(key(&format!("k{n}")));
    let answers: Vec<Committed> = (0..700).map(|n| host.append(append(n))).collect();
    host.rest();
    for _ in 0..2 {
        assert!(host.store().stats().runs > 1);
        for (n, original) in (0..).zip(&answers) {
            is_replay_of(original, &host.append(append(n)));
        }
        host.restart();
    }
}

/// Two of the same command at the same time: one is stored, both get its answer.
#[test]
fn a_repetition_that_comes_before_the_answer_waits_for_it() {
    let host = Host::new();
    host.append(note("a", "0"));
    host.flush();
    let store = host.store();
    let (one, two) = host.run(async {
        let mut one = Box::pin(store.append(place("a")));
        let mut two = Box::pin(store.append(place("a")));
        let (mut first, mut second) = (None, None);
        std::future::poll_fn(|cx| {
            for (future, answer) in [(&mut one, &mut first), (&mut two, &mut second)] {
                if answer.is_none()
                    && let std::task::Poll::Ready(output) = future.as_mut().poll(cx)
                {
                    *answer = Some(output.expect("healthy"));
                }
            }
            match (first.take(), second.take()) {
                (Some(first), Some(second)) => std::task::Poll::Ready((first, second)),
                (one, two) => {
                    (first, second) = (one, two);
                    std::task::Poll::Pending
                }
            }
        })
        .await
    });
    is_replay_of(&one, &two);
}
