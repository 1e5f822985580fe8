//! Rows 1 to 11: what a crash leaves of writes in flight, and of the recovery from one.
//!
//! Damage of durable bytes is not here: everything in this file may happen on an honest disk.

use super::*;
use sagalog::log::{
    Anchor,
    group::{Closing, Frame, GroupBuilder, GroupKind},
    recovery::BlockClass,
};
use sagalog_testkit::segment_name;

/// Three sectors, header included.
fn three_sectors() -> String {
    "b".repeat(1_300)
}

/// The power goes before the write of the second commit has begun.
#[test]
fn row_01_a_crash_before_any_byte_leaves_the_group_absent() {
    let mut machine = machine_with(&["a"]);
    machine.append_cut_after(0, "b");
    machine.power_off();
    let report = machine.start();
    assert_eq!((report.row, report.found), (Some('K'), BlockClass::Zero));
    assert_eq!((report.discarded_bytes, report.head.get()), (0, 1));
    goes_on_after(&mut machine, &["a"]);
}

/// Of a group of three sectors the first one lands, or the first two.
#[test]
fn row_02_a_torn_group_of_which_a_prefix_landed_is_discarded_whole() {
    for landed in [0b001, 0b011] {
        let mut machine = machine_with(&["a"]);
        machine.append_unsynced(&three_sectors());
        assert_eq!(machine.disk(|disk| disk.unsynced_units()), 3);
        machine.power_off_keeping(landed);
        let report = machine.start();
        assert_eq!(report.found, BlockClass::TornPayload);
        assert_eq!((report.row, report.discarded_bytes), (Some('M'), 3 * 512));
        goes_on_after(&mut machine, &["a"]);
    }
}

/// Of a group of three sectors every proper subset lands.
#[test]
fn row_03_a_torn_group_of_which_any_subset_landed_is_discarded_whole() {
    for landed in 0b000..0b111 {
        let mut machine = machine_with(&["a"]);
        machine.append_unsynced(&three_sectors());
        machine.power_off_keeping(landed);
        let report = machine.start();
        // Without the header nothing says that there was a group.
        let seen = (landed & 1) * 3 * 512;
        assert_eq!(report.discarded_bytes, seen, "{landed:b}: {report:?}");
        assert_eq!(report.head.get(), 1);
        goes_on_after(&mut machine, &["a"]);
    }
}

/// The sector with the header is torn in the middle, in every combination with the others.
#[test]
fn row_04_a_group_with_a_torn_header_is_discarded_whole() {
    let machine = machine_with(&["a"]);
    machine.append_unsynced(&three_sectors());
    let torn: Vec<SimDisk> = machine.disk(|disk| disk.crash_images(0, true).take(4).collect());
    assert_eq!(torn.len(), 4);
    for disk in torn {
        let mut machine = machine_on(disk);
        let report = machine.start();
        assert!(report.discarded_bytes >= 512, "{report:?}");
        assert!(matches!(report.found, BlockClass::TornHeader | BlockClass::TornPayload));
        goes_on_after(&mut machine, &["a"]);
    }
}

/// The file's length reached the disk before its content: garbage stands behind the last group,
/// behind the file's end, and all over the prepared segment.
#[test]
fn row_05_garbage_where_the_size_came_before_the_data_is_discarded() {
    let mut machine = machine_with(&["a"]);
    let last = machine.last_commits(1);
    let tail = offset(&last) + last.padded_bytes();
    machine.kill();
    machine
        .disk(|disk| {
            disk.overwrite(&segment_name(1), tail, &[0xA5; 700])?;
            disk.overwrite(&segment_name(1), 16 << 10, &[0xA5; 4096])?;
            disk.overwrite(&segment_name(2), 0, &[0xA5; 16 << 10])
        })
        .expect("both files are there");
    let report = machine.start();
    assert_eq!((report.row, report.found), (Some('L'), BlockClass::TornHeader));
    assert!(report.discarded_bytes >= 1024, "{report:?}");
    goes_on_after(&mut machine, &["a"]);
}

/// Two groups in flight, the second lands and the first does not. This version has one write in
/// flight; the format allows more, so the second group is made by hand.
#[test]
fn row_06_of_two_groups_in_flight_neither_counts_without_the_first() {
    let mut machine = machine_with(&["a"]);
    let last = machine.last_commits(1);
    let missing = Anchor::behind(&last);
    let mut second = GroupBuilder::new(Vec::new());
    second.push(Frame::new(b"c", 1), missing.position.next());
    let (second, bytes) = second.close(Closing {
        kind: GroupKind::Commits,
        store: machine.log().store(),
        place: sagalog::log::Place { offset: missing.next.offset + 512, ..missing.next },
        epoch: last.epoch,
        sequence: missing.sequence.next(),
        first: missing.position.next(),
        durable_through: last.sequence,
        chain: missing.chain,
    });
    machine.kill();
    machine
        .disk(|disk| disk.overwrite(&segment_name(1), offset(&second), &bytes))
        .expect("the file is there");
    let report = machine.start();
    assert_eq!((report.row, report.found), (Some('M'), BlockClass::Zero));
    assert_eq!(report.discarded_bytes, second.padded_bytes());
    goes_on_after(&mut machine, &["a"]);
}

