//! The golden bytes of format version 2: what was written once is read and written alike for ever.
//!
//! Not a round trip, which would agree with any drift: the bytes stand in `*.hex` beside this file.
//! Whoever changes them makes a new format, with `docs/FORMAT.md` and the change log.
#![expect(
    clippy::disallowed_methods,
    reason = "the golden bytes are files of the source tree, not of a store"
)]

mod sagas;

use sagalog::{
    Epoch, Position, SegmentId, Sequence, StoreId,
    log::{
        Anchor, Chain, Place, checkpoint,
        group::{Closing, Commits, Frame, GroupBuilder, GroupHeader, GroupKind, HEADER_BYTES},
        segment::{self, SegmentEntry, SegmentHeader, SegmentTable},
        superblock::{CheckpointName, Chosen, Slot, Superblock},
    },
};
use std::{fmt::Write, fs, path::PathBuf};

const STORE: StoreId = StoreId::from_bytes(*b"golden store id.");

/// The bytes in the file `<name>.hex`: sixteen a line, behind the offset of the first.
fn golden(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/repository/format")
        .join(name)
        .with_extension("hex");
    let text = fs::read_to_string(path).expect("the golden bytes are in the tree");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .flat_map(|line| line.split_whitespace().skip(1))
        .map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits"))
        .collect()
}

/// Compares with what is written today; prints it in the files' form if it differs.
fn demand_golden(name: &str, written: &[u8]) {
    if golden(name) != written {
        let mut text = String::new();
        for (line, bytes) in written.chunks(16).enumerate() {
            let _ = write!(text, "{:04x} ", line * 16);
            for byte in bytes {
                let _ = write!(text, " {byte:02x}");
            }
            text.push('\n');
        }
        panic!("{name}: the format has drifted; written today:\n{text}");
    }
}

fn place(segment: u64, offset: u64) -> Place {
    Place { segment: SegmentId::new(segment), offset }
}

fn closing(kind: GroupKind) -> Closing {
    Closing {
        kind,
        store: STORE,
        place: place(2, 1024),
        epoch: Epoch::new(3),
        sequence: Sequence::new(0x0102_0304),
        first: Position::new(0x0000_0005_0000_0006),
        durable_through: Sequence::new(0x0102_0303),
        chain: Chain::new(0xA1B2_C3D4),
    }
}

fn checked(name: &str, header: &GroupHeader) {
    let bytes = golden(name);
    let found = GroupHeader::decode(&bytes, STORE).expect("format 1 stays readable");
    assert_eq!(found, *header, "{name}");
    let payload = &bytes[HEADER_BYTES..][..found.payload_bytes as usize];
    assert!(found.covers(payload), "{name}");
}

#[test]
fn a_group_of_two_commits() {
    let mut builder = GroupBuilder::new(Vec::new());
    let first = closing(GroupKind::Commits).first;
    builder.push(Frame::new(b"one event", 1), first);
    builder.push(Frame::new(b"three events in one", 3), first.plus(1));
    let (header, bytes) = builder.close(closing(GroupKind::Commits));
    demand_golden("group", &bytes);
    checked("group", &header);
    let golden = golden("group");
    let payload = &golden[HEADER_BYTES..][..header.payload_bytes as usize];
    let commits: Vec<_> = Commits::new(&header, payload)
        .map(|commit| commit.map(|c| (c.first, c.positions, c.body)))
        .collect();
    assert_eq!(
        commits,
        [Ok((first, 1, &b"one event"[..])), Ok((first.plus(1), 3, &b"three events in one"[..])),]
    );
}

#[test]
fn the_first_group_of_an_epoch() {
    let mut builder = GroupBuilder::new(Vec::new());
    builder.extend(&1_700_000_000_000_000_000_u64.to_le_bytes(), 0, 0);
    let (header, bytes) = builder.close(closing(GroupKind::EpochStart));
    demand_golden("epoch-start", &bytes);
    checked("epoch-start", &header);
}

#[test]
fn a_heartbeat() {
    let (header, bytes) = GroupBuilder::new(Vec::new()).close(closing(GroupKind::Heartbeat));
    demand_golden("heartbeat", &bytes);
    checked("heartbeat", &header);
}

#[test]
fn a_segment_header() {
    let header = SegmentHeader {
        store: STORE,
        segment: SegmentId::new(2),
        segment_bytes: 64 << 20,
        sequence: Sequence::new(0x0102_0304),
        first: Position::new(6),
        durable_through: Sequence::new(0x0102_0303),
        epoch: Epoch::new(3),
        chain: Chain::new(0xA1B2_C3D4),
    };
    demand_golden("segment-header", &header.encode());
    let found = SegmentHeader::decode(&golden("segment-header"), STORE, SegmentId::new(2));
    assert_eq!(found, Ok(header));
    let name = segment::file_name(SegmentId::new(2));
    assert_eq!(name, "log-00000000000000000002.seg");
}

fn superblock() -> Superblock {
    Superblock {
        store: STORE,
        generation: 7,
        epoch: Epoch::new(3),
        floor: SegmentId::new(1),
        prepared_through: SegmentId::new(4),
        checkpoint: Some(CheckpointName {
            segment: SegmentId::new(2),
            bytes: 104,
            crc: 0x1234_5678,
        }),
        anchor: Anchor {
            next: place(2, 4096),
            sequence: Sequence::new(0x0102_0305),
            position: Position::new(10),
            chain: Chain::new(0xA1B2_C3D4),
            last: Some(place(2, 3584)),
        },
        clean: true,
        created_unix_nanos: 1_700_000_000_000_000_000,
        chosen: Chosen {
            segment_bytes: 32 << 20,
            group_bytes_max: 2 << 20,
            key_horizon_events: 5_000_000,
            prepared_segments: 3,
        },
    }
}

#[test]
fn a_superblock() {
    demand_golden("superblock", &superblock().encode());
    let found = Superblock::decode(&golden("superblock"));
    assert_eq!(found, Slot::Valid(superblock()));
}

#[test]
fn a_checkpoint() {
    let mut table = SegmentTable::new();
    for (segment, sequence, first) in [(1, 1, 0), (2, 0x0102_0304, 6)] {
        table.push(SegmentEntry {
            segment: SegmentId::new(segment),
            segment_bytes: 1 << 20,
            sequence: Sequence::new(sequence),
            first: Position::new(first),
            chain: Chain::new(0xA1B2_C3D4),
            epoch: Epoch::new(0),
        });
    }
    let (name, bytes) = checkpoint::encode(STORE, &table).expect("the table has entries");
    demand_golden("checkpoint", &bytes);
    let golden = golden("checkpoint");
    let found = checkpoint::decode(&golden, name, STORE, SegmentId::new(4));
    assert_eq!(found, Some(table));
    assert_eq!(checkpoint::file_name(name), "checkpoint-00000000000000000002.ckpt");
}
