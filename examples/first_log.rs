//! A log survives `kill -9`: `cargo run --release --example first_log`.
//!
//! This program starts itself as a second process, which appends numbered commits and tells each
//! acknowledged position through a pipe. It kills that process at a random moment, opens the log,
//! reads everything back and looks for what was acknowledged; five times, in a temporary
//! directory. The process dies but the machine does not: power failures are simulated elsewhere.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is a program of its own: it has processes, a clock and a terminal"
)]

use sagalog::{Commit, Log, Options, Position, RecoveryReport};
use std::{
    collections::BTreeSet,
    error::Error,
    hash::{BuildHasher as _, RandomState},
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

const ROUNDS: u64 = 5;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    if let Some(dir) = arguments.next() {
        append_for_ever(Path::new(&dir)).await?;
    }
    let dir = tempfile::tempdir()?;
    println!("the log is in {}", dir.path().display());
    let (mut acknowledged, mut missing) = (Vec::new(), 0);
    for round in 1..=ROUNDS {
        let told = run_and_kill(dir.path())?;
        acknowledged.extend(&told);
        let (report, found) = read_back(dir.path()).await?;
        let lost = acknowledged.iter().filter(|at| !found.contains(at)).count();
        println!(
            "round {round}: killed after {} acknowledged commits; {}; {} in the log, {lost} lost",
            told.len(),
            summary(&report),
            found.len(),
        );
        missing += lost;
    }
    if acknowledged.is_empty() {
        println!("nothing was acknowledged in time, so this run proves nothing");
        return Ok(ExitCode::FAILURE);
    }
    if missing > 0 {
        println!("{missing} acknowledged commits are gone: this is a bug, please report it");
        return Ok(ExitCode::FAILURE);
    }
    println!("all {} acknowledged commits survived {ROUNDS} kills", acknowledged.len());
    Ok(ExitCode::SUCCESS)
}

/// What the second process does.
async fn append_for_ever(dir: &Path) -> Result<(), Box<dyn Error>> {
    let (log, report) = Log::open(dir, Options::default()).await?;
    for number in report.head.get().. {
        let appended = log.append(Commit::new(body(number))).await?;
        // Only what the log has acknowledged is told.
        writeln!(io::stdout(), "{}", appended.first)?;
    }
    Ok(())
}

fn body(number: u64) -> String {
    format!("commit number {number}")
}

/// Lets the second process append for a random while and kills it; returns the positions that it
/// has told.
fn run_and_kill(dir: &Path) -> Result<Vec<u64>, Box<dyn Error>> {
    let mut child =
        Command::new(std::env::current_exe()?).arg(dir).stdout(Stdio::piped()).spawn()?;
    let pipe = child.stdout.take().ok_or("the child has no pipe")?;
    let listener = thread::spawn(move || {
        let mut told = Vec::new();
        let mut pipe = BufReader::new(pipe);
        let mut line = String::new();
        while pipe.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            // A line without its end was cut by the kill.
            told.extend(line.strip_suffix('\n').and_then(|l| l.parse::<u64>().ok()));
            line.clear();
        }
        told
    });
    let while_millis = 200 + RandomState::new().hash_one(()) % 600;
    thread::sleep(Duration::from_millis(while_millis));
    child.kill()?;
    child.wait()?;
    listener.join().map_err(|_| "the listener panicked".into())
}

/// Opens the log as after any crash; returns the positions whose commits are as they were written.
async fn read_back(dir: &Path) -> Result<(RecoveryReport, BTreeSet<u64>), Box<dyn Error>> {
    let (log, report) = Log::open(dir, Options::default()).await?;
    let mut reader = log.read(Position::new(0));
    let mut found = BTreeSet::new();
    while let Some(commit) = reader.next().await? {
        let at = commit.first.get();
        if commit.body == body(at) {
            found.insert(at);
        }
    }
    log.close().await?;
    Ok((report, found))
}

fn summary(report: &RecoveryReport) -> String {
    format!(
        "recovery took {:?}, discarded {} torn bytes, wrote {} unproven group(s) again",
        report.elapsed, report.discarded_bytes, report.rewritten_groups
    )
}
