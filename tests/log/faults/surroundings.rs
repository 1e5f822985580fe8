//! Rows 42 and 47 to 49: other processes, slow disks, callers that give up, clocks that jump.
//!
//! The disk keeps every promise here; what is around it does not.

use super::*;
use sagalog::{
    Commit, Log, Position,
    runtime::{Clock, WallTime},
};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

/// The output of `future`, unless it is not done after `polls` polls.
async fn polled<T>(polls: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        cx.waker().wake_by_ref();
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// The output of `future`, unless `patience` is over first.
async fn in_time<T>(
    clock: impl Clock,
    patience: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = pin!(future);
    let mut patience = pin!(clock.sleep(patience));
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        patience.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// A second process opens the store while the first has it, and after the first died.
#[test]
fn row_42_a_second_writer_is_refused_until_the_first_is_gone() {
    let mut machine = machine_with(&["a"]);
    let runtime = machine.world().runtime();
    let second = || machine.world().block_on(Log::open_with(&runtime, Machine::options()));
    let refusal = second().expect_err("the store is in use");
    assert!(matches!(refusal, OpenError::Locked), "{refusal}");
    assert_eq!(machine.append("b"), Position::new(1));
    machine.kill();
    machine.start();
    goes_on_after(&mut machine, &["a", "b"]);
}

/// A sync takes half a minute. The caller gives up after a second and does not know; the commit is
/// there once, in its place, and the log goes on.
#[test]
fn row_47_a_stalled_disk_delays_answers_and_changes_none() {
    let mut machine = machine_with(&["a"]);
    let stall = Fault::at_nth(FaultKind::Stall, 30_000_000, Operation::Sync, 1, "log-");
    machine.disk(|disk| disk.schedule(stall));
    let runtime = machine.world().runtime();
    let append = machine.log().append(Commit::new("b"));
    let patience = in_time(runtime, Duration::from_secs(1), append);
    assert!(machine.world().block_on(patience).is_none(), "the outcome is unknown");
    assert_eq!(machine.read(), ["a"], "not durable, not shown");
    assert_eq!(machine.append("c"), Position::new(2));
    assert!(machine.world().elapsed() > Duration::from_secs(30));
    goes_on_after(&mut machine, &["a", "b", "c"]);
}

/// A caller drops its append after any number of polls; others do not.
#[test]
fn row_48_a_dropped_append_is_stored_whole_or_not_at_all() {
    let mut outcomes = [0, 0];
    for polls in 0..40 {
        let mut machine = machine_with(&["a"]);
        let long = "b".repeat(3_000);
        let append = machine.log().append(Commit::new(long.clone()).with_positions(3));
        let answer = machine.world().block_on(polled(polls, append));
        let next = machine.append("c");
        let found = machine.read();
        if found.len() == 3 {
            assert_eq!((next.get(), found[1] == long), (4, true));
        } else {
            assert_eq!((next.get(), answer.is_none()), (1, true));
        }
        if let Some(answer) = answer {
            assert_eq!(positions(answer.expect("stored")), (1, 3));
        }
        outcomes[found.len() - 2] += 1;
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        goes_on_after(&mut machine, &found);
    }
    assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
}

/// Callers give up while they wait in line for room: whoever stays is served.
#[test]
fn row_48_callers_that_leave_the_line_hold_up_nobody() {
    let world = sagalog_testkit::World::new(3);
    let options = Machine::options().queue_bytes_max(4_000);
    let mut machine = Machine::with_world(world, options);
    machine.start();
    let log = machine.log().clone();
    machine.world().block_on(async {
        let append = |n: u32| log.append(Commit::new(format!("{n}{}", "x".repeat(3_000))));
        let pending: Vec<_> = (0..9).map(|n| Box::pin(append(n))).collect();
        for (n, append) in pending.into_iter().enumerate() {
            let patience = if n % 3 == 2 { 1_000 } else { u32::try_from(n).expect("small") % 3 };
            let answer = polled(patience, append).await;
            assert!(n % 3 != 2 || answer.is_some_and(|answer| answer.is_ok()), "{n}");
        }
    });
    let found = machine.read();
    assert!(found.len() >= 3 && found.iter().all(|body| body.len() == 3_001));
}

/// The wall clock jumps back by years, between two lives and within one.
#[test]
fn row_49_a_clock_that_jumps_back_changes_no_order() {
    let mut machine = machine_with(&["a"]);
    let mut held = vec!["a"];
    for (body, year) in [("b", 40), ("c", 1), ("d", 0)] {
        machine.world().set_wall(WallTime::from_unix_nanos(year * 31_536_000_000_000_000));
        machine.append(body);
        held.push(body);
        machine.kill();
        machine.world().set_wall(WallTime::from_unix_nanos(year));
        let report = machine.start();
        assert_eq!(
            (report.head.get(), machine.read()),
            (held.len() as u64, held.iter().map(ToString::to_string).collect())
        );
    }
    goes_on_after(&mut machine, &held);
}
