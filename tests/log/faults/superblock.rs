//! Rows 17 to 23: the superblock, the checkpoint and other things that can be derived.
//!
//! The log's own groups are intact here, except where a row says that they are gone.

use super::*;
use sagalog::{
    Epoch, OpenWarning, Position, SegmentId, Sequence,
    log::{
        Chain, checkpoint,
        segment::{SegmentEntry, SegmentTable},
        superblock::{Slot, Superblock},
    },
};
use sagalog_testkit::segment_name;

const SLOT: u64 = 4096;

/// A machine with three segments, closed in order, and what it holds.
fn closed_machine() -> (Machine, Vec<String>) {
    let mut machine = Machine::new();
    machine.start();
    machine.fill_up_to(3, "a");
    let held = machine.read();
    machine.close();
    (machine, held)
}

/// The superblock with the higher generation and the place of its slot.
fn newest(machine: &Machine) -> (Superblock, u64) {
    let bytes = machine.contents("STORE");
    let slots = [&bytes[..512], &bytes[4096..4608]].map(Superblock::decode);
    let valid = slots.into_iter().filter_map(|slot| match slot {
        Slot::Valid(superblock) => Some(superblock),
        _ => None,
    });
    let superblock = valid.max_by_key(|s| s.generation).expect("one slot is valid");
    (superblock, superblock.slot_offset())
}

fn put(machine: &Machine, superblock: &Superblock) {
    machine
        .disk(|disk| disk.overwrite("STORE", superblock.slot_offset(), &superblock.encode()))
        .expect("the superblock is there");
}

fn everything_on(machine: &Machine) -> Vec<(String, Vec<u8>)> {
    let names = machine.disk(|disk| disk.names());
    names.into_iter().map(|name| (name.clone(), machine.contents(&name))).collect()
}

/// A recovery has gone on in a segment that only the newer slot names, and both that slot and the
/// segment's header are destroyed. The file is not taken for one that was never used.
#[test]
fn row_17_a_segment_that_no_slot_names_any_more_is_looked_into() {
    let mut machine = Machine::new();
    for _ in 0..2 {
        machine.kill();
        machine.open_at_once().expect("opens");
    }
    // The keeper is slow, so that the superblock is written no more.
    let slow = Fault::at_nth(FaultKind::Stall, 60_000_000, Operation::Create, 1, "checkpoint");
    machine.disk(|disk| disk.schedule(slow));
    machine.append("a");
    machine.kill();
    let (superblock, slot) = newest(&machine);
    assert_eq!(superblock.prepared_through.get(), 2);
    for (file, at) in [("STORE", slot), (&segment_name(2), 0)] {
        machine.disk(|disk| disk.zero_sectors(file, at..at + 512)).expect("it is there");
    }
    match machine.refusal() {
        OpenError::SegmentDamaged(named) => assert_eq!(named.get(), 2),
        other => panic!("it has to name the segment: {other}"),
    }
}

/// The disk loses the first writer's claim and the header of its segment: it seems that nobody was
/// ever here, and the groups say otherwise.
#[test]
fn row_17_a_lost_first_claim_makes_no_new_log_over_the_old() {
    let mut machine = Machine::new();
    machine.open_at_once().expect("opens");
    let slow = Fault::at_nth(FaultKind::Stall, 60_000_000, Operation::Create, 1, "checkpoint");
    machine.disk(|disk| disk.schedule(slow));
    machine.append("a");
    machine.kill();
    for (file, at) in [("STORE", newest(&machine).1), (&segment_name(1), 0)] {
        machine.disk(|disk| disk.zero_sectors(file, at..at + 512)).expect("it is there");
    }
    match machine.refusal() {
        OpenError::SegmentDamaged(named) => assert_eq!(named.get(), 1),
        other => panic!("it has to name the segment: {other}"),
    }
}

