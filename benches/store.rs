//! The store beside its own log and, if their binary is given, beside other event stores.
//!
//! Not a test: it judges nothing. The cases and how to read the rows stand in
//! `benches/README.md`. The invariant: what is compared takes turns in one run, on one file
//! system, with the same events.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time on real files")]

mod cases;
#[expect(dead_code, reason = "the benchmarks of the log use the rest")]
mod support;

use cases::{
    Case, Run, append, bulk, child, disk, guard, memory,
    peers::{PEERS_PAYLOAD_BYTES, Peers},
    reads, reopen,
    scale::Scale,
};
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
        Some(role) => child::act(role, &plan.dir, &plan.scale),
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
        None => Case::all().to_vec(),
        Some(names) => names.split(',').map(Case::named).collect::<Result<_, _>>()?,
    };
    let scale = Scale::parse(args)?;
    if args.text("--peers").is_some() && scale.payload_bytes != PEERS_PAYLOAD_BYTES {
        return Err(format!("with --peers, --payload has to be {PEERS_PAYLOAD_BYTES}").into());
    }
    Ok(Plan {
        cases,
        dir: args.text("--dir").map_or_else(default_dir, PathBuf::from),
        peers: Peers::new(args.text("--peers"))?,
        scale,
        json: args.has("--json"),
        role,
    })
}

fn run(plan: Plan) -> Result<(), Failure> {
    std::fs::create_dir_all(&plan.dir)?;
    let scratch = tempfile::Builder::new().prefix("sagalog-store-").tempdir_in(&plan.dir)?;
    let mut output = Output::new(plan.json);
    let run = Run { dir: scratch.path().to_owned(), peers: plan.peers, scale: plan.scale };
    for case in Case::all().into_iter().filter(|case| plan.cases.contains(case)) {
        let rows = match case {
            Case::Append => append::rows(&run),
            Case::Bulk => bulk::rows(&run),
            // Both read what is filled once.
            Case::ReadAll | Case::Load => reads::rows(&run, case),
            Case::Reopen => reopen::rows(&run),
            Case::Disk => disk::rows(&run),
            Case::Memory => memory::rows(&run),
            Case::QueryGuard => guard::rows(&run),
        };
        let reads_again = case == Case::ReadAll && plan.cases.contains(&Case::Load);
        if !reads_again {
            reads::clear(&run)?;
        }
        for row in rows.map_err(|failure| format!("case {}: {failure}", case.name()))? {
            output.row(&row)?;
        }
    }
    Ok(())
}
