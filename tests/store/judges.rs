//! What a check says of a store whose commits another program has written to, and what a salvage
//! makes of one that has lost some: a store that opens.
//!
//! Damage of groups, headers and the superblock is the log's. The invariant: a check calls sound
//! what opens as a store, and a copy of a store is a store.

use super::{
    Host, event,
    host::{at, tiny},
    note, stream,
};
use sagalog::{
    Append, Commit, ConsumerId, Log, OpenError, OpenWarning, Options, Position, Read,
    inspect::{CheckReport, DamageKind, SalvageReport, check, salvage},
};
use sagalog_testkit::{Order, SharedDisk, SimDisk, World};
use std::io;

fn checked(disk: &SimDisk) -> CheckReport {
    let world = World::with_disk(1, disk.clone());
    world.block_on(check(&world.runtime(), &mut |_| {})).expect("it is a store")
}

/// A copy of what is left on `disk`.
fn salvaged(disk: &SimDisk) -> (SalvageReport, SimDisk) {
    let world = World::with_disk(1, disk.clone()).with_order(Order::Fifo);
    let copy = SharedDisk::new(SimDisk::new());
    let source = world.runtime();
    let target = source.add_machine(copy.clone());
    let report = world.block_on(salvage(&source, || Ok::<_, io::Error>(target), &mut |_| {}));
    let report = report.expect("something is left");
    (report, copy.with(|disk| disk.clone()))
}

/// That everybody judges alike a store that a crash has left: a check calls it sound, a reader
/// shows it up to what is proven, opening finds the same end, and a salvage copies all of it.
pub(crate) fn agree_on(image: &SimDisk) {
    let report = checked(image);
    assert!(report.is_sound() && report.holds_events, "{report:?}");
    let mut host = Host::closed(image.clone(), tiny());
    let seen = host.beside().head().get();
    assert_eq!(seen + report.unproven_positions, report.head.get());
    let opened = host.start();
    assert_eq!((opened.head, opened.floor), (report.head, report.floor));
    assert_eq!(opened.warnings, report.warnings);
    let unknown = |warning: &OpenWarning| matches!(warning, OpenWarning::UnknownFile(_));
    assert!(!report.warnings.iter().any(unknown), "the index is the store's: {report:?}");
    let (salvage, copy) = salvaged(image);
    assert_eq!((salvage.positions, salvage.rewritten), (opened.head.get(), 0), "{salvage:?}");
    let mut copied = Host::closed(copy, Options::default());
    copied.start();
    let everything = || Read::all().with_system();
    assert_eq!(copied.texts(everything()), host.texts(everything()));
}

/// The same disk after another program has appended `bodies` to the log.
fn with_commits(disk: SimDisk, bodies: Vec<Vec<u8>>) -> SimDisk {
    let world = World::with_disk(1, disk).with_order(Order::Fifo);
    world.block_on(async {
        let (log, _) = Log::open_with(&world.runtime(), tiny()).await.expect("the log is sound");
        for body in bodies {
            log.append(Commit::new(body)).await.expect("a log takes anything");
        }
        log.close().await.expect("closes");
    });
    world.disk(|disk| disk.clone())
}

fn bodies(disk: &SimDisk) -> Vec<Vec<u8>> {
    let world = World::with_disk(1, disk.clone()).with_order(Order::Fifo);
    world.block_on(async {
        let (log, _) = Log::open_with(&world.runtime(), tiny()).await.expect("the log is sound");
        let mut reader = log.read(Position::new(0));
        let mut bodies = Vec::new();
        while let Some(commit) = reader.next().await.expect("readable") {
            bodies.push(commit.body.to_vec());
        }
        bodies
    })
}

/// Two appends to one stream, closed in order.
fn small_store() -> SimDisk {
    let mut host = Host::new();
    host.append(note("a", "first"));
    host.append(note("a", "second"));
    host.close();
    host.image()
}

