//! `sagalog salvage` copies what is valid and says what became of the positions.

use crate::support::{Store, body, image, sagalog};
use serde_json::json;
use std::{fs, path::Path};

fn bodies(dir: &Path) -> Vec<String> {
    let run = sagalog(&["dump", dir.to_str().expect("plain")]);
    assert_eq!(run.code, 0, "{}", run.err);
    let lines = run.json_lines();
    lines.iter().map(|line| line["body"].as_str().expect("text").to_owned()).collect()
}

/// Salvages `store` and compares the copy; the source stays as it is.
fn salvaged(store: &Store, lost: &[u64], commits: u64) -> serde_json::Value {
    let before = image(store.path());
    let out = tempfile::tempdir().expect("a scratch directory");
    let target = out.path().join("copies").join("one");
    let name = target.to_str().expect("plain");
    let run = sagalog(&["salvage", store.name(), name, "--json"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let expected = (0..commits).filter(|number| !lost.contains(number));
    assert_eq!(bodies(&target), expected.map(body).collect::<Vec<_>>());
    assert_eq!(sagalog(&["check", name]).code, 0);
    assert_eq!(image(store.path()), before);
    run.json()
}

#[test]
fn a_sound_store_is_copied_whole() {
    let store = Store::with(300);
    let report = salvaged(&store, &[], 300);
    let whole = json!([{ "source": 0, "target": 0, "positions": 300 }]);
    assert_eq!(report["ranges"], whole);
    assert_eq!(report["damages"], json!([]));
    assert_ne!(report["source"], report["target"]);
}

#[test]
fn what_lies_behind_damage_moves_down() {
    let store = Store::with(300);
    store.damage_commit(7);
    store.damage_commit(299);
    let report = salvaged(&store, &[7, 299], 300);
    let ranges = json!([
        { "source": 0, "target": 0, "positions": 7 },
        { "source": 8, "target": 7, "positions": 291 },
    ]);
    assert_eq!(report["ranges"], ranges);
    assert_eq!(report["damages"].as_array().map(Vec::len), Some(2));
}

#[test]
fn without_superblock_or_checkpoint_the_headers_tell_the_store() {
    let store = Store::with(300);
    fs::remove_file(store.path().join("STORE")).expect("removable");
    for name in image(store.path()).into_keys() {
        if name.starts_with("checkpoint-") {
            store.flip(&name, 20);
        }
    }
    let header = store.segments()[1].clone();
    store.flip(&header, 30);
    salvaged(&store, &[], 300);
}

#[test]
fn without_any_header_the_checkpoint_tells_the_store() {
    let store = Store::with(300);
    store.flip("STORE", 30);
    store.flip("STORE", 4096 + 30);
    for header in store.segments() {
        store.flip(&header, 30);
    }
    salvaged(&store, &[], 300);
}

#[test]
fn without_any_name_of_the_store_nothing_can_be_told_from_noise() {
    let store = Store::with(5);
    for file in image(store.path()).into_keys() {
        if file != "LOCK" {
            store.flip(&file, 30);
        }
    }
    store.flip("STORE", 4096 + 30);
    let out = tempfile::tempdir().expect("a scratch directory");
    let target = out.path().join("copy");
    let run = sagalog(&["salvage", store.name(), target.to_str().expect("plain")]);
    let sentence = format!(
        "{}: cannot salvage: both superblock slots are damaged or missing, and no segment header \
         and no checkpoint is left that names the store, so that nothing of it can be told from \
         other bytes; restore a backup",
        store.name()
    );
    run.assert_refused(2, &sentence);
    assert!(!target.exists());
}

#[test]
fn a_target_that_is_not_empty_is_left_alone() {
    let store = Store::with(5);
    let out = tempfile::tempdir().expect("a scratch directory");
    fs::create_dir(out.path().join("theirs")).expect("a directory");
    let name = out.path().to_str().expect("plain");
    let sentence =
        format!("{name}: the target directory is not empty; name one that is, or a new one");
    sagalog(&["salvage", store.name(), name]).assert_refused(2, &sentence);
    let inside = format!("{}/copy", store.name());
    let sentence = format!(
        "{inside}: the target lies inside the store that is to be salvaged; name another one"
    );
    sagalog(&["salvage", store.name(), &inside]).assert_refused(2, &sentence);
}