/// One slot is torn: the newer one, then the older one.
#[test]
fn row_17_a_torn_superblock_slot_leaves_the_other_one() {
    for newer in [true, false] {
        let (mut machine, held) = closed_machine();
        let (_, slot) = newest(&machine);
        let torn = if newer { slot } else { SLOT - slot };
        machine.disk(|disk| disk.overwrite("STORE", torn + 64, &[0xFF; 448])).expect("it is there");
        let report = machine.start();
        assert_eq!(report.warnings, [OpenWarning::SuperblockSlotDamaged]);
        assert_eq!((machine.read(), report.clean), (held, !newer));
    }
}

/// The floor moved, the files went, and then the newest slot rots: the other one knows the floor.
#[test]
fn row_17_either_slot_knows_the_floor_before_a_file_goes() {
    for newer in [true, false] {
        let mut machine = Machine::new();
        machine.start();
        machine.fill_up_to(4, "a");
        let keep = machine.log().keep_from(machine.log().head());
        machine.world().block_on(keep).expect("retires");
        let held = machine.read();
        machine.kill();
        let (_, slot) = newest(&machine);
        let torn = if newer { slot } else { SLOT - slot };
        machine.flip("STORE", torn + 40);
        let report = machine.start();
        assert_eq!(report.warnings, [OpenWarning::SuperblockSlotDamaged]);
        assert_eq!(machine.read(), held);
    }
}

/// Both slots are damaged: the log refuses and writes nothing.
#[test]
fn row_18_without_a_superblock_the_log_refuses_and_writes_nothing() {
    for first_segment_only in [true, false] {
        let (mut machine, _) = closed_machine();
        if first_segment_only {
            machine = machine_with(&["a"]);
            machine.close();
        }
        machine.flip("STORE", 40);
        machine.flip("STORE", SLOT + 40);
        let before = everything_on(&machine);
        let refusal = machine.refusal();
        assert!(matches!(refusal, OpenError::SuperblockDamaged), "{refusal}");
        assert_eq!(everything_on(&machine), before);
    }
}

/// The file with the superblock is gone or empty: that is no reason to begin a new store.
#[test]
fn row_18_a_store_that_lost_its_superblock_file_is_not_a_new_one() {
    for empty in [true, false] {
        let mut machine = machine_with(&["a"]);
        machine.close();
        machine
            .disk(
                |disk| {
                    if empty { disk.truncate_file("STORE", 0) } else { disk.remove_file("STORE") }
                },
            )
            .expect("it is there");
        let refusal = machine.refusal();
        assert!(matches!(refusal, OpenError::SuperblockDamaged), "{refusal}");
    }
}

/// The disk confirmed superblock writes and lost them: the one on disk is the first of all, while
/// the log has three segments.
#[test]
fn row_19_a_superblock_older_than_the_log_is_accepted() {
    let mut machine = machine_with(&["first"]);
    let old = machine.contents("STORE");
    machine.fill_up_to(4, "a");
    let held = machine.read();
    machine.close();
    machine.disk(|disk| disk.overwrite("STORE", 0, &old)).expect("it is there");
    let report = machine.start();
    assert!(report.warnings.contains(&OpenWarning::SuperblockOutdated), "{report:?}");
    assert!(!report.clean && report.discarded_bytes == 0, "{report:?}");
    let held: Vec<&str> = held.iter().map(String::as_str).collect();
    goes_on_after(&mut machine, &held);
}

/// The disk confirmed the mark of the clean close and lost it.
#[test]
fn row_19_a_lost_mark_of_a_clean_close_costs_a_recovery() {
    let mut machine = machine_with(&["a"]);
    machine.disk(|disk| {
        disk.schedule(Fault::at_nth(FaultKind::LostWrite, 0, Operation::Write, 1, "STORE"));
    });
    machine.close();
    machine.power_off();
    let report = machine.start();
    assert_eq!((report.row, report.clean), (Some('K'), false));
    goes_on_after(&mut machine, &["a"]);
}

