//! Beside a process that writes, and behind one that was killed.

use crate::support::{block_on, body, sagalog, small};
use sagalog::{Commit, Log};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

const DIR: &str = "SAGALOG_TEST_DIR";

/// Not a test: what the process does that the others look at and kill.
#[test]
#[ignore = "started by the other tests in a process of its own"]
fn a_process_that_writes() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    block_on(async {
        let (log, _) = Log::open(dir, small()).await.expect("opens");
        for number in 0_u64.. {
            let appended = log.append(Commit::new(body(number))).await.expect("durable");
            writeln!(std::io::stdout(), "acknowledged {}", appended.first).expect("a pipe");
            if number % 512 == 511 {
                let keep = sagalog::Position::new(number - 200);
                log.keep_from(keep).await.expect("retires");
            }
        }
    });
}

struct Writer {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Writer {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "beside::a_process_that_writes", "--ignored"])
            .arg("--nocapture")
            .env(DIR, dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines: out.lines() }
    }

    /// Waits until `commits` more were acknowledged; returns the last position.
    fn wait_for(&mut self, commits: usize) -> u64 {
        let acknowledged = self.lines.by_ref().filter_map(|line| {
            let line = line.expect("readable");
            line.split_once("acknowledged ")?.1.parse().ok()
        });
        acknowledged.take(commits).last().expect("some")
    }

    fn kill(mut self) -> u64 {
        self.child.kill().expect("killable");
        self.child.wait().expect("it ends");
        let left = self.lines.by_ref().map_while(Result::ok);
        let left = left.filter_map(|line| line.split_once("acknowledged ")?.1.parse().ok());
        left.last().unwrap_or(0)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_store_that_is_being_written_looks_sound() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let name = dir.path().to_str().expect("plain");
    let mut writer = Writer::start(dir.path());
    for _ in 0..12 {
        let acknowledged = writer.wait_for(300);
        let stats = sagalog(&["stats", name, "--json"]);
        assert_eq!((stats.code, stats.err.as_str()), (0, ""));
        let head = stats.json()["head"].as_u64().expect("a number");
        assert!(head >= acknowledged, "{head} of {acknowledged}");
        let check = sagalog(&["check", name]);
        assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    }
}

#[test]
fn a_killed_store_is_sound_and_can_be_dumped_and_salvaged() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let name = dir.path().to_str().expect("plain");
    let mut writer = Writer::start(dir.path());
    let acknowledged = writer.wait_for(700);
    let acknowledged = acknowledged.max(writer.kill());
    let check = sagalog(&["check", name]);
    assert_eq!(check.code, 0, "{}", check.out);
    let dumped = sagalog(&["dump", name]).json_lines();
    let last = dumped.last().expect("commits")["position"].as_u64();
    // The last group is whole but nothing says that it is durable; opening decides.
    assert!(last >= Some(acknowledged - 1), "{last:?} of {acknowledged}");
    let out = tempfile::tempdir().expect("a scratch directory");
    let copy = out.path().to_str().expect("plain");
    let salvaged = sagalog(&["salvage", name, copy, "--json"]).json();
    let range = &salvaged["ranges"][0];
    let end = range["source"].as_u64().expect("a number")
        + range["positions"].as_u64().expect("a number");
    assert!(end > acknowledged, "{salvaged}");
    let (_, report) = block_on(Log::open(dir.path(), small())).expect("opens");
    assert_eq!(report.head.get(), end);
}
