//! Each kind of fault does what its description says.

use std::{io, io::ErrorKind, time::Duration};

use sagalog::runtime::OpenMode;

use super::{
    super::{FaultKind as Kind, FaultPlan, Operation, SimDisk},
    atlas, disk_with, eio, lose_all, plan, read, reopen, sync, write,
};

#[test]
fn stall_takes_long_and_changes_nothing() {
    let (mut disk, file) = disk_with(b"abc");
    plan(&mut disk, Kind::Stall, 1_500, Operation::Sync);
    let outcome = disk.sync(file);
    assert_eq!(outcome.stall, Duration::from_micros(1_500));
    assert!(outcome.result.is_ok());
    assert_eq!(disk.sync(file).stall, Duration::ZERO);
}

#[test]
fn read_error_fails_one_read() {
    let (mut disk, file) = disk_with(b"abc");
    plan(&mut disk, Kind::ReadError, 0, Operation::Read);
    eio(read(&mut disk, file, 0, 3));
    assert_eq!(read(&mut disk, file, 0, 3).expect("healthy again"), b"abc");
}

#[test]
fn write_error_takes_nothing_or_a_part() {
    for (amount, after) in [(0, "------"), (4, "newn--"), (99, "newnew")] {
        let (mut disk, file) = disk_with(b"------");
        plan(&mut disk, Kind::WriteError, amount, Operation::Write);
        eio(disk.write(file, 0, b"newnew").result);
        assert_eq!(disk.contents("log").expect("there"), after.as_bytes(), "after {amount}");
    }
}

#[test]
fn failed_sync_marks_pages_clean_without_being_durable() {
    let (mut disk, file) = disk_with(b"old");
    write(&mut disk, file, 0, b"new");
    plan(&mut disk, Kind::SyncError, 0, Operation::Sync);
    eio(disk.sync(file).result);
    // The cache keeps the new content, and the next sync has nothing to write.
    assert_eq!(read(&mut disk, file, 0, 3).expect("cached"), b"new");
    assert_eq!(disk.unsynced_units(), 0);
    sync(&mut disk, file);
    assert_eq!(disk.read_durable("log").expect("there"), b"old");
    // A process that restarts and trusts the cache reads what the power failure takes.
    disk.process_crash();
    let file = reopen(&mut disk);
    assert_eq!(read(&mut disk, file, 0, 3).expect("cached"), b"new");
    // Writing the sector again makes all of it dirty again.
    write(&mut disk, file, 2, b"w");
    sync(&mut disk, file);
    assert_eq!(disk.read_durable("log").expect("there"), b"new");
    assert!(disk.damage().is_empty(), "nothing was promised");
}

#[test]
fn failed_sync_writes_the_sectors_of_its_mask() {
    let (mut disk, file) = disk_with(&[b'-'; 1536]);
    write(&mut disk, file, 0, &[b'+'; 1536]);
    plan(&mut disk, Kind::SyncError, 0b101, Operation::Sync);
    eio(disk.sync(file).result);
    let durable = disk.read_durable("log").expect("there");
    assert_eq!([durable[0], durable[512], durable[1024]], *b"+-+");
}

#[test]
fn failed_directory_sync_leaves_the_entries_unsynced() {
    let (mut disk, _) = disk_with(b"");
    disk.open("new", OpenMode::Create).result.expect("created");
    plan(&mut disk, Kind::DirectorySyncError, 0, Operation::SyncDirectory);
    eio(disk.sync_directory().result);
    assert_eq!(disk.durable_names(), ["log"]);
    disk.sync_directory().result.expect("the second attempt succeeds");
    assert_eq!(disk.durable_names(), ["log", "new"]);
}

#[test]
fn metadata_error_has_no_effect() {
    let (mut disk, file) = disk_with(b"abc");
    for operation in [Operation::Reserve, Operation::Truncate, Operation::Rename] {
        plan(&mut disk, Kind::MetadataError, 0, operation);
    }
    eio(disk.reserve(file, 100).result);
    eio(disk.truncate(file, 1).result);
    eio(disk.rename("log", "other").result);
    assert_eq!(disk.contents("log").expect("there"), b"abc");
}

