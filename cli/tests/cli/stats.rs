//! `sagalog stats` says what a store holds.

use crate::{
    import::Desk,
    support::{Store, image, sagalog},
};
use serde_json::json;

#[test]
fn a_sound_store_is_described() {
    let store = Store::with(120);
    let before = image(store.path());
    let run = sagalog(&["stats", store.name()]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.contains("closed in order     yes"), "{}", run.out);
    let report = sagalog(&["stats", store.name(), "--json"]).json();
    assert_eq!(report["head"], json!(120));
    assert_eq!(report["floor"], json!(0));
    assert_eq!(report["clean"], json!(true));
    assert_eq!(report["epoch"], json!(1));
    assert_eq!((&report["events"], &report["streams"]), (&json!(120), &json!(null)), "a bare log");
    assert_eq!(image(store.path()), before);
}

#[test]
fn what_an_event_store_holds_is_counted() {
    let desk = Desk::new();
    let line = |number: u64| {
        format!(
            "{{\"stream\":\"s-{}\",\"type\":\"T\",\"time\":\"2012-02-29T09:30:00Z\",\
             \"data\":{number}}}\n",
            number % 7
        )
    };
    desk.put("in.jsonl", (0..100).map(line).collect::<String>().as_bytes());
    desk.imported("in.jsonl");
    let run = sagalog(&["stats", &desk.name("store"), "--json"]);
    let report = run.json();
    for (field, count) in [("events", 100), ("streams", 7), ("sagas", 0)] {
        assert_eq!(report[field], json!(count), "{field}");
    }
    let created = report["created"].as_str().expect("a time");
    assert!(created.starts_with("20") && created.ends_with('Z'), "{created}");
    let text = sagalog(&["stats", &desk.name("store")]).out;
    assert!(text.contains(created), "{text}");
}

#[test]
fn a_store_without_a_superblock_is_refused() {
    let store = Store::with(10);
    store.flip("STORE", 4096 + 30);
    store.flip("STORE", 30);
    let run = sagalog(&["stats", store.name()]);
    let sentence = format!(
        "{}: both superblock slots are damaged or missing; restore a backup, or copy what is left \
         with `sagalog salvage`",
        store.name()
    );
    run.assert_refused(1, &sentence);
}

#[test]
fn damage_at_the_end_is_refused_with_its_place() {
    let store = Store::with(10);
    store.damage_commit(9);
    let run = sagalog(&["stats", store.name()]);
    assert_eq!((run.code, run.err.lines().count()), (1, 1), "{}", run.err);
    assert!(run.err.contains("acknowledged data is damaged: segment 1 offset"));
}
