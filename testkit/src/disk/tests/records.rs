//! What the disk records: traces, injected faults, damage done by tests; and what it costs.

use sagalog::runtime::OpenMode;

use super::{
    super::{Fate, Fault, FaultKind, FaultPlan, Halt, Operation, SimDisk, Step, Unit},
    atlas, disk_with, plan, read, sync, write,
};
use crate::choices::{Choices, Seeded};

/// A small workload with every operation, drawn from `seed`. Errors are part of it.
fn work(disk: &mut SimDisk, seed: u64) {
    let mut choices = Seeded::new(seed);
    for round in 0..200 {
        let name = format!("file-{}", choices.below(4));
        let _ = disk.lock("lock").result.map(|lock| disk.unlock(&lock));
        let mode = if round % 3 == 0 { OpenMode::Create } else { OpenMode::ReadWrite };
        if let Ok(file) = disk.open(&name, mode).result {
            let offset = choices.below(5_000);
            let bytes = vec![u8::try_from(round).expect("small"); 300 * (round % 5)];
            let _ = disk.write(file, offset, &bytes).result;
            let _ = disk.read(file, offset / 2, &mut [0; 700]).result;
            let _ = disk.sync(file).result;
            let _ = disk.truncate(file, choices.below(6_000)).result;
            disk.close(file);
        }
        match choices.below(40) {
            0 => drop(disk.power_failure(&mut choices)),
            1 => disk.process_crash(),
            2..9 => drop(disk.sync_directory().result),
            9..15 => drop(disk.rename(&name, "file-0").result),
            15..18 => drop(disk.remove(&name).result),
            _ => {}
        }
    }
}

fn everything() -> FaultPlan {
    let rates = FaultKind::ALL.map(|kind| (kind, 10_000));
    FaultPlan { rates: rates.to_vec(), ..FaultPlan::default() }
}

