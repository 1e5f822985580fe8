//! Where the command makes files and stores, where it does not, and with what a store goes on.

use crate::{
    import::Desk,
    support::{Run, Store, image, sagalog},
};
use std::fs;

const LINE: &str =
    "{\"stream\":\"s\",\"type\":\"T\",\"time\":\"2012-02-29T09:30:00Z\",\"data\":1}\n";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.put("in.jsonl", LINE.as_bytes());
    desk
}

fn names(desk: &Desk, dir: &str) -> Vec<String> {
    let entries = fs::read_dir(desk.path(dir)).expect("readable");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("text")).collect();
    names.sort_unstable();
    names
}

#[test]
fn no_store_is_made_among_the_files_of_somebody_else_unless_told() {
    let desk = desk();
    fs::create_dir_all(desk.path("store/orders")).expect("a new name");
    desk.put("store/notes.txt", b"mine");
    let said = format!(
        "{}: the directory holds no store, but `notes.txt`, `orders/`, so that none was made in \
         it; name an empty one, or say that the store may stand among others' files \
         (--among-others)",
        desk.name("store")
    );
    desk.import_plainly(&[]).assert_refused(2, &said);
    sagalog(&["append", &desk.name("store"), "s", "T", "--create"]).assert_refused(2, &said);
    assert_eq!(names(&desk, "store"), ["notes.txt", "orders"]);
    assert_eq!(desk.import_plainly(&["--among-others"]).code, 0);
    assert_eq!(desk.imported("in.jsonl"), (0, 1), "it is a store by now");
}

#[test]
fn a_new_file_system_is_as_good_as_empty() {
    let desk = desk();
    fs::create_dir_all(desk.path("store/lost+found")).expect("a new name");
    assert_eq!(desk.imported("in.jsonl"), (1, 0));
    assert!(!sagalog(&["stats", &desk.name("store")]).out.contains("warning"));
}

#[test]
fn an_export_replaces_nothing_and_never_goes_into_a_store() {
    let desk = desk();
    desk.imported("in.jsonl");
    let export = |file: &str| sagalog(&["export", &desk.name("store"), &desk.name(file)]);
    desk.put("taken.jsonl", b"precious");
    export("taken.jsonl").assert_refused(
        2,
        &format!("{}: it exists already; name a new file", desk.name("taken.jsonl")),
    );
    assert_eq!(fs::read(desk.path("taken.jsonl")).expect("readable"), b"precious");
    let before = image(&desk.path("store"));
    export("store/out.jsonl").assert_refused(
        2,
        &format!(
            "{}: its directory is a store's, which belongs to that store alone; name a file \
             elsewhere",
            desk.name("store/out.jsonl")
        ),
    );
    assert!(image(&desk.path("store")) == before);
    export("missing/out.jsonl").assert_refused(
        2,
        &format!("{}: there is no such directory", desk.name("missing/out.jsonl")),
    );
    assert_eq!(names(&desk, "."), ["in.jsonl", "store", "taken.jsonl"], "no part stays behind");
}

/// A store of small segments, to which the command appends, goes on with small segments.
#[test]
fn a_store_goes_on_with_what_it_was_made_with() {
    let store = Store::with(0);
    for _ in 0..2 {
        let run = sagalog(&["append", store.name(), "s", "T"]);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
    }
    for (name, bytes) in image(store.path()) {
        assert!(!name.starts_with("log-") || bytes.len() <= 16 << 10, "{name}: {}", bytes.len());
    }
    let report = sagalog(&["stats", store.name(), "--json"]).json();
    assert_eq!(report["segment_bytes_max"], 16 << 10);
    assert_eq!(report["group_bytes_max"], 4 << 10);
}

/// One limit: what a store takes can be exported, and imported into a new one.
#[test]
fn the_largest_event_is_exported_and_imported() {
    let desk = Desk::new();
    // Bytes grow by a third as base64; text does not.
    for (number, payload) in
        [format!("\"data\":\"{}\"", "x".repeat((8 << 20) - 400)), base64_of((8 << 20) - 400)]
            .into_iter()
            .enumerate()
    {
        let [first, copy] = ["first", "copy"].map(|name| desk.name(&format!("{name}-{number}")));
        let out = desk.name(&format!("out-{number}.jsonl"));
        desk.put("in.jsonl", LINE.replace("\"data\":1", &payload).as_bytes());
        for arguments in [
            ["import", &first, &desk.name("in.jsonl")],
            ["export", &first, &out],
            ["import", &copy, &out],
        ] {
            let run = sagalog(&arguments);
            assert_eq!((run.code, run.err.as_str()), (0, ""), "{number}: {}", arguments[0]);
        }
        assert!(sagalog(&["export", &copy]).out.contains(&payload), "{number}");
    }
}

/// `data_base64` of so many bytes.
fn base64_of(bytes: usize) -> String {
    let bytes = bytes / 3 * 3;
    format!("\"data_base64\":\"{}\"", "AAAA".repeat(bytes / 3))
}

#[test]
fn what_a_store_does_not_take_is_told_before_anything_is_stored() {
    let desk = Desk::new();
    let large = LINE.replace(":1}", &format!(":\"{}\"}}", "x".repeat(5000)));
    desk.put("in.jsonl", (LINE.to_owned() + &large).as_bytes());
    let small = ["--group-bytes-max", "4096"];
    let run = desk.import_plainly(&small);
    let expected = format!(
        "sagalog: {0}:2: the event takes 5137 bytes, a commit of this store at most 4016; \
         --group-bytes-max raises that\n\
         sagalog: {0}: 1 of 2 lines is bad; nothing was imported\n",
        desk.name("in.jsonl")
    );
    assert_eq!((run.code, run.err), (2, expected));
    assert!(!desk.path("store").exists());

    // What is chosen for a store stays, until it is chosen anew.
    desk.put("in.jsonl", LINE.as_bytes());
    assert_eq!(desk.import_plainly(&small).code, 0);
    desk.put("in.jsonl", (LINE.to_owned() + &large).as_bytes());
    let refused: Run = desk.import_plainly(&[]);
    assert!(refused.err.contains("a commit of this store at most 4016"), "{}", refused.err);
    assert_eq!(desk.import_plainly(&["--group-bytes-max", "16384"]).code, 0);
    assert_eq!(desk.imported("in.jsonl"), (0, 2));
}