#[test]
fn short_read_and_short_write_make_some_progress() {
    let (mut disk, file) = disk_with(b"abcdef");
    plan(&mut disk, Kind::ShortRead, 2, Operation::Read);
    assert_eq!(read(&mut disk, file, 1, 5).expect("short"), b"bc");
    plan(&mut disk, Kind::ShortRead, 0, Operation::Read);
    assert_eq!(read(&mut disk, file, 1, 5).expect("short"), b"b");
    plan(&mut disk, Kind::ShortWrite, 3, Operation::Write);
    assert_eq!(disk.write(file, 0, b"XXXXX").result.expect("short"), 3);
    assert_eq!(disk.contents("log").expect("there"), b"XXXdef");
}

#[test]
fn full_disk_refuses_reserve_create_and_write_within_reserved_space() {
    let (mut disk, file) = disk_with(&[0; 512]);
    for operation in [Operation::Reserve, Operation::Create, Operation::Write] {
        plan(&mut disk, Kind::NoSpace, 0, operation);
    }
    let full =
        |error: Option<io::Error>| assert_eq!(error.expect("full").kind(), ErrorKind::StorageFull);
    full(disk.reserve(file, 1024).result.err());
    full(disk.open("new", OpenMode::Create).result.err());
    full(disk.write(file, 0, b"x").result.err());
    assert_eq!(disk.names(), ["log"]);
    write(&mut disk, file, 0, b"x");
}

#[test]
fn quota_counts_lengths_and_heals_when_raised() {
    let (mut disk, file) = disk_with(&[1; 400]);
    disk.set_quota(Some(1_000));
    disk.reserve(file, 1_000).result.expect("fits exactly");
    write(&mut disk, file, 999, b"x");
    let error = disk.write(file, 1_000, b"x").result.expect_err("one byte too many");
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(disk.open("new", OpenMode::Create).result.is_err());
    disk.set_quota(Some(1_001));
    write(&mut disk, file, 1_000, b"x");
    assert_eq!(disk.used_bytes(), 1_001);
}

#[test]
fn open_and_create_are_refused_by_name() {
    let table = [
        (Kind::TooManyFiles, None, Some(24)),
        (Kind::AccessDenied, Some(ErrorKind::PermissionDenied), None),
        (Kind::ReadOnly, Some(ErrorKind::ReadOnlyFilesystem), None),
    ];
    for (kind, error_kind, number) in table {
        for (operation, mode) in
            [(Operation::Open, OpenMode::Read), (Operation::Create, OpenMode::Create)]
        {
            let (mut disk, _) = disk_with(b"");
            plan(&mut disk, kind, 0, operation);
            let name = if mode == OpenMode::Create { "new" } else { "log" };
            let error = disk.open(name, mode).result.expect_err("refused");
            assert_eq!(number, error.raw_os_error());
            assert!(error_kind.is_none_or(|kind| kind == error.kind()));
            assert!(disk.open(name, mode).result.is_ok(), "only once");
        }
    }
}

#[test]
fn bit_rot_flips_one_durable_bit_and_is_in_the_atlas() {
    let (mut disk, file) = disk_with(&[0x55; 1024]);
    // The second sector's third bit.
    plan(&mut disk, Kind::BitRot, 4096 + 2, Operation::Read);
    let bytes = read(&mut disk, file, 0, 1024).expect("readable");
    assert_eq!((bytes[511], bytes[512], bytes[513]), (0x55, 0x51, 0x55));
    assert_eq!(disk.read_durable("log").expect("there"), bytes);
    assert_eq!(atlas(&disk), ["log bytes 512..513: bit-rot"]);
    // A write that becomes durable heals what it covers.
    write(&mut disk, file, 512, b"\x55");
    assert_eq!(disk.damage().len(), 1);
    sync(&mut disk, file);
    assert!(disk.damage().is_empty());
}

#[test]
fn zeroed_sector_strikes_after_a_sync() {
    let (mut disk, file) = disk_with(&[7; 1024]);
    plan(&mut disk, Kind::ZeroedSector, 1, Operation::Sync);
    sync(&mut disk, file);
    assert_eq!(read(&mut disk, file, 510, 4).expect("readable"), [7, 7, 0, 0]);
    assert_eq!(atlas(&disk), ["log bytes 512..1024: zeroed-sector"]);
}

