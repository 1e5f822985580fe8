//! Rows 24 to 29: bits that rot and sectors that turn to zeros.
//!
//! Every damage here is of bytes that were durable and acknowledged, so that refusing is right.

use super::*;
use sagalog::{Position, log::recovery::BlockClass};
use sagalog_testkit::segment_name;
use std::time::Duration;

/// Three commits, each in a group of its own, and the power goes. Damage strikes the second.
fn three_commits() -> (Machine, GroupHeader) {
    let machine = machine_with(&["a", "b", "c"]);
    let second = machine.groups(1)[2];
    assert_eq!(second.first, Position::new(1));
    (machine, second)
}

/// The log refuses, and names the second of three commits.
fn refuses_and_names(machine: &mut Machine, damaged: &GroupHeader, found: BlockClass) {
    machine.kill();
    let report = corruption(machine.refusal());
    assert_eq!((report.place, report.row), (damaged.place, 'A'));
    assert_eq!(report.first_missing, damaged.sequence);
    assert!(report.durable_through >= damaged.sequence, "{report}");
    assert_eq!((report.position, report.found), (damaged.first, found));
    assert!(report.bytes >= 512, "{report}");
}

/// A bit rots in the first segment, which is complete; the log lives in the third.
#[test]
fn row_24_rot_in_a_sealed_segment_fails_reads_of_its_range_and_no_others() {
    let mut machine = Machine::new();
    machine.start();
    let bodies = machine.fill_up_to(3, "a");
    let damaged = machine.groups(1)[2];
    machine.flip(&segment_name(1), offset(&damaged) + 700);
    for life in 0..2 {
        let (before, error) = machine.read_from(Position::new(0));
        let report = read_corruption(error);
        assert_eq!(before, bodies[..1], "life {life}");
        assert_eq!((report.place, report.position), (damaged.place, damaged.first));
        assert_eq!(report.first_missing, damaged.sequence);
        let next = machine.groups(2)[0].first;
        let (behind, error) = machine.read_from(next);
        assert!(error.is_none(), "{error:?}");
        let kept = usize::try_from(next.get()).expect("few");
        assert_eq!(behind[..bodies.len() - kept], bodies[kept..]);
        machine.append("and on");
        machine.close();
        machine.start();
    }
}

/// A bit rots in a group that a later one calls durable.
#[test]
fn row_25_rot_before_the_promised_end_is_refused_with_its_range() {
    let (mut machine, second) = three_commits();
    machine.flip(&segment_name(1), offset(&second) + 90);
    refuses_and_names(&mut machine, &second, BlockClass::TornPayload);
}

/// A bit rots in the very last group. Nothing behind it says that it was durable: this is the
/// window. A heartbeat or a clean close shuts it.
#[test]
fn row_26_rot_in_the_last_group_is_seen_once_a_heartbeat_or_a_close_covers_it() {
    let machine_and_last = || {
        let machine = machine_with(&["a", "b"]);
        let last = machine.last_commits(1);
        (machine, last)
    };
    let (mut machine, last) = machine_and_last();
    machine.flip(&segment_name(1), offset(&last) + 90);
    machine.kill();
    let report = machine.start();
    assert_eq!((report.head.get(), report.discarded_bytes), (1, last.padded_bytes()));
    assert_eq!(report.found, BlockClass::TornPayload);

    let (mut machine, last) = machine_and_last();
    machine.wait(Duration::from_secs(2));
    machine.flip(&segment_name(1), offset(&last) + 90);
    refuses_and_names(&mut machine, &last, BlockClass::TornPayload);

    let (mut machine, last) = machine_and_last();
    machine.close();
    machine.flip(&segment_name(1), offset(&last) + 90);
    let report = corruption(machine.refusal());
    assert!(matches!(report.row, 'A' | 'C'), "{report}");
    assert_eq!(report.place, last.place);
}

/// Every bit of the payload's length rots.
#[test]
fn row_27_rot_in_a_length_is_caught_before_the_length_is_used() {
    for bit in 0..32 {
        let (mut machine, second) = three_commits();
        let at = offset(&second) + 64 + bit / 8;
        let bit = u8::try_from(bit % 8).expect("below 8");
        machine.disk(|disk| disk.corrupt_bit(&segment_name(1), at, bit)).expect("it is there");
        refuses_and_names(&mut machine, &second, BlockClass::TornHeader);
    }
}

