//! `sagalog import` and `export`: what went in comes out, in its order, each line once; and of a
//! file with a bad line nothing goes in.

use crate::{
    support::{Run, block_on, image, sagalog},
    twin::{REAL, twin},
};
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use sagalog::{Options, Store};
use serde_json::json;
use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// The twin's events; the real file's number with `SAGALOG_TWIN_EVENTS=262200`.
fn input() -> Vec<u8> {
    let events = std::env::var("SAGALOG_TWIN_EVENTS");
    match events.map(|events| events.parse().expect("a number")) {
        Ok(events) if events == REAL.0 => twin(REAL.0, REAL.1),
        Ok(events) => twin(events, events / 20),
        Err(_) => twin(20_000, 1_000),
    }
}

pub(crate) fn count_lines(text: &[u8]) -> u64 {
    let lines = str::from_utf8(text).expect("text").lines();
    u64::try_from(lines.count()).expect("64 bits")
}

/// A scratch directory with input files and a place for a store.
pub(crate) struct Desk {
    dir: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a scratch directory") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn name(&self, name: &str) -> String {
        self.path(name).to_str().expect("a plain path").to_owned()
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("writable");
    }

    pub(crate) fn import(&self, file: &str) -> Run {
        sagalog(&["import", &self.name("store"), &self.name(file), "--json"])
    }

    /// Imports `in.jsonl` with these arguments.
    pub(crate) fn import_plainly(&self, arguments: &[&str]) -> Run {
        let (store, file) = (self.name("store"), self.name("in.jsonl"));
        sagalog(&[&["import", &store, &file], arguments].concat())
    }

    /// Imports a file in which nothing is wrong: how many lines were stored now and before.
    #[track_caller]
    pub(crate) fn imported(&self, file: &str) -> (u64, u64) {
        let run = self.import(file);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        let report = run.json();
        let count = |field: &str| report[field].as_u64().expect("a number");
        assert_eq!(count("lines"), count("stored_now") + count("stored_before"));
        (count("stored_now"), count("stored_before"))
    }

    #[track_caller]
    pub(crate) fn exported(&self) -> String {
        let run = sagalog(&["export", &self.name("store")]);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        run.out
    }

    /// That a command said one sentence and did nothing.
    #[track_caller]
    fn refuses(&self, file: &str, sentence: &str) {
        let run = self.import(file);
        assert_eq!(run.err, format!("sagalog: {}: {sentence}\n", self.name(file)));
        assert_eq!((run.code, run.out.as_str()), (2, ""));
        assert!(!self.path("store").exists(), "no store is made for a bad file");
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub(crate) fn gunzip(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).expect("a file");
    MultiGzDecoder::new(file).read_to_end(&mut bytes).expect("gzip");
    bytes
}

/// That both are the same lines; says which is the first that differs.
#[track_caller]
pub(crate) fn assert_same_lines(found: &str, expected: &[u8]) {
    let expected = str::from_utf8(expected).expect("text");
    let differing = found.lines().zip(expected.lines()).position(|(found, line)| found != line);
    assert_eq!(differing, None, "a line, counted from 0");
    assert_eq!(found.len(), expected.len());
}

fn line(number: u64) -> String {
    format!(
        "{{\"stream\":\"s-{}\",\"type\":\"T\",\"time\":\"2012-02-29T09:30:00Z\",\
         \"data\":{number}}}\n",
        number % 7
    )
}

fn lines(numbers: impl Iterator<Item = u64>) -> String {
    numbers.map(line).collect()
}

#[test]
fn what_goes_in_comes_out_in_its_order() {
    let (desk, input) = (Desk::new(), input());
    let events = count_lines(&input);
    desk.put("twin.jsonl", &input);
    assert_eq!(desk.imported("twin.jsonl"), (events, 0));
    assert_same_lines(&desk.exported(), &input);
    let file = desk.name("out.jsonl.gz");
    let run = sagalog(&["export", &desk.name("store"), &file]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""));
    assert!(gunzip(Path::new(&file)) == input, "the compressed export differs");
    assert_eq!(sagalog(&["check", &desk.name("store")]).code, 0);
}

