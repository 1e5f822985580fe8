//! What the tests of the program share: starting it, killing it, reading a file by themselves.

#![expect(
    clippy::disallowed_methods,
    reason = "the program is started and killed as its users would do it"
)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::Duration,
};

/// How often a process is looked at that is to be killed.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// The program on one file and one directory.
pub(crate) struct Program {
    arguments: Vec<PathBuf>,
}

impl Program {
    /// With these arguments.
    pub(crate) fn new(file: &Path, data: &Path, faults: &str) -> Self {
        let words = ["--input".into(), file.into(), "--data".into(), data.into()];
        let more = ["--faults".into(), faults.into(), "--json".into()];
        Self { arguments: words.into_iter().chain(more).collect() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orders"));
        command.args(&self.arguments).stdin(Stdio::null());
        command
    }

    /// Starts it and kills it once it has written so many bytes; nothing if it ended before.
    ///
    /// Bytes and not milliseconds: how far it comes in a time depends on what else the machine
    /// does.
    pub(crate) fn killed_behind(&self, bytes: u64) -> Option<()> {
        let mut child = self.start();
        while written(&child) < bytes && child.try_wait().expect("it is ours").is_none() {
            sleep(LOOK_EVERY);
        }
        child.kill().expect("it is ours to kill");
        let output = child.wait_with_output().expect("it is dead");
        match output.status.code() {
            None => Some(()),
            Some(0) => None,
            Some(code) => panic!("ended with {code}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Runs it to its end; how many bytes it has written at least.
    pub(crate) fn bytes_written(&self) -> u64 {
        let (mut child, mut bytes) = (self.start(), 0);
        while child.try_wait().expect("it is ours").is_none() {
            bytes = bytes.max(written(&child));
            sleep(LOOK_EVERY);
        }
        let output = child.wait_with_output().expect("it is dead");
        said(&output);
        bytes
    }

    fn start(&self) -> Child {
        let mut command = self.command();
        let started = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        started.expect("the program starts")
    }

    /// Runs it to its end, and returns the last line that it prints.
    pub(crate) fn report(&self) -> String {
        let output = self.command().output().expect("the program starts");
        said(&output).lines().last().expect("it reports").to_owned()
    }
}

/// How many bytes a process has handed to the system so far. Of one that has ended nothing is
/// known any more.
fn written(child: &Child) -> u64 {
    let books = std::fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
    let line = books.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.map_or(0, |bytes| bytes.parse().expect("a number of bytes"))
}

/// What a run printed that has to have ended well.
pub(crate) fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether some documents are at an end there, and others are not.
pub(crate) fn is_in_the_middle(data: &Path) -> bool {
    let data = data.to_str().expect("the directory's name is text");
    let output = orders(&["status", data, "--json"]);
    let Ok(report) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else {
        return false; // It was killed before there was a shop.
    };
    let (done, left) = (&report["orders"]["completed"], &report["unfinished"]);
    done.as_u64() > Some(0) && left.as_u64() > Some(0)
}

/// Runs a command of the program.
pub(crate) fn orders(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orders"));
    command.args(words).stdin(Stdio::null()).output().expect("the program starts")
}

/// A line of a file, as this test reads it.
pub(crate) struct Row {
    /// Its invoice.
    pub(crate) invoice: String,
    /// Its product.
    pub(crate) product: String,
    /// How many pieces; fewer than none if they came back or are lost.
    pub(crate) pieces: i64,
    /// The price of one, in pence.
    pub(crate) pence: i64,
}

impl Row {
    /// Whether nothing of it is in stock.
    pub(crate) fn is_service(&self) -> bool {
        let services = "POST DOT M C2 D S B CRUK PADS AMAZONFEE CARRIAGE";
        self.product == "BANK CHARGES" || services.split(' ').any(|word| word == self.product)
    }
}

/// The lines of a file but those that were rejected.
pub(crate) fn rows_of(file: &Path, rejected: &BTreeSet<u64>) -> Vec<Row> {
    let bytes = std::fs::read(file).expect("the file is there");
    let text = if file.extension().is_some_and(|ending| ending == "gz") {
        let mut text = String::new();
        let mut unpacked = flate2::read::MultiGzDecoder::new(&bytes[..]);
        std::io::Read::read_to_string(&mut unpacked, &mut text).expect("it unpacks");
        text
    } else {
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let kept = (1..).zip(text.lines()).skip(1).filter(|(at, _)| !rejected.contains(at));
    kept.map(|(at, line)| row(at, line)).collect()
}

fn row(at: u64, line: &str) -> Row {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let columns = reader.records().next().expect("a line").expect("columns");
    let column = |number: usize| columns.get(number).expect("eight columns").trim();
    // As a float, and rounded: another way than the program's.
    let pounds: f64 = column(5).parse().unwrap_or_else(|_| panic!("line {at} has a price"));
    let pence = format!("{:.0}", pounds * 100.0).parse().expect("whole pence");
    let pieces = column(3).parse().expect("a number of pieces");
    Row { invoice: column(0).to_owned(), product: column(1).to_owned(), pieces, pence }
}

/// Reads a file.
pub(crate) fn read(file: &str) -> String {
    std::fs::read_to_string(file).expect("the file is there")
}

/// Writes a file.
pub(crate) fn write(file: &Path, text: &str) {
    std::fs::write(file, text).expect("there is room");
}

/// The names in a directory, sorted.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("the directory is there");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("text")).collect();
    names.sort_unstable();
    names
}

/// A runtime to read stores with.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Numbers that look random: one step of a linear congruence each. Constants by Knuth, MMIX.
pub(crate) struct Lcg(u64);

impl Lcg {
    /// From a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One below `n`.
    pub(crate) const fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}
