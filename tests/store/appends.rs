//! Appends: atomic, interleaved, gapless, visible in order and only once durable.

use super::{
    Host, check, event,
    host::{at, exact, positions, revisions, text, tiny},
    note, stream,
};
use sagalog::{Append, AppendError, ExpectedRevision, Read, RecordedEvent, Revision, Store};
use sagalog_testkit::{Fault, FaultKind, Operation};
use std::{cell::Cell, time::Duration};

#[test]
fn events_of_several_streams_keep_their_interleaved_order() {
    let host = Host::new();
    let append = Append::new()
        .event(stream("a-1"), event("T", "0"))
        .event(stream("b-1"), event("T", "1"))
        .event(stream("a-1"), event("T", "2"))
        .event(stream("b-1"), event("T", "3"))
        .event(stream("a-1"), event("T", "4"));
    let committed = host.append(append);
    assert_eq!((committed.first.get(), committed.positions), (0, 5));
    assert_eq!(committed.last(), Some(at(4)));
    assert_eq!(revisions(&committed), [("a-1", 2), ("b-1", 1)]);
    assert_eq!(committed.revision(&stream("b-1")), Some(Revision::new(1)));
    assert_eq!(committed.revision(&stream("c-1")), None);
    assert!(!committed.replayed);
    assert_eq!(host.texts(Read::all()), ["0", "1", "2", "3", "4"]);
    for flushed in [false, true] {
        if flushed {
            host.flush();
        }
        let found = host.read(Read::all().limit(5));
        assert_eq!(found.iter().map(text).collect::<Vec<_>>(), ["0", "1", "2", "3", "4"]);
        assert_eq!(host.texts(Read::stream(stream("a-1"))), ["0", "2", "4"]);
        assert_eq!(host.texts(Read::stream(stream("b-1"))), ["1", "3"]);
    }
}

#[test]
fn positions_and_revisions_are_gapless_from_zero_over_many_runs_and_lives() {
    let mut host = Host::new();
    let mut written = 0;
    for life in 0..4_u64 {
        for number in 0..60_u64 {
            let events = 1 + (number * 7 + life) % 5;
            let mut append = Append::new();
            for _ in 0..events {
                let text = format!("{written}{}", "-".repeat(150));
                append = append.event(stream(&format!("s-{}", written % 4)), event("T", text));
                written += 1;
            }
            let committed = host.append(append);
            assert_eq!(committed.first.get() + events, written);
        }
        match life % 3 {
            0 => drop(host.restart()),
            1 => host.kill(),
            _ => host.power_off(),
        }
        if life % 3 != 0 {
            host.start();
        }
        assert!(host.store().stats().runs > 0, "runs were made");
        let all = host.read(Read::all());
        assert_eq!(positions(&all), (0..written).collect::<Vec<_>>());
        for number in 0..4 {
            let of_stream = host.read(Read::stream(stream(&format!("s-{number}"))));
            let revisions: Vec<u64> = of_stream.iter().map(|e| e.revision().get()).collect();
            assert_eq!(revisions, (0..of_stream.len() as u64).collect::<Vec<_>>());
        }
    }
}

#[test]
fn an_append_without_events_stores_one_of_the_systems_own() {
    let host = Host::new();
    let committed = host.append(Append::new().key(super::key("k")));
    assert_eq!((committed.first.get(), committed.positions), (0, 1));
    assert_eq!(revisions(&committed), [("$commits", 0)]);
    assert!(host.read(Read::all()).is_empty(), "system streams are hidden");
    let shown = host.read(Read::all().with_system());
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].stream(), shown[0].event_type()), ("$commits", "$commit"));
    let named = host.read(Read::stream(stream("$commits")));
    assert_eq!(positions(&named), [0]);
    assert_eq!(host.append(note("a", "1")).first, at(1));
}