#[test]
fn the_same_lines_are_stored_once_compressed_or_not() {
    let desk = Desk::new();
    let input = twin(3_000, 150);
    desk.put("twin.jsonl.gz", &gzip(&input));
    assert_eq!(desk.imported("twin.jsonl.gz"), (3_000, 0));
    let before = desk.import("twin.jsonl.gz").json();
    assert_eq!(before["stored_now"], json!(0));
    assert_eq!(before["head"], json!(3_000));
    desk.put("other-name.jsonl", &input);
    assert_eq!(desk.imported("other-name.jsonl"), (0, 3_000));
    assert_same_lines(&desk.exported(), &input);
}

#[test]
fn of_a_file_that_has_grown_the_new_lines_are_stored() {
    let desk = Desk::new();
    for end in [1, 511, 512, 513, 1_200, 1_201, 3_000] {
        desk.put("log.jsonl", lines(0..end).as_bytes());
        desk.imported("log.jsonl");
        assert_eq!(desk.imported("log.jsonl"), (0, end));
        assert_eq!(desk.exported(), lines(0..end));
    }
    // Without its last line's end it is the same file, and so it is with other ends of lines.
    desk.put("log.jsonl", lines(0..3_000).trim_end().as_bytes());
    assert_eq!(desk.imported("log.jsonl"), (0, 3_000));
    let dos = lines(0..3_001).replace('\n', "\r\n");
    desk.put("log.jsonl", dos.trim_end().as_bytes());
    assert_eq!(desk.imported("log.jsonl"), (1, 3_000));
    desk.put("log.jsonl", dos.as_bytes());
    assert_eq!(desk.imported("log.jsonl"), (0, 3_001));
    desk.put("log.jsonl", format!("\u{feff}{dos}").as_bytes());
    assert_eq!(desk.imported("log.jsonl"), (0, 3_001));
}

#[test]
fn two_files_share_what_both_begin_with_and_nothing_else() {
    let desk = Desk::new();
    desk.put("a.jsonl", lines(0..1_400).as_bytes());
    desk.put("b.jsonl", lines((0..800).chain(5_000..5_200)).as_bytes());
    desk.put("c.jsonl", lines((9_000..9_001).chain(0..1_400)).as_bytes());
    assert_eq!(desk.imported("a.jsonl"), (1_400, 0));
    assert_eq!(desk.imported("b.jsonl"), (200, 800));
    assert_eq!(desk.imported("c.jsonl"), (1_401, 0));
    for file in ["a.jsonl", "b.jsonl", "c.jsonl"] {
        assert_eq!(desk.imported(file).0, 0, "{file}");
    }
    let all = (0..1_400).chain(5_000..5_200).chain(9_000..9_001).chain(0..1_400);
    assert_eq!(desk.exported(), lines(all));
}

#[test]
fn equal_lines_are_events_of_their_own() {
    let desk = Desk::new();
    desk.put("log.jsonl", line(1).repeat(1_000).as_bytes());
    assert_eq!(desk.imported("log.jsonl"), (1_000, 0));
    assert_eq!(desk.exported(), line(1).repeat(1_000));
}

#[test]
fn a_file_without_lines_is_imported_too() {
    let desk = Desk::new();
    desk.put("empty.jsonl", b"");
    assert_eq!(desk.imported("empty.jsonl"), (0, 0));
    assert_eq!(desk.exported(), "");
}

#[test]
fn large_lines_share_no_commit_with_too_many_others() {
    let desk = Desk::new();
    let large = |number: u64, bytes: usize| {
        line(number).replace(&format!(":{number}}}"), &format!(":\"{}\"}}", "x".repeat(bytes)))
    };
    let mut input = lines(0..100);
    input += &large(100, 6_000_000);
    input += &large(101, 300_000);
    input += &lines(102..103);
    desk.put("large.jsonl", input.as_bytes());
    assert_eq!(desk.imported("large.jsonl"), (103, 0));
    assert_same_lines(&desk.exported(), input.as_bytes());
}

