//! Failures of a living store: syncs that fail, disks that are full, files that cannot be made.
//!
//! The invariant: an append is answered with what is true, reads go on as far as the log is
//! durable, and when the cause has gone, so has its effect.

use super::{
    Host, check, event,
    host::{at, exact, positions},
    key, note, stream,
    truth::Truth,
};
use sagalog::{
    Append, AppendError, ConsumerId, ExpectedRevision, FenceName, FencingToken, HealthReason,
    LogError, Position, Read, ReadError, RecordedEvent,
};
use sagalog_testkit::{Fault, FaultKind, Operation, SimDisk};
use std::time::Duration;

fn schedule(host: &Host, kind: FaultKind, operation: Operation, prefix: &str, times: u64) {
    host.disk(|disk| {
        for nth in 1..=times {
            disk.schedule(Fault::at_nth(kind, 0, operation, nth, prefix));
        }
    });
}

#[test]
fn a_failed_sync_leaves_the_outcome_unknown_and_the_store_readable() {
    for kept in [0, u64::MAX] {
        let mut host = Host::new();
        host.append(note("a", "0").key(key("old")));
        host.flush();
        let durable = host.append(note("a", "1")).first;
        let fault = Fault::at_nth(FaultKind::SyncError, kept, Operation::Sync, 1, "log-");
        host.disk(|disk| disk.schedule(fault));
        let consumer = ConsumerId::parse("c").expect("a name");
        let fence = FenceName::parse("f").expect("a name");
        let append = || {
            note("a", "2")
                .key(key("k"))
                .checkpoint(consumer.clone(), Position::new(7))
                .fence(fence.clone(), FencingToken::new(7))
        };
        match host.try_append(append()) {
            Err(error @ AppendError::Unknown { .. }) => {
                assert!(error.is_unknown_outcome() && !error.is_retryable());
                assert!(matches!(error, AppendError::Unknown { key: Some(k) } if k == key("k")));
            }
            other => panic!("{other:?}"),
        }
        is_poisoned(&host, durable);
        let store = host.store();
        assert!(matches!(host.run(store.resolve(&key("k"))), Err(ReadError::Unresolved)));
        assert!(matches!(host.run(store.checkpoint(&consumer)), Err(ReadError::Unresolved)));
        assert!(matches!(host.run(store.fence(&fence)), Err(ReadError::Unresolved)));
        let old = host.run(store.resolve(&key("old"))).expect("it is durable");
        assert!(old.is_some_and(|old| old.first == at(0)));
        host.kill();
        host.start();
        let resolved = host.run(host.store().resolve(&key("k"))).expect("healthy");
        let head = host.store().head();
        let again = host.append(append());
        assert_eq!(again.replayed, resolved.is_some(), "the answer and the repetition agree");
        assert_eq!(again.first, durable.next());
        assert_eq!(resolved.is_some(), head > again.first);
        assert_eq!(host.run(host.store().checkpoint(&consumer)).expect("healthy"), Some(at(7)));
        assert_eq!(host.texts(Read::stream(stream("a"))), ["0", "1", "2"]);
    }
}

/// Everything up to the durable position is read, nothing is appended, and nobody waits for ever.
fn is_poisoned(host: &Host, durable: Position) {
    let store = host.store();
    assert_eq!(store.head(), durable.next());
    assert!(store.stats().poisoned);
    let health = store.health();
    assert!(!health.writable && health.reasons.contains(&HealthReason::Poisoned), "{health:?}");
    for append in [
        note("b", "x"),
        note("b", "x").key(key("old")),
        check("a", ExpectedRevision::Any),
        check("a", exact(77)),
    ] {
        let refused = host.try_append(append);
        assert!(matches!(refused, Err(AppendError::Poisoned)), "{refused:?}");
    }
    assert!(matches!(store.try_append(note("b", "x")), Err(AppendError::Poisoned)));
    assert_eq!(host.texts(Read::stream(stream("a"))), ["0", "1"]);
    let all = host.read(Read::all());
    assert_eq!(positions(&all), (0..=durable.get()).collect::<Vec<_>>());
    let back = host.read(Read::all().backward());
    assert!(back.iter().rev().eq(&all));
    let last: &RecordedEvent = all.last().expect("there are some");
    assert_eq!(host.run(store.event(last.id())).expect("reads").as_ref(), Some(last));
    assert_eq!(host.run(store.stream_info(&stream("a"))).expect("reads").revision.get(), 1);
    host.world().run_for(Duration::from_secs(3));
    let closed = host.run(store.clone().close());
    assert!(matches!(closed, Err(LogError::Poisoned)), "{closed:?}");
}

