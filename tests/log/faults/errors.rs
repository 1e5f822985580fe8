//! Rows 34 to 41: calls that fall short, fail, or find no space, and say so.
//!
//! The disk is honest here: it reports every fault, so nothing acknowledged may be missing.

use super::*;
use sagalog::{Commit, CommitError, LogError, Position};
use sagalog_testkit::{FaultPlan, segment_name};
use std::{io::ErrorKind, time::Duration};

/// Every operation that `kind` can strike is struck.
fn always(machine: &Machine, kind: FaultKind) {
    let rates = vec![(kind, 1_000_000)];
    let plan = FaultPlan { rates, ..FaultPlan::default() };
    machine.disk(|disk| disk.set_faults(plan, 7));
}

/// The log is poisoned: it reads what is durable, takes nothing, writes nothing, and says so.
fn is_poisoned_at(machine: &mut Machine, held: &[&str]) {
    assert!(machine.log().stats().poisoned);
    assert_eq!(machine.read(), held);
    machine.disk(|disk| disk.keep_events(1_000));
    let refused = machine.try_append("refused");
    assert!(matches!(refused, Err(CommitError::Poisoned)), "{refused:?}");
    let keep = machine.log().keep_from(Position::new(1));
    let kept = machine.world().block_on(keep);
    assert!(matches!(kept, Err(LogError::Poisoned)), "{kept:?}");
    machine.wait(Duration::from_secs(5));
    let closed = machine.world().block_on(machine.log().clone().close());
    assert!(matches!(closed, Err(LogError::Poisoned)), "{closed:?}");
    let wrote = |op| matches!(op, Operation::Write | Operation::Sync | Operation::SyncDirectory);
    let retried = machine.disk(|disk| disk.events().filter(|event| wrote(event.operation)).count());
    assert_eq!(retried, 0, "nothing is written or synced any more");
}

/// After the process, and then the power, went: everything acknowledged, in order, and of what was
/// unknown a part, and that stays.
fn recovers_with(machine: &mut Machine, acknowledged: &[&str], unknown: &[&str]) {
    machine.disk(SimDisk::heal);
    machine.kill();
    machine.start();
    let found = machine.read();
    let (first, rest) = found.split_at(acknowledged.len());
    assert_eq!(first, acknowledged);
    assert_eq!(rest, &unknown[..rest.len()]);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    goes_on_after(machine, &found);
}

/// Every read of a recovery, and of a reader, returns less than it was asked for.
#[test]
fn row_34_short_reads_are_continued() {
    let mut machine = machine_with(&["a", "b"]);
    machine.kill();
    always(&machine, FaultKind::ShortRead);
    machine.start();
    assert_eq!(machine.read(), ["a", "b"]);
    let struck = machine.disk(|disk| disk.counters().faults[&FaultKind::ShortRead]);
    assert!(struck > 5, "{struck}");
    goes_on_after(&mut machine, &["a", "b"]);
}

/// Every write takes less than it was given.
#[test]
fn row_35_short_writes_are_continued() {
    let mut machine = Machine::new();
    always(&machine, FaultKind::ShortWrite);
    machine.start();
    let long = "x".repeat(2_000);
    machine.append("a");
    machine.append(&long);
    let struck = machine.disk(|disk| disk.counters().faults[&FaultKind::ShortWrite]);
    assert!(struck > 5, "{struck}");
    machine.power_off();
    machine.disk(SimDisk::heal);
    machine.start();
    goes_on_after(&mut machine, &["a", &long]);
}

/// A write takes some of its bytes and then fails, in every sector of a group.
#[test]
fn row_35_a_write_that_fails_half_way_poisons_the_log() {
    let body = "b".repeat(1_300);
    for taken in [0, 1, 512, 1_000, 1_400] {
        let mut machine = machine_with(&["a"]);
        let fault = Fault::at_nth(FaultKind::WriteError, taken, Operation::Write, 1, "log-");
        machine.disk(|disk| disk.schedule(fault));
        let answer = machine.try_append(&body);
        assert!(matches!(answer, Err(CommitError::Unknown)), "{answer:?}");
        is_poisoned_at(&mut machine, &["a"]);
        recovers_with(&mut machine, &["a"], &[&body]);
    }
}

/// A write fails while one commit is in flight, others wait for their group, and one for room.
#[test]
fn row_36_a_failed_write_leaves_every_pending_append_unknown() {
    let mut machine = machine_with(&["a"]);
    next(&machine, FaultKind::WriteError, Operation::Write, "log-");
    let appends: Vec<_> = ["b", "c", "d"]
        .iter()
        .map(|body| machine.log().try_append(&Commit::new(*body)).expect("there is room"))
        .collect();
    for append in appends {
        let answer = machine.world().block_on(append);
        assert!(matches!(answer, Err(CommitError::Unknown)), "{answer:?}");
    }
    is_poisoned_at(&mut machine, &["a"]);
    recovers_with(&mut machine, &["a"], &["b", "c", "d"]);
}

/// A sync fails once; the next one would succeed. Of the group's sectors none, some or all landed.
#[test]
fn row_37_a_failed_sync_is_never_retried() {
    let body = "b".repeat(1_300);
    for landed in [0, 0b010, u64::MAX] {
        let mut machine = machine_with(&["a"]);
        let fault = Fault::at_nth(FaultKind::SyncError, landed, Operation::Sync, 1, "log-");
        machine.disk(|disk| disk.schedule(fault));
        let answer = machine.try_append(&body);
        assert!(matches!(answer, Err(CommitError::Unknown)), "{answer:?}");
        is_poisoned_at(&mut machine, &["a"]);
        recovers_with(&mut machine, &["a"], &[&body]);
    }
}

