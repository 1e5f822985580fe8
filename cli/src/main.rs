//! The `sagalog` command: looks at stores from outside, beside a running process or without one.
//!
//! Only arguments and exit codes are decided here; what a store holds is the library's to say. The
//! invariant: nothing is written to any directory but the target of `salvage`.

#![expect(
    clippy::disallowed_methods,
    reason = "a command-line tool owns its process: it reads clocks, paths and the terminal"
)]

mod check;
mod dump;
mod failure;
mod output;
mod progress;
mod salvage;
mod stats;

use clap::{Parser, Subcommand, error::ErrorKind};
use failure::{DAMAGED, Failure};
use std::{io::Write as _, path::PathBuf, process::ExitCode};

/// Looks at Sagalog stores; works beside a running process.
#[derive(Parser)]
#[command(name = "sagalog", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reads everything and reports every damaged range. Exit code 0: sound, 1: damage found,
    /// 2: cannot run.
    Check {
        /// The directory of the store.
        dir: PathBuf,
        /// Prints the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Prints the commits that are proven durable as JSON, one a line.
    Dump {
        /// The directory of the store.
        dir: PathBuf,
        /// The first position to print.
        #[arg(long, value_name = "POSITION", default_value_t = 0)]
        from: u64,
        /// How many commits to print at most.
        #[arg(long, value_name = "COMMITS")]
        limit: Option<u64>,
    },
    /// Says what a store holds, without reading all of it.
    Stats {
        /// The directory of the store.
        dir: PathBuf,
        /// Prints the numbers as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copies the valid commits of a damaged store into a new store; changes nothing in the old.
    Salvage {
        /// The directory of the damaged store.
        dir: PathBuf,
        /// Where the new store goes: an empty directory, or one that does not exist yet.
        out: PathBuf,
        /// Prints the report, with the map of positions, as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// How a command ended that ran to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Sound,
    Damaged,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return explain_arguments(&error),
    };
    match run(arguments.command) {
        Ok(Outcome::Sound) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Ok(Outcome::Damaged) => ExitCode::from(DAMAGED),
        Err(Failure::Told { sentence, code }) => {
            complain(&sentence);
            ExitCode::from(code)
        }
    }
}

fn run(command: Command) -> Result<Outcome, Failure> {
    let timers = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| Failure::cannot_run(format!("cannot start: {error}")))?;
    timers.block_on(async {
        match command {
            Command::Check { dir, json } => check::run(&dir, output::Form::of(json)).await,
            Command::Dump { dir, from, limit } => dump::run(&dir, from, limit).await,
            Command::Stats { dir, json } => stats::run(&dir, output::Form::of(json)).await,
            Command::Salvage { dir, out, json } => {
                salvage::run(&dir, &out, output::Form::of(json)).await
            }
        }
    })
}

/// One sentence on standard error, which may be closed as well.
fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "sagalog: {sentence}");
}

/// Help and version are answers; anything else is one sentence, without the usage of every command.
fn explain_arguments(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = write!(std::io::stdout(), "{text}");
        return ExitCode::SUCCESS;
    }
    let sentence = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "name a command: check, dump, stats or salvage".to_owned()
    } else {
        let lines = text.lines().take_while(|line| !line.is_empty());
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        words.join(" ").trim_start_matches("error: ").to_owned()
    };
    complain(&format!("{sentence}; `sagalog --help` says more"));
    ExitCode::from(failure::CANNOT_RUN)
}
