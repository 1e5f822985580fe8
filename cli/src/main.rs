//! The `sagalog` command: fills stores, and looks at them beside a running process or without one.
//!
//! Only arguments and exit codes are decided here; what a store holds is the library's to say. The
//! invariant: no store is written but by `import`, `append` and the verbs of `saga`, and the target
//! of `salvage`.

#![expect(
    clippy::disallowed_methods,
    reason = "a command-line tool owns its process: it reads clocks, paths and the terminal"
)]

mod append;
mod base64;
mod check;
mod dump;
mod export;
mod failure;
mod gzip;
mod import;
mod interrupt;
mod line;
mod new_file;
mod output;
mod progress;
mod read;
mod reading;
mod saga;
mod salvage;
mod source;
mod stats;
mod streams;
mod time;
mod writing;

use clap::{Parser, Subcommand, error::ErrorKind};
use failure::{DAMAGED, Failure};
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Fills Sagalog stores and looks at them, also beside a running process.
#[derive(Parser)]
#[command(name = "sagalog", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Stores the lines of a file as events, each line once, also if it is run again after a kill.
    /// Nothing is stored if a line is bad.
    Import(import::Request),
    /// Prints all events in the order of their positions, as `import` takes them.
    Export {
        /// The directory of the store.
        dir: PathBuf,
        /// A new file, compressed if its name ends in .gz; standard output if none is named.
        file: Option<PathBuf>,
        /// The first position to print; it may stand within an append.
        #[arg(long, value_name = "POSITION", default_value_t = 0)]
        from: u64,
    },
    /// Prints the events of a stream, or of all, as JSON, one a line.
    Read(read::Request),
    /// Prints the streams with the revision and the position of their last event.
    Streams {
        /// The directory of the store.
        dir: PathBuf,
        /// Only streams whose name begins so.
        #[arg(long, default_value = "")]
        prefix: String,
        /// Prints every stream as JSON, one a line.
        #[arg(long)]
        json: bool,
    },
    /// Appends one event.
    Append(append::Request),
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
    /// Looks at sagas, and does to them what an operator wants.
    Saga {
        #[command(subcommand)]
        command: saga::Command,
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
            Command::Import(request) => import::run(request).await,
            Command::Export { dir, file, from } => export::run(&dir, file.as_deref(), from).await,
            Command::Read(request) => read::run(request).await,
            Command::Streams { dir, prefix, json } => {
                streams::run(&dir, &prefix, output::Form::of(json)).await
            }
            Command::Append(request) => append::run(request).await,
            Command::Check { dir, json } => check::run(&dir, output::Form::of(json)).await,
            Command::Dump { dir, from, limit } => dump::run(&dir, from, limit).await,
            Command::Stats { dir, json } => stats::run(&dir, output::Form::of(json)).await,
            Command::Saga { command } => saga::run(command).await,
            Command::Salvage { dir, out, json } => {
                salvage::run(&dir, &out, output::Form::of(json)).await
            }
        }
    })
}

/// Tells people that a list is empty; programs see it by themselves.
fn note_empty(dir: &Path, what: &str, lines: u64, form: output::Form) {
    if lines == 0 && matches!(form, output::Form::Text) {
        complain(&format!("{}: {what}", dir.display()));
    }
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
        "name a command: import, export, read, streams, append, check, dump, stats, saga or salvage"
            .to_owned()
    } else {
        let lines = text.lines().take_while(|line| !line.is_empty());
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        words.join(" ").trim_start_matches("error: ").to_owned()
    };
    complain(&format!("{sentence}; `sagalog --help` says more"));
    ExitCode::from(failure::CANNOT_RUN)
}
