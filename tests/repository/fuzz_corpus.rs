//! The committed corpus of the fuzz targets, run as plain tests; a found crash stays here for ever.
#![expect(
    clippy::disallowed_methods,
    reason = "the corpus is files of the source tree, not of a store"
)]

use sagalog::{
    Append, CommandKey, Commit, ConsumerId, Epoch, EventId, EventType, FenceName, FencingToken,
    Log, NewEvent, Options, Position, SegmentId, Sequence, Store, StreamId, Tag, WallTime,
    log::{
        Chain, Place,
        group::{Closing, Frame, GroupBuilder, GroupKind},
    },
};
use sagalog_testkit::{World, fuzz};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder(target)).expect("the corpus is in the tree");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has a corpus");
    paths.iter().map(|path| fs::read(path).expect("readable")).collect()
}

#[test]
fn group_decode() {
    for bytes in corpus("group_decode") {
        fuzz::group_decode(&bytes);
        for length in 0..bytes.len() {
            fuzz::group_decode(&bytes[..length]);
        }
    }
}

#[test]
fn recovery_image() {
    for bytes in corpus("recovery_image") {
        fuzz::recovery_image(&bytes);
    }
}

#[test]
fn recovery_image_cut_anywhere_and_flipped() {
    for bytes in corpus("recovery_image") {
        for at in (0..bytes.len()).step_by(61) {
            fuzz::recovery_image(&bytes[..at]);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fuzz::recovery_image(&flipped);
        }
    }
}

#[test]
fn body_decode() {
    for bytes in corpus("body_decode") {
        fuzz::body_decode(&bytes);
        for at in (0..bytes.len()).step_by(3) {
            fuzz::body_decode(&bytes[..at]);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fuzz::body_decode(&flipped);
        }
    }
}

#[test]
fn index_image() {
    for bytes in corpus("index_image") {
        fuzz::index_image(&bytes);
    }
}

#[test]
fn index_image_forged_in_every_page() {
    for at in 0..120_u16 {
        let offset = at.wrapping_mul(977);
        let [page, offset] = [at % 40, offset].map(u16::to_le_bytes);
        let patch = [page[0], page[1], offset[0], offset[1], 2, 0xFF, at.to_le_bytes()[0]];
        fuzz::index_image(&[&at.to_le_bytes()[..1], &patch].concat());
    }
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    fs::write(folder(target).join(name), bytes).expect("the tree is writable");
}

fn image(count: usize, closed: bool, keep_from: u64) -> Vec<u8> {
    let world = World::new(1);
    let runtime = world.runtime();
    let options = Options::default()
        .segment_bytes(16 << 10)
        .group_bytes_max(1 << 10)
        .queue_bytes_max(4 << 10);
    world.block_on(async {
        let (log, _) = Log::open_with(&runtime, options).await.expect("a new store");
        for number in 0..count {
            let body = vec![1; 700 * (number % 2)];
            log.append(Commit::new(body)).await.expect("healthy");
        }
        let _ = log.keep_from(Position::new(keep_from)).await;
        if closed {
            log.close().await.expect("healthy");
        }
    });
    world.crash_process();
    world.disk(|disk| fuzz::image_of(disk))
}

/// Bodies of appends, as the store writes them.
fn bodies() -> Vec<Vec<u8>> {
    let world = World::new(1);
    let runtime = world.runtime();
    let stream = |name| StreamId::parse(name).expect("a name");
    let event = || NewEvent::new(EventType::parse("OrderPlaced").expect("a name"), "{}");
    let whole = event()
        .id(EventId::from_bytes([7; 16]))
        .tag(Tag::parse("customer:3").expect("a name"))
        .metadata("m")
        .occurred_at(WallTime::from_unix_nanos(5))
        .correlation_id(EventId::from_bytes([1; 16]))
        .causation_id(EventId::from_bytes([2; 16]))
        .trace_context("00-trace")
        .principal("ada");
    let key = |name| CommandKey::parse(name).expect("a name");
    let appends = [
        Append::new().event(stream("order-17"), event()).event(stream("cart-3"), event()),
        Append::new()
            .event(stream("order-17"), whole)
            .key(key("k"))
            .checkpoint(ConsumerId::parse("mailer").expect("a name"), Position::new(1))
            .fence(FenceName::parse("shipping").expect("a name"), FencingToken::new(7)),
        Append::new().key(key("l")),
    ];
    world.block_on(async {
        let (store, _) = Store::open_with(&runtime, Options::default()).await.expect("a new store");
        for append in appends {
            store.append(append).await.expect("healthy");
        }
        store.close().await.expect("healthy");
        let (log, _) = Log::open_with(&runtime, Options::default()).await.expect("healthy");
        let mut reader = log.read(Position::new(0));
        let mut bodies = Vec::new();
        while let Some(commit) = reader.next().await.expect("readable") {
            bodies.push(commit.body.to_vec());
        }
        bodies
    })
}

#[test]
#[ignore = "writes the seeds of the corpus anew; run it when the format changes"]
fn write_seeds() {
    let closing = |kind| Closing {
        kind,
        store: fuzz::STORE,
        place: Place { segment: SegmentId::new(1), offset: 512 },
        epoch: Epoch::new(1),
        sequence: Sequence::new(1),
        first: Position::new(0),
        durable_through: Sequence::new(0),
        chain: Chain::START,
    };
    let mut builder = GroupBuilder::new(Vec::new());
    builder.push(Frame::new(b"one", 1), Position::new(0));
    builder.push(Frame::new(b"two", 2), Position::new(1));
    let (_, group) = builder.close(closing(GroupKind::Commits));
    write("group_decode", "group", &group);
    let (_, beat) = GroupBuilder::new(Vec::new()).close(closing(GroupKind::Heartbeat));
    write("group_decode", "heartbeat", &beat);
    for (name, body) in ["two_streams", "everything", "bare"].into_iter().zip(bodies()) {
        write("body_decode", name, &body);
    }
    // The root's number; the count of a leaf; the first entry of one; a filter's count.
    write("index_image", "root", &[0, 0, 0, 160, 0, 4, 1, 0, 0, 0]);
    write("index_image", "count", &[0, 1, 0, 6, 0, 2, 0xFF, 0xFF]);
    write("index_image", "entry", &[1, 1, 0, 8, 0, 3, 0, 255, 255]);
    write("index_image", "filter", &[1, 0xFF, 0xFF, 6, 0, 2, 63, 0]);
    let young = image(0, true, 0);
    write("group_decode", "blocks", &young[8..]);
    write("recovery_image", "young", &young);
    write("recovery_image", "dead", &image(5, false, 0));
    write("recovery_image", "rolled", &image(24, false, 0));
    write("recovery_image", "retired", &image(40, true, 38));
    let mut flipped = image(5, false, 0);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    write("recovery_image", "flipped", &flipped);
    write("recovery_image", "cut", &image(5, false, 0)[..middle]);
}