/// A bit rots in the header of each of three segments: the log never guesses. What a checkpoint
/// knows of a segment it does not ask the header for.
#[test]
fn row_28_rot_in_a_segment_header_is_refused_by_name() {
    for segments in 1..=3 {
        for damaged in 1..=segments {
            let mut machine = Machine::new();
            machine.start();
            machine.append("first");
            machine.fill_up_to(segments, "a");
            let held = machine.read();
            machine.kill();
            machine.flip(&segment_name(damaged), 40);
            match machine.open() {
                Err(OpenError::SegmentDamaged(named)) => assert_eq!(named.get(), damaged),
                Err(other) => panic!("segment {damaged} of {segments}: {other}"),
                Ok(report) => {
                    assert!(report.checkpoint_used, "{damaged} of {segments}: {report:?}");
                    assert_eq!(machine.read(), held);
                }
            }
        }
    }
}

/// The header of the only segment rots before anything else of the store says that it was used.
#[test]
fn row_28_rot_in_the_first_header_never_makes_a_new_log_over_the_old() {
    for appended in 1..4 {
        let mut machine = Machine::new();
        machine.open_at_once().expect("opens");
        // The keeper is slow, so that the superblock is still the first one.
        let slow = Fault::at_nth(FaultKind::Stall, 60_000_000, Operation::Create, 1, "checkpoint");
        machine.disk(|disk| disk.schedule(slow));
        for number in 0..appended {
            machine.append(&format!("{number}"));
        }
        machine.kill();
        machine.disk(|disk| disk.zero_sectors(&segment_name(1), 0..512)).expect("it is there");
        match machine.refusal() {
            OpenError::SegmentDamaged(named) => assert_eq!(named.get(), 1),
            other => panic!("it has to name the segment: {other}"),
        }
    }
}

/// A sector, then a whole page, turns to zeros.
#[test]
fn row_29_zeros_in_the_middle_are_refused_with_their_range() {
    for sectors in [1, 8] {
        let (mut machine, second) = three_commits();
        for body in ["d", "e", "f", "g", "h", "i", "j"] {
            machine.append(body);
        }
        let from = offset(&second);
        machine
            .disk(|disk| disk.zero_sectors(&segment_name(1), from..from + sectors * 512))
            .expect("it is there");
        refuses_and_names(&mut machine, &second, BlockClass::Zero);
    }
}

/// Each single sector of a store at rest rots or turns to zeros: after a clean close, and after a
/// heartbeat and a power failure. The log refuses, or a read does, or nothing is missing.
#[test]
fn row_29_no_sector_of_a_store_at_rest_is_lost_in_silence() {
    for closed in [true, false] {
        let mut machine = Machine::new();
        machine.start();
        machine.fill_up_to(3, "a");
        machine.wait(Duration::from_secs(2));
        let held = machine.read();
        if closed {
            machine.close();
        }
        machine.power_off();
        let at_rest = machine.disk(|disk| disk.clone());
        let mut named = 0;
        for name in at_rest.names() {
            let sectors = machine.contents(&name).len() as u64 / 512;
            for at in (0..sectors).map(|sector| sector * 512) {
                let mut rotten = at_rest.clone();
                rotten.corrupt_bit(&name, at + 90, 3).expect("it is there");
                let mut zeroed = at_rest.clone();
                zeroed.zero_sectors(&name, at..at + 512).expect("it is there");
                named += usize::from(!is_whole_or_named(rotten, &held));
                named += usize::from(!is_whole_or_named(zeroed, &held));
            }
        }
        assert!(named > 50, "{named}");
    }
}

/// Whether the log has everything; if not, it has to say so.
fn is_whole_or_named(disk: SimDisk, held: &[String]) -> bool {
    let mut machine = machine_on(disk);
    if machine.open().is_err() {
        return false;
    }
    let (found, error) = machine.read_from(Position::new(0));
    assert!(held.starts_with(&found), "what is read is what was appended");
    assert!(error.is_some() || found == held, "{} of {}", found.len(), held.len());
    error.is_none()
}
