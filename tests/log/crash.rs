//! Single faults on a simulated disk: what was acknowledged is read back, or opening refuses.

use sagalog::{Commit, Log, OpenError, Options, Position, RecoveryReport};
use sagalog_testkit::{Fault, FaultKind, Operation, Seeded, SimDisk, Trigger, World};
use std::cell::RefCell;

const SEGMENT_1: &str = "log-00000000000000000001.seg";

fn small() -> Options {
    Options::default().segment_bytes(16 << 10).group_bytes_max(1 << 10).queue_bytes_max(8 << 10)
}

/// Opens, appends `count` commits named after `life`, and lets the process die.
fn live(world: &World, life: &str, count: usize) -> Result<RecoveryReport, OpenError> {
    let runtime = world.runtime();
    let opened = world.block_on(async {
        let (log, report) = Log::open_with(&runtime, small()).await?;
        for number in 0..count {
            let appended = log.append(Commit::new(format!("{life} {number}"))).await;
            if appended.is_err() {
                break;
            }
        }
        Ok::<_, OpenError>((log, report))
    });
    world.crash_process();
    opened.map(|(_, report)| report)
}

#[test]
fn a_damaged_header_of_the_only_segment_is_refused() {
    let world = World::new(1);
    live(&world, "first", 5).expect("a new store");
    world.disk(|disk| disk.corrupt_bit(SEGMENT_1, 100, 0)).expect("the segment is there");
    let refused = live(&world, "second", 1);
    assert!(
        matches!(refused, Err(OpenError::SegmentDamaged(_) | OpenError::Corrupt(_))),
        "acknowledged commits were written over: {refused:?}"
    );
}

#[test]
fn a_failed_sync_at_the_start_of_a_segment_is_survived() {
    for nth in 1..40 {
        let world = World::new(7);
        let fault = Fault::at_nth(FaultKind::SyncError, 0, Operation::Sync, nth, "log-");
        world.disk(|disk| disk.schedule(fault));
        let _ = live(&world, "first", 60);
        let _ = live(&world, "second", 0);
        world.disk(SimDisk::heal);
        let report = live(&world, "third", 1).expect("a failed sync is survived");
        let head = report.head.get() + 1;
        world.power_failure();
        let report = live(&world, "fourth", 0)
            .unwrap_or_else(|error| panic!("sync {nth} failed, then the power: {error}"));
        assert!(report.head >= Position::new(head), "sync {nth}");
    }
}

fn body(number: usize) -> Vec<u8> {
    vec![u8::try_from(number % 251).expect("below 251"); 7 + number * 13 % 700]
}

/// A store of several segments whose process died after `count` acknowledged commits.
fn dead_store(count: usize, keep_from: u64) -> SimDisk {
    let world = World::new(3);
    let runtime = world.runtime();
    let log = world.block_on(async {
        let (log, _) = Log::open_with(&runtime, small()).await.expect("a new store");
        for number in 0..count {
            log.append(Commit::new(body(number))).await.expect("healthy");
        }
        log.keep_from(Position::new(keep_from)).await.expect("healthy");
        log
    });
    world.crash_process();
    drop(log);
    world.disk(|disk| disk.clone())
}

/// What the store on `disk` holds from `from` on, or why it does not open.
fn contents(disk: SimDisk, from: u64) -> Result<usize, OpenError> {
    let world = World::with_disk(4, disk);
    let runtime = world.runtime();
    world.block_on(async {
        let (log, report) = Log::open_with(&runtime, small()).await?;
        let mut reader = log.read(Position::new(from));
        let mut at = from;
        while let Ok(Some(commit)) = reader.next().await {
            let number = usize::try_from(at).expect("few commits");
            assert_eq!(commit.first.get(), at, "positions have no gap");
            assert_eq!(commit.body, body(number), "commit {number} is as it was appended");
            at += 1;
        }
        assert!(report.head.get() >= at);
        Ok(usize::try_from(report.head.get()).expect("few commits"))
    })
}