/// Many wait when the sync fails: each gets an answer, and what came before is not in doubt.
#[test]
fn all_that_were_pending_are_unknown_and_none_hangs() {
    let host = Host::new();
    host.append(note("a", "0"));
    schedule(&host, FaultKind::SyncError, Operation::Sync, "log-", 1);
    let store = host.store();
    let mut pending: Vec<_> = (0..50)
        .map(|n| Box::pin(store.append(note(&format!("p-{n}"), &"x".repeat(600)))))
        .collect();
    let (mut unknown, mut poisoned) = (0, 0);
    host.run(std::future::poll_fn(|cx| {
        pending.retain_mut(|append| match append.as_mut().poll(cx) {
            std::task::Poll::Pending => true,
            std::task::Poll::Ready(Err(AppendError::Unknown { key: None })) => {
                unknown += 1;
                false
            }
            std::task::Poll::Ready(Err(AppendError::Poisoned)) => {
                poisoned += 1;
                false
            }
            std::task::Poll::Ready(other) => panic!("{other:?}"),
        });
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    }));
    assert!(unknown > 0, "{unknown} unknown, {poisoned} refused");
    assert_eq!(host.texts(Read::all()), ["0"]);
}

/// An append that saw one whose outcome is unknown is not answered with it.
#[test]
fn no_answer_speaks_of_what_may_be_lost() {
    let host = Host::new();
    host.append(note("a", "0"));
    host.disk(|disk| {
        disk.schedule(Fault::at_nth(FaultKind::Stall, 500_000, Operation::Write, 1, "log-"));
        disk.schedule(Fault::at_nth(FaultKind::SyncError, 0, Operation::Sync, 1, "log-"));
    });
    let store = host.store();
    let answers = host.run(async {
        let mut lost = Box::pin(store.append(note("a", "1").key(key("k"))));
        let mut refused = Box::pin(store.append(check("a", exact(0))));
        let mut passed = Box::pin(store.append(check("a", exact(1))));
        let mut again = Box::pin(store.append(note("a", "1").key(key("k"))));
        let asked = key("k");
        let mut resolved = Box::pin(store.resolve(&asked));
        let mut answers = (None, None, None, None, None);
        std::future::poll_fn(move |cx| {
            fn step<F: Future>(
                future: &mut std::pin::Pin<Box<F>>,
                answer: &mut Option<F::Output>,
                cx: &mut std::task::Context<'_>,
            ) -> bool {
                if answer.is_none()
                    && let std::task::Poll::Ready(output) = future.as_mut().poll(cx)
                {
                    *answer = Some(output);
                }
                answer.is_some()
            }
            let done = step(&mut lost, &mut answers.0, cx)
                & step(&mut refused, &mut answers.1, cx)
                & step(&mut passed, &mut answers.2, cx)
                & step(&mut again, &mut answers.3, cx)
                & step(&mut resolved, &mut answers.4, cx);
            let taken = |answers: &mut (_, _, _, _, _)| std::mem::take(answers);
            if done {
                std::task::Poll::Ready(taken(&mut answers))
            } else {
                std::task::Poll::Pending
            }
        })
        .await
    });
    let (lost, refused, passed, again, resolved) = answers;
    assert!(matches!(lost, Some(Err(AppendError::Unknown { .. }))), "{lost:?}");
    assert!(matches!(refused, Some(Err(AppendError::Poisoned))), "{refused:?}");
    assert!(matches!(passed, Some(Err(AppendError::Poisoned))), "{passed:?}");
    assert!(matches!(again, Some(Err(AppendError::Unknown { .. }))), "{again:?}");
    assert!(matches!(resolved, Some(Err(ReadError::Unresolved))), "{resolved:?}");
}

