//! Opening, reading, checking and salvaging agree on a log: on damaged disks, and on a directory in
//! which a crash interrupted the creation of a store.
//!
//! Crashes alone are in `crash_images`. The invariant: see `judged`; and what a refusal tells its
//! reader to do can be done, and helps.

use super::judged::{Judged, PASSED_OVER, agree_that_it_is_sound};
use sagalog::{Log, OpenError, ReadOnlyLog, inspect::DamageKind};
use sagalog_testkit::{Machine, Order, SimDisk, World, segment_name};
use std::{collections::BTreeSet, io::ErrorKind, time::Duration};

/// Disks of a store of some segments: killed, closed in order, and with its first segments retired.
fn disks() -> Vec<SimDisk> {
    let (mut killed, mut closed, mut retired) = (Machine::new(), Machine::new(), Machine::new());
    for machine in [&mut killed, &mut closed, &mut retired] {
        machine.start();
        machine.fill_up_to(4, "a");
    }
    let keep = retired.log().keep_from(retired.log().head());
    retired.world().block_on(keep).expect("retires");
    retired.append("behind the floor");
    closed.close();
    for machine in [&mut killed, &mut retired] {
        machine.kill();
    }
    [killed, closed, retired].map(|machine| machine.disk(|disk| disk.clone())).into()
}

/// Every disk that differs from `disk` by one damaged block, one file that is gone, empty or cut,
/// or by the loss of both superblock slots or their file together with one further block.
fn damaged(disk: &SimDisk) -> Vec<SimDisk> {
    let mut damaged = Vec::new();
    let mut with = |harm: &dyn Fn(&mut SimDisk) -> std::io::Result<()>| {
        let mut disk = disk.clone();
        harm(&mut disk).expect("the file is there");
        damaged.push(disk);
    };
    for name in disk.names() {
        let length = disk.contents(&name).expect("it is listed").len() as u64;
        for block in 0..length / 512 {
            let range = block * 512..(block + 1) * 512;
            with(&|disk| disk.corrupt_bit(&name, range.start + 40, 3));
            with(&|disk| disk.zero_sectors(&name, range.clone()));
        }
        with(&|disk| disk.remove_file(&name));
        with(&|disk| disk.truncate_file(&name, 0));
        with(&|disk| disk.truncate_file(&name, length / 2 / 512 * 512));
        if name != "STORE" {
            with(&|disk| {
                disk.zero_sectors("STORE", 0..8192)?;
                disk.corrupt_bit(&name, 40, 3)
            });
            with(&|disk| {
                disk.remove_file("STORE")?;
                disk.corrupt_bit(&name, 40, 3)
            });
        }
    }
    // Nothing is left that names the store.
    with(&|disk| {
        for name in disk.names() {
            disk.zero_sectors(&name, 0..512)?;
        }
        disk.zero_sectors("STORE", 4096..4608)
    });
    damaged
}

/// Every single damage of three stores: all judges agree, and of those that a check calls damaged
/// although they open each is in the table.
#[test]
fn all_judges_agree_on_every_damaged_disk() {
    let (mut passed_over, mut refusals, mut disks_judged) = (BTreeSet::new(), BTreeSet::new(), 0);
    for disk in disks() {
        agree_that_it_is_sound(&disk);
        for damaged in damaged(&disk) {
            let judged = Judged::of(&damaged);
            passed_over.extend(judged.agree().iter().map(|kind| kind.name()));
            let refusal = judged.refusal().map(|error| format!("{error:?}"));
            refusals.extend(refusal.map(|text| text.split(['(', ' ']).next().map(str::to_owned)));
            disks_judged += 1;
        }
    }
    assert!(disks_judged > 1_000, "{disks_judged}");
    for kind in ["groups", "segment_header", "checkpoint"] {
        assert!(passed_over.contains(kind), "no disk was damaged in {kind}: {passed_over:?}");
    }
    let expected =
        ["Corrupt", "IdentityLost", "SegmentDamaged", "SegmentMissing", "SuperblockDamaged"];
    let found: Vec<String> = refusals.into_iter().flatten().collect();
    assert_eq!(found, expected);
    assert!(PASSED_OVER.iter().all(|(_, why)| !why.is_empty()));
}

