//! Beyond the rows: who only reads, in the same process or beside it, at every moment of a crash.
//!
//! Writers are judged elsewhere. What a reader has seen must still be there whatever happens next,
//! because somebody may have acted on it.

use super::*;
use sagalog::{Commit, OpenError, Position, ReadOnlyLog, runtime::Tasks as _};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What a handle that only reads finds, and how often it changed the disk.
fn read_beside(disk: SimDisk) -> (Result<Vec<String>, OpenError>, usize) {
    let machine = machine_on(disk);
    machine.disk(|disk| disk.keep_events(100_000));
    let runtime = machine.world().runtime();
    let found = machine.world().block_on(async {
        let log = ReadOnlyLog::open_with(&runtime).await?;
        let mut reader = log.read(Position::new(0));
        let mut found = Vec::new();
        while let Some(commit) = reader.next().await.expect("nothing is damaged") {
            found.push(String::from_utf8_lossy(&commit.body).into_owned());
        }
        Ok(found)
    });
    let looks = [Operation::Open, Operation::Read, Operation::Length, Operation::List];
    let changed = |disk: &mut SimDisk| {
        disk.events().filter(|event| event.incarnation == disk.incarnation()).count()
            - disk.events().filter(|event| looks.contains(&event.operation)).count()
    };
    (found, machine.disk(changed))
}

/// The process dies at every moment of a roll. A reader beside it sees the page cache, yet shows
/// only what is still there when the power goes at once.
#[test]
fn a_read_only_handle_writes_nothing_and_shows_durable_commits_only() {
    let mut shown = [0; 8];
    for ops in 0.. {
        let mut machine = machine_with(&["a", "b"]);
        for _ in 0..3 {
            machine.append(&"x".repeat(3_500));
        }
        let cut = machine.append_and_chores_cut_after(ops, &"y".repeat(3_500));
        machine.kill();
        let before = machine.disk(|disk| disk.clone());
        let (seen, changes) = read_beside(before.clone());
        assert_eq!(changes, 0);
        let seen = seen.expect("nothing is damaged");
        let mut writer = machine_on(before.power_failure_image(0));
        writer.start();
        assert!(writer.read().starts_with(&seen), "{ops}: {} were seen", seen.len());
        shown[seen.len()] += 1;
        if !cut {
            break;
        }
    }
    assert!(shown.iter().filter(|count| **count > 0).count() > 1, "{shown:?}");
}

/// Every byte of a group in flight is in the page cache: no reader of the running log sees it
/// before its sync, at whatever operation everything stops.
#[test]
fn a_reader_of_a_running_log_never_sees_what_is_not_durable() {
    for ops in 0..3 {
        let mut machine = machine_with(&["a"]);
        let stall = Fault::at_nth(FaultKind::Stall, 30_000_000, Operation::Sync, 1, "log-");
        machine.disk(|disk| disk.schedule(stall));
        let commit = Commit::new("b");
        let pending = machine.log().try_append(&commit).expect("there is room");
        for _ in 0..ops {
            assert_eq!((machine.read().len(), machine.log().head().get()), (1, 1));
        }
        machine.world().block_on(pending).expect("durable in the end");
        machine.power_off();
        machine.start();
        assert_eq!(machine.read(), ["a", "b"]);
    }
}

/// A store at rest in every state that a crash leaves is read beside, or refused as a writer would
/// refuse it: never anything else.
#[test]
fn a_read_only_handle_agrees_with_the_next_writer() {
    let machine = machine_with(&["a", "b"]);
    machine.append_unsynced(&"c".repeat(1_300));
    for disk in images(&machine) {
        let (seen, changes) = read_beside(disk.clone());
        let mut writer = machine_on(disk);
        writer.start();
        let held = writer.read();
        assert!(held.starts_with(&seen.expect("a writer opens it")), "{held:?}");
        assert_eq!(changes, 0);
    }
}

/// Two looks at once, of which the older one is held up behind any of its reads and ends last: the
/// head never moves back.
#[test]
fn what_a_read_only_handle_has_seen_stays_seen() {
    let mut overtaken = 0;
    for read in 1..=12 {
        let machine = machine_with(&["a", "b"]);
        let (world, runtime) = (machine.world(), machine.world().runtime());
        let beside = world.block_on(ReadOnlyLog::open_with(&runtime)).expect("it opens");
        let stall = Fault::at_nth(FaultKind::Stall, 30_000_000, Operation::Read, read, "");
        machine.disk(|disk| disk.schedule(stall));
        let (older, ended) = (beside.clone(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&ended);
        let looks = async move {
            older.refresh().await.expect("it looks");
            told.store(true, Ordering::Relaxed);
        };
        runtime.spawn("older", looks).expect("a task");
        world.run_until_stalled();
        machine.append("c");
        machine.append("d");
        let seen = world.block_on(beside.refresh()).expect("it looks");
        overtaken += u32::from(!ended.load(Ordering::Relaxed));
        machine.wait(Duration::from_secs(60));
        assert!(ended.load(Ordering::Relaxed), "the older look ends");
        assert!(beside.head() >= seen, "read {read}: {} after {seen}", beside.head());
    }
    assert!(overtaken > 3, "only {overtaken} times the older look ended last");
}