/// Runs cannot be written for want of space: appends go on until memory is bounded, then say so;
/// and go on again when there is space.
#[test]
fn a_full_disk_stops_appends_only_when_memory_is_full_and_heals() {
    for (kind, operation) in [
        (FaultKind::NoSpace, Operation::Create),
        (FaultKind::NoSpace, Operation::Write),
        (FaultKind::WriteError, Operation::Write),
        (FaultKind::SyncError, Operation::Sync),
        (FaultKind::TooManyFiles, Operation::Create),
    ] {
        let mut truth = Truth::new(41);
        let mut host = Host::new();
        truth.live(&host, 30);
        schedule(&host, kind, operation, "run-", 2_000);
        let before = host.store().stats().runs;
        let refusal = loop {
            let (append, events) = truth.next();
            match host.try_append(append.clone()) {
                Ok(committed) => truth.took(append, committed, events),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(host.store().stats().runs, before, "{kind}: no run was written");
        assert!(refusal.is_retryable(), "{kind}: {refusal}");
        match (kind, &refusal) {
            (FaultKind::NoSpace, AppendError::StorageFull) => {}
            (FaultKind::NoSpace, other) => panic!("the disk is full: {other:?}"),
            (_, AppendError::Unprepared(_)) => {}
            (_, other) => panic!("{kind}: {other:?}"),
        }
        let health = host.store().health();
        assert!(matches!(&health.reasons[..], [HealthReason::Unindexed(_)]), "{health:?}");
        assert!(truth.model.events.len() > 500, "appends went on for long");
        truth.learn_times(&host);
        truth.holds_events(&host, 20);
        host.disk(SimDisk::heal);
        host.world().run_for(Duration::from_secs(2));
        assert!(host.store().stats().runs > before, "{kind}");
        assert_eq!(host.store().health().reasons, []);
        truth.live(&host, 20);
        truth.holds(&host, 20);
        host.restart();
        truth.holds(&host, 20);
    }
}

/// The process dies while the disk is full: the store opens all the same, and is whole.
#[test]
fn a_store_opens_while_no_run_can_be_written() {
    let mut truth = Truth::new(42);
    let mut host = Host::new();
    schedule(&host, FaultKind::NoSpace, Operation::Create, "run-", 2_000);
    truth.live(&host, 150);
    assert_eq!(host.store().stats().runs, 0);
    for _ in 0..2 {
        host.kill();
        host.start();
        truth.holds(&host, 20);
        truth.live(&host, 3);
    }
    host.disk(SimDisk::heal);
    host.world().run_for(Duration::from_secs(2));
    assert!(host.store().stats().runs > 0);
    truth.holds(&host, 20);
}

/// A merge that runs out of space gives back what it took: the log needs it more.
#[test]
fn a_merge_that_fails_leaves_nothing_behind() {
    for operation in [Operation::Write, Operation::Sync] {
        let mut truth = Truth::new(43);
        let host = Host::new();
        while host.store().stats().runs < 7 {
            truth.live(&host, 5);
            host.rest();
        }
        let merged = "run-00000000000000000000-";
        let kind = match operation {
            Operation::Write => FaultKind::NoSpace,
            _ => FaultKind::SyncError,
        };
        schedule(&host, kind, operation, merged, 2_000);
        truth.live(&host, 60);
        host.rest();
        assert!(host.store().stats().runs > 7, "{:?}", host.run_names());
        let names = host.run_names();
        assert_eq!(names.len(), host.store().stats().runs, "{names:?}");
        truth.holds(&host, 20);
        host.disk(SimDisk::heal);
        host.world().run_for(Duration::from_secs(2));
        assert!(host.store().stats().runs < 7, "{:?}", host.run_names());
        truth.holds(&host, 20);
    }
}

/// The merged run is written and cannot be opened: nothing spins, and it is tried again.
#[test]
fn a_merged_run_that_cannot_be_read_is_tried_again_at_leisure() {
    let mut truth = Truth::new(44);
    let host = Host::new();
    while host.store().stats().runs < 7 {
        truth.live(&host, 5);
        host.rest();
    }
    // The reads of the run that is there already come first; then those of the merged one.
    let oldest = host.run_names()[0].clone();
    let prefix = oldest.split_at("run-00000000000000000000-".len()).0;
    let before = host.disk(|disk| disk.ops());
    host.disk(|disk| {
        for nth in 1..3_000 {
            let end = format!("{prefix}0000000000000000");
            disk.schedule(Fault::at_nth(FaultKind::AccessDenied, 0, Operation::Open, nth, &end));
        }
    });
    truth.live(&host, 60);
    host.world().run_for(Duration::from_secs(20));
    let ops = host.disk(|disk| disk.ops()) - before;
    assert!(ops < 60_000, "{ops} operations in twenty seconds");
    host.disk(SimDisk::heal);
    host.world().run_for(Duration::from_secs(2));
    assert!(host.store().stats().runs < 7, "{:?}", host.run_names());
    truth.holds(&host, 20);
}

/// The next segment cannot be prepared: nothing is stored, and it is tried again.
#[test]
fn a_full_disk_refuses_appends_before_anything_is_written_and_heals() {
    let mut truth = Truth::new(45);
    let mut host = Host::new();
    truth.live(&host, 40);
    host.rest();
    host.disk(|disk| disk.set_quota(Some(disk.used_bytes())));
    let refusal = loop {
        let (append, events) = truth.next();
        match host.try_append(append.clone()) {
            Ok(committed) => truth.took(append, committed, events),
            Err(refusal) => break refusal,
        }
        host.world().run_for(Duration::from_millis(100));
    };
    assert!(matches!(refusal, AppendError::StorageFull), "{refusal}");
    assert!(host.store().health().writable && !host.store().health().reasons.is_empty());
    truth.learn_times(&host);
    truth.holds_events(&host, 20);
    host.disk(|disk| disk.set_quota(None));
    host.world().run_for(Duration::from_secs(2));
    assert_eq!(host.store().health().reasons, []);
    truth.live(&host, 60);
    host.restart();
    truth.holds(&host, 20);
}

/// One event of a durable commit is damaged: it is named, and nothing else is lost.
#[test]
fn damage_of_the_log_is_named_and_never_skipped() {
    let host = Host::new();
    for n in 0..9 {
        host.append(Append::new().event(stream(&format!("s-{n}")), event("T", "x".repeat(900))));
    }
    let segment = sagalog_testkit::segment_name(1);
    let bytes = host.disk(|disk| disk.contents(&segment)).expect("it is there");
    let third =
        bytes.windows(3).position(|window| window == b"s-4").expect("its name stands there");
    host.disk(|disk| disk.corrupt_bit(&segment, third as u64 + 200, 0)).expect("it is there");
    for n in 0..9 {
        let found = host.try_read(Read::stream(stream(&format!("s-{n}"))));
        match (n, found) {
            (4, Err(ReadError::Corrupt(report))) => assert_eq!(report.position, at(4)),
            (4, other) => panic!("{other:?}"),
            (_, found) => assert_eq!(found.expect("it is sound").len(), 1),
        }
    }
    let mut events = host.store().read(Read::all());
    for n in 0..4 {
        let next = host.run(events.next()).expect("it is sound").expect("it is there");
        assert_eq!(next.position(), at(n));
    }
    assert!(matches!(host.run(events.next()), Err(ReadError::Corrupt(_))));
}