/// The superblock's sync fails while the next segment is prepared.
#[test]
fn row_37_a_failed_sync_of_the_superblock_poisons_the_log_too() {
    let mut machine = machine_with(&["a"]);
    next(&machine, FaultKind::SyncError, Operation::Sync, "STORE");
    let body = "x".repeat(3_000);
    let mut held = vec!["a"];
    while machine.try_append(&body).is_ok() {
        held.push(&body);
        machine.wait(Duration::from_millis(100));
    }
    assert!(held.len() > 2, "it goes on as long as there is room");
    is_poisoned_at(&mut machine, &held);
    recovers_with(&mut machine, &held, &[&body]);
}

/// Every sync of an opening fails in turn: the log says so, and opens at the next try.
#[test]
fn row_37_a_failed_sync_while_opening_can_be_tried_again() {
    for sync in 1..9 {
        let mut machine = machine_with(&["a"]);
        machine.append_unsynced("b");
        machine.kill();
        let fault = Fault::at_nth(FaultKind::SyncError, 0, Operation::Sync, sync, "");
        machine.disk(|disk| disk.schedule(fault));
        let opened = machine.open_at_once();
        if let Err(error) = opened {
            assert!(matches!(error, OpenError::Io(_)), "{error}");
            machine.power_off();
        }
        recovers_with(&mut machine, &["a"], &["b"]);
    }
}

/// An error of a sync may go to whoever holds the file open. From its preparation to the next
/// segment there is one descriptor that writes.
#[test]
fn row_38_one_descriptor_writes_a_segment_from_its_preparation_on() {
    let machine = Machine::new();
    machine.disk(|disk| disk.keep_events(10_000));
    let mut machine = machine;
    machine.start();
    machine.fill_up_to(3, "a");
    let second = segment_name(2);
    let events: Vec<Operation> = machine.disk(|disk| {
        let of_second = disk.events().filter(|event| *event.file == *second);
        of_second.map(|event| event.operation).collect()
    });
    let opened = |op: &&Operation| matches!(op, Operation::Open | Operation::Create);
    assert_eq!(events.iter().filter(opened).count(), 1, "{events:?}");
    assert_eq!(events.iter().filter(|op| **op == Operation::Create).count(), 1);
    assert!(events.iter().filter(|op| **op == Operation::Sync).count() > 4);
}

/// The disk fills up while the next segment is prepared; later there is space.
#[test]
fn row_39_a_full_disk_refuses_appends_before_anything_is_written_and_heals() {
    let mut machine = machine_with(&["a"]);
    machine.disk(|disk| disk.set_quota(Some(disk.used_bytes())));
    let body = "x".repeat(3_000);
    let mut held = vec!["a".to_owned()];
    let refusal = loop {
        let before =
            machine.disk(|disk| (disk.contents(&segment_name(1)), disk.contents(&segment_name(2))));
        match machine.try_append(&body) {
            Ok(_) => held.push(body.clone()),
            Err(refusal) => {
                let after = machine.disk(|disk| {
                    (disk.contents(&segment_name(1)), disk.contents(&segment_name(2)))
                });
                assert_eq!(before, after, "nothing was written");
                break refusal;
            }
        }
        machine.wait(Duration::from_millis(100));
    };
    assert!(matches!(refusal, CommitError::StorageFull), "{refusal}");
    assert!(refusal.is_retryable() && !machine.log().stats().poisoned);
    assert_eq!(machine.read(), held);
    machine.disk(|disk| disk.set_quota(None));
    machine.wait(Duration::from_secs(2));
    held.extend(machine.fill_up_to(4, "b"));
    let held: Vec<&str> = held.iter().map(String::as_str).collect();
    goes_on_after(&mut machine, &held);
}

/// Space was set aside, and the device has none all the same.
#[test]
fn row_40_no_space_within_a_prepared_segment_poisons_the_log() {
    let mut machine = machine_with(&["a"]);
    next(&machine, FaultKind::NoSpace, Operation::Write, "log-");
    let answer = machine.try_append("b");
    assert!(matches!(answer, Err(CommitError::Unknown)), "{answer:?}");
    is_poisoned_at(&mut machine, &["a"]);
    recovers_with(&mut machine, &["a"], &["b"]);
}

/// No descriptor is left, a permission is missing, the file system is read-only: whatever keeps
/// the next segment from being prepared is named, and tried again.
#[test]
fn row_41_a_segment_that_cannot_be_created_is_an_error_that_passes() {
    for (kind, expected) in [
        (FaultKind::TooManyFiles, None),
        (FaultKind::AccessDenied, Some(ErrorKind::PermissionDenied)),
        (FaultKind::ReadOnly, Some(ErrorKind::ReadOnlyFilesystem)),
    ] {
        let mut machine = machine_with(&["a"]);
        always(&machine, kind);
        let refusal = loop {
            match machine.try_append(&"x".repeat(3_000)) {
                Ok(_) => machine.wait(Duration::from_millis(100)),
                Err(CommitError::Unprepared(source)) => break source,
                Err(other) => panic!("{kind} has to be named: {other}"),
            }
        };
        assert_eq!(refusal.raw_os_error(), expected.is_none().then_some(24));
        assert!(expected.is_none_or(|expected| refusal.kind() == expected), "{refusal}");
        let held = {
            machine.disk(SimDisk::heal);
            machine.read()
        };
        machine.wait(Duration::from_secs(2));
        let more = machine.fill_up_to(3, "b");
        let held: Vec<String> = held.into_iter().chain(more).collect();
        let held: Vec<&str> = held.iter().map(String::as_str).collect();
        goes_on_after(&mut machine, &held);
    }
}