/// The store was closed in order; then its end is zeros, or the last segment is cut or gone.
#[test]
fn row_20_an_end_that_is_missing_after_a_clean_close_is_refused() {
    let (mut machine, _) = closed_machine();
    let last = machine.last_commits(3);
    let end = offset(&last) + last.padded_bytes();
    machine.disk(|disk| disk.zero_sectors(&segment_name(3), offset(&last)..end)).expect("there");
    let report = corruption(machine.refusal());
    assert_eq!((report.row, report.place), ('C', last.place));
    assert_eq!(report.first_missing, last.sequence);

    let (mut machine, _) = closed_machine();
    machine.disk(|disk| disk.truncate_file(&segment_name(3), 512)).expect("there");
    assert_eq!(corruption(machine.refusal()).row, 'C');

    let (mut machine, _) = closed_machine();
    machine.disk(|disk| disk.remove_file(&segment_name(3))).expect("there");
    let refusal = machine.refusal();
    assert!(matches!(refusal, OpenError::SegmentMissing(gap) if gap.get() == 3), "{refusal}");
}

/// The checkpoint is torn, missing, or another store's under the same name: the headers are read
/// instead, and the next close makes a new one.
#[test]
fn row_21_a_checkpoint_that_does_not_hold_is_ignored_with_a_warning() {
    for damage in 0..3 {
        let (mut machine, held) = closed_machine();
        let name = checkpoint::file_name(newest(&machine).0.checkpoint.expect("it has one"));
        let whole = machine.contents(&name);
        machine
            .disk(|disk| match damage {
                0 => disk.overwrite(&name, 40, &[0; 8]),
                1 => disk.remove_file(&name),
                _ => {
                    disk.add_file(&name, &vec![7; whole.len()]);
                    Ok(())
                }
            })
            .expect("it is there");
        let report = machine.start();
        assert_eq!(report.warnings, [OpenWarning::CheckpointUnusable]);
        assert_eq!((machine.read(), report.checkpoint_used), (held.clone(), false));
        machine.close();
        let report = machine.start();
        assert!(report.checkpoint_used && report.warnings.is_empty(), "{report:?}");
        assert_eq!(machine.read(), held);
    }
}

/// A checkpoint that is sound in itself speaks of segments that the store does not have.
#[test]
fn row_22_a_checkpoint_that_goes_beyond_the_log_is_discarded() {
    let (mut machine, held) = closed_machine();
    let (mut superblock, _) = newest(&machine);
    let mut table = SegmentTable::new();
    for number in 1..=9 {
        table.push(SegmentEntry {
            segment: SegmentId::new(number),
            segment_bytes: 16 << 10,
            sequence: Sequence::new(number),
            first: Position::new(number),
            chain: Chain::START,
            epoch: Epoch::new(0),
        });
    }
    let (name, bytes) = checkpoint::encode(superblock.store, &table).expect("not empty");
    machine.disk(|disk| disk.add_file(&checkpoint::file_name(name), &bytes));
    superblock.checkpoint = Some(name);
    put(&machine, &superblock);
    let report = machine.start();
    assert_eq!(report.warnings, [OpenWarning::CheckpointUnusable]);
    assert_eq!((machine.read(), report.clean), (held, true));
}

/// The files of the index have names of their own. What another version may have derived is foreign
/// to this one: it is reported and left alone, and nothing is read from it.
#[test]
fn row_23_a_derived_file_of_another_version_is_reported_and_left_alone() {
    let (mut machine, held) = closed_machine();
    let name = "index-00000000000000000001.idx";
    machine.disk(|disk| disk.add_file(name, &[0xA5; 900]));
    machine.flip(name, 100);
    let report = machine.start();
    assert_eq!(report.warnings, [OpenWarning::UnknownFile(name.into())]);
    assert_eq!(machine.read(), held);
    assert_eq!(machine.contents(name).len(), 900);
}
