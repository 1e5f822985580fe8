//! Rows 46, 50 and 51: what other versions wrote, other devices' sectors, and forged lengths.
//!
//! Checksums hold here: whoever wrote these bytes knew the format.

use super::*;
use sagalog::log::{
    group,
    recovery::BlockClass,
    segment,
    superblock::{Slot, Superblock},
};
use sagalog_testkit::segment_name;

/// The block with its version replaced and its checksum put right.
fn of_format(block: &[u8], format: u32) -> Vec<u8> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&block[..8]);
    hasher.update(&format.to_le_bytes());
    hasher.update(&block[16..512]);
    let crc = hasher.finalize();
    [&block[..8], &format.to_le_bytes(), &crc.to_le_bytes(), &block[16..512]].concat()
}

fn refuses_untouched(machine: &mut Machine) {
    let everything = |machine: &Machine| {
        let names = machine.disk(|disk| disk.names());
        names.into_iter().map(|name| machine.contents(&name)).collect::<Vec<_>>()
    };
    let before = everything(machine);
    match machine.refusal() {
        OpenError::NewerFormat { found, supported } => {
            assert_eq!((found, supported), (segment::FORMAT + 1, segment::FORMAT));
        }
        other => panic!("it has to name the version: {other}"),
    }
    assert_eq!(everything(machine), before);
}

/// A newer version was here: it wrote a superblock, or started a segment.
#[test]
fn row_46_a_newer_format_is_refused_and_nothing_is_written() {
    for slot in [0, 4096] {
        let mut machine = machine_with(&["a"]);
        machine.close();
        let bytes = machine.contents("STORE");
        let newer = of_format(&bytes[slot..], segment::FORMAT + 1);
        machine.disk(|disk| disk.overwrite("STORE", slot as u64, &newer)).expect("it is there");
        refuses_untouched(&mut machine);
    }
    let mut machine = machine_with(&["a"]);
    let first = machine.contents(&segment_name(1));
    machine.kill();
    let newer = of_format(&first, segment::FORMAT + 1);
    machine.disk(|disk| disk.overwrite(&segment_name(2), 0, &newer)).expect("it is there");
    refuses_untouched(&mut machine);
}

/// A store of 512-byte groups on a device that writes 4096 bytes at a time: of a group in flight
/// only whole pages land. Its durable neighbours in the same page are written with equal bytes.
#[test]
fn row_50_groups_are_aligned_by_the_format_and_not_by_the_device() {
    let body = "b".repeat(3_600);
    for offset_blocks in 0..8 {
        let small: Vec<String> = (0..offset_blocks).map(|n| n.to_string()).collect();
        let small: Vec<&str> = small.iter().map(String::as_str).collect();
        for pages in 0..4_u64 {
            let mut machine = machine_with(&small);
            machine.append_unsynced(&body);
            let first = offset(&machine.last_commits(1)) / 512;
            let units = machine.disk(|disk| disk.unsynced_units()) as u64;
            let page = |unit: u64| (first + unit) / 8 - first / 8;
            let kept = (0..units).filter(|unit| pages >> page(*unit) & 1 == 1);
            machine.power_off_keeping(kept.map(|unit| 1 << unit).sum());
            machine.start();
            let found = machine.read();
            assert_eq!(found[..small.len()], small);
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            goes_on_after(&mut machine, &found);
        }
    }
}

/// The group's header with another payload length and a checksum that fits.
fn forged(header: &[u8], store: &[u8], payload_bytes: u32) -> Vec<u8> {
    let mut covered = header[8..group::HEADER_BYTES].to_vec();
    covered[56..60].copy_from_slice(&payload_bytes.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(store);
    hasher.update(&covered);
    [&group::MAGIC[..], &hasher.finalize().to_le_bytes(), &covered].concat()
}

/// The last group claims to be longer than memory, than any group, than the segment.
#[test]
fn row_51_a_forged_length_is_bounded_before_it_is_used() {
    for (payload_bytes, seen) in [
        (u32::MAX, BlockClass::TornHeader),
        (8 << 20, BlockClass::TornHeader),
        ((8 << 20) - 80, BlockClass::TornHeader),
        (15 << 10, BlockClass::TornHeader),
        (10 << 10, BlockClass::TornPayload),
    ] {
        let mut machine = machine_with(&["a", "b"]);
        let store = *machine.log().store().as_bytes();
        let at = offset(&machine.last_commits(1));
        machine.kill();
        let bytes = machine.contents(&segment_name(1));
        let from = usize::try_from(at).expect("16 KiB");
        let header = forged(&bytes[from..], &store, payload_bytes);
        machine.disk(|disk| disk.overwrite(&segment_name(1), at, &header)).expect("it is there");
        let report = machine.start();
        assert_eq!(report.found, seen, "{payload_bytes}");
        goes_on_after(&mut machine, &["a"]);
    }
}

/// Every number of the superblock is forged to its extremes: the log opens or refuses, and neither
/// panics nor asks for memory that the number speaks of.
#[test]
fn row_51_forged_numbers_in_the_superblock_are_errors_and_no_panics() {
    let machine = machine_with(&["a", "b"]);
    let before = machine.disk(|disk| {
        disk.process_crash();
        disk.clone()
    });
    let newest = |bytes: &[u8]| match Superblock::decode(bytes) {
        Slot::Valid(superblock) => superblock.generation,
        _ => 0,
    };
    for field in 0..14 {
        for number in [0, 1, 2, 1 << 20, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
            let mut machine = machine_on(before.clone());
            let bytes = machine.contents("STORE");
            let slot = if newest(&bytes[..512]) > newest(&bytes[4096..]) { 0 } else { 4096 };
            let mut block = bytes[slot..slot + 512].to_vec();
            block[32 + 8 * field..][..8].copy_from_slice(&number.to_le_bytes());
            let forged = of_format(&block, segment::FORMAT);
            machine.disk(|disk| disk.overwrite("STORE", slot as u64, &forged)).expect("there");
            if machine.open().is_ok() {
                let _ = machine.read_from(sagalog::Position::new(0));
            }
        }
    }
}
