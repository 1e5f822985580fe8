//! `sagalog check` tells sound from damaged, and finds all of the damage.

use crate::support::{Store, image, sagalog};
use serde_json::json;
use std::fs;

#[test]
fn a_sound_store_is_sound_and_stays_as_it_was() {
    let store = Store::with(300);
    let before = image(store.path());
    let run = sagalog(&["check", store.name()]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    assert!(run.out.ends_with("\nsound\n"), "{}", run.out);
    let report = sagalog(&["check", store.name(), "--json"]).json();
    assert_eq!(report["sound"], json!(true), "{report}");
    assert_eq!(report["commits"], json!(300));
    assert_eq!(report["positions"], json!(300));
    assert_eq!(report["head"], json!(300));
    assert_eq!(report["damages"], json!([]));
    assert!(report["segments"].as_u64() > Some(3), "{report}");
    assert_eq!(image(store.path()), before);
}

#[test]
fn every_damaged_commit_is_listed_with_its_position() {
    let store = Store::with(300);
    for number in [3, 4, 120, 250] {
        store.damage_commit(number);
    }
    let run = sagalog(&["check", store.name(), "--json"]);
    assert_eq!(run.code, 1, "{}", run.out);
    let report = run.json();
    let damages = report["damages"].as_array().expect("a list");
    let lost: Vec<_> = damages
        .iter()
        .map(|damage| {
            let lost = &damage["lost"];
            assert_eq!(damage["kind"], "groups");
            (lost["first_position"].as_u64(), lost["end_position"].as_u64())
        })
        .collect();
    assert_eq!(lost, [(Some(3), Some(5)), (Some(120), Some(121)), (Some(250), Some(251))]);
    assert_eq!(report["commits"], json!(296));
}

#[test]
fn the_last_commit_of_a_closed_store_is_missed() {
    let store = Store::with(20);
    store.damage_commit(19);
    let report = sagalog(&["check", store.name(), "--json"]).json();
    let lost = &report["damages"][0]["lost"];
    assert_eq!(lost["first_position"], 19, "{report}");
    assert_eq!(lost["end_position"], 20, "{report}");
    assert!(report["refusal"].is_string(), "{report}");
}

#[test]
fn superblock_checkpoint_and_headers_are_checked_too() {
    let store = Store::with(300);
    let names = image(store.path()).into_keys();
    let checkpoint =
        names.into_iter().find(|name| name.starts_with("checkpoint-")).expect("a checkpoint");
    let header = store.segments()[1].clone();
    for (file, offset) in [("STORE", 100), (&checkpoint, 50), (&header, 20)] {
        store.flip(file, offset);
    }
    let run = sagalog(&["check", store.name(), "--json"]);
    let report = run.json();
    let damages = report["damages"].as_array().expect("a list").iter();
    let kinds: Vec<_> = damages.map(|damage| damage["kind"].as_str()).collect();
    let expected = ["superblock_slot", "checkpoint", "segment_header"].map(Some);
    assert_eq!((run.code, kinds.as_slice()), (1, expected.as_slice()));
    assert_eq!(report["commits"], json!(300), "{report}");
}

#[test]
fn a_missing_segment_is_named_with_what_it_held() {
    let store = Store::with(300);
    let gone = store.segments()[2].clone();
    fs::remove_file(store.path().join(&gone)).expect("removable");
    let run = sagalog(&["check", store.name(), "--json"]);
    let report = run.json();
    assert_eq!(run.code, 1, "{report}");
    assert_eq!(report["damages"][0]["kind"], "segment_missing");
    assert_eq!(report["damages"][0]["file"], json!(gone));
    let lost = &report["damages"][1]["lost"];
    let held = lost["end_position"].as_u64().expect("known")
        - lost["first_position"].as_u64().expect("known");
    assert_eq!(report["commits"], json!(300 - held), "{report}");
}

#[test]
fn a_store_without_a_commit_is_sound() {
    let store = Store::with(0);
    let run = sagalog(&["check", store.name(), "--json"]);
    assert_eq!((run.code, &run.json()["head"]), (0, &json!(0)));
}
