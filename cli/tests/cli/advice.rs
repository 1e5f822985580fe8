//! What a refusal advises, followed: for every reason not to open that files can bring about.
//!
//! A newer format is in `refusals`, a disk without space on the simulated disk. The invariant: the
//! step that the sentence names exists, and helps.

use crate::support::{Store, block_on, body, image, sagalog, small};
use sagalog::{Commit, Log, Options};
use std::{fs, path::Path};

/// The sentence with which `stats` refuses, on exit code 1.
fn refusal(store: &Store) -> String {
    let run = sagalog(&["stats", store.name()]);
    assert_eq!((run.code, run.err.lines().count()), (1, 1), "{}", run.err);
    let checked = sagalog(&["check", store.name()]);
    assert_eq!(checked.code, 1, "{}", checked.out);
    run.err
}

/// Salvages what is in `dir`, and sees that the copy is sound. Returns the copy.
fn salvage(dir: &str) -> tempfile::TempDir {
    let out = tempfile::tempdir().expect("a scratch directory");
    let target = out.path().to_str().expect("plain").to_owned();
    let run = sagalog(&["salvage", dir, &target]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(sagalog(&["check", &target]).code, 0);
    out
}

/// What a refusal begins with, and what provokes it.
type Harm<'a> = (&'a str, &'a dyn Fn(&Store));

fn forget_checkpoint(store: &Store) {
    for name in image(store.path()).into_keys().filter(|name| name.starts_with("checkpoint-")) {
        fs::remove_file(store.path().join(name)).expect("removable");
    }
}

#[test]
fn what_is_damaged_is_salvaged() {
    let harms: [Harm<'_>; 5] = [
        ("acknowledged data is damaged", &|store| {
            store.damage_commit(299);
        }),
        ("both superblock slots are damaged", &|store| {
            store.flip("STORE", 30);
            store.flip("STORE", 4096 + 30);
        }),
        ("both superblock slots are damaged or missing", &|store| {
            fs::remove_file(store.path().join("STORE")).expect("removable");
        }),
        ("segment 2 is missing", &|store| {
            fs::remove_file(store.path().join(&store.segments()[1])).expect("removable");
        }),
        ("the header of segment 2 is damaged", &|store| {
            forget_checkpoint(store);
            store.flip(&store.segments()[1], 30);
        }),
    ];
    for (sentence, harm) in harms {
        let store = Store::with(300);
        harm(&store);
        let told = refusal(&store);
        assert!(told.contains(sentence), "{told}");
        assert!(told.ends_with("or copy what is left with `sagalog salvage`\n"), "{told}");
        let copy = salvage(store.name());
        let dumped = sagalog(&["dump", copy.path().to_str().expect("plain")]);
        assert!(dumped.json_lines().len() > 100, "{sentence}");
    }
}

#[test]
fn what_nothing_names_any_more_is_restored() {
    let store = Store::with(5);
    let backup = image(store.path());
    for file in backup.keys().filter(|file| *file != "LOCK") {
        store.flip(file, 30);
    }
    store.flip("STORE", 4096 + 30);
    let told = refusal(&store);
    assert!(told.ends_with("; restore a backup\n"), "{told}");
    for (file, bytes) in backup {
        fs::write(store.path().join(file), bytes).expect("writable");
    }
    assert_eq!(sagalog(&["check", store.name()]).code, 0);
}

#[test]
fn what_does_not_belong_is_taken_out() {
    let store = Store::with(300);
    let file = store.path().join("log-7.seg");
    fs::write(&file, "mine").expect("writable");
    let told = refusal(&store);
    assert!(told.ends_with("does not belong to this store; take it out\n"), "{told}");
    fs::remove_file(&file).expect("removable");
    assert_eq!(sagalog(&["check", store.name()]).code, 0);

    // A segment of another store replaces one of this store, so this store lacks a segment.
    let other = Store::with(300);
    let second = &store.segments()[1];
    fs::copy(other.path().join(second), store.path().join(second)).expect("writable");
    forget_checkpoint(&store);
    let told = refusal(&store);
    assert!(told.contains("belongs to another store") && told.ends_with("; take it out\n"));
    fs::remove_file(store.path().join(second)).expect("removable");
    assert!(refusal(&store).contains("segment 2 is missing"));
    salvage(store.name());
}

#[test]
fn what_another_program_wrote_to_a_store_is_left_behind() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let name = dir.path().to_str().expect("plain");
    assert_eq!(sagalog(&["append", name, "a", "T", "--create"]).code, 0);
    append_bare(dir.path(), Options::default());
    let run = sagalog(&["append", name, "a", "T"]);
    assert_ne!(run.code, 0, "{}", run.out);
    assert!(run.err.contains("or copy all appends with `sagalog salvage`"), "{}", run.err);
    let checked = sagalog(&["check", name, "--json"]);
    let report = checked.json();
    assert_eq!((checked.code, &report["damages"][0]["kind"]), (1, &"body".into()), "{report}");
    assert_eq!(report["damages"][0]["commit"]["first_position"], 1, "{report}");
    let copy = salvage(name);
    let read = sagalog(&["read", copy.path().to_str().expect("plain"), "--all"]);
    assert_eq!((read.code, read.out.lines().count()), (0, 1), "{}", read.err);
}

fn append_bare(dir: &Path, options: Options) {
    block_on(async {
        let (log, _) = Log::open(dir, options).await.expect("the log is sound");
        log.append(Commit::new(body(0))).await.expect("durable");
        log.close().await.expect("closes");
    });
}

#[test]
fn where_there_is_no_store_one_is_made() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let missing = dir.path().join("missing");
    let name = missing.to_str().expect("plain");
    let said = format!("{name}: there is no such directory");
    sagalog(&["append", name, "a", "T"]).assert_refused(2, &said);
    assert_eq!(sagalog(&["append", name, "a", "T", "--create"]).code, 0);
}

#[test]
fn what_is_open_elsewhere_is_looked_at_beside_and_closed() {
    let store = Store::with(5);
    block_on(async {
        let (log, _) = Log::open(store.path(), small()).await.expect("opens");
        let said = "the store is open for writing elsewhere; close it or open read-only";
        let said = format!("{}: {said}", store.name());
        sagalog(&["append", store.name(), "a", "T"]).assert_refused(2, &said);
        assert_eq!(sagalog(&["check", store.name()]).code, 0);
        log.close().await.expect("closes");
    });
    append_bare(store.path(), small());
}

/// A slot of the superblock that does not hold may be a write that a crash has torn.
#[test]
fn a_torn_slot_is_a_warning_and_mended_by_the_next_opening() {
    let store = Store::with(20);
    store.flip("STORE", 100);
    let run = sagalog(&["check", store.name(), "--json"]);
    let report = run.json();
    assert_eq!((run.code, &report["sound"]), (0, &true.into()), "{report}");
    assert_eq!(report["warnings"].as_array().map(Vec::len), Some(1), "{report}");
    append_bare(store.path(), small());
    let report = sagalog(&["check", store.name(), "--json"]).json();
    assert_eq!(report["warnings"].as_array().map(Vec::len), Some(0), "{report}");
}
