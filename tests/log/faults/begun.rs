//! Rows 10, 28, 32 and 33 once more: a segment that was begun and not started, and a damaged disk.
//!
//! Each story has a damage and a second thing that makes it harder to see: a recovery that was cut
//! short, a start that was, or what an earlier opening left in the same place.

use super::*;
use sagalog::{
    Epoch,
    log::{
        group::{Closing, GroupBuilder, GroupKind},
        recovery::BlockClass,
    },
};
use sagalog_testkit::{
    disk::{Fate, UnitKind},
    segment_name,
};

/// A log with one commit whose process died, and how often a recovery of it can be cut short.
fn killed() -> SimDisk {
    let mut machine = machine_with(&["a"]);
    machine.kill();
    machine.disk(|disk| disk.clone())
}

/// The first sector of a group turns to zeros.
fn destroy(machine: &Machine, group: &GroupHeader) {
    let (name, at) = (segment_name(group.place.segment.get()), offset(group));
    machine.disk(|disk| disk.zero_sectors(&name, at..at + 512)).expect("it is there");
}

/// A recovery of `disk` that is cut short after `ops` operations, with the copy it may have made.
fn cut_short(disk: &SimDisk, ops: u64) -> Option<(Machine, Option<GroupHeader>)> {
    let mut machine = machine_on(disk.clone());
    if !machine.open_cut_after(ops) {
        return None;
    }
    // The machine learns the store's identity when it opens.
    let mut known = machine_on(disk.clone());
    known.start();
    known.kill();
    let after = machine.disk(|disk| disk.clone());
    known.disk(|disk| *disk = after);
    let copy = known.groups(2).into_iter().find(|group| group.kind == GroupKind::Commits);
    Some((known, copy))
}

/// A recovery is cut short behind any operation, and then the last commit is destroyed. If the
/// recovery had copied it, it is there: the log went on as if nothing had been written behind the
/// commit before, and reported nothing.
#[test]
fn row_10_what_a_recovery_that_was_cut_short_has_copied_is_not_lost() {
    let before = killed();
    let mut copied = 0;
    for ops in 0.. {
        let Some((mut machine, copy)) = cut_short(&before, ops) else { break };
        let original = machine.last_commits(1);
        machine.power_off();
        let copy = copy.filter(|copy| machine.groups(2).contains(copy));
        destroy(&machine, &original);
        machine.start();
        if copy.is_some() {
            copied += 1;
            goes_on_after(&mut machine, &["a"]);
        }
    }
    assert!(copied >= 4, "{copied}");
}

/// As above, and the second recovery is cut short too, before each of its operations, by a power
/// failure that tears what it writes within the group's header. The copy is the last that there is:
/// no byte of it changes.
#[test]
fn row_10_the_only_copy_of_a_commit_outlives_every_further_recovery() {
    let before = killed();
    let copied = (0..).find_map(|ops| {
        let (mut machine, copy) = cut_short(&before, ops).expect("it copies before it is done");
        let original = machine.last_commits(1);
        machine.power_off();
        copy.filter(|copy| machine.groups(2).contains(copy)).map(|_| {
            destroy(&machine, &original);
            machine.disk(|disk| disk.clone())
        })
    });
    let copied = copied.expect("it copies");
    let mut cuts = 0;
    for ops in 0.. {
        let mut machine = machine_on(copied.clone());
        if !machine.open_cut_after(ops) {
            break;
        }
        for to in [0, 6, 28, 512] {
            let mut disk = machine.disk(|disk| disk.clone());
            disk.power_failure_by(&mut |unit| match unit.kind {
                UnitKind::Sector => Fate::Torn { from: 0, to },
                _ => Fate::Kept,
            });
            let mut machine = machine_on(disk);
            machine.start();
            assert_eq!(machine.read(), ["a"], "cut after {ops} operations, torn at {to}");
        }
        cuts += 1;
    }
    assert!(cuts > 20, "{cuts}");
}

/// A recovery has left copies without a header, and the originals and a group that was proven are
/// destroyed. The log named the segment that the copies are in, whose header was never written.
#[test]
fn row_25_damage_before_a_recovery_that_was_cut_short_is_named_where_it_is() {
    let mut machine = machine_with(&["a", "b"]);
    let proven = machine.groups(1).into_iter().rev().nth(1).expect("two commits");
    machine.kill();
    let before = machine.disk(|disk| disk.clone());
    let mut named = 0;
    for ops in 0.. {
        let Some((mut machine, copy)) = cut_short(&before, ops) else { break };
        machine.power_off();
        if copy.is_none_or(|copy| !machine.groups(2).contains(&copy)) {
            continue;
        }
        destroy(&machine, &proven);
        destroy(&machine, &machine.last_commits(1));
        let report = corruption(machine.refusal());
        assert_eq!((report.place, report.first_missing), (proven.place, proven.sequence));
        assert_eq!(report.found, BlockClass::Zero);
        named += 1;
    }
    assert!(named >= 4, "{named}");
}