#[test]
fn two_runs_of_one_seed_have_one_trace() {
    let run = |seed| {
        let mut disk = SimDisk::with_faults(everything(), seed);
        work(&mut disk, seed);
        (disk.trace_hash(), format!("{:?}", disk.damage()), disk.counters())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
}

#[test]
fn a_run_is_repeated_by_its_injected_faults_without_the_seed() {
    for seed in 0..20 {
        let mut first = SimDisk::with_faults(everything(), seed);
        work(&mut first, seed);
        let lines: Vec<String> = first.injected().iter().map(ToString::to_string).collect();
        let mut second = SimDisk::new();
        for line in &lines {
            second.schedule(line.parse().expect("an injected fault reads back"));
        }
        work(&mut second, seed);
        assert_eq!(first.trace_hash(), second.trace_hash(), "seed {seed}");
        assert!(lines.len() > 5, "{lines:?}");
    }
}

/// One life, on files whose names start like each other's.
fn live(disk: &mut SimDisk, mut choices: Seeded) {
    let names = ["log", "log-1", "log-2", "logs", "other-1"];
    for round in 0..40 {
        let name = names[usize::try_from(choices.below(5)).expect("small")];
        let _ = disk.open(name, OpenMode::Create).result.map(|file| disk.close(file));
        if let Ok(file) = disk.open(name, OpenMode::ReadWrite).result {
            let _ = disk.write(file, choices.below(5_000), &[round; 700]).result;
            let _ = disk.read(file, choices.below(5_000), &mut [0; 700]).result;
            let _ = disk.sync(file).result;
            disk.close(file);
        }
        let _ = disk.sync_directory().result;
    }
}

#[test]
fn a_life_is_repeated_by_what_struck_in_it() {
    for seed in 0..20 {
        let mut first = SimDisk::with_faults(everything(), seed);
        for life in 0..5 {
            let mut second = first.clone();
            live(&mut first, Seeded::new(seed).fork(life));
            let lines: Vec<_> = first.injected_in_life().iter().map(Fault::to_string).collect();
            second.set_faults(FaultPlan::default(), 0);
            second.plan_faults(lines.iter().map(|line| line.parse().expect("it reads")).collect());
            live(&mut second, Seeded::new(seed).fork(life));
            assert_eq!(first.trace_hash(), second.trace_hash(), "seed {seed}: {lines:?}");
            assert_eq!(first.injected_in_life(), second.injected_in_life());
            first.process_crash();
            assert!(!lines.is_empty() && first.injected_in_life().is_empty());
        }
    }
}

#[test]
fn faults_print_as_lines_and_read_back() {
    for (index, kind) in FaultKind::ALL.into_iter().enumerate() {
        for operation in Operation::ALL {
            let faults = [
                Fault::at_op(kind, index as u64, 77),
                Fault::at_nth(kind, 0, operation, 3, ""),
                Fault::at_nth(kind, 9, operation, 3, "odd of at name"),
            ];
            for fault in faults {
                assert_eq!(fault.to_string().parse(), Ok(fault));
            }
        }
    }
    let line = Fault::at_nth(FaultKind::LyingSync, 0, Operation::Sync, 2, "segment-");
    assert_eq!(line.to_string(), "lying-sync 0 at sync 2 of segment-");
    assert_eq!("stall at op 5".parse(), Ok(Fault::at_op(FaultKind::Stall, 0, 5)));
    for wrong in ["", "stall", "stall 5", "stall x at op 5", "stall at sink 5", "rot at op 5"] {
        let error = wrong.parse::<Fault>().expect_err(wrong);
        assert!(error.to_string().contains(wrong));
    }
}

#[test]
fn fates_and_units_print_as_lines_and_read_back() {
    let fates = [
        (Fate::Kept, "kept"),
        (Fate::Dropped, "dropped"),
        (Fate::Torn { from: 0, to: 17 }, "torn 0 17"),
        (Fate::Garbage { seed: u64::MAX }, "garbage 18446744073709551615"),
    ];
    for (fate, text) in fates {
        assert_eq!((fate.to_string(), text.parse()), (text.to_owned(), Ok(fate)));
    }
    for text in ["log-00000000000000000002.seg sector 3", "a b length 1", "entry 2"] {
        let unit: Unit = text.parse().expect(text);
        assert_eq!(unit.to_string(), text);
    }
    for wrong in ["", "torn", "torn 9 8", "torn 0 513", "kept 1", "garbage"] {
        assert!(wrong.parse::<Fate>().is_err(), "{wrong}");
    }
    for wrong in ["", "sector", "log sector", "log entries 1"] {
        assert!(wrong.parse::<Unit>().is_err(), "{wrong}");
    }
}

#[test]
fn planned_faults_strike_the_nth_match_only() {
    let (mut disk, file) = disk_with(b"abc");
    disk.add_file("other", b"");
    let other = disk.open("other", OpenMode::ReadWrite).result.expect("there");
    disk.schedule(Fault::at_nth(FaultKind::SyncError, 0, Operation::Sync, 2, "lo"));
    let mut failed = [file, other, other, file, file].map(|file| disk.sync(file).result.is_err());
    assert_eq!(failed, [false, false, false, true, false]);
    // An operation that the fault cannot strike uses it up.
    disk.schedule(Fault::at_op(FaultKind::SyncError, 0, disk.ops() + 1));
    assert!(read(&mut disk, file, 0, 1).is_ok());
    failed[0] = disk.sync(file).result.is_err();
    assert!(!failed[0]);
}

#[test]
fn events_are_kept_on_request_and_read_well() {
    let (mut disk, file) = disk_with(b"abc");
    disk.keep_events(2);
    plan(&mut disk, FaultKind::ShortWrite, 1, Operation::Write);
    let _ = disk.write(file, 7, b"xyz").result;
    sync(&mut disk, file);
    let _ = disk.write(file, 7, b"xyz").result;
    let lines: Vec<_> = disk.events().map(ToString::to_string).collect();
    assert_eq!(lines, ["#3 i1 sync log -> 0", "#4 i1 write log @7+3 -> 3"]);
    disk.process_crash();
    let _ = disk.open("none", OpenMode::Read).result;
    let lines: Vec<_> = disk.events().map(ToString::to_string).collect();
    assert_eq!(lines, ["#4 i1 process-crash -> 0", "#5 i2 open none -> entity not found"]);
}

#[test]
fn remarks_stand_between_events_and_count_for_the_hash() {
    let run = |kept, remark: &str| {
        let (mut disk, file) = disk_with(b"abc");
        disk.keep_events(kept);
        sync(&mut disk, file);
        disk.remark(remark);
        disk.remark_words(&[7, 8]);
        sync(&mut disk, file);
        let lines: Vec<_> = disk.notes().map(ToString::to_string).collect();
        (disk.trace_hash(), lines)
    };
    let (hash, lines) = run(9, "append 3 -> ok");
    assert_eq!(lines[1..3], ["-- append 3 -> ok", "-- 7 8"]);
    assert_eq!(
        (lines[0].as_str(), lines[3].as_str()),
        ("#2 i1 sync log -> 0", "#3 i1 sync log -> 0")
    );
    assert_eq!(run(0, "append 3 -> ok"), (hash, vec![]));
    assert_ne!(run(0, "append 3 -> lost").0, hash);
}

#[test]
fn zeros_cost_nothing() {
    let (mut disk, file) = disk_with(b"");
    disk.reserve(file, 1 << 40).result.expect("room");
    write(&mut disk, file, 1 << 20, &vec![0; 1 << 20]);
    assert_eq!(disk.unsynced_units(), 1, "only the length");
    sync(&mut disk, file);
    let inode = disk.inode(file.inode);
    assert_eq!(inode.cached.content.held().count() + inode.durable.content.held().count(), 0);
    write(&mut disk, file, (1 << 39) + 5, b"x");
    assert_eq!(read(&mut disk, file, (1 << 39) + 4, 3).expect("readable"), b"\0x\0");
    assert_eq!(disk.inode(file.inode).cached.content.held().count(), 1);
    assert_eq!(read(&mut disk, file, 1 << 40, 1).expect("the end"), b"");
    assert!(disk.write(file, u64::MAX, b"xx").result.is_err());
}

#[test]
fn tests_damage_both_views_and_the_atlas_knows() {
    let (mut disk, _) = disk_with(&[b'a'; 2048]);
    disk.add_file("from", &[b'f'; 1024]);
    disk.add_file("gone", b"");
    disk.corrupt_bit("log", 3, 1).expect("there");
    disk.zero_sectors("log", 600..601).expect("there");
    disk.copy_sectors(("from", 1), ("log", 2), 1).expect("there");
    disk.overwrite("log", 2_047, b"xy").expect("there");
    disk.remove_file("gone").expect("there");
    disk.truncate_file("from", 100).expect("there");
    assert!(disk.truncate_file("nobody", 100).is_err());
    let bytes = disk.contents("log").expect("there");
    assert_eq!(disk.read_durable("log").expect("there"), bytes);
    assert_eq!((bytes[3], bytes[512], bytes[1024]), (b'c', 0, b'f'));
    assert_eq!(&bytes[2_046..], b"axy");
    assert_eq!(disk.read_durable("from").expect("there"), [b'f'; 100]);
    let expected = [
        "gone as a name: test",
        "from bytes 100..1024: test",
        "log bytes 3..4: test",
        "log bytes 512..1024: test",
        "log bytes 1024..1536: test",
        "log bytes 2047..2049: test",
    ];
    assert_eq!(atlas(&disk).len(), expected.len() + 1, "the overwrite spans two sectors");
    assert_eq!(atlas(&disk)[..5], expected[..5]);
}

#[test]
fn a_clone_shares_nothing_that_can_change() {
    let (mut disk, file) = disk_with(&[1; 1024]);
    let copy = disk.clone();
    write(&mut disk, file, 0, &[2; 1024]);
    sync(&mut disk, file);
    assert_eq!(copy.contents("log").expect("there"), [1; 1024]);
    assert_eq!(copy.read_durable("log").expect("there"), [1; 1024]);
}

#[test]
fn swarm_plans_differ_in_what_is_on() {
    let plans: Vec<_> =
        (0..50).map(|seed| FaultPlan::swarm(&mut Seeded::new(seed), &FaultKind::ALL)).collect();
    for kind in FaultKind::ALL {
        let on = plans.iter().filter(|plan| plan.rates.iter().any(|(on, _)| *on == kind)).count();
        assert!((1..35).contains(&on), "{kind} is on in {on} of 50 plans");
    }
    assert_eq!(plans[7], FaultPlan::swarm(&mut Seeded::new(7), &FaultKind::ALL));
}

/// The operations that five rounds of write and sync have made when `halt` stops them.
fn ops_until(halt: &str) -> u64 {
    let (mut disk, file) = disk_with(b"abc");
    let other = disk.open("log", OpenMode::ReadWrite).result.expect("there");
    let before = disk.ops();
    disk.halt_at(halt.parse().expect(halt));
    for _ in 0..5 {
        let _ = disk.write(file, 0, b"x").result;
        let _ = disk.sync(file).result;
        let _ = disk.sync_directory().result;
        let _ = disk.sync(other).result;
    }
    assert!(disk.is_halted(), "{halt}");
    let after = disk.ops();
    disk.process_crash();
    assert!(disk.open("log", OpenMode::Read).result.is_ok(), "the crash ends the halt");
    after - before
}

#[test]
fn a_halt_stops_everything_at_the_moment_it_names() {
    let table = [
        ("before op 1", 0),
        ("before op 7", 6),
        ("before sync 1", 1),
        ("before sync 3 of lo", 5),
        ("after sync 3 of log then 1", 6),
        ("after sync-directory 2 then 2", 8),
        ("before write 2 of log leaving 3", 4),
        ("after write 1 leaving 9 then 3", 3),
    ];
    for (halt, ops) in table {
        assert_eq!(ops_until(halt), ops, "{halt}");
        assert_eq!(halt.parse::<Halt>().expect(halt).to_string(), halt);
    }
    for wrong in
        ["", "before", "before op", "after op 3 then 1", "after sync 3", "before sync 3 leaving"]
    {
        assert!(wrong.parse::<Halt>().is_err(), "{wrong}");
    }
}

#[test]
fn a_halt_at_the_end_of_a_file_tells_what_it_stopped_and_what_was_before() {
    let (mut disk, file) = disk_with(b"abc");
    disk.halt_at("before write 1 of lo leaving 1".parse().expect("a halt"));
    write(&mut disk, file, 0, b"xy");
    assert_eq!(disk.stopped(), None);
    assert!(disk.write(file, 2, b"z").result.is_err());
    assert!(disk.sync(file).result.is_err());
    let step = |room| Step { operation: Operation::Write, file: "log".to_owned(), room };
    assert_eq!((disk.last_step(), disk.stopped()), (Some(step(1)), Some(&step(0))));
    disk.process_crash();
    assert_eq!(disk.stopped(), None);
}

#[test]
fn a_halted_disk_has_no_effects_until_the_crash() {
    let (mut disk, file) = disk_with(b"abc");
    disk.halt_before(3);
    sync(&mut disk, file);
    assert!(!disk.is_halted());
    assert!(disk.write(file, 0, b"x").result.is_err() && disk.is_halted());
    assert!(disk.remove("log").result.is_err());
    assert_eq!((disk.ops(), disk.contents("log")), (2, Some(b"abc".to_vec())));
    disk.clear_halt();
    write(&mut disk, file, 0, b"x");
}
