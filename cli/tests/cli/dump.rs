//! `sagalog dump` prints what is durable, one commit a line.

use crate::support::{Store, block_on, body, image, sagalog, small};
use sagalog::{Commit, Log};
use serde_json::json;
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

#[test]
fn every_commit_is_a_line() {
    let store = Store::with(200);
    let before = image(store.path());
    let run = sagalog(&["dump", store.name()]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let lines = run.json_lines();
    assert_eq!(lines.len(), 200);
    for (number, line) in (0..).zip(&lines) {
        assert_eq!(line["position"], json!(number));
        assert_eq!(line["body"], json!(body(number)));
        assert_eq!(line["encoding"], "utf-8");
    }
    assert_eq!(image(store.path()), before);
}

#[test]
fn a_range_can_be_asked_for() {
    let store = Store::with(50);
    let run = sagalog(&["dump", store.name(), "--from", "45", "--limit", "3"]);
    let positions: Vec<_> = run.json_lines().iter().map(|l| l["position"].as_u64()).collect();
    assert_eq!(positions, [Some(45), Some(46), Some(47)]);
    assert_eq!(sagalog(&["dump", store.name(), "--from", "50"]).out, "");
    assert_eq!(sagalog(&["dump", store.name(), "--limit", "0"]).out, "");
}

#[test]
fn what_is_no_text_comes_as_base64() {
    let store = Store::with(1);
    block_on(async {
        let (log, _) = Log::open(store.path(), small()).await.expect("opens");
        let bytes: &[u8] = &[0xff, 0xfe, 0xfb];
        let commit = Commit::new(bytes).with_positions(7);
        log.append(commit).await.expect("durable");
        log.close().await.expect("closes");
    });
    let run = sagalog(&["dump", store.name(), "--from", "1"]);
    let expected = r#"{"position":1,"positions":7,"bytes":3,"encoding":"base64","body":"//77"}"#;
    assert_eq!(run.out.trim_end(), expected);
}

#[test]
fn damage_ends_the_dump_with_a_sentence_behind_what_is_sound() {
    let store = Store::with(300);
    let (file, _) = store.damage_commit(7);
    let run = sagalog(&["dump", store.name()]);
    assert_eq!((run.code, run.json_lines().len()), (1, 7));
    assert!(run.err.contains("damaged: segment 1 offset"), "{}", run.err);
    assert_eq!((run.err.lines().count(), file.ends_with("01.seg")), (1, true));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let store = Store::with(2_000);
    let mut child = Command::new(env!("CARGO_BIN_EXE_sagalog"))
        .args(["dump", store.name()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut line = String::new();
    let mut out = BufReader::with_capacity(64, child.stdout.take().expect("a pipe"));
    out.read_line(&mut line).expect("a line");
    drop(out);
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert_eq!(ended.status.code(), Some(0));
}