#[test]
fn latent_error_lasts_until_the_sector_is_rewritten() {
    let (mut disk, file) = disk_with(&[7; 1024]);
    plan(&mut disk, Kind::LatentError, 0, Operation::Read);
    eio(read(&mut disk, file, 0, 10));
    eio(read(&mut disk, file, 500, 20));
    assert_eq!(read(&mut disk, file, 512, 10).expect("the neighbour is fine"), [7; 10]);
    disk.process_crash();
    let file = reopen(&mut disk);
    eio(read(&mut disk, file, 0, 10));
    write(&mut disk, file, 5, b"x");
    assert_eq!(read(&mut disk, file, 4, 3).expect("dirty, so cached"), [7, b'x', 7]);
    let file = lose_all(&mut disk);
    eio(read(&mut disk, file, 0, 10));
    write(&mut disk, file, 5, b"x");
    sync(&mut disk, file);
    assert_eq!(read(&mut disk, file, 4, 3).expect("rewritten"), [7, b'x', 7]);
    assert!(disk.damage().is_empty());
}

#[test]
fn misdirected_write_lands_on_another_sector() {
    let (mut disk, file) = disk_with(&[b'a'; 2048]);
    // Elsewhere counts the durable sectors but the right one: 0, 1 and 3.
    plan(&mut disk, Kind::MisdirectedWrite, 2, Operation::Write);
    write(&mut disk, file, 1024, &[b'b'; 512]);
    sync(&mut disk, file);
    let durable = disk.read_durable("log").expect("there");
    assert_eq!([durable[0], durable[512], durable[1024], durable[1536]], *b"aaab");
    assert_eq!(read(&mut disk, file, 1024, 1).expect("cached"), b"b");
    let expected =
        ["log bytes 1536..2048: misdirected-write", "log bytes 1024..1536: misdirected-write"];
    assert_eq!(atlas(&disk), expected);
}

#[test]
fn misdirected_write_reaches_other_files() {
    let (mut disk, file) = disk_with(&[b'a'; 512]);
    disk.add_file("other", &[b'o'; 512]);
    plan(&mut disk, Kind::MisdirectedWrite, 0, Operation::Write);
    write(&mut disk, file, 0, &[b'b'; 512]);
    assert_eq!(disk.read_durable("other").expect("there"), [b'b'; 512]);
}

#[test]
fn misdirected_read_returns_what_stands_elsewhere() {
    let (mut disk, file) = disk_with(&[[b'a'; 512], [b'b'; 512]].concat());
    plan(&mut disk, Kind::MisdirectedRead, 0, Operation::Read);
    assert_eq!(read(&mut disk, file, 1, 2).expect("readable"), b"bb");
    assert_eq!(read(&mut disk, file, 1, 2).expect("readable"), b"aa");
    assert!(disk.damage().is_empty(), "nothing is destroyed");
}

#[test]
fn lost_write_is_cached_and_never_durable() {
    let (mut disk, file) = disk_with(b"old");
    plan(&mut disk, Kind::LostWrite, 0, Operation::Write);
    write(&mut disk, file, 0, b"new");
    assert!(disk.damage().is_empty(), "not promised yet");
    sync(&mut disk, file);
    assert_eq!(read(&mut disk, file, 0, 3).expect("cached"), b"new");
    assert_eq!(disk.read_durable("log").expect("there"), b"old");
    assert_eq!(atlas(&disk), ["log bytes 0..3: lost-write"]);
}

#[test]
fn vanished_write_is_nowhere_but_in_the_length() {
    let (mut disk, file) = disk_with(b"old");
    plan(&mut disk, Kind::VanishedWrite, 0, Operation::Write);
    write(&mut disk, file, 0, b"newer");
    sync(&mut disk, file);
    assert_eq!(read(&mut disk, file, 0, 9).expect("cached"), b"old\0\0");
    assert_eq!(atlas(&disk), ["log bytes 0..5: vanished-write"]);
}

#[test]
fn lying_sync_is_damage_only_if_the_power_fails_before_an_honest_one() {
    let (mut disk, file) = disk_with(b"old");
    write(&mut disk, file, 0, b"new");
    plan(&mut disk, Kind::LyingSync, 0, Operation::Sync);
    sync(&mut disk, file);
    assert_eq!(disk.read_durable("log").expect("there"), b"old");
    let mut lost = disk.power_failure_image(0);
    assert_eq!(lost.contents("log").expect("there"), b"old");
    assert_eq!(atlas(&lost), ["log bytes 0..3: lying-sync"]);
    lost.clear_damage();
    assert!(lost.damage().is_empty());
    sync(&mut disk, file);
    lose_all(&mut disk);
    assert_eq!(disk.contents("log").expect("there"), b"new");
    assert!(disk.damage().is_empty());
}

