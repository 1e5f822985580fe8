//! Rows 30 to 33 and 52: disks that read and write elsewhere, lose what they confirm, or lie.
//!
//! Whatever such a disk does, the log never gives out wrong bytes and never loses in silence what
//! later evidence speaks of.

use super::*;
use sagalog::{Position, log::recovery::BlockClass};
use sagalog_testkit::{FaultPlan, segment_name};

/// More than there are sectors on the disk of a young log.
const SECTORS: u64 = 100;

fn plan(machine: &Machine, fault: Fault) {
    machine.disk(|disk| disk.schedule(fault));
}

/// A write goes to every other sector of the disk in turn, over whatever stands there; the log
/// notices nothing until the power goes.
#[test]
fn row_30_a_misdirected_write_is_detected_wherever_it_lands() {
    for sector in 0..SECTORS {
        let mut machine = machine_with(&["a", "b"]);
        plan(
            &machine,
            Fault::at_nth(FaultKind::MisdirectedWrite, sector, Operation::Write, 1, "log-"),
        );
        machine.append("c");
        machine.append("d");
        machine.power_off();
        match machine.refusal() {
            OpenError::Corrupt(report) => {
                assert!(report.first_missing <= machine.last_commits(1).sequence, "{report}");
            }
            OpenError::SegmentDamaged(_) => {}
            other => panic!("sector {sector}: it has to name the damage: {other}"),
        }
    }
}

/// The very last write goes to every other sector: if the log opens, what it lacks is that one.
#[test]
fn row_30_a_misdirected_last_write_harms_no_other_commit_in_silence() {
    for sector in 0..SECTORS {
        let mut machine = machine_with(&["a", "b"]);
        plan(
            &machine,
            Fault::at_nth(FaultKind::MisdirectedWrite, sector, Operation::Write, 1, "log-"),
        );
        machine.append("c");
        machine.power_off();
        if machine.open().is_ok() {
            let (found, error) = machine.read_from(Position::new(0));
            assert!(error.is_none() && found == ["a", "b"], "sector {sector}: {found:?} {error:?}");
        }
    }
}

/// A read returns what stands elsewhere: once, and the second look is right; twice, and the reader
/// says so; the third time it reads on.
#[test]
fn row_31_a_misdirected_read_is_retried_once_and_then_an_error() {
    for sector in 0..SECTORS {
        let machine = machine_with(&["a", "b"]);
        plan(
            &machine,
            Fault::at_nth(FaultKind::MisdirectedRead, sector, Operation::Read, 1, "log-"),
        );
        assert_eq!(machine.read(), ["a", "b"], "sector {sector}");
    }
    let machine = machine_with(&["a", "b"]);
    let zeros = 3;
    for _ in 0..2 {
        plan(
            &machine,
            Fault::at_nth(FaultKind::MisdirectedRead, zeros, Operation::Read, 1, "log-"),
        );
        plan(
            &machine,
            Fault::at_nth(FaultKind::MisdirectedRead, zeros, Operation::Read, 2, "log-"),
        );
        let (found, error) = machine.read_from(Position::new(0));
        let report = read_corruption(error);
        assert_eq!((found.len(), report.place), (0, machine.groups(1)[0].place));
        assert_eq!(machine.read(), ["a", "b"]);
    }
}

/// Each single read of a recovery returns what stands elsewhere. The log opens with everything, or
/// refuses; opened again it has everything.
#[test]
fn row_31_a_misdirected_read_during_a_recovery_loses_nothing() {
    let held = machine_with(&["a", "b"]);
    let before = held.disk(|disk| {
        disk.process_crash();
        disk.clone()
    });
    let mut refused = 0;
    for read in 1..16 {
        for sector in 0..SECTORS {
            let mut machine = machine_on(before.clone());
            plan(
                &machine,
                Fault::at_nth(FaultKind::MisdirectedRead, sector, Operation::Read, read, ""),
            );
            if machine.open().is_err() {
                refused += 1;
                machine.start();
            }
            assert_eq!(machine.read(), ["a", "b"], "read {read}, sector {sector}");
        }
    }
    assert_eq!(refused, 0, "one retry is enough");
}

/// A write is confirmed, readable from the cache, and gone after the power failure.
#[test]
fn row_32_a_lost_write_breaks_the_chain_and_is_refused() {
    let mut machine = machine_with(&["a"]);
    next(&machine, FaultKind::LostWrite, Operation::Write, "log-");
    machine.append("b");
    let lost = machine.last_commits(1);
    machine.append("c");
    assert_eq!(machine.read(), ["a", "b", "c"]);
    machine.power_off();
    let report = corruption(machine.refusal());
    assert_eq!((report.row, report.found), ('A', BlockClass::Zero));
    assert_eq!((report.place, report.first_missing), (lost.place, lost.sequence));
}