/// Nobody was told, yet all of the group landed: it appears, and then stays through every crash.
#[test]
fn row_07_a_whole_group_that_was_not_acknowledged_appears_and_stays() {
    let mut machine = machine_with(&["a"]);
    machine.append_unsynced(&three_sectors());
    machine.power_off_keeping(u64::MAX);
    let report = machine.start();
    assert_eq!((report.rewritten_groups, report.discarded_bytes), (1, 0));
    for life in 0..6 {
        assert_eq!(machine.read(), ["a", &three_sectors()], "life {life}");
        if life % 2 == 0 {
            machine.power_off();
        } else {
            machine.kill();
        }
        assert_eq!(machine.start().head.get(), 2);
    }
    goes_on_after(&mut machine, &["a", &three_sectors()]);
}

/// A segment's file lives a second life. The group behind which its old content begins lands, and
/// the zeros that should separate them do not.
#[test]
fn row_08_a_stale_record_of_a_former_life_is_rejected() {
    let mut machine = Machine::new();
    machine.start();
    machine.fill_up_to(3, "old ");
    let head = machine.log().head();
    machine.world().block_on(machine.log().keep_from(head)).expect("retires");
    machine.fill_up_to(5, "new ");
    let before = machine.read();
    // One block more than a filling commit: its end is where an old group begins.
    let body = "b".repeat(3_600);
    machine.append_unsynced(&body);
    assert_eq!(machine.disk(|disk| disk.unsynced_units()), 9, "eight and the zeros");
    machine.power_off_keeping(0b0_1111_1111);
    let report = machine.start();
    assert_eq!((report.row, report.found), (Some('K'), BlockClass::StaleLife));
    assert_eq!(report.discarded_bytes, 0);
    let held: Vec<String> = before.into_iter().chain([body]).collect();
    let held: Vec<&str> = held.iter().map(String::as_str).collect();
    goes_on_after(&mut machine, &held);
}

/// A group is discarded, the log goes on, and then the group's bytes are back where they stood.
#[test]
fn row_09_a_discarded_group_never_comes_back() {
    let mut machine = machine_with(&["a"]);
    machine.append_unsynced("b");
    let revived = machine.last_commits(1);
    let bytes = machine.contents(&segment_name(1));
    machine.power_off();
    machine.start();
    for life in ["c", "d"] {
        machine.append(life);
        machine.power_off();
        let at = offset(&revived);
        let from = usize::try_from(at).expect("16 KiB");
        machine
            .disk(|disk| disk.overwrite(&segment_name(1), at, &bytes[from..]))
            .expect("the file is there");
        machine.start();
    }
    goes_on_after(&mut machine, &["a", "c", "d"]);
}

/// The power goes after each single operation of a recovery, and after all of them in a row.
#[test]
fn row_10_a_recovery_that_is_cut_short_any_number_of_times_ends_the_same() {
    let mut machine = machine_with(&["a"]);
    machine.append_unsynced("b");
    machine.power_off_keeping(u64::MAX);
    let torn = machine.disk(|disk| disk.clone());
    let mut often = machine_on(torn.clone());
    let mut cuts = 0;
    loop {
        let mut once = machine_on(torn.clone());
        if !once.open_cut_after(cuts) {
            break;
        }
        once.power_off_keeping(cuts);
        once.start();
        goes_on_after(&mut once, &["a", "b"]);
        let _ = often.open_cut_after(cuts);
        often.power_off_keeping(u64::MAX >> (cuts % 3));
        cuts += 1;
    }
    assert!(cuts > 20, "{cuts} operations");
    often.start();
    goes_on_after(&mut often, &["a", "b"]);
}

/// A commit lies in the page cache only: its sync failed and the process died. The next process
/// shows it, and then the power goes.
#[test]
fn row_11_what_a_recovery_shows_from_the_page_cache_is_made_durable_first() {
    let mut machine = machine_with(&["a"]);
    next(&machine, FaultKind::SyncError, Operation::Sync, "log-");
    let answer = machine.try_append("b").expect_err("its sync fails");
    assert!(answer.is_unknown_outcome(), "{answer}");
    machine.kill();
    let report = machine.start();
    assert_eq!(report.rewritten_groups, 1, "{report:?}");
    assert_eq!(machine.read(), ["a", "b"]);
    machine.power_off();
    machine.start();
    goes_on_after(&mut machine, &["a", "b"]);
}
