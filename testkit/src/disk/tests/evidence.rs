//! What intact bytes prove: one story for each way in which a log can lose its end.

use sagalog::runtime::OpenMode;

use super::{
    super::{Evidence, FaultKind as Kind, FileHandle, Operation, SimDisk},
    lose_all, plan, read, reopen, sync, write,
};

/// A log of three synced writes at 512, 1024 and 1536, and the operations that synced them.
fn three_writes() -> (SimDisk, FileHandle, [u64; 3]) {
    let mut disk = SimDisk::new();
    disk.set_evidence(Evidence { prefix: "lo".into(), from_offset: 512 });
    disk.add_file("log", &[0; 4096]);
    let file = reopen(&mut disk);
    let syncs = [512, 1024, 1536].map(|offset| append(&mut disk, file, offset));
    disk.life_judged();
    (disk, file, syncs)
}

/// Writes and syncs; returns the number of the sync.
fn append(disk: &mut SimDisk, file: FileHandle, offset: u64) -> u64 {
    write(disk, file, offset, &[7; 300]);
    sync(disk, file);
    disk.ops()
}

#[test]
fn an_intact_newest_write_proves_everything() {
    let (mut disk, file, _) = three_writes();
    assert_eq!(disk.proven_through(), u64::MAX);
    disk.corrupt_bit("log", 600, 1).expect("there");
    assert_eq!(disk.proven_through(), u64::MAX, "old damage excuses nothing");
    // Neither the header nor zeros nor what nobody was promised is evidence.
    write(&mut disk, file, 0, &[9; 512]);
    write(&mut disk, file, 3_000, &[0; 512]);
    sync(&mut disk, file);
    write(&mut disk, file, 2_048, &[9; 300]);
    let mut lost = disk.power_failure_image(0);
    assert_eq!([disk.proven_through(), lost.proven_through()], [u64::MAX; 2]);
    assert_eq!(lost.proven_to_life(), u64::MAX);
    lost.corrupt_bit("log", 10, 1).expect("there");
    assert_eq!(lost.proven_to_life(), u64::MAX);
}

#[test]
fn damage_excuses_what_it_hides() {
    let (mut disk, _, syncs) = three_writes();
    disk.corrupt_bit("log", 1_600, 1).expect("there");
    assert_eq!(disk.proven_through(), syncs[2]);
    disk.zero_sectors("log", 1_024..1_025).expect("there");
    assert_eq!(disk.proven_through(), syncs[1]);
    disk.truncate_file("log", 600).expect("there");
    assert_eq!(disk.proven_through(), 0);
}

#[test]
fn what_a_file_begins_with_needs_the_header_before_it() {
    let (mut disk, file, syncs) = three_writes();
    disk.corrupt_bit("log", 10, 1).expect("there");
    assert_eq!(disk.proven_through(), u64::MAX, "two later writes speak of the first");
    disk.truncate_file("log", 1_024).expect("there");
    assert_eq!(disk.proven_through(), 0, "it may have been kept without its header");
    write(&mut disk, file, 0, &[9; 512]);
    sync(&mut disk, file);
    assert_eq!(disk.proven_through(), syncs[1]);
}

#[test]
fn a_sync_promises_the_writes_of_its_own_file() {
    let (mut disk, first, _) = three_writes();
    disk.add_file("log2", &[0; 4096]);
    let second = disk.open("log2", OpenMode::ReadWrite).result.expect("there");
    write(&mut disk, first, 2_048, &[7; 300]);
    write(&mut disk, second, 512, &[7; 300]);
    sync(&mut disk, first);
    let promised = disk.ops();
    disk.corrupt_bit("log", 2_100, 1).expect("there");
    assert_eq!(disk.proven_through(), promised, "the other file was promised to nobody");
    sync(&mut disk, second);
    assert_eq!(disk.proven_through(), u64::MAX);
}

#[test]
fn withheld_writes_prove_nothing() {
    for kind in [Kind::LostWrite, Kind::VanishedWrite, Kind::MisdirectedWrite] {
        let (mut disk, file, _) = three_writes();
        plan(&mut disk, kind, 0, Operation::Write);
        let synced = append(&mut disk, file, 2_048);
        assert_eq!(disk.proven_through(), synced, "{kind}");
        lose_all(&mut disk);
        assert_eq!(disk.proven_to_life(), synced, "{kind}");
        let file = reopen(&mut disk);
        append(&mut disk, file, 2_560);
        assert_eq!([disk.proven_through(), disk.proven_to_life()], [u64::MAX, synced]);
        disk.process_crash();
        assert_eq!(disk.proven_to_life(), synced, "nobody has looked at what is left");
        disk.life_judged();
        disk.process_crash();
        assert_eq!(disk.proven_to_life(), u64::MAX, "{kind}: it was accounted for");
    }
}

#[test]
fn a_lie_excuses_once_the_power_has_failed() {
    let (mut disk, file, _) = three_writes();
    plan(&mut disk, Kind::LyingSync, 0, Operation::Sync);
    let lied = append(&mut disk, file, 2_048);
    disk.process_crash();
    assert_eq!(disk.proven_to_life(), u64::MAX, "the cache still shows it");
    lose_all(&mut disk);
    assert_eq!([disk.proven_through(), disk.proven_to_life()], [lied; 2]);
}

#[test]
fn a_lost_name_hides_its_file() {
    let (mut disk, _, _) = three_writes();
    let next = disk.open("log-2", OpenMode::Create).result.expect("created");
    plan(&mut disk, Kind::LyingSync, 0, Operation::SyncDirectory);
    disk.sync_directory().result.expect("it says so");
    let synced = append(&mut disk, next, 512);
    assert_eq!(disk.proven_through(), u64::MAX);
    disk.rename("log-2", "log-3").result.expect("renamed");
    assert_eq!(disk.proven_through(), u64::MAX);
    lose_all(&mut disk);
    assert_eq!(disk.proven_through(), synced);
    disk.remove("log").result.expect("removed");
    assert_eq!(disk.proven_through(), 0);
    assert_eq!(disk.proven_to_life(), synced, "what a store removes itself it has to know");
}

#[test]
fn damage_while_a_store_opens_counts_for_this_life() {
    let (mut disk, _, syncs) = three_writes();
    disk.process_crash();
    let file = reopen(&mut disk);
    // The last of the three sectors that hold something.
    plan(&mut disk, Kind::ZeroedSector, 0, Operation::Read);
    read(&mut disk, file, 1_536, 300).expect("readable");
    assert_eq!(disk.proven_to_life(), syncs[2]);
    // The store repairs its tail: that does not take back what could not be known before.
    append(&mut disk, file, 1_536);
    assert_eq!([disk.proven_through(), disk.proven_to_life()], [u64::MAX, syncs[2]]);
}

#[test]
fn what_a_life_was_not_shown_it_may_miss() {
    let (mut disk, _, syncs) = three_writes();
    disk.process_crash();
    let file = reopen(&mut disk);
    plan(&mut disk, Kind::MisdirectedRead, 0, Operation::Read);
    read(&mut disk, file, 1_024, 2_000).expect("readable");
    assert_eq!(disk.proven_to_life(), syncs[1]);
    disk.life_judged();
    disk.process_crash();
    assert_eq!(disk.proven_to_life(), u64::MAX, "the next life reads it as it is");
}
