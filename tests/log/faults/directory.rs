//! Rows 12 to 16 and 43 to 45: names that come late, come back, are missing or do not belong.
//!
//! File contents are intact here; only the directory is not what the log left.

use super::*;
use sagalog::{
    OpenWarning, Position, SegmentId,
    log::segment::{SegmentFault, SegmentHeader},
};
use sagalog_testkit::segment_name;

/// Does something to a machine and is cut after some operations of the disk; false if it was done
/// before that.
type Act<'a> = &'a dyn Fn(&mut Machine, u64) -> bool;

/// A machine for every operation of what `act` does, stopped there.
fn every_cut(before: &dyn Fn() -> Machine, act: Act<'_>) -> Vec<Machine> {
    let mut machines = Vec::new();
    for ops in 0.. {
        let mut machine = before();
        if !act(&mut machine, ops) {
            break;
        }
        machines.push(machine);
    }
    machines
}

/// A machine whose next commit starts a segment, after which the file of a retired one gets a new
/// name.
fn about_to_recycle() -> Machine {
    let mut machine = Machine::new();
    machine.start();
    machine.fill_up_to(3, "old ");
    let head = machine.log().head();
    let keep = machine.log().keep_from(head);
    machine.world().block_on(keep).expect("retires");
    for _ in 0..3 {
        machine.append(&"y".repeat(3_000));
    }
    machine
}

fn recycle(machine: &mut Machine, ops: u64) -> bool {
    machine.append_and_chores_cut_after(ops, &"z".repeat(3_000))
}

/// The log opens, and holds what it held before and maybe the commit that was cut.
fn holds_all_of(disk: SimDisk, held: &[String]) {
    let mut machine = machine_on(disk);
    machine.start();
    let found = machine.read();
    assert!(found.starts_with(held) && found.len() <= held.len() + 1);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    goes_on_after(&mut machine, &found);
}

/// The power goes at every point of the preparation of a segment.
#[test]
fn row_12_a_segment_whose_name_was_not_synced_is_absent_or_empty_and_made_again() {
    let before = || {
        let mut machine = Machine::new();
        machine.open_at_once().expect("opens");
        machine
    };
    let (mut absent, mut present) = (0, 0);
    for machine in every_cut(&before, &|machine, ops| machine.chores_cut_after(ops)) {
        for disk in images(&machine) {
            let there = disk.names().contains(&segment_name(2));
            *if there { &mut present } else { &mut absent } += 1;
            let mut machine = machine_on(disk);
            machine.start();
            assert!(machine.disk(|disk| disk.names().contains(&segment_name(2))));
            goes_on_after(&mut machine, &[]);
        }
    }
    assert!(absent > 3 && present > 3, "{absent} and {present}");
}

/// The power goes at every point of a recycling, also between the new name and the new header.
#[test]
fn row_13_a_recycled_file_with_its_old_header_is_a_spare() {
    let held = about_to_recycle().read();
    let store = about_to_recycle().log().store();
    let mut spares = 0;
    for machine in every_cut(&about_to_recycle, &recycle) {
        for disk in images(&machine) {
            let prepared = disk.contents(&segment_name(5)).unwrap_or_default();
            let header = SegmentHeader::decode(&prepared, store, SegmentId::new(5));
            spares += usize::from(matches!(header, Err(SegmentFault::OtherSegment(_))));
            holds_all_of(disk, &held);
        }
    }
    assert!(spares > 3, "{spares} spares");
}

/// As before, but of everything unsynced only the directory's changes survive.
#[test]
fn row_14_a_rename_that_outlived_its_content_gives_a_spare() {
    let held = about_to_recycle().read();
    let mut renamed = 0;
    for machine in every_cut(&about_to_recycle, &recycle) {
        let units = machine.disk(|disk| disk.unsynced_units());
        let before = machine.disk(|disk| disk.power_failure_image(0)).names();
        // The directory's changes are the last units; sectors of files come first.
        for entries in 1..=units.min(3) {
            let mask = u64::MAX << (units - entries);
            let disk = machine.disk(|disk| disk.power_failure_image(mask));
            renamed += usize::from(disk.names() != before);
            holds_all_of(disk, &held);
        }
    }
    assert!(renamed > 1, "{renamed}");
}

/// The removal of retired segments is confirmed, and after the power failure the names are back.
#[test]
fn row_15_a_removed_segment_that_returns_is_ignored_and_removed() {
    let mut machine = Machine::new();
    machine.start();
    machine.fill_up_to(4, "a");
    next(&machine, FaultKind::UnlinkReturns, Operation::Remove, "log-");
    let head = machine.log().head();
    let keep = machine.log().keep_from(head);
    let floor = machine.world().block_on(keep).expect("retires");
    assert!(floor > Position::new(0));
    let held = machine.read();
    machine.power_off();
    assert!(machine.disk(|disk| disk.names().contains(&segment_name(2))), "it is back");
    let report = machine.start();
    assert_eq!(report.floor, floor);
    assert!(!machine.disk(|disk| disk.names().contains(&segment_name(2))));
    let held: Vec<&str> = held.iter().map(String::as_str).collect();
    goes_on_after(&mut machine, &held);
}