/// The header of a new segment is confirmed and lost. The log refuses, unless a checkpoint knows
/// what the header said: then it has everything.
#[test]
fn row_32_a_lost_segment_header_is_refused_by_name() {
    for slow_keeper in [true, false] {
        let mut machine = machine_with(&["a"]);
        let second = segment_name(2);
        plan(&machine, Fault::at_nth(FaultKind::LostWrite, 0, Operation::Write, 1, &second));
        if slow_keeper {
            let slow =
                Fault::at_nth(FaultKind::Stall, 60_000_000, Operation::Create, 1, "checkpoint");
            plan(&machine, slow);
        }
        machine.fill_up_to(2, "b");
        machine.append("c");
        let held = machine.read();
        machine.power_off();
        match machine.open() {
            Err(OpenError::SegmentDamaged(named)) => assert_eq!(named.get(), 2),
            Err(other) => panic!("it has to name the segment: {other}"),
            Ok(report) => {
                assert!(report.checkpoint_used && !slow_keeper, "{report:?}");
                assert_eq!(machine.read(), held);
            }
        }
    }
}

/// A recovery copies the last commit to a fresh segment, and the disk confirms the copy and loses
/// it. The segment's header stands, nothing was written behind it: it alone says what was there.
#[test]
fn row_32_a_lost_copy_of_a_recovery_is_refused() {
    let mut machine = machine_with(&["a"]);
    let copied = machine.last_commits(1);
    machine.kill();
    next(&machine, FaultKind::LostWrite, Operation::Write, "log-");
    // The header is the second write, the first group of the epoch would be the third.
    plan(&machine, Fault::at_nth(FaultKind::NoSpace, 0, Operation::Write, 3, &segment_name(2)));
    assert!(matches!(machine.open(), Err(OpenError::Io { .. })));
    machine.power_off();
    let report = corruption(machine.refusal());
    assert_eq!((report.row, report.found), ('A', BlockClass::Zero));
    assert_eq!(report.first_missing, copied.sequence);
    assert_eq!(report.durable_through, copied.sequence);
}

/// Every sector of the first segment in turn cannot be read: what lies before it and in the other
/// segments is served, and the log takes more.
#[test]
fn row_33_a_sector_that_cannot_be_read_fails_reads_of_its_range_and_no_others() {
    for sector in 0..10 {
        let mut machine = Machine::new();
        machine.start();
        let bodies = machine.fill_up_to(3, "a");
        plan(&machine, Fault::at_nth(FaultKind::LatentError, sector, Operation::Read, 1, "log-"));
        let (found, error) = machine.read_from(Position::new(0));
        let Some(ReadError::Io { place, .. }) = error else {
            panic!("sector {sector}: {error:?}");
        };
        assert_eq!(place.segment.get(), 1);
        assert_eq!(found, bodies[..found.len()]);
        let next = machine.groups(2)[0].first;
        let kept = usize::try_from(next.get()).expect("few");
        assert_eq!(machine.read_from(next).0, bodies[kept..]);
        machine.append("and on");
        machine.close();
        machine.start();
    }
}

/// A sector of the active segment cannot be read while the log recovers: it refuses, cuts nothing,
/// and has everything once the sector can be read again.
#[test]
fn row_33_an_unreadable_sector_is_never_taken_for_the_end() {
    let machine = machine_with(&["a", "b", "c"]);
    let before = machine.disk(|disk| {
        disk.process_crash();
        disk.clone()
    });
    for sector in 0..5 {
        let mut machine = machine_on(before.clone());
        let first = segment_name(1);
        // The header is read first, before and after the lock is taken.
        let nth = if sector == 0 { 1 } else { 3 };
        plan(&machine, Fault::at_nth(FaultKind::LatentError, sector, Operation::Read, nth, &first));
        match machine.refusal() {
            // The segment's header is read before the log is walked.
            OpenError::Io(_) if sector == 0 => {}
            refusal => assert_eq!(corruption(refusal).found, BlockClass::Unreadable),
        }
        for name in [segment_name(1), segment_name(2)] {
            let bytes = before.contents(&name).expect("it is there");
            assert_eq!(machine.contents(&name), bytes);
        }
    }
}

/// Every sync of the first segment lies from some point on, and the power goes. Where a later
/// segment or a clean close is evidence, the loss is named.
#[test]
fn row_52_a_lying_sync_is_reported_where_evidence_remains() {
    let lies = FaultPlan { rates: vec![(FaultKind::LyingSync, 1_000_000)], ..FaultPlan::default() };
    for closes in [true, false] {
        let mut machine = machine_with(&["a"]);
        machine.disk(|disk| disk.set_faults(lies.clone(), 1));
        machine.append("b");
        let lost = machine.last_commits(1);
        machine.disk(SimDisk::heal);
        if closes {
            machine.close();
        }
        machine.power_off();
        if closes {
            let report = corruption(machine.refusal());
            assert_eq!((report.row, report.place), ('C', lost.place));
        } else {
            // No evidence: the window that docs/GUARANTEES.md names.
            assert_eq!(machine.start().row, Some('K'));
            assert_eq!(machine.read(), ["a"]);
        }
    }
}
