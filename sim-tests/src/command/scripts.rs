//! `cargo sim shrink` and `cargo sim replay`: a failing seed becomes a small file, and a file is
//! played again.
//!
//! It judges nothing itself. The invariant it guards: a script is written only if playing it
//! breaks the same promise as its seed.

use super::arguments::{Misuse, number, unexpected};
use crate::{
    disk::Disk,
    frame::{Suite, record, replay},
    orders::Orders,
    report::{SeedReport, SuiteName, Told, tell},
    saga::Saga,
    script::{self, Decision, Script, shrink},
    store::Store,
};
use lexopt::{
    Parser,
    prelude::{Long, Value},
};
use std::{
    fs, panic,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

/// How long a script is shrunk at most, unless somebody says otherwise.
const SECONDS_MAX: u64 = 60;

/// `cargo sim record SUITE --seed S [--out FILE]`.
pub(super) fn main_of_record(arguments: &mut Parser) -> Result<ExitCode, Misuse> {
    let (suite, order) = parse(arguments)?;
    Ok(match suite {
        SuiteName::Disk => record_seed::<Disk>(&order),
        SuiteName::Store => record_seed::<Store>(&order),
        SuiteName::Saga => record_seed::<Saga>(&order),
        SuiteName::Orders => record_seed::<Orders>(&order),
    })
}

fn record_seed<S: Suite>(order: &Order) -> ExitCode {
    let (report, mut script) = apart(move |seed| record::<S>(seed), order.seed);
    script.head.found = report.violation.map_or_else(String::new, |found| found.to_string());
    write(&script.to_text(), order.out.as_ref())
}

/// `cargo sim shrink SUITE --seed S [--seconds N] [--out FILE]`.
pub(super) fn main_of_shrink(arguments: &mut Parser) -> Result<ExitCode, Misuse> {
    let (suite, order) = parse(arguments)?;
    Ok(match suite {
        SuiteName::Disk => shrink_seed::<Disk>(&order),
        SuiteName::Store => shrink_seed::<Store>(&order),
        SuiteName::Saga => shrink_seed::<Saga>(&order),
        SuiteName::Orders => shrink_seed::<Orders>(&order),
    })
}

fn parse(arguments: &mut Parser) -> Result<(SuiteName, Order), Misuse> {
    let (mut suite, mut seed, mut seconds, mut out) = (None, None, SECONDS_MAX, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) if suite.is_none() => suite = Some(word),
            Long("seed") => seed = Some(number("seed", arguments)?),
            Long("seconds") => seconds = number("seconds", arguments)?,
            Long("out") => out = Some(PathBuf::from(arguments.value()?)),
            other => return Err(unexpected(other)),
        }
    }
    let Some(seed) = seed else {
        return Err(Misuse("which seed is to be shrunk?".to_owned()));
    };
    let order = Order { seed, seconds, out };
    match suite.as_deref().and_then(|word| word.to_str()) {
        Some("disk") => Ok((SuiteName::Disk, order)),
        Some("store") => Ok((SuiteName::Store, order)),
        Some("saga") => Ok((SuiteName::Saga, order)),
        Some("orders") => Ok((SuiteName::Orders, order)),
        _ => Err(Misuse("which suite is it, disk, store, saga or orders?".to_owned())),
    }
}

struct Order {
    seed: u64,
    seconds: u64,
    out: Option<PathBuf>,
}

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
fn shrink_seed<S: Suite>(order: &Order) -> ExitCode {
    let start = Instant::now();
    let (report, mut script) = apart(move |seed| record::<S>(seed), order.seed);
    let Some(violation) = &report.violation else {
        eprintln!("seed {} of {} keeps every promise: nothing to shrink", order.seed, S::NAME);
        return ExitCode::FAILURE;
    };
    let (guarantee, recorded) = (violation.guarantee, script.decisions.len());
    script.head.found = violation.to_string();
    let (limit, mut tries) = (Duration::from_secs(order.seconds), 0_u32);
    let mut fails = |decisions: &[Decision<S::Call>]| {
        tries += 1;
        start.elapsed() < limit && breaks::<S>(&script, decisions, guarantee)
    };
    if !fails(&script.decisions) {
        eprintln!("seed {}: {violation}, and its script does not show that", order.seed);
        return ExitCode::FAILURE;
    }
    let left = shrink(&script.decisions, &mut fails, &S::simpler);
    script.decisions = left;
    if let Some(shown) = play::<S>(&script, Told::Verdict).violation {
        script.head.found = shown.to_string();
    }
    let left = script.decisions.len();
    eprintln!(
        "seed {}: {}\n{recorded} decisions shrunk to {left} in {:.1} s, {tries} tries",
        order.seed,
        script.head.found,
        start.elapsed().as_secs_f64(),
    );
    write(&script.to_text(), order.out.as_ref())
}