#[test]
fn nothing_is_visible_before_it_is_durable() {
    let host = Host::new();
    host.append(note("a", "0"));
    let slow = Fault::at_nth(FaultKind::Stall, 1_000_000, Operation::Sync, 1, "log-");
    host.disk(|disk| disk.schedule(slow));
    let (store, runtime) = (host.store().clone(), host.world().runtime());
    let done = Cell::new(false);
    let id = sagalog::EventId::from_bytes([7; 16]);
    let append = Append::new().event(stream("b"), event("T", "1").id(id));
    let looks = async {
        let mut pending = std::pin::pin!(async {
            store.append(append).await.expect("healthy");
            done.set(true);
        });
        let mut looks = 0;
        loop {
            let step = std::future::poll_fn(|cx| std::task::Poll::Ready(pending.as_mut().poll(cx)));
            if step.await.is_ready() {
                return looks;
            }
            assert_eq!(store.head().get(), 1, "not acknowledged, not visible");
            assert_eq!(store.read(Read::all()).collect().await.expect("reads").len(), 1);
            assert!(store.event(id).await.expect("reads").is_none());
            assert!(store.stream_info(&stream("b")).await.is_err());
            assert_eq!(store.streams("").collect().await.expect("reads").len(), 1);
            looks += 1;
            sagalog::runtime::Clock::sleep(&runtime, Duration::from_millis(50)).await;
        }
    };
    assert!(host.run(looks) > 5, "the sync was slow");
    assert!(done.get());
    assert_eq!(host.texts(Read::all()), ["0", "1"]);
}

#[test]
fn a_pure_check_stores_nothing_and_says_where_it_looked() {
    let mut host = Host::new();
    let empty = host.append(check("a", ExpectedRevision::NoStream));
    assert_eq!((empty.first.get(), empty.positions, empty.last()), (0, 0, None));
    assert!(empty.revisions.is_empty() && !empty.replayed);
    host.append(note("a", "0"));
    let files = host.disk(|disk| disk.trace_hash());
    for expected in [ExpectedRevision::Any, ExpectedRevision::Exists, exact(0)] {
        let checked = host.append(check("a", expected));
        assert_eq!((checked.first.get(), checked.positions), (1, 0));
    }
    assert_eq!(host.append(Append::new()).positions, 0, "nothing on no condition");
    assert_eq!(host.disk(|disk| disk.trace_hash()), files, "the disk was left alone");
    let refused = host.refusal(check("a", ExpectedRevision::NoStream));
    assert!(matches!(refused, AppendError::Conflict(_)), "{refused}");
    host.restart();
    assert_eq!(host.append(check("a", exact(0))).first, at(1));
}

#[test]
fn writers_side_by_side_get_what_no_other_got() {
    let host = Host::with(tiny().queue_bytes_max(8 << 10));
    let store = host.store().clone();
    let writers: Vec<_> = (0..32_u64).map(|writer| one_writer(store.clone(), writer)).collect();
    let mut all: Vec<u64> = host.run(all_of(writers)).into_iter().flatten().collect();
    all.sort_unstable();
    assert_eq!(all, (0..32 * 12).collect::<Vec<_>>(), "each position was given once");
    let found = host.read(Read::all());
    assert_eq!(positions(&found), all);
    let counted = host.read(Read::stream(stream("shared")));
    assert_eq!(counted.len(), 32 * 4);
}

/// Appends twelve events, four of them to a stream that all share; returns their positions.
async fn one_writer(store: Store, writer: u64) -> Vec<u64> {
    let mut taken = Vec::new();
    for number in 0..4 {
        let append = Append::new()
            .event(stream(&format!("w-{writer}")), event("T", "x".repeat(300)))
            .event(stream("shared"), event("T", format!("{writer}/{number}")))
            .event(stream(&format!("w-{writer}")), event("T", "y"));
        let committed = store.append(append).await.expect("healthy");
        assert_eq!(
            committed.revision(&stream(&format!("w-{writer}"))).map(Revision::get),
            Some(number * 2 + 1)
        );
        taken.extend((0..3).map(|more| committed.first.get() + more));
    }
    taken
}

/// Polls all futures until each is done.
async fn all_of<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(move |cx| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(cx)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(done.iter_mut().filter_map(Option::take).collect())
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

#[test]
fn recorded_at_never_goes_back_whatever_the_clock_does() {
    let mut host = Host::new();
    let wall = |nanos| sagalog::runtime::WallTime::from_unix_nanos(nanos);
    for (round, nanos) in [5_000_000_000, 9, u64::MAX, 0, 77].into_iter().enumerate() {
        host.world().set_wall(wall(nanos));
        host.append(note("a", "x"));
        host.fill(25);
        match round % 3 {
            0 => drop(host.restart()),
            1 => {
                host.kill();
                host.start();
            }
            _ => {}
        }
    }
    let times: Vec<_> = host.read(Read::all()).iter().map(RecordedEvent::recorded_at).collect();
    assert!(times.is_sorted(), "{times:?}");
}