/// The power goes at every point of a retirement: the floor has moved or not, the files are gone
/// or not, and in every order.
#[test]
fn row_16_a_floor_that_moved_before_its_files_went_hides_them() {
    let filled = || {
        let mut machine = Machine::new();
        machine.start();
        machine.fill_up_to(4, "a");
        machine
    };
    let retire = |machine: &mut Machine, ops| {
        let halt = machine.disk(|disk| disk.ops()) + ops + 1;
        let keep = machine.log().keep_from(machine.log().head());
        machine.world().run_until_op(halt, keep).is_none()
    };
    let whole = filled().read();
    let mut leftovers = 0;
    for machine in every_cut(&filled, &retire) {
        for image in images(&machine) {
            let before = image.names();
            let mut machine = machine_on(image);
            let report = machine.start();
            let floor = usize::try_from(report.floor.get()).expect("few");
            assert_eq!(machine.read(), whole[floor..]);
            leftovers += usize::from(floor > 0 && before.contains(&segment_name(1)));
            assert!(floor == 0 || !machine.disk(|disk| disk.names().contains(&segment_name(1))));
        }
    }
    assert!(leftovers > 3, "{leftovers}");
}

/// A segment of another store stands where one of this store's should.
#[test]
fn row_43_a_segment_of_another_store_is_refused_by_name() {
    let world = sagalog_testkit::World::new(2);
    let mut other = Machine::with_world(world, Machine::options());
    other.start();
    other.fill_up_to(3, "other ");
    let (store, bytes) = (other.log().store(), other.contents(&segment_name(2)));
    for number in [1, 2, 3] {
        let mut machine = Machine::new();
        machine.start();
        machine.fill_up_to(3, "a");
        machine.kill();
        let foreign = if number == 1 { other.contents(&segment_name(1)) } else { bytes.clone() };
        // Without its checkpoint the log reads every header.
        machine.disk(|disk| disk.add_file(&segment_name(number), &foreign));
        forget_checkpoint(&machine);
        match machine.refusal() {
            OpenError::ForeignFile { name, store: Some(named) } => {
                assert_eq!((name, named), (segment_name(number), store));
            }
            other => panic!("it has to name the file: {other}"),
        }
    }
}

fn forget_checkpoint(machine: &Machine) {
    let names = machine.disk(|disk| disk.names());
    for name in names.iter().filter(|name| name.starts_with("checkpoint-")) {
        machine.disk(|disk| disk.remove_file(name)).expect("it is there");
    }
}

/// A whole segment in the middle is gone, with and without a checkpoint that knows it.
#[test]
fn row_44_a_missing_segment_is_refused_by_name() {
    for with_checkpoint in [true, false] {
        for number in [1, 2, 3] {
            let mut machine = Machine::new();
            machine.start();
            machine.fill_up_to(3, "a");
            machine.kill();
            machine.disk(|disk| disk.remove_file(&segment_name(number))).expect("it is there");
            if !with_checkpoint {
                forget_checkpoint(&machine);
            }
            match machine.refusal() {
                OpenError::SegmentMissing(missing) => assert_eq!(missing.get(), number),
                other => panic!("it has to name the gap: {other}"),
            }
        }
    }
}

/// Files that nobody knows: what could be a segment is refused, the rest is left alone.
#[test]
fn row_45_unknown_files_are_refused_if_they_could_be_segments() {
    let second_copy = segment_name(1).replace(".seg", " (copy).seg");
    for name in ["log-1.seg", &second_copy, &segment_name(99)] {
        let mut machine = machine_with(&["a"]);
        machine.close();
        machine.disk(|disk| disk.add_file(name, b"what is this"));
        let refusal = machine.refusal();
        let named = matches!(&refusal, OpenError::ForeignFile { name: found, .. } if found == name);
        assert!(named, "{name}: {refusal}");
        assert!(machine.disk(|disk| disk.names().iter().any(|found| found == name)));
    }
    let mut machine = machine_with(&["a"]);
    machine.close();
    machine.disk(|disk| disk.add_file("notes.txt", b"mine"));
    let report = machine.start();
    assert_eq!(report.warnings, [OpenWarning::UnknownFile("notes.txt".into())]);
    assert_eq!(machine.contents("notes.txt"), b"mine");
    goes_on_after(&mut machine, &["a"]);
}
