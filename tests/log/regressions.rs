//! Bugs that were found and fixed, each as the shortest story that shows it.
//!
//! Seeds of the simulation stay with the simulation; here stand the stories that need no luck. The
//! invariant this guards: each test fails if its fix is taken out.

use sagalog::{
    Commit, CommitError, Log, LogError, OpenError, Position, ReadError, log::group::GroupKind,
};
use sagalog_testkit::{Fault, FaultKind, Machine, Operation, Order, SimDisk, World, segment_name};
use std::time::Duration;

/// A machine whose process died in the middle of a roll, with the new segment's header and first
/// group in the page cache only, and what it had appended. The last was not acknowledged.
fn killed_in_a_roll() -> (Machine, Vec<String>) {
    let mut machine = Machine::new();
    machine.start();
    let mut held: Vec<String> = (0..4).map(|n| format!("{n}{}", "x".repeat(3_000))).collect();
    for body in &held {
        machine.append(body);
    }
    held.push("y".repeat(3_000));
    machine.append_cut_after(2, &held[4]);
    assert!(!machine.groups(2).is_empty(), "the roll has begun");
    machine.kill();
    (machine, held)
}

/// The process dies in the middle of a roll: the new segment's header and first group are in the
/// page cache only. The next process goes on in a fresh segment behind it, and then the power
/// takes what was never synced. The log refused, since a header between others was missing.
#[test]
fn a_segment_header_that_was_never_synced_is_written_again() {
    let (mut machine, held) = killed_in_a_roll();
    // A checkpoint would make up for the header: the keeper is slow.
    let slow = Fault::at_nth(FaultKind::Stall, 60_000_000, Operation::Create, 1, "checkpoint");
    machine.disk(|disk| disk.schedule(slow));
    machine.open_at_once().expect("opens");
    assert_eq!(machine.read(), held);
    machine.power_off();
    machine.start();
    assert_eq!(machine.read(), held);
}

/// The same, and while the header is read to be written again the disk answers with another block.
/// That block was written over the header and synced: a passing fault became damage for ever.
#[test]
fn a_header_is_not_written_over_with_what_a_misdirected_read_returned() {
    for nth in 1..=12 {
        let (mut machine, held) = killed_in_a_roll();
        let elsewhere = Fault::at_nth(FaultKind::MisdirectedRead, 9, Operation::Read, nth, "log-");
        machine.disk(|disk| disk.schedule(elsewhere));
        if machine.open_at_once().is_err() {
            machine.kill();
        }
        machine.power_off();
        machine.disk(SimDisk::heal);
        machine.start();
        assert_eq!(machine.read()[..4], held[..4], "read {nth}");
    }
}

/// Only callers that write for themselves use the log, then nobody does. The writer task was never
/// told, so no heartbeat ever said that the last commits are durable.
#[test]
fn a_heartbeat_follows_callers_that_write_for_themselves() {
    let world = World::new(1).with_order(Order::Fifo);
    let mut machine = Machine::with_world(world, Machine::options());
    machine.start();
    for body in ["a", "b"] {
        machine.log().append_blocking(&Commit::new(body)).expect("durable");
    }
    machine.wait(Duration::from_secs(3));
    let groups = machine.groups(1);
    let last = groups.last().expect("groups stand there");
    assert_eq!(last.kind, GroupKind::Heartbeat, "{groups:?}");
    machine.wait(Duration::from_secs(30));
    assert_eq!(machine.groups(1).len(), groups.len(), "one is enough");
}

/// A reader is kept while its log is closed, and a new one retires and recycles what it reads. It
/// took the new life of the file for damage.
#[test]
fn a_reader_that_outlives_its_log_calls_nothing_damaged() {
    let mut machine = Machine::new();
    machine.start();
    machine.fill_up_to(4, "a");
    let mut reader = machine.log().read(Position::new(0));
    machine.close();
    machine.start();
    let keep = machine.log().keep_from(machine.log().head());
    machine.world().block_on(keep).expect("retires");
    machine.fill_up_to(8, "b");
    let error = loop {
        match machine.world().block_on(reader.next()) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("what it wants is gone"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ReadError::Closed | ReadError::Retired(_)), "{error}");
}

