//! An import that is killed, again and again, by a signal that no process can catch; and imports
//! and exports that are interrupted by one that they do catch.
//!
//! Defends: each line is stored once, in the order of the file, however often an import was begun;
//! and an export beside a running import shows the beginning of the file.

use crate::{
    import::{Desk, assert_same_lines, count_lines},
    support::{block_on, sagalog},
    twin::twin,
};
use sagalog::{ReadOnlyStore, Store};
use std::{
    fs,
    io::Read as _,
    process::{Child, Command, Stdio},
};

/// How often the import of one file is killed at most, and how often it has to be met before its
/// end, so that the story says something.
const KILLS: [usize; 2] = [10, 3];

/// Where disks sync in no time, a small import is over before anybody has looked at it.
const EVENTS: [usize; 3] = [20_000, 80_000, 320_000];

/// An import in a process of its own.
struct Import(Child);

impl Import {
    fn start(desk: &Desk) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_sagalog"))
            .args(["import", &desk.name("store"), &desk.name("twin.jsonl")])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.expect("the binary runs"))
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a process").is_some()
    }

    /// Waits until the store has come to `head`; whether it did before the import ended.
    fn reaches(&mut self, desk: &Desk, head: u64) -> bool {
        block_on(async {
            let mut store: Option<ReadOnlyStore> = None;
            while !self.has_ended() {
                let found = match &store {
                    // At first there is no store yet.
                    None => {
                        store = Store::open_read_only(desk.path("store")).await.ok();
                        continue;
                    }
                    Some(store) => store.refresh().await.map_or(0, sagalog::Position::get),
                };
                if found >= head {
                    return true;
                }
            }
            false
        })
    }
}

/// What a process has said when it ended, and with which code.
fn last_words(child: &mut Child) -> (Option<i32>, String) {
    let mut words = String::new();
    let errors = child.stderr.as_mut().expect("a pipe");
    errors.read_to_string(&mut words).expect("text");
    (child.wait().expect("it ends").code(), words)
}

