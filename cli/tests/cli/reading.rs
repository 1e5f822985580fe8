//! `sagalog read` and `streams`: what is shown of which events, in which order, as of when.

use crate::{import::Desk, support::sagalog};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

/// Twelve events in three streams of two categories; event `n` stands at position `n`.
fn desk() -> Desk {
    let desk = Desk::new();
    let streams = ["order-1", "order-2", "course-c1"];
    let types = ["Placed", "Paid"];
    let line = |number: usize| {
        let (stream, event_type) = (streams[number % 3], types[number / 6]);
        let tags = if number.is_multiple_of(2) { r#""even","all""# } else { r#""all""# };
        format!(
            "{{\"stream\":\"{stream}\",\"type\":\"{event_type}\",\
             \"time\":\"2012-02-29T09:30:{number:02}+01:00\",\"data\":{number},\
             \"tags\":[{tags}]}}\n"
        )
    };
    let lines: String = (0..12).map(line).collect();
    desk.put("events.jsonl", lines.as_bytes());
    desk.imported("events.jsonl");
    desk
}

/// The positions of the events that a read shows.
#[track_caller]
fn positions(desk: &Desk, arguments: &[&str]) -> Vec<u64> {
    let store = desk.name("store");
    let run = sagalog(&[&["read", &store], arguments].concat());
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}");
    let lines = run.json_lines();
    lines.iter().map(|line| line["position"].as_u64().expect("a number")).collect()
}

#[test]
fn an_event_is_shown_with_all_that_is_known_of_it() {
    let desk = desk();
    let run = sagalog(&["read", &desk.name("store"), "order-2", "--from", "1", "--limit", "1"]);
    let [line] = run.json_lines().try_into().expect("one line");
    let Value::Object(mut line) = line else { panic!("{}", run.out) };
    let id = line.remove("id").expect("an id").to_string();
    let recorded = line.remove("recorded").expect("a time").to_string();
    assert_eq!((id.len(), recorded.ends_with("Z\"")), (38, true), "{id} {recorded}");
    let expected = json!({
        "position": 4, "revision": 1, "stream": "order-2", "type": "Placed",
        "time": "2012-02-29T09:30:04+01:00", "data": 4, "tags": ["even", "all"],
    });
    assert_eq!(Value::Object(line), expected);
}

#[test]
fn which_events_are_read_and_in_which_order() {
    let desk = desk();
    let table: [(&[&str], &[u64]); 17] = [
        (&["order-1"], &[0, 3, 6, 9]),
        (&["order-1", "--from", "2"], &[6, 9]),
        (&["order-1", "--backward"], &[9, 6, 3, 0]),
        (&["order-1", "--backward", "--from", "2"], &[6, 3, 0]),
        (&["order-1", "--backward", "--limit", "1"], &[9]),
        (&["order-1", "--type", "Paid"], &[6, 9]),
        (&["order-1", "--type", "Paid", "--limit", "1"], &[6]),
        (&["order-1", "--tag", "even"], &[0, 6]),
        // The lines are one append, which is shown whole or not at all.
        (&["order-1", "--as-of", "6"], &[0, 3, 6, 9]),
        (&["--all"], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        (&["--all", "--from", "10"], &[10, 11]),
        (&["--all", "--backward", "--from", "2"], &[2, 1, 0]),
        (&["--all", "--type", "Paid", "--tag", "even"], &[6, 8, 10]),
        (&["--all", "--type", "Paid", "--type", "Placed", "--limit", "2"], &[0, 1]),
        (&["--all", "--tag", "even", "--tag", "all", "--backward"], &[10, 8, 6, 4, 2, 0]),
        (&["--all", "--as-of", "2"], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        (&["--all", "--type", "Lost"], &[]),
    ];
    for (arguments, expected) in table {
        assert_eq!(positions(&desk, arguments), expected, "{arguments:?}");
    }
}

#[test]
fn a_moment_is_one_of_the_stores_clock() {
    let desk = desk();
    let run = sagalog(&["read", &desk.name("store"), "--all"]);
    let lines = run.json_lines();
    let recorded = lines[0]["recorded"].as_str().expect("a time");
    assert_eq!(positions(&desk, &["--all", "--as-of", recorded]).len(), 12);
    let long_ago = positions(&desk, &["--all", "--as-of", "2012-02-29T09:30:11+01:00"]);
    assert!(long_ago.is_empty(), "{long_ago:?}");
}

#[test]
fn what_cannot_be_read_is_said_in_a_sentence() {
    let desk = desk();
    let store = desk.name("store");
    let missing = sagalog(&["read", &store, "order-9"]);
    missing.assert_refused(2, &format!("{store}: stream order-9 has no events"));
    let said = |sentence: &str| format!("{sentence}; `sagalog --help` says more");
    let neither = "name a STREAM, or say --all for the events of every stream; `sagalog streams` \
                   lists them";
    sagalog(&["read", &store]).assert_refused(2, neither);
    let both = sagalog(&["read", &store, "order-1", "--all"]);
    both.assert_refused(2, &said("the argument '[STREAM]' cannot be used with '--all'"));
    let when = sagalog(&["read", &store, "--all", "--as-of", "yesterday"]);
    assert!(when.err.contains("no position, and it is not written like"), "{}", when.err);
    let name = sagalog(&["read", &store, ""]);
    name.assert_refused(2, "STREAM: a name has at least one byte");
}

#[test]
fn streams_are_listed_by_their_names() {
    let desk = desk();
    let store = desk.name("store");
    let run = sagalog(&["streams", &store]);
    assert_eq!(run.out, "course-c1\t3\t11\norder-1\t3\t9\norder-2\t3\t10\n");
    let run = sagalog(&["streams", &store, "--prefix", "order-2", "--json"]);
    assert_eq!(run.json(), json!({ "stream": "order-2", "revision": 3, "position": 10 }));
    assert_eq!(sagalog(&["streams", &store, "--prefix", "x"]).out, "");
}

#[test]
fn looking_changes_nothing() {
    let desk = desk();
    let before = crate::support::image(&desk.path("store"));
    let store = desk.name("store");
    for arguments in [
        ["read", &store, "--all"].as_slice(),
        &["read", &store, "order-1"],
        &["streams", &store],
        &["export", &store],
    ] {
        assert_eq!(sagalog(arguments).code, 0);
    }
    assert!(crate::support::image(&desk.path("store")) == before);
}

#[test]
fn a_reader_that_goes_away_ends_an_export_quietly() {
    let desk = Desk::new();
    desk.put("twin.jsonl", &crate::twin::twin(4_000, 200));
    desk.imported("twin.jsonl");
    for command in [["export"].as_slice(), &["read", "--all"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sagalog"))
            .args(command)
            .arg(desk.name("store"))
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
}

#[test]
fn a_list_of_nothing_says_so_to_people() {
    let desk = desk();
    let store = desk.name("store");
    let run = sagalog(&["streams", &store, "--prefix", "x"]);
    let said = format!("sagalog: {store}: no stream begins so\n");
    assert_eq!((run.code, run.out.as_str(), run.err), (0, "", said));
    let run = sagalog(&["saga", "stuck", &store]);
    let said = format!("sagalog: {store}: no saga waits for an operator\n");
    assert_eq!((run.code, run.out.as_str(), run.err), (0, "", said));
    let run = sagalog(&["streams", &store, "--prefix", "x", "--json"]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
}
