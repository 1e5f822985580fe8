//! The recovery benchmark's child processes: each does one thing to a log and prints one line.
//!
//! A process of its own for each, because the peak of memory is a process's, and because only a
//! process that is killed leaves what a killed process leaves.

use super::{
    Failure,
    cache::rss_peak_mib,
    drive::{self, Load},
    prepare::options,
    real, writers_runtime,
};
use sagalog::{Commit, Log, Position};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const SEGMENT_BYTES: u64 = 64 << 20;
/// Size of the commits that the log is filled with.
const COMMIT_BYTES: usize = 4096;
const FILLERS: usize = 256;
const RSS_WRITERS: usize = 256;
const RSS_TIME: Duration = Duration::from_secs(2);
/// How long a child that is to be killed appends after it has said that it does.
const LIFE: Duration = Duration::from_millis(500);

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Fills the log and closes it.
    Fill,
    /// Opens the log and appends until it is killed.
    Append,
    /// Opens the log and closes it.
    Open,
    /// Opens the log and reads all of it.
    Scan,
    /// Lets 256 writers append for a while.
    Writers,
}

const ROLES: [(&str, Role); 5] = [
    ("fill", Role::Fill),
    ("append", Role::Append),
    ("open", Role::Open),
    ("scan", Role::Scan),
    ("writers", Role::Writers),
];

/// What a child measured.
#[derive(Clone, Copy, Default)]
pub(crate) struct Answer {
    pub(crate) ms: f64,
    pub(crate) rss_mib: f64,
    /// Segments that opening read through.
    pub(crate) scanned: f64,
    /// Groups that opening wrote again.
    pub(crate) rewritten: f64,
}

/// The role of this name.
pub(crate) fn role_named(name: &str) -> Option<Role> {
    let found = ROLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, role)| *role)
}

/// Runs a child in `role` and returns what it measured.
pub(crate) fn run(role: Role, dir: &Path, mib: u64) -> Result<Answer, Failure> {
    let mut child = spawn(role, dir, mib)?;
    let line = first_line(&mut child)?;
    if !child.wait()?.success() {
        return Err(format!("the child that was to {role:?} failed").into());
    }
    let numbers: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [ms, rss_mib, scanned, rewritten] = numbers[..] else {
        return Err(format!("`{line}` is no answer").into());
    };
    Ok(Answer { ms, rss_mib, scanned, rewritten })
}

/// Runs a child that appends, and kills it at it.
pub(crate) fn run_and_kill(dir: &Path, mib: u64) -> Result<(), Failure> {
    let mut child = spawn(Role::Append, dir, mib)?;
    let line = first_line(&mut child)?;
    std::thread::sleep(LIFE);
    child.kill()?;
    let _ = child.wait()?;
    if line.is_empty() {
        return Err("the child that was to be killed ended before".into());
    }
    Ok(())
}

fn spawn(role: Role, dir: &Path, mib: u64) -> Result<Child, Failure> {
    let name = ROLES.iter().find(|(_, known)| *known == role);
    let (name, _) = name.ok_or("a role without a name")?;
    let child = Command::new(std::env::current_exe()?)
        .args(["--role", name, "--mib", &mib.to_string(), "--dir"])
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(child)
}

fn first_line(child: &mut Child) -> Result<String, Failure> {
    let stdout = child.stdout.take().ok_or("the child has no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line)
}

/// What a child's `main` does.
pub(crate) fn act(role: Role, dir: &Path, mib: u64) -> Result<(), Failure> {
    let runtime = writers_runtime()?;
    let began = Instant::now();
    let (log, report) = runtime.block_on(Log::open(dir, options(SEGMENT_BYTES)))?;
    let opened = began.elapsed();
    let worked = match role {
        Role::Open => opened,
        Role::Fill => {
            append_up_to(&runtime, &log, mib << 20)?;
            began.elapsed()
        }
        Role::Append => {
            print(&[0.0])?;
            append_up_to(&runtime, &log, u64::MAX)?;
            began.elapsed()
        }
        Role::Scan => runtime.block_on(scan(&log))?,
        Role::Writers => {
            let load = load(RSS_WRITERS);
            let _ = drive::slice(&runtime, &log, &load, RSS_TIME, usize::MAX)?;
            RSS_TIME
        }
    };
    let rss_mib = rss_peak_mib().unwrap_or(f64::NAN);
    runtime.block_on(log.close())?;
    let scanned = real(report.segments_scanned);
    let rewritten = real(report.rewritten_groups as u64);
    print(&[worked.as_secs_f64() * 1e3, rss_mib, scanned, rewritten])
}

fn print(numbers: &[f64]) -> Result<(), Failure> {
    let words: Vec<String> = numbers.iter().map(f64::to_string).collect();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", words.join(" "))?;
    Ok(out.flush()?)
}

fn load(writers: usize) -> Load {
    Load { writers, outstanding: 1, blocking: false, body: vec![0xC3; COMMIT_BYTES].into() }
}

/// Appends commits of 4 KiB, many at a time, until the log holds `bytes` of them.
fn append_up_to(runtime: &tokio::runtime::Runtime, log: &Log, bytes: u64) -> Result<(), Failure> {
    let commits = Position::new(bytes / COMMIT_BYTES as u64);
    let fillers: Vec<_> = (0..FILLERS)
        .map(|_| {
            let (log, body) = (log.clone(), load(1).body);
            runtime.spawn(async move {
                while log.head() < commits {
                    log.append(Commit::new(body.clone())).await?;
                }
                Ok::<_, sagalog::CommitError>(())
            })
        })
        .collect();
    for filler in fillers {
        runtime.block_on(filler)??;
    }
    Ok(())
}

/// Reads the whole log, as a projection that starts anew would.
async fn scan(log: &Log) -> Result<Duration, Failure> {
    let began = Instant::now();
    let mut reader = log.read(Position::new(0));
    let mut positions = 0;
    while let Some(commit) = reader.next().await? {
        positions += u64::from(commit.positions);
    }
    if Position::new(positions) != log.head() {
        return Err(format!("read {positions} positions of {}", log.head()).into());
    }
    Ok(began.elapsed())
}
