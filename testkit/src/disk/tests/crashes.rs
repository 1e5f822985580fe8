//! What crashes leave: handles, locks, sectors, lengths, names, and the images of all of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
};

use sagalog::runtime::OpenMode;

use super::{
    super::{Fate, Fault, FaultKind, FaultPlan, Operation, PowerLoss, SimDisk},
    disk_with, lose_all, read, reopen, sync, write,
};
use crate::choices::Seeded;

#[test]
fn process_crash_keeps_the_cache_and_fences_handles() {
    let (mut disk, file) = disk_with(b"old");
    write(&mut disk, file, 0, b"new");
    disk.process_crash();
    let ops = disk.ops();
    assert!(disk.write(file, 0, b"ghost").result.is_err());
    assert!(disk.sync(file).result.is_err());
    disk.close(file);
    assert_eq!((disk.ops(), disk.counters().fenced), (ops, 2), "fenced calls have no effect");
    assert_eq!(disk.contents("log").expect("there"), b"new");
    assert_eq!(disk.read_durable("log").expect("there"), b"old");
    let file = reopen(&mut disk);
    sync(&mut disk, file);
    assert_eq!(disk.read_durable("log").expect("there"), b"new", "still dirty after the crash");
}

#[test]
fn locks_exclude_and_fall_with_their_process() {
    let mut disk = SimDisk::new();
    let lock = disk.lock("lock").result.expect("free");
    assert_eq!(disk.lock("lock").result.expect_err("held").kind(), ErrorKind::WouldBlock);
    disk.unlock(&lock);
    let former = disk.lock("lock").result.expect("free again");
    disk.process_crash();
    assert_eq!(disk.names(), ["lock"], "the file stays and is no lock");
    disk.lock("lock").result.expect("the dead hold nothing");
    disk.unlock(&former);
    assert!(disk.lock("lock").result.is_err(), "a lock of the dead releases nothing");
}

#[test]
fn power_failure_leaves_any_mix_of_unsynced_sectors() {
    let mut seen = BTreeSet::new();
    for seed in 0..400 {
        let (mut disk, file) = disk_with(&[b'a'; 1024]);
        write(&mut disk, file, 0, &[b'b'; 1024]);
        write(&mut disk, file, 0, &[b'c'; 512]);
        disk.power_failure(&mut Seeded::new(seed));
        let bytes = disk.contents("log").expect("there");
        assert_eq!(disk.read_durable("log").expect("there"), bytes);
        let whole = |part: &[u8]| {
            if part.iter().all(|byte| *byte == part[0]) { char::from(part[0]) } else { '~' }
        };
        seen.insert([whole(&bytes[..512]), whole(&bytes[512..])]);
        assert_eq!(disk.unsynced_units(), 0);
    }
    for expected in ["aa", "ab", "ba", "bb", "ca", "cb", "~a", "c~"] {
        let expected: Vec<char> = expected.chars().collect();
        assert!(seen.contains(expected.as_slice()), "{expected:?} of {seen:?}");
    }
}

#[test]
fn a_power_failure_is_repeated_by_its_fates() {
    for seed in 0..100 {
        let (mut first, file) = disk_with(&[b'a'; 700]);
        write(&mut first, file, 0, &[b'b'; 4_000]);
        write(&mut first, file, 600, &[b'c'; 600]);
        // Two files that go by one name: the former is only gone from the cache.
        first.remove("log").result.expect("removed");
        let file = first.open("log", OpenMode::Create).result.expect("created");
        write(&mut first, file, 0, &[b'd'; 1_500]);
        let mut second = first.clone();
        let drawn = first.power_failure(&mut Seeded::new(seed));
        let lines: BTreeMap<_, _> =
            drawn.iter().map(|(unit, fate)| (unit.to_string(), fate.to_string())).collect();
        assert_eq!(lines.len(), drawn.len(), "no two units have one name");
        let mut asked = 0;
        second.power_failure_by(&mut |unit| {
            asked += 1;
            let fate = lines.get(&unit.to_string());
            fate.map_or(Fate::Dropped, |fate| fate.parse().expect("it reads back"))
        });
        assert_eq!(asked, 17);
        assert_eq!(first.contents("log"), second.contents("log"), "seed {seed}");
    }
}