#[test]
fn lying_directory_sync_loses_a_promised_name() {
    let (mut disk, _) = disk_with(b"");
    disk.open("new", OpenMode::Create).result.expect("created");
    plan(&mut disk, Kind::LyingSync, 0, Operation::SyncDirectory);
    disk.sync_directory().result.expect("it says so");
    lose_all(&mut disk);
    assert_eq!(disk.names(), ["log"]);
    assert_eq!(atlas(&disk), ["new as a name: lying-sync"]);
}

#[test]
fn unlink_returns_after_the_power_failed() {
    let (mut disk, _) = disk_with(b"abc");
    plan(&mut disk, Kind::UnlinkReturns, 0, Operation::Remove);
    disk.remove("log").result.expect("removed");
    disk.sync_directory().result.expect("synced");
    assert!(disk.names().is_empty());
    disk.process_crash();
    assert!(disk.names().is_empty(), "the cache remembers");
    lose_all(&mut disk);
    assert_eq!(disk.contents("log").expect("back"), b"abc");
    assert_eq!(atlas(&disk), ["log as a name: unlink-returns"]);
}

#[test]
fn lock_survives_its_process_for_some_attempts() {
    let (mut disk, _) = disk_with(b"");
    plan(&mut disk, Kind::LockSurvives, 2, Operation::Lock);
    for _ in 0..2 {
        let error = disk.lock("lock").result.expect_err("still held");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    assert!(disk.lock("lock").result.is_ok());
}

#[test]
fn a_stall_excludes_no_other_fault() {
    let rates = vec![(Kind::Stall, 1_000_000), (Kind::SyncError, 1_000_000)];
    let plan = FaultPlan { rates, stall_us_max: 50, ..FaultPlan::default() };
    let mut disk = SimDisk::with_faults(plan, 3);
    disk.add_file("log", b"");
    let file = reopen(&mut disk);
    disk.keep_events(1);
    let outcome = disk.sync(file);
    eio(outcome.result);
    assert!((1..=50).contains(&outcome.stall.as_micros()), "{:?}", outcome.stall);
    let told = disk.events().last().expect("kept").to_string();
    assert!(told.contains(" [sync-error ") && told.contains(" [stall "), "{told}");
    assert_eq!([disk.struck(Kind::Stall), disk.struck(Kind::SyncError)], [2, 1]);
}

#[test]
fn every_kind_strikes_at_its_rate_and_heal_ends_it() {
    let plan = FaultPlan { rates: vec![(Kind::SyncError, 100_000)], ..FaultPlan::default() };
    let mut disk = SimDisk::with_faults(plan, 3);
    disk.add_file("log", b"");
    let file = reopen(&mut disk);
    let failed =
        |disk: &mut SimDisk| (0..1_000).filter(|_| disk.sync(file).result.is_err()).count();
    let count = failed(&mut disk);
    assert!((70..130).contains(&count), "{count}");
    assert_eq!(disk.counters().faults[&Kind::SyncError], count as u64);
    disk.heal();
    assert_eq!(failed(&mut disk), 0);
}

#[test]
fn a_lock_of_a_directory_that_is_moved_is_held_and_not_in_place() {
    let (mut disk, file) = disk_with(b"abc");
    let lock = disk.lock("lock").result.expect("free");
    assert!(disk.is_locked_in_place(&lock) && disk.is_in_place("log", file));
    disk.take_name("lock").expect("it was made");
    assert!(disk.is_locked_in_place(&lock), "the directory is what is locked");
    assert!(disk.lock("lock").result.is_err(), "whatever became of the file");
    plan(&mut disk, Kind::DirectoryMoved, 0, Operation::Sync);
    assert!(disk.sync(file).result.is_ok());
    assert!(!disk.is_locked_in_place(&lock) && disk.is_ousted(), "its path leads elsewhere");
    assert!(disk.lock("lock").result.is_err(), "who follows it there meets the lock");
    disk.unlock(&lock);
    let lock = disk.lock("lock").result.expect("free again");
    assert!(disk.is_locked_in_place(&lock) && !disk.is_ousted());
    disk.take_name("log").expect("there");
    assert!(!disk.is_in_place("log", file));
    assert!(read(&mut disk, file, 0, 3).is_ok(), "who has it open goes on");
}