/// A write of a group takes long; meanwhile the keeper fails to write the superblock and poisons
/// the log. The group's completion found nothing in flight and panicked.
#[test]
fn a_keeper_that_fails_while_a_group_is_written_leaves_it_unknown() {
    let mut machine = Machine::new();
    machine.start();
    machine.fill_up_to(3, "a");
    let held = machine.read();
    machine.disk(|disk| {
        disk.schedule(Fault::at_nth(FaultKind::Stall, 5_000_000, Operation::Sync, 1, "log-"));
        disk.schedule(Fault::at_nth(FaultKind::SyncError, 0, Operation::Sync, 1, "STORE"));
    });
    let pending = machine.log().try_append(&Commit::new("b")).expect("there is room");
    let keep = machine.log().keep_from(machine.log().head());
    let kept = machine.world().block_on(keep);
    assert!(matches!(kept, Err(LogError::Poisoned)), "{kept:?}");
    let answer = machine.world().block_on(pending);
    assert!(matches!(answer, Err(CommitError::Unknown)), "{answer:?}");
    machine.wait(Duration::from_secs(10));
    assert_eq!(machine.read(), held);
}

/// The power goes while a store is made, before each of its operations. A torn first superblock
/// was refused as damaged from then on, although the store had never been used.
#[test]
fn a_store_whose_making_was_cut_short_is_made_anew() {
    let mut cut = 0;
    for ops in 0..40 {
        for images in 0..8 {
            let mut machine = Machine::new();
            if !machine.open_cut_after(ops) {
                continue;
            }
            cut += 1;
            machine.power_off_keeping(images * 0x1249);
            machine.start();
            assert_eq!(machine.append("a").get(), 0);
        }
    }
    assert!(cut >= 80, "{cut} openings were cut short");
}

/// After a crash the segment that was given up is cut, to give back its space. Its file got a new
/// life with the old size on paper: a full disk then failed a write instead of a preparation.
#[test]
fn a_recycled_file_has_its_full_size() {
    let mut machine = Machine::new();
    machine.start();
    machine.append("a");
    machine.kill();
    machine.start();
    assert!(machine.contents(&segment_name(1)).len() < 16 << 10, "it was cut");
    machine.fill_up_to(3, "b");
    let keep = machine.log().keep_from(machine.log().head());
    machine.world().block_on(keep).expect("retires");
    machine.fill_up_to(5, "c");
    for segment in 4..=6 {
        assert_eq!(machine.contents(&segment_name(segment)).len(), 16 << 10, "{segment}");
    }
}

/// Closing dropped a superblock write between its write and its sync, and wrote the next one into
/// the other slot: a power failure could then tear both.
#[test]
fn no_superblock_is_written_before_the_one_before_is_synced() {
    for seed in 0..300 {
        let world = World::with_disk(seed, SimDisk::new()).with_order(Order::Seeded);
        let mut machine = Machine::with_world(world, Machine::options());
        machine.disk(|disk| disk.keep_events(10_000));
        machine.open_at_once().expect("opens");
        for number in 0..seed % 7 {
            machine.append(&format!("{number}{}", "x".repeat(3_000)));
        }
        machine.close();
        let mut unsynced = false;
        machine.disk(|disk| {
            for event in disk.events().filter(|event| &*event.file == "STORE") {
                match event.operation {
                    Operation::Write => {
                        assert!(!unsynced, "seed {seed}: {event}");
                        unsynced = true;
                    }
                    Operation::Sync => unsynced = false,
                    _ => {}
                }
            }
        });
        assert!(!unsynced, "seed {seed}");
    }
}

/// The system refuses one of the log's threads, so that the log does not open. Those that were
/// started kept the lock until the process ended.
#[test]
fn a_log_whose_tasks_cannot_all_be_started_gives_the_lock_back() {
    for tasks in 0..3 {
        let mut machine = Machine::new();
        let runtime = machine.world().runtime().with_tasks_max(tasks);
        let opening = Log::open_with(&runtime, Machine::options());
        let refusal = machine.world().block_on(opening).expect_err("no task is left");
        assert!(matches!(refusal, OpenError::Io(_)), "{refusal}");
        machine.wait(Duration::from_secs(2));
        assert_eq!(machine.world().tasks(), 0, "{tasks} tasks were started");
        machine.start();
        assert_eq!(machine.append("a").get(), 0);
    }
}
