//! Sagas beside the floor of their own disk and, if its binary is given, beside another engine.
//!
//! Not a test: it judges nothing. The cases and how to read the rows stand in
//! `benches/README.md`. The invariant: what is compared takes turns in one run, on one file
//! system.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time on real files")]

mod sagas;
#[expect(dead_code, reason = "the benchmarks of the log and the store use the rest")]
mod support;

use sagas::{Case, Run, child, lasting, peers::Peers, scale::Scale, speed};
use std::{path::PathBuf, process::ExitCode};
use support::{Failure, args::Args, default_dir, output::Output, say};

const FLAGS: [&str; 1] = ["--json"];
const OWN_KEYS: [&str; 4] = ["--case", "--dir", "--peers", "--role"];

fn main() -> ExitCode {
    let keys: Vec<&'static str> = OWN_KEYS.iter().chain(&Scale::KEYS).copied().collect();
    let plan = Args::parse(std::env::args().skip(1), &FLAGS, &keys).and_then(|args| plan(&args));
    let plan = match plan {
        Ok(plan) => plan,
        Err(failure) => return say(&failure, 2),
    };
    let done = match plan.role {
        Some(role) => child::act(role, &plan.dir, plan.scale.sagas_or(1)),
        None => run(plan),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => say(&failure, 1),
    }
}

struct Plan {
    cases: Vec<Case>,
    dir: PathBuf,
    peers: Peers,
    scale: Scale,
    json: bool,
    /// This process is a child that does one thing.
    role: Option<child::Role>,
}

fn plan(args: &Args) -> Result<Plan, Failure> {
    let role = match args.text("--role") {
        None => None,
        Some(name) => {
            let role = child::role_named(name);
            Some(role.ok_or_else(|| format!("--role is for child processes, not `{name}`"))?)
        }
    };
    let cases = match args.text("--case") {
        None => vec![Case::Speed],
        Some(names) => names.split(',').map(Case::named).collect::<Result<_, _>>()?,
    };
    Ok(Plan {
        cases,
        dir: args.text("--dir").map_or_else(default_dir, PathBuf::from),
        peers: Peers::new(args.text("--peers"))?,
        scale: Scale::parse(args)?,
        json: args.has("--json"),
        role,
    })
}

fn run(plan: Plan) -> Result<(), Failure> {
    std::fs::create_dir_all(&plan.dir)?;
    let scratch = tempfile::Builder::new().prefix("sagalog-saga-").tempdir_in(&plan.dir)?;
    let mut output = Output::new(plan.json);
    let run = Run { dir: scratch.path().to_owned(), peers: plan.peers, scale: plan.scale };
    for case in plan.cases {
        let mut print = |row: &_| Ok(output.row(row)?);
        let done = match case {
            Case::Speed => speed::rows(&run, &mut print),
            Case::Recovery => lasting::recovery(&run, &mut print),
            Case::Memory => lasting::memory(&run, &mut print),
            Case::Ended => lasting::ended(&run, &mut print),
        };
        done.map_err(|failure| format!("case {}: {failure}", case.name()))?;
    }
    Ok(())
}
