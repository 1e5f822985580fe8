//! The commands, as they are typed.
//!
//! The invariant it guards: the same arguments on the same directory are the same work, begun or
//! gone on with.

mod file;
mod process;
mod tell;

use clap::{Args, Parser, Subcommand, ValueEnum};
use orders::{
    domain::DocumentNo,
    intake,
    report::{Report, Shown},
    shop::ShopError,
};
use std::{error::Error, path::PathBuf, process::ExitCode};
use tokio::runtime::{Builder, Runtime};

/// Why a command was not done.
type Failure = Box<dyn Error>;

/// Processes a shop's orders, from a file to parcels. Kill it at any moment and start it again with
/// the same arguments: it goes on where it was, and nothing is lost or done twice.
#[derive(Debug, Parser)]
#[command(name = "orders", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Command {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    process: Process,
}

/// What to process, and how.
#[derive(Args, Debug)]
pub(crate) struct Process {
    /// A file of invoice lines, .csv or .csv.gz, with the columns of the public data set "Online
    /// Retail" (UCI, D. Chen). Without it, a made-up day of orders
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The directory in which everything is kept; it is made if it is missing
    #[arg(long, value_name = "DIR", default_value = "orders-data")]
    data: PathBuf,
    /// Use the directory also if it holds something else and no shop
    #[arg(long)]
    among_others: bool,
    /// What happens to calls between the shop and its services, and how often those say no
    #[arg(long, value_enum, default_value_t = Weather::Light)]
    faults: Weather,
    /// Whom it happens to, and which day is made up
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many orders a made-up day has
    #[arg(long, value_name = "N", default_value_t = 2000, conflicts_with = "input",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    orders: u32,
    /// How many documents are worked on at a time
    #[arg(long, value_name = "N", default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..))]
    in_flight: u16,
    #[command(flatten)]
    tell: Tell,
}

/// How the report is told.
#[derive(Args, Debug)]
pub(crate) struct Tell {
    /// Print the report as one JSON object, in the last line
    #[arg(long)]
    json: bool,
    /// Write the report as one page for a browser, in place of an earlier one
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Reports on a directory, also while another process works in it
    Status {
        /// The directory that was given with --data
        dir: PathBuf,
        #[command(flatten)]
        tell: Tell,
    },
    /// Shows one order, return or write-off: its lines, its history, each state's time and cause
    Show {
        /// The number of its invoice
        order: String,
        /// The directory in which everything is kept
        #[arg(long, value_name = "DIR", default_value = "orders-data")]
        data: PathBuf,
        /// Print it as one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Writes a made-up file of invoice lines with all the oddities of a real one
    Twin {
        /// Where to, a new file; its name ends in .csv
        file: PathBuf,
        /// Which one
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
        /// How many invoices it has
        #[arg(long, value_name = "N", default_value_t = 1275,
            value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        invoices: u32,
    },
}

/// How the world around the shop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Weather {
    /// Nothing goes wrong and nobody says no
    Off,
    /// A few calls in a hundred, a few orders in a thousand
    Light,
    /// Every third call, and several orders in a hundred
    Heavy,
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self.verb {
            None => self.process.run(),
            Some(Verb::Status { dir, tell }) => {
                tell.check()?;
                let report = runtime()?.block_on(Report::of(&dir))?;
                tell.report(&report)?;
                Ok(verdict(&report))
            }
            Some(Verb::Show { order, data, json }) => show(&order, &data, json),
            Some(Verb::Twin { file, seed, invoices }) => {
                file::write(&file, &intake::twin(seed, invoices))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn show(order: &str, data: &std::path::Path, json: bool) -> Result<ExitCode, Failure> {
    let number = DocumentNo::parse(order).map_err(|error| format!("{order:?}: {error}"))?;
    let shown = runtime()?.block_on(Shown::all(data, &number))?;
    if shown.is_empty() {
        return Err(format!("there is no invoice {number} in {}", data.display()).into());
    }
    for shown in shown {
        let text = if json { serde_json::to_string(&shown)? + "\n" } else { shown.to_string() };
        tell::print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// 0 if all is well, 1 if somebody has to look.
fn verdict(report: &Report) -> ExitCode {
    let agree = report.audit.as_ref().is_some_and(Vec::is_empty);
    ExitCode::from(u8::from(!agree || !report.stuck.is_empty()))
}

#[expect(clippy::disallowed_methods, reason = "a program has a runtime of its own")]
fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| ShopError::Io(PathBuf::from("the runtime"), error).into())
}