#[test]
fn without_reordering_a_prefix_survives() {
    let power_loss = PowerLoss { tear: 0, garbage: 0, reorder: false, ..PowerLoss::default() };
    for seed in 0..200 {
        let plan = FaultPlan { power_loss, ..FaultPlan::default() };
        let mut disk = SimDisk::with_faults(plan, 0);
        disk.add_file("log", &[b'-'; 2048]);
        let file = reopen(&mut disk);
        write(&mut disk, file, 0, &[b'+'; 2048]);
        disk.power_failure(&mut Seeded::new(seed));
        let bytes = disk.contents("log").expect("there");
        assert!(bytes.is_sorted(), "+ before -: {}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn synced_bytes_survive_every_power_failure() {
    let plan = FaultPlan::default();
    for seed in 0..200 {
        let mut disk = SimDisk::with_faults(plan.clone(), 0);
        disk.add_file("log", b"");
        let file = reopen(&mut disk);
        write(&mut disk, file, 0, b"promised");
        sync(&mut disk, file);
        write(&mut disk, file, 8, &[7; 3_000]);
        disk.power_failure(&mut Seeded::new(seed));
        let bytes = disk.contents("log").expect("there");
        assert!(bytes.starts_with(b"promised"), "seed {seed}");
        assert!(disk.damage().is_empty());
    }
}

#[test]
fn a_length_may_survive_without_content_and_the_reverse() {
    let (mut disk, file) = disk_with(b"");
    write(&mut disk, file, 0, b"abc");
    assert_eq!(disk.unsynced_units(), 2, "a length and a sector");
    let images: Vec<_> = (0..4).map(|mask| disk.power_failure_image(mask)).collect();
    let contents: Vec<_> = images.iter().map(|disk| disk.contents("log").expect("there")).collect();
    assert_eq!(contents, [b"".to_vec(), b"\0\0\0".to_vec(), b"".to_vec(), b"abc".to_vec()]);
    // What survived beyond the end is gone for good, as file systems zero what they extend.
    let mut longer = images.into_iter().nth(2).expect("four images");
    let file = reopen(&mut longer);
    longer.reserve(file, 3).result.expect("room");
    assert_eq!(read(&mut longer, file, 0, 3).expect("readable"), [0; 3]);
}

#[test]
fn garbage_stands_only_beyond_the_durable_length() {
    let power_loss = PowerLoss { keep: 1, drop: 0, tear: 0, garbage: 1, reorder: true };
    let mut strange = 0;
    for seed in 0..100 {
        let plan = FaultPlan { power_loss, ..FaultPlan::default() };
        let mut disk = SimDisk::with_faults(plan, 0);
        disk.add_file("log", &[b'a'; 512]);
        let file = reopen(&mut disk);
        write(&mut disk, file, 0, &[b'b'; 1024]);
        disk.power_failure(&mut Seeded::new(seed));
        let bytes = disk.contents("log").expect("there");
        assert!(bytes[..512] == [b'a'; 512] || bytes[..512] == [b'b'; 512]);
        strange += usize::from(bytes[512..].iter().any(|byte| !b"b\0".contains(byte)));
    }
    assert!(strange > 0);
}

#[test]
fn truncation_zeroes_what_a_later_extension_shows() {
    let (mut disk, file) = disk_with(&vec![9; 40_000]);
    disk.truncate(file, 700).result.expect("cut");
    disk.reserve(file, 40_000).result.expect("extended");
    let expected: Vec<u8> = (0..40_000).map(|byte| if byte < 700 { 9 } else { 0 }).collect();
    assert_eq!(disk.contents("log").expect("there"), expected);
    assert_eq!(disk.read_durable("log").expect("there"), vec![9; 40_000]);
    sync(&mut disk, file);
    assert_eq!(disk.read_durable("log").expect("there"), expected);
}

#[test]
fn names_are_lost_without_a_directory_sync() {
    let (mut disk, _) = disk_with(b"log");
    let file = disk.open("new", OpenMode::Create).result.expect("created");
    write(&mut disk, file, 0, b"content");
    sync(&mut disk, file);
    assert!(disk.power_failure_image(0).contents("new").is_none(), "content is synced, name not");
    disk.sync_directory().result.expect("synced");
    disk.rename("new", "log").result.expect("renamed");
    let before = disk.power_failure_image(0);
    assert_eq!(before.contents("log").expect("there"), b"log", "the replaced file is back");
    assert_eq!(before.contents("new").expect("there"), b"content");
    let after = disk.power_failure_image(1);
    assert_eq!(
        (after.names(), after.contents("log")),
        (vec!["log".into()], Some(b"content".into()))
    );
    disk.remove("log").result.expect("removed");
    lose_all(&mut disk);
    assert_eq!(disk.contents("log").expect("an unsynced removal comes back"), b"log");
}

#[test]
fn names_survive_in_any_subset_that_is_consistent() {
    let mut disk = SimDisk::new();
    for name in ["a", "b"] {
        disk.open(name, OpenMode::Create).result.expect("created");
    }
    disk.rename("a", "c").result.expect("renamed");
    let images = disk.crash_images(8, false).map(|image| image.names().join(""));
    // Bits: create a, create b, rename a to c. Nothing is renamed that was not created.
    assert_eq!(images.collect::<Vec<_>>(), ["", "a", "b", "ab", "", "c", "b", "bc"]);
}

#[test]
fn a_rename_that_is_lost_leaves_the_old_name_to_planned_faults() {
    let (mut disk, _) = disk_with(b"abc");
    disk.rename("log", "other").result.expect("renamed");
    let file = lose_all(&mut disk);
    disk.schedule(Fault::at_nth(FaultKind::SyncError, 0, Operation::Sync, 1, "log"));
    assert!(disk.sync(file).result.is_err());
}

#[test]
fn an_open_file_outlives_its_name_until_the_crash() {
    let (mut disk, file) = disk_with(b"abc");
    disk.remove("log").result.expect("removed");
    disk.sync_directory().result.expect("synced");
    assert_eq!(read(&mut disk, file, 0, 3).expect("still open"), b"abc");
    disk.process_crash();
    assert!(disk.inodes.is_empty());
}

#[test]
fn crash_images_are_all_subsets_or_a_telling_sample() {
    let (mut disk, file) = disk_with(&[0; 2048]);
    write(&mut disk, file, 0, &[1; 2048]);
    assert_eq!(disk.unsynced_units(), 4);
    assert_eq!(disk.crash_images(16, false).count(), 16);
    assert_eq!(disk.crash_images(16, true).count(), 16 + 4 * 4);
    assert_eq!(disk.crash_images(15, false).count(), 15);
    let contents = |disk: SimDisk| disk.contents("log").expect("there");
    let distinct: BTreeSet<_> = disk.crash_images(16, true).map(contents).collect();
    assert_eq!(distinct.len(), 16 + 4 * 4);
    let sample: Vec<_> = disk.crash_images(15, false).map(contents).collect();
    assert_eq!(sample[0], [0; 2048]);
    assert_eq!(sample[4], [1; 2048]);
    assert_eq!(disk.unsynced_units(), 4, "the disk itself has not crashed");
}
