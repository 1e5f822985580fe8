//! Scripts: what is recorded plays as it was, and what was found once stays mended.

#![expect(clippy::disallowed_methods, reason = "scripts are files, worlds run on threads")]

use sagalog_sim::{
    command::play_text,
    disk::Disk,
    frame::{Suite, record, replay},
    orders::Orders,
    report::Told,
    saga::Saga,
    script::Script,
    store::Store,
};
use std::{fs, path::Path, thread};

/// Records seeds, writes them down, reads them back and plays them.
fn recorded_runs_play_as_they_were<S: Suite>(seeds: impl IntoIterator<Item = u64>) {
    for seed in seeds {
        let recorded = thread::spawn(move || record::<S>(seed)).join();
        let (report, script) = recorded.expect("the world does not panic");
        assert_eq!(report.violation, None, "seed {seed}");
        let text = script.to_text();
        let read = Script::<S::Plan, S::Call>::parse(&text).expect("it was just written");
        assert_eq!(read.to_text(), text, "seed {seed}");
        let played = thread::spawn(move || replay::<S>(&read, Told::LastEvents)).join();
        let played = played.expect("the world does not panic");
        assert_eq!(played.violation, None, "seed {seed}");
        assert_eq!(
            (played.disk_ops, played.operations, played.trace_hash),
            (report.disk_ops, report.operations, report.trace_hash),
            "seed {seed} plays another history"
        );
    }
}

#[test]
fn recorded_logs_play_as_they_were() {
    // The last one ends in a life that meets a fault itself.
    recorded_runs_play_as_they_were::<Disk>((1..=60).chain([14_841]));
}

#[test]
fn recorded_stores_play_as_they_were() {
    recorded_runs_play_as_they_were::<Store>(1..=30);
}

#[test]
fn recorded_sagas_play_as_they_were() {
    recorded_runs_play_as_they_were::<Saga>(1..=60);
}

#[test]
fn recorded_shops_play_as_they_were() {
    recorded_runs_play_as_they_were::<Orders>(1..=60);
}

#[test]
fn what_was_found_once_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no scripts in {}", folder.display());
    for file in files {
        let text = fs::read_to_string(&file).expect("it can be read");
        let report = play_text(&text, Told::LastEvents).expect("it is a script");
        assert_eq!(report.violation, None, "{}", file.display());
    }
}

#[test]
fn what_is_no_script_is_refused_with_a_sentence() {
    let refused = |text: &str| play_text(text, Told::LastEvents).expect_err("it is none");
    assert!(refused("").starts_with("the first line is none of a script"));
    assert!(refused("{\"format\":1}").contains("missing field `suite`"));
    let head = r#"{"format":1,"suite":"moon","seed":1,"found":"","plan":{}}"#;
    assert_eq!(refused(head), "there is no suite moon");
    let plan = serde_json::to_string(&Disk::plan(1)).expect("a plan is JSON");
    let head = format!(r#"{{"format":2,"suite":"disk","seed":1,"found":"","plan":{plan}}}"#);
    assert_eq!(refused(&head), "format 2 is not known, only 1");
    let head = head.replace("\"format\":2", "\"format\":1");
    let line = r#"{"life":1,"halt":"before lunch"}"#;
    assert!(refused(&format!("{head}\n{line}\n")).starts_with("line 2: "));
}
