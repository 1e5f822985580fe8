//! Row 53: names that are taken away, replaced or moved under a writer.
//!
//! Not damage: every byte that was written is where it was written, only nobody finds it any more.
//! The invariant: what is acknowledged is found by whoever opens the directory next.

use super::*;
use sagalog::{
    Commit, CommitError, Displaced, Log, LogError, Position, SegmentId, inspect,
    runtime::Tasks as _,
};
use sagalog_testkit::{World, segment_name, yield_now};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// What somebody does by name, and what the writer has to say of it.
type Deed = (&'static str, fn(&mut SimDisk), Displaced);

const DEEDS: [Deed; 3] = [
    ("the directory goes", SimDisk::move_directory, Displaced::Directory),
    (
        "the segment goes",
        |disk| disk.take_name(&segment_name(1)).expect("it is there"),
        Displaced::Segment(SegmentId::new(1)),
    ),
    (
        "the segment is replaced",
        |disk| disk.add_file(&segment_name(1), &[0; 16 << 10]),
        Displaced::Segment(SegmentId::new(1)),
    ),
];

/// Names are taken away under an idle log. The next append is not acknowledged, and every call
/// says why, closing included.
#[test]
fn row_53_nothing_is_acknowledged_that_its_name_does_not_lead_to() {
    for (deed, act, displaced) in DEEDS {
        let mut machine = machine_with(&["a", "b"]);
        machine.disk(act);
        let answer = machine.try_append("c");
        assert!(matches!(answer, Err(CommitError::Unknown)), "{deed}: {answer:?}");
        let answer = machine.try_append("d");
        let told = matches!(&answer, Err(CommitError::Displaced(found)) if *found == displaced);
        assert!(told, "{deed}: {answer:?}");
        let log = machine.log().clone();
        let closed = machine.world().block_on(log.close());
        let told = matches!(&closed, Err(LogError::Displaced(found)) if *found == displaced);
        assert!(told, "{deed}: {closed:?}");
        machine.kill();
    }
}

/// The same under a log to which nobody appends: its closing is not in order.
#[test]
fn row_53_a_store_that_is_gone_is_not_closed_in_order() {
    let superblock: [Deed; 2] = [
        ("STORE goes", |disk| disk.take_name("STORE").expect("there"), Displaced::Superblock),
        ("STORE is replaced", |disk| disk.add_file("STORE", b"old"), Displaced::Superblock),
    ];
    for (deed, act, displaced) in DEEDS.into_iter().chain(superblock) {
        let mut machine = machine_with(&["a", "b"]);
        machine.wait(Duration::from_secs(2));
        machine.disk(act);
        let log = machine.log().clone();
        let closed = machine.world().block_on(log.close());
        let told = matches!(&closed, Err(LogError::Displaced(found)) if *found == displaced);
        assert!(told, "{deed}: {closed:?}");
        machine.kill();
    }
}

/// The directory is taken from a running writer at any moment, and a second one is let in, as on
/// another machine that is given the disk. Whatever the first has acknowledged is there for the
/// second, and for whoever comes after both.
#[test]
fn row_53_no_acknowledgement_is_lost_to_a_second_writer() {
    let mut both = 0;
    for seed in 0..200 {
        both += u32::from(two_writers(seed));
    }
    assert!(both > 100, "in only {both} worlds the first was at work when the second came");
}

/// Whether both have acknowledged something.
fn two_writers(seed: u64) -> bool {
    let world = World::new(seed);
    let runtime = world.runtime();
    let options = || Machine::options().segment_bytes(256 << 10);
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let appends = |log: Log, writer: &'static str| {
        let acknowledged = Arc::clone(&acknowledged);
        async move {
            for n in 0..40 {
                let body = format!("{writer}{n}");
                if log.append(Commit::new(body.clone())).await.is_ok() {
                    acknowledged.lock().expect("one thread").push(body);
                }
            }
        }
    };
    let (first, _) = world.block_on(Log::open_with(&runtime, options())).expect("an empty disk");
    runtime.spawn("first", appends(first, "first")).expect("a task");
    let second = world.block_on(async {
        for _ in 0..seed % 97 {
            yield_now().await;
        }
        world.disk(|disk| {
            disk.move_directory();
            disk.ignore_lock();
        });
        Log::open_with(&runtime, options()).await.expect("it is let in").0
    });
    world.block_on(appends(second, "second"));
    world.run_for(Duration::from_secs(3));
    world.crash_process();
    let runtime = world.runtime();
    let (log, _) = world.block_on(Log::open_with(&runtime, options())).expect("it opens");
    let mut reader = log.read(Position::new(0));
    let mut found = Vec::new();
    while let Some(commit) = world.block_on(reader.next()).expect("it is readable") {
        found.push(String::from_utf8_lossy(&commit.body).into_owned());
    }
    let acknowledged = acknowledged.lock().expect("one thread").clone();
    for body in &acknowledged {
        assert!(found.contains(body), "seed {seed}: `{body}` was acknowledged, found {found:?}");
    }
    let has = |writer: &str| acknowledged.iter().any(|body| body.starts_with(writer));
    has("first") && has("second")
}

/// Two writers that nothing could keep apart, as on two machines with one disk: both acknowledge,
/// each in a history of its own. Whatever they do then and whoever closes first, a check does not
/// call the store sound.
#[test]
fn row_53_two_histories_are_never_called_sound() {
    for story in 0..16 {
        let (appends_of_first, closes) = (1 + story / 4, story % 4);
        let machine = machine_with(&["a", "b"]);
        let world = machine.world();
        let runtime = world.runtime();
        machine.disk(SimDisk::ignore_lock);
        let second = Log::open_with(&runtime, Machine::options());
        let (second, _) = world.block_on(second).expect("nothing keeps it out");
        for n in 0..appends_of_first {
            machine.append(&format!("first {n}"));
            world.block_on(second.append(Commit::new(format!("second {n}")))).expect("stored");
        }
        let first = machine.log().clone();
        match closes {
            0 => {}
            1 => drop(world.block_on(first.close())),
            2 => {
                drop(world.block_on(first.close()));
                drop(world.block_on(second.close()));
            }
            _ => {
                drop(world.block_on(second.close()));
                drop(world.block_on(first.close()));
            }
        }
        let checked = world.block_on(inspect::check(&runtime, &mut |_| {})).expect("a store");
        assert!(!checked.is_sound(), "story {story}: {checked:?}");
    }
}

/// What ordinary recoveries leave behind is no second history: crashes at every moment of a roll,
/// and of the recovery after it.
#[test]
fn row_53_what_a_recovery_gives_up_is_no_second_history() {
    for ops in 0..40 {
        for again in 0..12 {
            let mut machine = machine_with(&["a", "b"]);
            machine.append_and_chores_cut_after(ops, "c");
            machine.kill();
            machine.open_cut_after(again);
            machine.kill();
            machine.start();
            machine.append("d");
            machine.kill();
            machine.start();
            machine.append("e");
            machine.wait(Duration::from_secs(2));
            let runtime = machine.world().runtime();
            let checked = machine.world().block_on(inspect::check(&runtime, &mut |_| {}));
            let checked = checked.expect("a store");
            assert!(checked.is_sound(), "after {ops} and {again}: {checked:?}");
        }
    }
}