#[expect(clippy::disallowed_methods, reason = "scripts are files")]
fn write(text: &str, out: Option<&PathBuf>) -> ExitCode {
    let Some(out) = out else {
        print!("{text}");
        return ExitCode::SUCCESS;
    };
    match fs::write(out, text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} cannot be written: {error}", out.display());
            ExitCode::from(2)
        }
    }
}

/// Whether the script with these decisions breaks the same promise.
fn breaks<S: Suite>(
    script: &Script<S::Plan, S::Call>,
    decisions: &[Decision<S::Call>],
    guarantee: &str,
) -> bool {
    let tried = Script { head: script.head.clone(), decisions: decisions.to_vec() };
    let violation = play::<S>(&tried, Told::Verdict).violation;
    violation.is_some_and(|violation| violation.guarantee == guarantee)
}

fn play<S: Suite>(script: &Script<S::Plan, S::Call>, told: Told) -> SeedReport {
    let script = script.clone();
    apart(move |_| replay::<S>(&script, told), 0)
}

/// Runs a world on a thread of its own, so that nothing of one leaks into the next. A world that
/// panics has found something, and says so in its report rather than here.
#[expect(clippy::disallowed_methods, reason = "worlds are isolated by thread")]
fn apart<T: Send + 'static>(run: impl FnOnce(u64) -> T + Send + 'static, seed: u64) -> T {
    panic::set_hook(Box::new(|_| {}));
    let joined = thread::spawn(move || run(seed)).join();
    drop(panic::take_hook());
    joined.unwrap_or_else(|panic| panic::resume_unwind(panic))
}

/// `cargo sim replay FILE... [--events]`.
#[expect(clippy::disallowed_methods, reason = "scripts are files")]
pub(super) fn main_of_replay(arguments: &mut Parser) -> Result<ExitCode, Misuse> {
    let (mut files, mut told) = (Vec::new(), Told::LastEvents);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(file) => files.push(PathBuf::from(file)),
            Long("events") => told = Told::Everything,
            other => return Err(unexpected(other)),
        }
    }
    if files.is_empty() {
        return Err(Misuse("which script is to be played?".to_owned()));
    }
    let mut exit = ExitCode::SUCCESS;
    for file in files {
        let name = file.display().to_string();
        let text = fs::read_to_string(&file)
            .map_err(|error| Misuse(format!("{name} cannot be read: {error}")))?;
        let report = play_text(&text, told).map_err(|error| Misuse(format!("{name}: {error}")))?;
        if told == Told::Everything {
            report.events.iter().for_each(|event| println!("{event}"));
        }
        if report.violation.is_some() {
            eprintln!("{}", tell(&report));
            eprintln!("{name} breaks a promise");
            exit = ExitCode::FAILURE;
        } else {
            println!("{name} keeps every promise");
        }
    }
    Ok(exit)
}

/// Plays a script that stands in a file.
///
/// # Errors
/// A sentence, if it is no script.
pub fn play_text(text: &str, told: Told) -> Result<SeedReport, String> {
    let suite = script::suite_of(text)?;
    if suite == SuiteName::Disk.to_string() {
        Ok(play::<Disk>(&Script::parse(text)?, told))
    } else if suite == SuiteName::Store.to_string() {
        Ok(play::<Store>(&Script::parse(text)?, told))
    } else if suite == SuiteName::Saga.to_string() {
        Ok(play::<Saga>(&Script::parse(text)?, told))
    } else if suite == SuiteName::Orders.to_string() {
        Ok(play::<Orders>(&Script::parse(text)?, told))
    } else {
        Err(format!("there is no suite {suite}"))
    }
}