#[test]
fn everything_an_event_says_is_carried_over() {
    let desk = Desk::new();
    let begins = r#"{"stream":"a","type":"T","time":"2012-02-29T08:30:00Z","#;
    let everything = concat!(
        r#""data":null,"schema_version":2,"tags":["x:1","y"],"metadata":"m","#,
        r#""correlation_id":"00000000-0000-0000-0000-00000000000a","#,
        r#""causation_id":"00000000-0000-0000-0000-00000000000b","#,
        r#""trace_context":"t","principal":"p"}"#,
    );
    let rests = [
        r#""data":{"b":1.50,"a":[]}}"#,
        r#""data_base64":"//77"}"#,
        r#""data_base64":"IDE=","content_type":"bincode"}"#,
        r#""data_base64":"WzEsCjJd"}"#,
        r#""data_base64":"MQo=","content_type":"custom-200"}"#,
        r#""data":2,"metadata":"{\"time\":\"2012-02-29T09:30:00+01:00\"}"}"#,
        r#""data_base64":"ew==","content_type":"json"}"#,
        r#""data":"ü","metadata_base64":"/w=="}"#,
        everything,
    ];
    let mut input: String = rests.map(|rest| format!("{begins}{rest}\n")).concat();
    let spelled = begins.replace(":00Z", ":00.50+01:00").replace("\"a\"", r#""ä \"b\\""#);
    input.extend([spelled.as_str(), "\"data\":1}\n"]);
    desk.put("all.jsonl", input.as_bytes());
    assert_eq!(desk.imported("all.jsonl"), (10, 0));
    assert_eq!(desk.exported(), input);
}

#[test]
fn a_bad_line_is_named_and_nothing_is_imported() {
    let altered = |from: &str, to: &str| line(1).trim_end().replace(from, to).into_bytes();
    let table: [(Vec<u8>, &str); 8] = [
        (b"{\"stream\":\"s\"".into(), "EOF while parsing an object at column 13"),
        (b"{\"stream\":\"s\",\"type\":\"T\"}".into(), "missing field `time` at column 25"),
        (altered("02-29", "02-30"), "`time`: there is no such day, hour, minute, second or offset"),
        (altered("s-1", ""), "`stream`: a name has at least one byte"),
        (altered("s-1", "$s"), "`stream`: names that begin with `$` are reserved"),
        (altered("s-1", &"s".repeat(256)), "`stream`: the name has 256 bytes, the limit is 255"),
        (b"{\"stream\":\"\xc3\x28\"}".into(), "it is not UTF-8 from byte 11 on"),
        (b"".into(), "the line is empty"),
    ];
    for (bad, reason) in table {
        let desk = Desk::new();
        let input = [lines(0..1_400).as_bytes(), &bad, b"\n", lines(0..9).as_bytes()].concat();
        for (file, bytes) in [("bad.jsonl", input.clone()), ("bad.jsonl.gz", gzip(&input))] {
            desk.put(file, &bytes);
            let name = desk.name(file);
            let run = desk.import(file);
            let expected = format!(
                "sagalog: {name}:1401: {reason}\n\
                 sagalog: {name}: 1 of 1410 lines is bad; nothing was imported\n"
            );
            assert_eq!((run.code, run.out.as_str(), run.err), (2, "", expected));
            assert!(!desk.path("store").exists(), "no store is made for a bad file");
        }
    }
}

#[test]
fn a_bad_file_leaves_a_store_as_it_was() {
    let desk = Desk::new();
    desk.put("good.jsonl", lines(0..10).as_bytes());
    desk.imported("good.jsonl");
    let before = image(&desk.path("store"));
    desk.put("bad.jsonl", (lines(0..3_000) + "{}\n").as_bytes());
    assert_eq!(desk.import("bad.jsonl").code, 2);
    assert!(image(&desk.path("store")) == before);
}

#[test]
fn many_bad_lines_are_counted_and_the_first_ones_shown() {
    let desk = Desk::new();
    desk.put("bad.jsonl", "{}\n".repeat(1_000).as_bytes());
    let run = desk.import("bad.jsonl");
    assert_eq!((run.code, run.err.lines().count()), (2, 21));
    assert!(run.err.ends_with("1000 of 1000 lines are bad; nothing was imported\n"), "{}", run.err);
}

#[test]
fn a_line_that_no_commit_has_room_for_is_bad() {
    let desk = Desk::new();
    let large = format!("{}\n{}", "x".repeat((12 << 20) + 1), line(1));
    desk.put("large.jsonl", large.as_bytes());
    let run = desk.import("large.jsonl");
    assert!(run.err.contains("large.jsonl:1: it has more than 12582912 bytes\n"), "{}", run.err);
    assert!(run.err.ends_with("1 of 2 lines is bad; nothing was imported\n"), "{}", run.err);
    assert_eq!((run.code, desk.path("store").exists()), (2, false));
}

#[test]
fn what_is_no_file_of_lines_is_refused() {
    let desk = Desk::new();
    desk.refuses("missing", "there is no such file");
    let twice = "this is no regular file; the lines are read twice, first to check them";
    desk.refuses(".", twice);
    let made = Command::new("mkfifo").arg(desk.path("pipe")).status();
    assert!(made.expect("mkfifo runs").success());
    desk.refuses("pipe", twice);
    let run = sagalog(&["import", &desk.name("store"), "-"]);
    run.assert_refused(
        2,
        "the lines are read twice, first to check all of them, so that they have to be in a \
         file; standard input cannot be imported",
    );
    let whole = gzip(lines(0..5_000).as_bytes());
    desk.put("cut.gz", &whole[..whole.len() / 2]);
    let run = desk.import("cut.gz");
    assert!(run.err.contains("cut.gz: the compressed data ends in the middle, behind line "));
    desk.put("plain.gz", lines(0..5_000).as_bytes());
    let run = desk.import("plain.gz");
    assert!(run.err.contains("plain.gz: this is no gzip, or it is damaged"), "{}", run.err);
    let mut damaged = whole;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x10;
    desk.put("damaged.gz", &damaged);
    assert_eq!(desk.import("damaged.gz").code, 2);
    assert!(!desk.path("store").exists(), "no store is made for a bad file");
}

#[test]
fn beside_somebody_who_writes_an_import_is_refused_and_an_export_works() {
    let desk = Desk::new();
    desk.put("log.jsonl", lines(0..10).as_bytes());
    desk.imported("log.jsonl");
    desk.put("more.jsonl", lines(10..20).as_bytes());
    block_on(async {
        let opened = Store::open(desk.path("store"), Options::default()).await;
        let (store, _) = opened.expect("opens");
        let run = desk.import("more.jsonl");
        let sentence = "the store is open for writing elsewhere; close it or open read-only";
        run.assert_refused(2, &format!("{}: {sentence}", desk.name("store")));
        assert_eq!(desk.exported(), lines(0..10));
        store.close().await.expect("closes");
    });
    assert_eq!(desk.imported("more.jsonl"), (10, 0));
}

#[test]
fn an_export_appears_whole_and_replaces_nothing() {
    let desk = Desk::new();
    desk.put("log.jsonl", lines(0..10).as_bytes());
    desk.imported("log.jsonl");
    let (store, file) = (desk.name("store"), desk.name("log.jsonl"));
    let run = sagalog(&["export", &store, &file]);
    run.assert_refused(2, &format!("{file}: it exists already; name a new file"));
    desk.put("new.jsonl.part", b"somebody else's");
    let file = desk.name("new.jsonl");
    assert_eq!(sagalog(&["export", &store, &file, "--from", "4"]).code, 0);
    assert_eq!(fs::read_to_string(&file).expect("a file"), lines(4..10));
    assert_eq!(fs::read(desk.path("new.jsonl.part")).expect("a file"), b"somebody else's");
    let nowhere = desk.name("missing/new.jsonl");
    assert_eq!(sagalog(&["export", &store, &nowhere]).code, 2);
}

/// `SAGALOG_BPIC=path cargo test -p sagalog-cli --release -- --ignored --nocapture real_file`
#[test]
#[ignore = "takes a file that may not be redistributed: SAGALOG_BPIC names it"]
fn the_real_file_comes_out_as_it_went_in() {
    let path = PathBuf::from(std::env::var("SAGALOG_BPIC").expect("SAGALOG_BPIC names the file"));
    let (desk, input) = (Desk::new(), gunzip(&path));
    let name = path.to_str().expect("a plain path");
    let start = std::time::Instant::now();
    let run = sagalog(&["import", &desk.name("store"), name, "--json"]);
    let took = start.elapsed();
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let events = u64::try_from(REAL.0).expect("64 bits");
    assert_eq!(run.json()["stored_now"], json!(events));
    let start = std::time::Instant::now();
    assert_same_lines(&desk.exported(), &input);
    let exported = start.elapsed();
    let start = std::time::Instant::now();
    let again = sagalog(&["import", &desk.name("store"), name, "--json"]).json();
    let repeated = start.elapsed();
    assert_eq!((&again["stored_now"], &again["stored_before"]), (&json!(0), &json!(events)));
    let streams = sagalog(&["streams", &desk.name("store")]).out.lines().count();
    assert_eq!(streams, REAL.1);
    let bytes: usize = image(&desk.path("store")).values().map(Vec::len).sum();
    let said = format!(
        "{events} events in {streams} streams: imported in {took:?}, exported and compared in \
         {exported:?}, imported again in {repeated:?}; the store has {bytes} bytes\n"
    );
    std::io::stdout().write_all(said.as_bytes()).expect("a terminal");
}
