//! Arbitrary bytes as what the event store reads: the body of a commit, and the files of its index.
//!
//! Both are private to the kernel, so that they are reached as a disk would bring them: a body
//! through the log, pages through the files of runs, resealed so that no checksum stands in front.
//! What is forged may be answered with an error or with nonsense, and never with a panic.

use super::checksum;
use crate::{SimDisk, World};
use sagalog::{
    Append, Commit, EventType, Log, NewEvent, OpenError, Options, Position, Query, QueryItem, Read,
    Store, StreamId, Tag,
};
use std::sync::OnceLock;

const PAGE_BYTES: usize = 4096;
/// How many places of an index are forged at most.
const PATCHES_MAX: usize = 64;

fn options() -> Options {
    Options::default()
        .segment_bytes(256 << 10)
        .group_bytes_max(64 << 10)
        .queue_bytes_max(128 << 10)
        .cache_bytes(1 << 20)
}

/// Puts `bytes` into the log as the body of a commit, and opens the log as a store. The commit
/// takes as many positions as the body says that it has events, if it can.
///
/// # Panics
/// If the store opens and then breaks a promise.
pub fn body_decode(bytes: &[u8]) {
    let world = World::new(1);
    let runtime = world.runtime();
    let events = bytes.get(4..6).map_or(1, |events| u16::from_le_bytes([events[0], events[1]]));
    let commit = Commit::new(bytes.to_vec()).with_positions(u32::from(events).clamp(1, 4096));
    world.block_on(async {
        let (log, _) = Log::open_with(&runtime, options()).await.expect("a healthy disk");
        if log.append(commit).await.is_err() {
            return;
        }
        log.close().await.expect("a healthy disk");
        match Store::open_with(&runtime, options()).await {
            Ok((store, report)) => {
                let found = store.read(Read::all().with_system()).collect().await;
                let found = found.expect("what was opened can be read");
                assert_eq!(u64::try_from(found.len()), Ok(report.head.get()), "all its events");
                visit(&store).await;
            }
            Err(OpenError::Undecodable { position, .. }) => {
                assert_eq!(position, Position::new(0), "the first commit is meant");
            }
            Err(error) => panic!("the log is sound: {error}"),
        }
    });
}

/// Forges the index of a store at the places that `bytes` name, then opens and uses the store.
///
/// The first byte says which run. Behind it stand rows: page (2 bytes), offset (2 bytes), how many
/// bytes (1 byte, at most 16), bytes. Numbers are little-endian and taken modulo what there is.
///
/// # Panics
/// If the store does not open, though its log is sound, or breaks a promise then.
pub fn index_image(bytes: &[u8]) {
    static INDEXED: OnceLock<SimDisk> = OnceLock::new();
    let mut disk = INDEXED.get_or_init(indexed).clone();
    forge(&mut disk, bytes);
    let world = World::with_disk(1, disk);
    let runtime = world.runtime();
    world.block_on(async {
        let opened = Store::open_with(&runtime, options()).await;
        let (store, report) = opened.expect("whatever the index is, the log is sound");
        assert_eq!(report.head, Position::new(EVENTS), "the log says where it ends");
        visit(&store).await;
        store.close().await.expect("a healthy disk");
    });
}

const APPENDS: u64 = 96;
const EVENTS: u64 = APPENDS * 32;

/// A store with several runs, with inner pages and with lists that take pages of their own.
fn indexed() -> SimDisk {
    let world = World::new(1);
    let runtime = world.runtime();
    world.block_on(async {
        let (store, _) = Store::open_with(&runtime, options()).await.expect("a new store");
        for number in 0..APPENDS {
            let append = (0..32).fold(Append::new(), |append, at| {
                let name = format!("order-{}", (number * 7 + at) % 97);
                let stream = StreamId::parse(&name).expect("a name");
                let event_type = EventType::parse("OrderPlaced").expect("a name");
                let tag = Tag::parse(&format!("customer:{}", at % 5)).expect("a name");
                append.event(stream, NewEvent::new(event_type, vec![1; 40]).tag(tag))
            });
            store.append(append).await.expect("healthy");
        }
        store.close().await.expect("healthy");
    });
    let disk = world.disk(|disk| disk.clone());
    let files: Vec<Vec<u8>> = runs(&disk).iter().filter_map(|name| disk.contents(name)).collect();
    assert!(files.len() > 1, "there is an index to forge");
    for file in &files {
        let mut resealed = file.clone();
        reseal(&mut resealed);
        assert!(resealed == *file, "a forger seals as the store does");
    }
    let mut pages = files.iter().flat_map(|file| file.chunks(PAGE_BYTES).skip(1));
    for kind in 1..=4 {
        assert!(pages.clone().any(|page| page[4] == kind), "there is a page of kind {kind}");
    }
    assert!(pages.all(|page| page.len() == PAGE_BYTES), "a run is whole pages");
    disk
}

fn runs(disk: &SimDisk) -> Vec<String> {
    disk.names().into_iter().filter(|name| name.starts_with("run-")).collect()
}

fn forge(disk: &mut SimDisk, bytes: &[u8]) {
    let names = runs(disk);
    let Some((which, mut rows)) = bytes.split_first() else { return };
    let name = &names[usize::from(*which) % names.len()];
    let mut file = disk.contents(name).expect("it was just listed");
    let pages = file.len() / PAGE_BYTES;
    let mut left = PATCHES_MAX;
    while let Some((head, rest)) = rows.split_first_chunk::<5>() {
        let [page_low, page_high, low, high, count] = *head;
        let page = usize::from(u16::from_le_bytes([page_low, page_high])) % pages;
        let offset = usize::from(u16::from_le_bytes([low, high])) % PAGE_BYTES;
        let count = usize::from(count % 17).min(rest.len()).min(PAGE_BYTES - offset);
        let (patch, rest) = rest.split_at(count);
        let start = page * PAGE_BYTES;
        file[start + offset..start + offset + count].copy_from_slice(patch);
        rows = rest;
        left -= 1;
        if left == 0 {
            break;
        }
    }
    reseal(&mut file);
    disk.add_file(name, &file);
}

/// Makes all checksums of a run's file hold, as a forger would.
fn reseal(file: &mut [u8]) {
    let (header, pages) = file.split_at_mut(PAGE_BYTES);
    let crc = checksum(&[&header[..12], &header[16..]].concat());
    header[12..16].copy_from_slice(&crc.to_le_bytes());
    // Identity, the positions of both anchors, the chain value of the second.
    let seal = [&header[16..32], &header[56..64], &header[112..120], &header[136..140]].concat();
    for (number, page) in (1_u32..).zip(pages.chunks_exact_mut(PAGE_BYTES)) {
        let crc = checksum(&[&seal, &number.to_le_bytes()[..], &page[4..]].concat());
        page[..4].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Asks for everything that an index answers, and appends.
async fn visit(store: &Store) {
    let order = StreamId::parse("order-17").expect("a name");
    let tag = Tag::parse("customer:3").expect("a name");
    let query = Query::new(QueryItem::new().tag(tag));
    let reads = [
        Read::stream(order.clone()),
        Read::category("order").limit(600),
        Read::category("order").backward().limit(600),
        Read::query(query.clone()),
        Read::all().from_position(Position::new(2500)).limit(10),
    ];
    for read in reads {
        let _ = store.read(read).collect().await;
    }
    let _ = store.streams("").collect().await;
    let _ = store.stream_info(&order).await;
    let event_type = EventType::parse("OrderPaid").expect("a name");
    let append = Append::new().no_match(query, None).event(order, NewEvent::new(event_type, "{}"));
    let _ = store.append(append).await;
}
