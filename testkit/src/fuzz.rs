//! What fuzzers and the committed corpus run: arbitrary bytes against everything that reads a disk.
//!
//! The fuzz targets in `fuzz/` only call these functions, and so does
//! `tests/repository/fuzz_corpus.rs` with what stands in `fuzz/seeds/`. Not a generator: the bytes
//! come from outside. The invariant: no
//! panic, no hang, no allocation beyond the limits, whatever the bytes are.

mod saga;
mod store;

pub use saga::{journal_image, saga_fold};
pub use store::{body_decode, index_image};

use sagalog::{
    Log, OpenError, Options, Position, SegmentId, StoreId,
    log::{
        checkpoint,
        group::{Commits, GroupHeader, HEADER_BYTES},
        segment::SegmentHeader,
        superblock::{CheckpointName, Slot, Superblock, choose},
    },
};

use crate::{SimDisk, World};

/// The store that the images of the corpus belong to.
pub const STORE: StoreId = StoreId::from_bytes(*b"fuzzed store id.");
/// The largest file of an image.
const FILE_BYTES_MAX: usize = 1 << 20;
/// How many files an image may have.
const FILES_MAX: usize = 32;

/// Puts `bytes` through every decoder of the format.
///
/// # Panics
/// If a decoder breaks a promise.
pub fn group_decode(bytes: &[u8]) {
    if let Ok(header) = GroupHeader::decode(bytes, STORE) {
        let end = HEADER_BYTES + usize::try_from(header.payload_bytes).unwrap_or(usize::MAX);
        let payload = bytes.get(HEADER_BYTES..end.min(bytes.len()));
        let payload = payload.unwrap_or_default();
        let commits = Commits::new(&header, payload);
        let most = usize::try_from(header.commits).unwrap_or(usize::MAX);
        assert!(commits.count() <= most.saturating_add(1), "the walk ends");
        let _ = (header.covers(payload), header.padded_bytes());
    }
    let segment = SegmentId::new(1);
    let _ = SegmentHeader::decode(bytes, STORE, segment);
    let half = bytes.len() / 2;
    let slots = (Superblock::decode(bytes), Superblock::decode(&bytes[half..]));
    let _ = choose(slots.0, slots.1);
    if let Slot::Valid(superblock) = slots.0 {
        let block = superblock.encode();
        assert_eq!(Superblock::decode(&block), slots.0, "read as written");
    }
    let name = CheckpointName {
        segment,
        bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        crc: checksum(bytes),
    };
    let _ = checkpoint::decode(bytes, name, STORE, segment);
}

/// CRC-32, bit by bit: slow, and independent of the crate that the product uses.
fn checksum(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    });
    !crc
}

/// Builds a directory from `bytes`, opens it, reads it, appends, and opens it again.
///
/// An image is a row of files: kind (1 byte: 0 superblock, 1 segment, 2 checkpoint, 3 anything),
/// number (1 byte), bytes that are zeros behind the content in blocks (2 bytes), bytes of the
/// content (4 bytes), content. Numbers are little-endian; what is cut off is short.
///
/// # Panics
/// If the store opens and then breaks a promise.
pub fn recovery_image(bytes: &[u8]) {
    let mut disk = SimDisk::new();
    for (name, content) in files(bytes) {
        disk.add_file(&name, &content);
    }
    let Ok(head) = visit(&disk, 1) else {
        return;
    };
    assert!(head > 0, "the appended commit takes a position");
}

/// Opens and reads the store, appends one commit, closes, and demands that it opens again.
fn visit(disk: &SimDisk, seed: u64) -> Result<u64, OpenError> {
    let world = World::with_disk(seed, disk.clone());
    let runtime = world.runtime();
    let options = Options::default()
        .segment_bytes(16 << 10)
        .group_bytes_max(1 << 10)
        .queue_bytes_max(4 << 10);
    world.block_on(async {
        let (log, report) = Log::open_with(&runtime, options.clone()).await?;
        let mut reader = log.read(Position::new(0));
        while let Ok(Some(commit)) = reader.next().await {
            assert!(commit.first < report.head, "read below the head");
        }
        let appended = log.append(sagalog::Commit::new("after")).await;
        let Ok(appended) = appended else {
            return Ok(report.head.get().saturating_add(1));
        };
        assert_eq!(appended.first, report.head, "appended at the head");
        log.close().await.expect("a healthy disk");
        let (log, report) = Log::open_with(&runtime, options).await?;
        assert!(report.head > appended.last, "what was acknowledged is there");
        drop(log);
        Ok(report.head.get())
    })
}

fn files(mut bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let [kind, number, zeros @ ..] = *head;
        let [low, high, length @ ..] = zeros;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let (content, rest) = rest.split_at(length.min(rest.len()).min(FILE_BYTES_MAX));
        let zeros = usize::from(u16::from_le_bytes([low, high])) * 512;
        let mut content = content.to_vec();
        content.resize((content.len() + zeros).min(FILE_BYTES_MAX), 0);
        files.push((name(kind, number), content));
        bytes = rest;
        if files.len() == FILES_MAX {
            break;
        }
    }
    files
}

fn name(kind: u8, number: u8) -> String {
    match kind {
        0 => "STORE".into(),
        1 => format!("log-{number:020}.seg"),
        2 => format!("checkpoint-{number:020}.ckpt"),
        _ => format!("log-{number}.other"),
    }
}

/// The image of what stands on `disk`, without the zeros at the ends of the files.
pub fn image_of(disk: &SimDisk) -> Vec<u8> {
    let mut image = Vec::new();
    for name in disk.names() {
        let kind = match name.as_str() {
            "STORE" => 0,
            name if name.starts_with("log-") => 1,
            name if name.starts_with("checkpoint-") => 2,
            _ => continue,
        };
        let number: u8 =
            name.split(['-', '.']).nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
        let content = disk.contents(&name).unwrap_or_default();
        let used = content.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        let used = used.next_multiple_of(512).min(content.len());
        let zeros = u16::try_from((content.len() - used) / 512).unwrap_or(u16::MAX);
        image.extend([kind, number]);
        image.extend(zeros.to_le_bytes());
        image.extend(u32::try_from(used).unwrap_or(u32::MAX).to_le_bytes());
        image.extend(&content[..used]);
    }
    image
}
