//! `cargo sim determinism`: the same seeds in two processes of two builds.
//!
//! It builds a release, or a debug build if this is none, unless it is told where that is, and
//! compares. The invariant it guards: one seed, one history; a hash covers every event of it, so a
//! difference can be traced to the first event.

mod compare;

use super::arguments::{Misuse, number, unexpected};
use crate::{
    child::{self, Ended},
    report::SuiteName,
};
use lexopt::{Parser, prelude::Long};
use serde_json::Value;
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

/// Seeds of each suite, unless said.
const SEEDS: u64 = 1_000;
/// How long a build may take.
const BUILD_PATIENCE: Duration = Duration::from_secs(1_800);
/// How long one seed may take in a debug build.
const SEED_PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn main(arguments: &mut Parser) -> Result<ExitCode, Misuse> {
    let (mut seeds, mut first, mut other) = (SEEDS, 1, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seeds") => seeds = number("seeds", arguments)?,
            Long("seed") => first = number("seed", arguments)?,
            Long("with") => other = Some(PathBuf::from(arguments.value()?)),
            unknown => return Err(unexpected(unknown)),
        }
    }
    if seeds == 0 {
        return Err(Misuse("zero seeds prove nothing: how many?".to_owned()));
    }
    match judge(seeds, first, other) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(reason) => {
            eprintln!("{reason}");
            Ok(ExitCode::from(1))
        }
    }
}

fn judge(seeds: u64, first: u64, other: Option<PathBuf>) -> Result<(), String> {
    let ours = env::current_exe().map_err(|error| format!("which program is this? {error}"))?;
    let theirs = other.map_or_else(build_the_other, Ok)?;
    let patience = SEED_PATIENCE.saturating_mul(u32::try_from(seeds).unwrap_or(u32::MAX));
    let [seeds, first] = [seeds, first].map(|number| number.to_string());
    for suite in SuiteName::ALL {
        let order = [suite.name(), "--seeds", &seeds, "--seed", &first, "--hashes"];
        let (our, their) = both(&ours, &theirs, &order, patience)?;
        match compare::hashes(&our, &their) {
            Ok(same) => println!("{suite}: {same} seeds left the same traces in both builds"),
            Err(seed) => return Err(trace(suite, &seed, &ours, &theirs)?),
        }
    }
    Ok(())
}

/// What tells the histories of a seed apart.
fn trace(suite: SuiteName, seed: &str, ours: &Path, theirs: &Path) -> Result<String, String> {
    let order = [suite.name(), "--seed", seed, "--events"];
    let (our, their) = both(ours, theirs, &order, SEED_PATIENCE)?;
    let parting = match compare::events(&our, &their) {
        Some(parting) => parting.to_string(),
        None => "every event is the same; what callers were told differs".to_owned(),
    };
    Ok(format!("{suite}: seed {seed} leaves another trace in the other build\n{parting}"))
}

/// What both programs say to the same order.
#[expect(clippy::disallowed_methods, reason = "the two builds run at the same time")]
fn both(
    ours: &Path,
    theirs: &Path,
    order: &[&str],
    patience: Duration,
) -> Result<(String, String), String> {
    thread::scope(|scope| {
        let our = scope.spawn(|| said(ours, order, patience));
        let their = said(theirs, order, patience)?;
        Ok((our.join().expect("listening does not panic")?, their))
    })
}

fn said(program: &Path, order: &[&str], patience: Duration) -> Result<String, String> {
    run(Command::new(program).args(order), patience).map_err(|reason| {
        format!("{} {} does not end well: {reason}", program.display(), order.join(" "))
    })
}

/// Builds the one of debug and release that this program is not, and says where it is.
fn build_the_other() -> Result<PathBuf, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "sagalog-sim", "--bin", "sim"]);
    cargo.args(["--message-format", "json"]);
    cargo.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    if cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let said = run(&mut cargo, BUILD_PATIENCE);
    let messages = said.map_err(|reason| format!("the other build fails: {reason}"))?;
    executable(&messages).ok_or_else(|| "cargo does not say where the other build is".to_owned())
}

/// Where cargo says that it put the program.
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|message| Some(message["executable"].as_str()?.into()));
    programs.next_back()
}

/// What a child that ends well says.
fn run(command: &mut Command, patience: Duration) -> Result<String, String> {
    match child::run(command, patience) {
        Ok(Ended::Exited(said)) if said.status.success() => Ok(said.stdout),
        Ok(Ended::Exited(said)) => Err(format!("{}\n{}", said.status, said.stderr)),
        Ok(Ended::Hung) => Err(format!("no end after {} s", patience.as_secs())),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_says_where_the_program_is() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"t/debug/sim\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("t/debug/sim")));
        assert_eq!(executable("{\"executable\":null}\nno object\n"), None);
    }
}
