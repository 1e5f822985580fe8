//! How long a log takes to open and to read, and how much memory that takes.
//!
//! Not a test of recovery: it checks no content, only that all of it was read. What the rows mean
//! stands in `benches/README.md`.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time on real files")]

#[expect(dead_code, reason = "the append benchmark uses the rest")]
mod support;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use support::{
    Failure,
    args::Args,
    cache,
    child::{self, Answer, Role},
    default_dir, median,
    output::{Output, Value},
    real, say,
};

const FLAGS: [&str; 1] = ["--json"];
const KEYS: [&str; 3] = ["--mib", "--dir", "--role"];
const MIB: u64 = 1024;
/// How often each thing is measured; the median counts.
const TIMES: usize = 3;
/// The same for replays, whose raw side reads at the mercy of a shared disk.
const REPLAYS: usize = 6;

fn main() -> ExitCode {
    let plan = Args::parse(std::env::args().skip(1), &FLAGS, &KEYS).and_then(|args| plan(&args));
    let plan = match plan {
        Ok(plan) => plan,
        Err(failure) => return say(&failure, 2),
    };
    let done = match plan.role {
        Some(role) => child::act(role, &plan.dir, plan.mib),
        None => run(&plan),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => say(&failure, 1),
    }
}

struct Plan {
    dir: PathBuf,
    mib: u64,
    json: bool,
    /// This process is a child that does one thing.
    role: Option<Role>,
}

fn plan(args: &Args) -> Result<Plan, Failure> {
    let role = match args.text("--role") {
        None => None,
        Some(name) => {
            let role = child::role_named(name);
            Some(role.ok_or_else(|| format!("--role is for child processes, not `{name}`"))?)
        }
    };
    Ok(Plan {
        dir: args.text("--dir").map_or_else(default_dir, PathBuf::from),
        mib: args.number("--mib", 16, 8192)?.unwrap_or(MIB),
        json: args.has("--json"),
        role,
    })
}

/// Whether the files are in the page cache when something is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cache {
    Warm,
    Cold,
}

impl Cache {
    fn bring_about(self, dir: &Path) -> Result<(), Failure> {
        match self {
            Self::Warm => cache::warm(dir),
            Self::Cold => cache::evict(dir),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }
}

/// What was measured several times.
struct Outcome {
    what: String,
    answers: Vec<Answer>,
    /// Bytes that were read, and how long the raw reads of them took.
    raw: Option<(u64, Vec<f64>)>,
}

fn run(plan: &Plan) -> Result<(), Failure> {
    std::fs::create_dir_all(&plan.dir)?;
    let scratch = tempfile::Builder::new().prefix("sagalog-recovery-").tempdir_in(&plan.dir)?;
    let dir = scratch.path().join("log");
    let mut output = Output::new(plan.json);
    let filled = child::run(Role::Fill, &dir, plan.mib)?;
    output.row(&fields(&Outcome { what: "fill".to_owned(), answers: vec![filled], raw: None }))?;
    for cache in [Cache::Cold, Cache::Warm] {
        output.row(&fields(&replay(&dir, plan.mib, cache)?))?;
    }
    for cache in [Cache::Cold, Cache::Warm] {
        output.row(&fields(&reopen(&dir, plan.mib, cache)?))?;
    }
    for cache in [Cache::Cold, Cache::Warm] {
        output.row(&fields(&reopen_killed(&dir, plan.mib, cache)?))?;
    }
    let writers = child::run(Role::Writers, &scratch.path().join("writers"), plan.mib)?;
    output.row(&fields(&Outcome {
        what: "writers_256".to_owned(),
        answers: vec![writers],
        raw: None,
    }))?;
    Ok(())
}

/// The raw read and the verified one in turns.
fn replay(dir: &Path, mib: u64, cache: Cache) -> Result<Outcome, Failure> {
    let files = cache::log_files(dir)?;
    let bytes = files.iter().map(|(_, bytes)| bytes).sum();
    let (mut answers, mut raw) = (Vec::new(), Vec::new());
    // One round more, which does not count: a disk below the disk may have a cache of its own.
    for round in 0..=REPLAYS {
        // Each goes first as often as the other.
        for raw_now in [round % 2 == 0, round % 2 == 1] {
            cache.bring_about(dir)?;
            if raw_now {
                raw.push(cache::read_raw(&files)?.as_secs_f64() * 1e3);
            } else {
                answers.push(child::run(Role::Scan, dir, mib)?);
            }
        }
    }
    answers.remove(0);
    raw.remove(0);
    Ok(Outcome { what: format!("replay_{}", cache.name()), answers, raw: Some((bytes, raw)) })
}

fn reopen(dir: &Path, mib: u64, cache: Cache) -> Result<Outcome, Failure> {
    let mut answers = Vec::new();
    for _ in 0..TIMES {
        cache.bring_about(dir)?;
        answers.push(child::run(Role::Open, dir, mib)?);
    }
    Ok(Outcome { what: format!("reopen_clean_{}", cache.name()), answers, raw: None })
}

fn reopen_killed(dir: &Path, mib: u64, cache: Cache) -> Result<Outcome, Failure> {
    let mut answers = Vec::new();
    for _ in 0..TIMES {
        child::run_and_kill(dir, mib)?;
        cache.bring_about(dir)?;
        answers.push(child::run(Role::Open, dir, mib)?);
    }
    Ok(Outcome { what: format!("reopen_killed_{}", cache.name()), answers, raw: None })
}

fn fields(outcome: &Outcome) -> Vec<(&'static str, Value)> {
    let of = |value: fn(&Answer) -> f64| {
        let values: Vec<f64> = outcome.answers.iter().map(value).collect();
        median(&values)
    };
    let ms = of(|answer| answer.ms);
    let per_s = |bytes: u64, ms: f64| real(bytes) / 1e6 / (ms / 1e3).max(1e-9);
    let raw = outcome.raw.as_ref();
    let speed = raw.map(|(bytes, _)| per_s(*bytes, ms));
    let raw_speed = raw.map(|(bytes, raw_ms)| per_s(*bytes, median(raw_ms)));
    vec![
        ("what", Value::Word(outcome.what.clone())),
        ("ms", Value::Number(ms)),
        ("mb_per_s", speed.into()),
        ("raw_mb_per_s", raw_speed.into()),
        ("ratio", speed.zip(raw_speed).map(|(mine, raw)| mine / raw).into()),
        ("rss_mib", Value::Number(of(|answer| answer.rss_mib))),
        ("segments_scanned", Value::Number(of(|answer| answer.scanned))),
        ("rewritten_groups", Value::Number(of(|answer| answer.rewritten))),
    ]
}