/// The power fails in the first group of a new store: the segment's header is lost and the group
/// is there. That was a start which a crash interrupted, and nobody calls it damage.
#[test]
fn a_first_group_without_its_header_is_an_interrupted_start() {
    let mut headless = 0;
    for ops in 1.. {
        let world = World::with_disk(1, SimDisk::new()).with_order(Order::Fifo);
        let runtime = world.runtime();
        let opening = Log::open_with(&runtime, Machine::options());
        let done = world.run_until_op(ops, opening).is_some();
        for image in world.disk(|disk| disk.crash_images(256, true).collect::<Vec<_>>()) {
            let bytes = image.contents(&segment_name(1)).unwrap_or_default();
            let lost = bytes.get(..512).is_some_and(|header| header.iter().all(|byte| *byte == 0));
            let kept = bytes.get(512..516) == Some(b"SgGp");
            headless += usize::from(lost && kept);
            agree_that_it_is_sound(&image);
        }
        if done {
            break;
        }
    }
    assert!(headless > 0, "some crash leaves the group without the header");
}

/// Where a file system cannot set space aside, zeros are written, and a power failure may leave
/// anything in their place. Whatever stands in the first segment before there is a superblock, the
/// store is made in the next attempt.
#[test]
fn garbage_in_a_store_that_was_being_made_is_no_store() {
    let mut unmade = 0;
    for ops in 1..60 {
        let world = World::with_disk(1, SimDisk::new()).with_order(Order::Fifo);
        let runtime = world.runtime();
        if world.run_until_op(ops, Log::open_with(&runtime, Machine::options())).is_some() {
            break;
        }
        for mut image in world.disk(|disk| disk.crash_images(64, true).collect::<Vec<_>>()) {
            let names = image.names();
            if names.iter().any(|name| name == "STORE") || !names.contains(&segment_name(1)) {
                continue;
            }
            image.overwrite(&segment_name(1), 0, &[0xA5; 5_000]).expect("it is there");
            unmade += 1;
            let judged = Judged::of(&image);
            judged.agree();
            assert!(matches!(judged.refusal(), Some(OpenError::NotAStore { .. })));
            let mut machine = Machine::with_disk(image, Machine::options());
            assert!(machine.start().created);
            machine.append("a");
            machine.power_off();
            machine.start();
            assert_eq!(machine.read(), ["a"]);
        }
    }
    assert!(unmade > 3, "{unmade}");
}

/// A store of which nothing is left but its first segment is no store that was being made, whatever
/// of that is damaged besides.
#[test]
fn a_store_without_its_superblock_file_is_never_made_anew() {
    for (blocks, salvageable) in [(0, true), (1, false), (2, false)] {
        let mut machine = Machine::new();
        machine.open_at_once().expect("opens");
        machine.append("acknowledged");
        machine.append("acknowledged too");
        machine.kill();
        machine
            .disk(|disk| {
                let others = disk.names().into_iter().filter(|name| *name != segment_name(1));
                others.into_iter().try_for_each(|name| disk.remove_file(&name))?;
                disk.zero_sectors(&segment_name(1), 0..blocks * 512)
            })
            .expect("it is there");
        let judged = Judged::of(&machine.disk(|disk| disk.clone()));
        judged.agree();
        let refusal = machine.refusal();
        match (&refusal, salvageable) {
            (OpenError::SuperblockDamaged, true) | (OpenError::IdentityLost, false) => {}
            (other, _) => panic!("it has to say what is lost: {other}"),
        }
        assert_eq!(judged.refusal().map(ToString::to_string), Some(refusal.to_string()));
    }
}

/// Somebody else's directory is no store, whatever its files are called.
#[test]
fn names_like_those_of_a_store_make_none() {
    let mut disk = SimDisk::new();
    for name in ["log-access.txt", "checkpoint-of-a-model", "STORE.draft", "run-away.idx"] {
        disk.add_file(name, b"mine");
        let judged = Judged::of(&disk);
        judged.agree();
        assert!(matches!(judged.refusal(), Some(OpenError::NotAStore { .. })), "{name}");
    }
}