impl Drop for Import {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A desk with a twin of so many events, and their lines.
fn desk(events: usize) -> (Desk, Vec<u8>) {
    let (desk, input) = (Desk::new(), twin(events, events / 20));
    desk.put("twin.jsonl", &input);
    (desk, input)
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let met = EVENTS.into_iter().any(|events| kill_and_go_on(events) >= KILLS[1]);
    assert!(met, "an import that is never met before its end proves nothing");
}

/// Kills an import again and again, then lets it end; returns how often it was met before its end.
fn kill_and_go_on(events: usize) -> usize {
    let (desk, input) = desk(events);
    drop(Import::start(&desk));
    let lines = count_lines(&input);
    let (mut kills, mut stored) = (0, 0);
    while kills < KILLS[0] {
        let mut import = Import::start(&desk);
        if !import.reaches(&desk, stored + 1) {
            break;
        }
        drop(import);
        let exported = desk.exported();
        assert!(input.starts_with(exported.as_bytes()), "the export is no beginning of the file");
        let before = std::mem::replace(&mut stored, count_lines(exported.as_bytes()));
        assert!(stored > before, "{stored} events were {before}");
        kills += usize::from(stored < lines);
    }
    let (now, before) = desk.imported("twin.jsonl");
    assert!(before >= stored, "{before} events were {stored}");
    assert_eq!(now + before, lines);
    assert_eq!(desk.imported("twin.jsonl"), (0, lines));
    assert_same_lines(&desk.exported(), &input);
    let check = sagalog(&["check", &desk.name("store")]);
    assert_eq!(check.code, 0, "{}", check.out);
    kills
}

#[test]
fn beside_an_import_that_stands_still_its_beginning_is_read() {
    let met = EVENTS.into_iter().any(stop_and_look);
    assert!(met, "an import that is never met before its end proves nothing");
}

/// Stops an import, reads what it has stored, and lets it go on; whether it was met before its end.
fn stop_and_look(events: usize) -> bool {
    let (desk, input) = desk(events);
    let mut import = Import::start(&desk);
    if !import.reaches(&desk, 1) {
        return false;
    }
    import.signal("-STOP");
    let exported = desk.exported();
    let streams = sagalog(&["streams", &desk.name("store")]).out.lines().count();
    let first = sagalog(&["read", &desk.name("store"), "--all", "--limit", "1"]);
    import.signal("-CONT");
    assert!(input.starts_with(exported.as_bytes()), "the export is no beginning of the file");
    assert!(streams > 0 && first.json()["position"] == 0, "{streams} {}", first.out);
    count_lines(exported.as_bytes()) < count_lines(&input)
}

#[test]
fn an_import_that_is_interrupted_says_how_far_it_came_and_goes_on_there() {
    let met = EVENTS.into_iter().any(interrupt_and_go_on);
    assert!(met, "an import that is never met before its end proves nothing");
}

/// Interrupts an import, and lets another one end it; whether it was met before its end.
fn interrupt_and_go_on(events: usize) -> bool {
    let (desk, input) = desk(events);
    let lines = count_lines(&input);
    let mut stored = 0;
    for signal in ["-INT", "-TERM"] {
        let mut import = Import::start(&desk);
        if !import.reaches(&desk, stored + 1) {
            return false;
        }
        import.signal(signal);
        let (code, words) = last_words(&mut import.0);
        if code == Some(0) {
            return false;
        }
        stored = count_lines(desk.exported().as_bytes());
        let said = format!("interrupted behind line {stored} of {}", desk.name("twin.jsonl"));
        assert_eq!((code, words.contains(&said)), (Some(2), true), "{words}");
        assert!(words.ends_with("the same command goes on from there\n"), "{words}");
        assert!(stored < lines && input.starts_with(desk.exported().as_bytes()), "{stored}");
    }
    assert_eq!(desk.imported("twin.jsonl"), (lines - stored, stored));
    assert_same_lines(&desk.exported(), &input);
    true
}

#[test]
fn an_import_whose_store_is_moved_away_says_so_and_goes_on_in_its_new_place() {
    let met = EVENTS.into_iter().any(move_and_go_on);
    assert!(met, "an import that is never met before its end proves nothing");
}

/// Renames the store under an import, and lets another one end it; whether it was met before its
/// end.
fn move_and_go_on(events: usize) -> bool {
    let (desk, input) = desk(events);
    let mut import = Import::start(&desk);
    if !import.reaches(&desk, 1) {
        return false;
    }
    fs::rename(desk.path("store"), desk.path("elsewhere")).expect("one file system");
    let (code, words) = last_words(&mut import.0);
    if code == Some(0) {
        return false;
    }
    let why = "the store's directory was removed, renamed or replaced while it was open";
    assert_eq!((code, words.contains(why)), (Some(2), true), "{words}");
    fs::rename(desk.path("elsewhere"), desk.path("store")).expect("one file system");
    desk.imported("twin.jsonl");
    assert_same_lines(&desk.exported(), &input);
    true
}

#[test]
fn an_export_that_is_interrupted_leaves_no_part_and_says_so() {
    let met = EVENTS.into_iter().any(interrupt_export);
    assert!(met, "an export that is never met before its end proves nothing");
}

/// Interrupts an export as soon as it has begun its file; whether it was met before its end.
fn interrupt_export(events: usize) -> bool {
    let (desk, _) = desk(events);
    desk.imported("twin.jsonl");
    fs::create_dir(desk.path("out")).expect("a new name");
    let left = || fs::read_dir(desk.path("out")).expect("readable").count();
    let (out, store) = (desk.name("out/copy.jsonl.gz"), desk.name("store"));
    let mut export = Command::new(env!("CARGO_BIN_EXE_sagalog"))
        .args(["export", &store, &out])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    while left() == 0 {
        assert!(export.try_wait().expect("a process").is_none(), "it ends with a file");
    }
    let sent = Command::new("kill").args(["-INT", &export.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    let (code, words) = last_words(&mut export);
    if code == Some(0) {
        return false;
    }
    assert!(words.starts_with(&format!("sagalog: {out}: interrupted at position ")), "{words}");
    assert_eq!((code, left()), (Some(2), 0));
    true
}
