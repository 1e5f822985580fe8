//! `sagalog append`: one event, its guard and its key.

use crate::{
    import::Desk,
    support::{Run, sagalog},
};
use serde_json::json;
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

fn append(desk: &Desk, arguments: &[&str]) -> Run {
    let store = desk.name("store");
    sagalog(&[&["append", &store], arguments].concat())
}

#[test]
fn an_event_is_stored_with_what_was_given() {
    let desk = Desk::new();
    let id = "01234567-89ab-7def-8123-456789abcdef";
    let first = [
        "order-1",
        "Placed",
        "--create",
        "--data",
        r#" {"total": 1.50} "#,
        "--id",
        id,
        "--tag",
        "customer:77",
        "--tag",
        "web",
        "--time",
        "2012-02-29T09:30:00+01:00",
        "--json",
    ];
    let expected = json!({ "position": 0, "stream": "order-1", "revision": 0, "replayed": false });
    assert_eq!(append(&desk, &first).json(), expected);
    let run = append(&desk, &["order-1", "Paid"]);
    assert_eq!(run.out, "stream    order-1\nrevision  1\nposition  1\nstored    now\n");
    let read = sagalog(&["read", &desk.name("store"), "order-1", "--limit", "1"]).json();
    assert_eq!((&read["id"], &read["tags"]), (&json!(id), &json!(["customer:77", "web"])));
    let lines = desk.exported();
    let first = concat!(
        r#"{"stream":"order-1","type":"Placed","time":"2012-02-29T08:30:00Z","#,
        r#""data":{"total": 1.50},"tags":["customer:77","web"]}"#,
    );
    assert_eq!(lines.lines().next(), Some(first));
    assert!(lines.ends_with("\"data\":null}\n"), "{lines}");
}

#[test]
fn data_can_come_from_standard_input() {
    let desk = Desk::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sagalog"))
        .args(["append", &desk.name("store"), "a", "T", "--create", "--data", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"{\n  \"several\": \"lines\"\n}\n").expect("it reads");
    drop(input);
    assert!(child.wait().expect("it ends").success());
    assert!(desk.exported().contains(r#""data":{   "several": "lines" }"#), "{}", desk.exported());
}

#[test]
fn a_guard_that_does_not_hold_stores_nothing() {
    let desk = Desk::new();
    let store = desk.name("store");
    let table = [
        ("exists", Some("has no events, expected events")),
        ("3", Some("has no events, expected revision 3")),
        ("none", None),
        ("none", Some("is at revision 0, expected no events")),
        ("exists", None),
        ("0", Some("is at revision 1, expected revision 0")),
        ("1", None),
        ("any", None),
    ];
    for (expect, refusal) in table {
        let run = append(&desk, &["a", "T", "--create", "--expect", expect]);
        match refusal {
            Some(text) => {
                run.assert_refused(2, &format!("{store}: stream a {text}; nothing was stored"));
            }
            None => assert_eq!((run.code, run.err.as_str()), (0, ""), "{expect}"),
        }
    }
    assert_eq!(desk.exported().lines().count(), 4);
}

#[test]
fn a_command_that_is_repeated_is_stored_once() {
    let desk = Desk::new();
    let command = ["a", "T", "--create", "--key", "place-1", "--data", "1", "--json"];
    assert_eq!(append(&desk, &command).json()["replayed"], json!(false));
    let expected = json!({ "position": 0, "stream": "a", "revision": 0, "replayed": true });
    assert_eq!(append(&desk, &command).json(), expected);
    let other = append(&desk, &["a", "T", "--key", "place-1", "--data", "2"]);
    let sentence = "key place-1 belongs to another append, at position 0; nothing was stored";
    other.assert_refused(2, &format!("{}: {sentence}", desk.name("store")));
    assert_eq!(desk.exported().lines().count(), 1);
}

#[test]
fn what_cannot_be_appended_is_said_in_a_sentence() {
    let desk = Desk::new();
    let store = desk.name("store");
    let missing = append(&desk, &["a", "T"]);
    missing.assert_refused(2, &format!("{store}: there is no such directory"));
    let name = append(&desk, &["$a", "T", "--create"]);
    assert!(name.err.contains("names that begin with `$` are reserved"), "{}", name.err);
    let data = append(&desk, &["a", "T", "--create", "--data", "{"]);
    assert!(data.err.starts_with("sagalog: --data is no JSON: EOF while parsing"), "{}", data.err);
    let expect = append(&desk, &["a", "T", "--create", "--expect", "some"]);
    assert!(expect.err.contains("none of any, none, exists or a revision"), "{}", expect.err);
    assert_eq!([name.code, data.code, expect.code], [2, 2, 2]);
    assert!(!desk.path("store").exists(), "nothing is made before the event is known");
}