/// A slot of the superblock that a crash may have torn is a warning; one that the log outlived was
/// durable, and is damage.
#[test]
fn a_slot_is_damaged_only_if_the_log_outlived_the_other_one() {
    let mut machine = Machine::new();
    machine.start();
    machine.append("a");
    machine.close();
    let flipped = |disk: &SimDisk, slot: u64| {
        let mut disk = disk.clone();
        disk.corrupt_bit("STORE", slot + 40, 3).expect("it is there");
        disk
    };
    let closed = machine.disk(|disk| disk.clone());
    for slot in [0, 4096] {
        let judged = Judged::of(&flipped(&closed, slot));
        assert_eq!(judged.agree(), [], "an opening may have been about to write it");
    }
    machine.open_at_once().expect("opens");
    machine.kill();
    let open = machine.disk(|disk| disk.clone());
    let kinds: Vec<_> = [0, 4096].map(|slot| Judged::of(&flipped(&open, slot)).agree()).into();
    assert!(kinds.contains(&vec![DamageKind::SuperblockSlot]), "its epoch's groups are there");
}

/// The log was closed in order when its segment was full to the last block.
#[test]
fn an_orderly_close_with_a_full_segment_is_one() {
    let mut full = 0;
    for bytes in (0..1_024).step_by(64) {
        let mut machine = Machine::new();
        machine.start();
        while machine.groups(2).is_empty() {
            let last = machine
                .groups(1)
                .last()
                .map_or(512, |group| group.place.offset + group.padded_bytes());
            let room = (16 << 10) - last;
            machine.append(&"x".repeat(if room > 3_000 { 1_000 } else { bytes }));
            if room <= 1_536 {
                break;
            }
        }
        machine.close();
        let disk = machine.disk(|disk| disk.clone());
        agree_that_it_is_sound(&disk);
        let report = machine.start();
        assert!(report.clean, "{report:?}");
        full += usize::from(report.row == Some('H'));
    }
    assert!(full > 0, "some close leaves no room");
}

/// A restart without space. A store that was killed goes on in a new segment, for which there is no
/// room: it is refused for writing with a sentence that says so, and is readable meanwhile. One
/// that was closed in order goes on where it was.
#[test]
fn a_killed_store_wants_room_to_open_and_is_readable_without() {
    for closed in [true, false] {
        let mut machine = Machine::new();
        machine.start();
        machine.disk(|disk| disk.set_quota(Some(disk.used_bytes())));
        let mut held = Vec::new();
        let enough = if closed { 3 } else { usize::MAX };
        while held.len() < enough && machine.try_append(&"x".repeat(2_000)).is_ok() {
            held.push("x".repeat(2_000));
        }
        assert!(held.len() >= 3);
        if closed {
            machine.close();
            machine.start();
            assert_eq!(machine.read(), held);
            continue;
        }
        machine.kill();
        let judged = Judged::of(&machine.disk(|disk| disk.clone()));
        let refusal = machine.refusal();
        assert!(matches!(&refusal, OpenError::Io(error) if error.kind() == ErrorKind::StorageFull));
        let sentence = refusal.to_string();
        assert!(sentence.starts_with("no room to open for writing: "), "{sentence}");
        assert!(sentence.ends_with("; make room, or open read-only"), "{sentence}");
        let runtime = machine.world().runtime();
        let beside = machine.world().block_on(ReadOnlyLog::open_with(&runtime)).expect("readable");
        let stats = beside.stats();
        assert_eq!(stats.head.get() + stats.unproven_positions, held.len() as u64);
        assert!(judged.refusal().is_some());
        machine.disk(|disk| disk.set_quota(None));
        machine.start();
        assert_eq!(machine.read(), held);
    }
}

/// The last handle is dropped and not closed: the log closes in the background, so that opening it
/// again at once finds the lock, and a moment later does not.
#[test]
fn a_dropped_log_closes_in_the_background() {
    let world = World::with_disk(1, SimDisk::new()).with_order(Order::Fifo);
    let runtime = world.runtime();
    let open = || world.block_on(Log::open_with(&runtime, Machine::options()));
    let (log, _) = open().expect("a new store");
    drop(log);
    let locked = open().expect_err("it is closing");
    assert!(matches!(locked, OpenError::Locked), "{locked}");
    world.run_for(Duration::from_secs(1));
    let (_log, report) = open().expect("it has closed");
    assert!(report.clean, "{report:?}");
}