#[test]
fn no_single_damaged_block_makes_acknowledged_commits_vanish() {
    for (count, keep_from) in [(3, 0), (40, 0), (90, 60)] {
        let disk = dead_store(count, keep_from);
        assert_eq!(contents(disk.clone(), keep_from).expect("undamaged"), count);
        for name in disk.names() {
            let length = disk.contents(&name).expect("it is listed").len() as u64;
            for block in 0..length / 512 {
                for damage in ["flip", "zero"] {
                    let mut disk = disk.clone();
                    match damage {
                        "flip" => disk.corrupt_bit(&name, block * 512 + 9, 3),
                        _ => disk.zero_sectors(&name, block * 512..(block + 1) * 512),
                    }
                    .expect("it is listed");
                    if let Ok(head) = contents(disk, keep_from) {
                        // Nothing written later vouches for the very last group yet.
                        assert!(
                            head + 1 >= count,
                            "{damage} {name} block {block}: {head} of {count}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_power_failure_at_any_moment_of_creation_leaves_a_directory_that_opens() {
    for seed in 0..300 {
        for op in 1.. {
            let world = World::new(seed);
            let runtime = world.runtime();
            let life = async {
                let (log, _) = Log::open_with(&runtime, small()).await.expect("a new store");
                log.append(Commit::new("one")).await.expect("healthy");
            };
            let done = world.run_until_op(op, life).is_some();
            world.power_failure();
            if let Err(error) = live(&world, "second", 1) {
                panic!("seed {seed}, power failure before operation {op}: {error}");
            }
            if done {
                break;
            }
        }
    }
}

/// Appends until told to stop; every acknowledged body goes into `acknowledged`.
async fn write_on(log: &Log, acknowledged: &RefCell<Vec<Vec<u8>>>, seed: usize, count: usize) {
    for number in 0..count {
        let body = vec![u8::try_from(seed % 251).expect("below 251"); (seed + number * 97) % 900];
        if log.append(Commit::new(body.clone())).await.is_ok() {
            acknowledged.borrow_mut().push(body);
        }
    }
}

/// Everything the log holds.
async fn read_all(log: &Log) -> Vec<Vec<u8>> {
    let mut reader = log.read(Position::new(0));
    let mut found = Vec::new();
    while let Some(commit) = reader.next().await.expect("readable") {
        found.push(commit.body.to_vec());
    }
    found
}

/// Lives of one store, each cut off at an operation drawn from the seed, some with a failing sync.
fn lives(seed: u64, lives: u64) {
    let world = World::new(seed);
    let mut random = Seeded::new(seed);
    let mut known: Vec<Vec<u8>> = Vec::new();
    for life in 0..=lives {
        let (cut, how) = (1 + random.bits() % 60, random.bits() % 4);
        world.disk(SimDisk::heal);
        if how == 0 {
            let at = Trigger::Op(world.disk(|disk| disk.ops()) + 1 + random.bits() % 40);
            let kind = FaultKind::SyncError;
            let fault = Fault { kind, amount: 0, at };
            world.disk(|disk| disk.schedule(fault));
        }
        let (found, acknowledged) = (RefCell::new(None), RefCell::new(Vec::new()));
        let runtime = world.runtime();
        let work = async {
            match Log::open_with(&runtime, small()).await {
                Ok((log, _)) => {
                    *found.borrow_mut() = Some(read_all(&log).await);
                    let number = usize::try_from(seed * 31 + life).expect("small");
                    write_on(&log, &acknowledged, number, if life == lives { 1 } else { 40 }).await;
                    if how == 1 {
                        let _ = log.close().await;
                    }
                }
                Err(OpenError::Io(_)) if how == 0 => {}
                Err(error) => panic!("seed {seed} life {life}: a legal crash is refused: {error}"),
            }
        };
        if life == lives {
            world.disk(SimDisk::heal);
            world.block_on(work);
        } else {
            let at = world.disk(|disk| disk.ops()) + cut;
            let _ = world.run_until_op(at, work);
        }
        if let Some(found) = found.into_inner() {
            let kept = found.len() >= known.len() && found[..known.len()] == known[..];
            assert!(kept, "seed {seed} life {life}: acknowledged commits are gone");
            known = found;
        }
        known.extend(acknowledged.into_inner());
        match random.bits() % 2 {
            0 => world.crash_process(),
            _ => world.power_failure(),
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_any_row_of_crashes() {
    for seed in 0..300 {
        lives(seed, 8);
    }
}