/// Another program has written to a store: something that is no append, and an append that does not
/// follow. Each is named with its position; a salvage leaves the first and takes the second in.
#[test]
fn what_another_program_wrote_to_a_store_is_named_by_position() {
    let disk = small_store();
    let sound = checked(&disk);
    assert!(sound.is_sound() && sound.holds_events, "{sound:?}");
    let again = bodies(&disk)[1].clone();
    let disk = with_commits(disk, vec![b"no append".to_vec(), again]);
    let mut host = Host::closed(disk.clone(), tiny());
    let refusal = host.open().expect_err("it is no store any more");
    assert!(matches!(refusal, OpenError::Undecodable { .. }), "{refusal}");
    let report = checked(&disk);
    assert!(!report.is_sound() && report.refusal.is_none(), "{report:?}");
    let named: Vec<_> = report.damages.iter().map(|damage| damage.commit.expect("one")).collect();
    assert!(report.damages.iter().all(|damage| damage.kind == DamageKind::Body));
    let places: Vec<_> = named.iter().map(|bad| (bad.first.get(), bad.positions)).collect();
    assert_eq!(places, [(2, 1), (3, 1)], "{named:?}");
    assert_eq!(named[1].reason, "a revision does not follow the one before");
    let (report, copy) = salvaged(&disk);
    assert_eq!((report.commits, report.rewritten, report.damages.len()), (3, 1, 1));
    assert!(checked(&copy).is_sound());
    let mut host = Host::closed(copy, Options::default());
    host.start();
    assert_eq!(host.texts(Read::stream(stream("a"))), ["first", "second", "second"]);
}

/// The commits of a bare log are whatever its program likes: nobody judges them, all are copied.
#[test]
fn of_a_bare_log_no_body_is_judged() {
    let commits: Vec<Vec<u8>> = (0..2_000_u32).map(|number| number.to_le_bytes().into()).collect();
    let disk = with_commits(SimDisk::new(), commits.clone());
    let report = checked(&disk);
    assert!(report.is_sound() && !report.holds_events, "{report:?}");
    let (report, copy) = salvaged(&disk);
    assert_eq!((report.commits, report.rewritten), (2_000, 0));
    let copied = World::with_disk(1, copy);
    let found = copied.block_on(async {
        let options = Options::default();
        let (log, _) = Log::open_with(&copied.runtime(), options).await.expect("a log");
        let mut reader = log.read(Position::new(0));
        let mut found = Vec::new();
        while let Some(commit) = reader.next().await.expect("readable") {
            found.push(commit.body.to_vec());
        }
        found
    });
    assert_eq!(found, commits);
}

/// The append with the payload `text` is destroyed.
fn without(mut disk: SimDisk, text: &str) -> SimDisk {
    for name in disk.names().into_iter().filter(|name| name.starts_with("log-")) {
        let bytes = disk.contents(&name).expect("it is listed");
        if let Some(at) = bytes.windows(text.len()).position(|part| part == text.as_bytes()) {
            disk.corrupt_bit(&name, at as u64, 0).expect("it is there");
            return disk;
        }
    }
    panic!("{text} is nowhere")
}

/// Appends in the middle of a stream are lost. The copy opens as a store: its stream goes on
/// without a gap, takes appends, and consumers go on with the event that they would have got.
#[test]
fn a_copy_that_has_lost_appends_is_a_store() {
    let consumer = |name: &str| ConsumerId::parse(name).expect("a name");
    let mut host = Host::new();
    for number in 0..10 {
        host.append(note("a", &format!("event number {number}")));
        host.append(note("b", &format!("another number {number}")));
    }
    for (name, position) in [("early", 3), ("lost", 8), ("late", 15)] {
        let moved = Append::new().checkpoint(consumer(name), at(position));
        host.append(moved.event(stream("c"), event("Noted", name)));
    }
    host.close();
    // Positions 8 and 10: two events of stream a.
    let disk = without(without(host.image(), "event number 4"), "event number 5");
    let (report, copy) = salvaged(&disk);
    assert_eq!((report.commits, report.damages.len()), (21, 2), "{report:?}");
    let mut host = Host::closed(copy.clone(), Options::default());
    host.start();
    let left = host.read(Read::stream(stream("a")));
    let revisions: Vec<u64> = left.iter().map(|event| event.revision().get()).collect();
    assert_eq!(revisions, (0..8).collect::<Vec<_>>());
    let texts = host.texts(Read::stream(stream("a")));
    let kept = [0, 1, 2, 3, 6, 7, 8, 9].map(|number| format!("event number {number}"));
    assert_eq!(texts, kept);
    assert_eq!(host.append(note("a", "and on")).revision(&stream("a")).expect("one").get(), 8);
    for (name, position) in [("early", 3), ("lost", 7), ("late", 13)] {
        let checkpoint = host.run(host.store().checkpoint(&consumer(name))).expect("readable");
        assert_eq!(checkpoint, Some(at(position)), "{name}");
    }
    assert!(checked(&copy).is_sound());
}