/// The same, and all is sound but for calls that fail, some that follow each other: an error
/// that passes is told as one. It was told as a damaged header of the segment with the copies.
#[test]
fn row_33_errors_behind_a_recovery_that_was_cut_short_are_no_damage() {
    let mut machine = machine_with(&["a", "b"]);
    machine.kill();
    // The log goes on in a second segment, and the superblock does not know that yet.
    machine.open_at_once().expect("opens");
    machine.kill();
    let before = machine.disk(|disk| disk.clone());
    let mut refused = 0;
    for ops in (0..).step_by(3) {
        let Some((mut machine, _)) = cut_short(&before, ops) else { break };
        machine.kill();
        let sound = machine.disk(|disk| disk.clone());
        for (kind, operation) in [
            (FaultKind::MetadataError, Operation::Length),
            (FaultKind::AccessDenied, Operation::Open),
            (FaultKind::ReadError, Operation::Read),
        ] {
            for (nth, failing) in (1..12).flat_map(|nth| [(nth, 2), (nth, 3), (nth, 16)]) {
                let mut machine = machine_on(sound.clone());
                for nth in nth..nth + failing {
                    let fault = Fault::at_nth(kind, 0, operation, nth, "log-");
                    machine.disk(|disk| disk.schedule(fault));
                }
                match machine.open() {
                    Ok(_) => {}
                    Err(OpenError::Io(_)) => refused += 1,
                    Err(OpenError::Corrupt(report)) if report.is_unreadable() => refused += 1,
                    Err(other) => panic!("{kind} at {operation} {nth}: {other}"),
                }
                machine.disk(SimDisk::heal);
                machine.kill();
                machine.start();
                assert_eq!(machine.read(), ["a", "b"]);
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

/// A segment was just started, its first group is acknowledged and alone in it, and its header is
/// destroyed: what stands behind the header goes on from the segment before.
#[test]
fn row_28_the_first_group_of_a_segment_counts_without_its_header() {
    let mut machine = machine_with(&["a"]);
    let slow = Fault::at_nth(FaultKind::Stall, 60_000_000, Operation::Create, 1, "checkpoint");
    machine.disk(|disk| disk.schedule(slow));
    machine.fill_up_to(2, "b");
    let held = machine.read();
    machine.kill();
    machine.disk(|disk| disk.zero_sectors(&segment_name(2), 0..512)).expect("it is there");
    machine.start();
    let held: Vec<&str> = held.iter().map(String::as_str).collect();
    goes_on_after(&mut machine, &held);
}

/// The disk loses the first group of a segment, and in its place stands one that an earlier opening
/// wrote, which was cut short: the same number behind the same group, and of a lower epoch. The log
/// took it for the lost one, and the commit behind it for one that was never acknowledged.
#[test]
fn row_32_a_group_of_an_earlier_opening_does_not_stand_for_a_lost_one() {
    let mut machine = Machine::new();
    assert!(machine.open_cut_after(20), "it has claimed an epoch by then");
    machine.kill();
    let slow = Fault::at_nth(FaultKind::Stall, 60_000_000, Operation::Create, 1, "checkpoint");
    machine.disk(|disk| disk.schedule(slow));
    machine.open_at_once().expect("opens");
    machine.append("a");
    let lost = machine.groups(1)[0];
    assert_eq!((lost.kind, lost.epoch), (GroupKind::EpochStart, Epoch::new(2)));
    let mut builder = GroupBuilder::new(Vec::new());
    builder.extend(&[7; 8], 0, 0);
    let (_, earlier) = builder.close(Closing {
        kind: lost.kind,
        store: machine.log().store(),
        place: lost.place,
        epoch: Epoch::new(1),
        sequence: lost.sequence,
        first: lost.first,
        durable_through: lost.durable_through,
        chain: lost.chain,
    });
    machine.kill();
    machine
        .disk(|disk| disk.overwrite(&segment_name(1), offset(&lost), &earlier))
        .expect("it is there");
    let report = corruption(machine.refusal());
    assert_eq!((report.row, report.found), ('A', BlockClass::StaleEpoch), "{report}");
    assert_eq!((report.place, report.first_missing), (lost.place, lost.sequence));
}

/// The disk loses the first claim of a new store, and then the header and the first group of its
/// segment. A superblock that nobody has claimed was word enough that nothing had been written.
#[test]
fn row_32_a_lost_claim_does_not_hide_what_was_written() {
    let mut machine = Machine::new();
    // The first write is the draft, the second makes it durable once more.
    let lost = Fault::at_nth(FaultKind::VanishedWrite, 0, Operation::Write, 3, "STORE");
    let slow = Fault::at_nth(FaultKind::Stall, 60_000_000, Operation::Create, 1, "checkpoint");
    machine.disk(|disk| disk.schedule(lost));
    machine.disk(|disk| disk.schedule(slow));
    machine.open_at_once().expect("opens");
    machine.append("a");
    let first = machine.groups(1)[0];
    machine.power_off();
    machine.disk(|disk| disk.zero_sectors(&segment_name(1), 0..1024)).expect("it is there");
    let report = corruption(machine.refusal());
    assert_eq!((report.row, report.found), ('A', BlockClass::Zero));
    assert_eq!((report.place, report.first_missing), (first.place, first.sequence));
}
