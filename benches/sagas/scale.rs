//! How much is measured: the numbers of the command line, and those that a child is given.
//!
//! Knows no case. The invariant: a child gets the numbers of its parent.

use super::turn::Path;
use crate::support::{Failure, args::Args};
use std::time::Duration;

/// What the options say.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// Callers at a time, one row for each.
    pub(crate) concurrent: Vec<usize>,
    pub(crate) paths: Vec<Path>,
    /// How long each side has in a round.
    pub(crate) time: Duration,
    pub(crate) rounds: usize,
    /// How many sagas, in the cases that count them.
    sagas: Option<u64>,
}

impl Scale {
    pub(crate) const KEYS: [&'static str; 5] =
        ["--concurrent", "--path", "--secs", "--rounds", "--sagas"];

    pub(crate) fn parse(args: &Args) -> Result<Self, Failure> {
        let concurrent = args.numbers("--concurrent", 1, 4096)?;
        let paths = match args.text("--path") {
            None => Path::all().to_vec(),
            Some(names) => names.split(',').map(Path::named).collect::<Result<_, _>>()?,
        };
        let secs = args.number("--secs", 0.1, 600.0)?;
        Ok(Self {
            concurrent: concurrent.unwrap_or_else(|| vec![1, 16, 64, 256]),
            paths,
            time: Duration::from_secs_f64(secs.unwrap_or(2.0)),
            rounds: args.number("--rounds", 1, 100)?.unwrap_or(3),
            sagas: args.number("--sagas", 1, 100_000_000)?,
        })
    }

    pub(crate) fn sagas_or(&self, usual: u64) -> u64 {
        self.sagas.unwrap_or(usual)
    }
}
