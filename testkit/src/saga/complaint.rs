//! What is wrong, and the shortest history that shows it.

use super::history::{Happening, Told};
use sagalog::saga::{Plan, Record};
use std::{error::Error, fmt, sync::Arc};

/// Which promise is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Broken {
    /// The user's invariant does not hold, for this reason.
    Invariant(String),
    /// One of the kernel's own: its number in the list of the design, and what was seen.
    Kernel(&'static str, String),
    /// It does not come to an end: neither completed nor aborted nor stuck.
    Endless,
    /// The code of this step waits for something that never comes here: real I/O, a timer, a task.
    Waits(String),
    /// The saga's input cannot be journaled.
    Input(String),
}

impl Broken {
    pub(super) fn kernel(number: &'static str, what: &str) -> Self {
        Self::Kernel(number, what.to_owned())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invariant(reason) => write!(f, "the invariant does not hold: {reason}"),
            Self::Kernel(number, what) => write!(f, "{number} of the kernel is broken: {what}"),
            Self::Endless => f.write_str("it comes to no end: not completed, aborted or stuck"),
            Self::Waits(step) => write!(
                f,
                "step {step} waits for something outside of its own code; give it participants \
                 that answer at once"
            ),
            Self::Input(error) => write!(f, "the saga's input cannot be journaled: {error}"),
        }
    }
}

/// A history that a saga does not survive as it should: of those that were tried, one with the
/// fewest crashes and disturbances, and of these one with the shortest journal.
///
/// `Display` and `Debug` are the whole report, so that a test which fails with it can be read.
#[derive(Clone)]
pub struct Complaint {
    pub(super) broken: Broken,
    pub(super) plan: Option<Arc<Plan>>,
    pub(super) history: Vec<Happening>,
    pub(super) cases: usize,
}

impl Complaint {
    /// Which promise is broken.
    pub fn broken(&self) -> &Broken {
        &self.broken
    }

    /// What had happened, in order.
    pub fn history(&self) -> &[Happening] {
        &self.history
    }

    /// The journal, in order.
    pub fn journal(&self) -> impl Iterator<Item = &Record> {
        let turns = self.history.iter().filter_map(|happening| match happening {
            Happening::Stored(records) => Some(records),
            _ => None,
        });
        turns.flatten()
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.broken)?;
        let Some(plan) = &self.plan else { return Ok(()) };
        writeln!(
            f,
            "found in case {} of saga {}; records of its journal are numbered, `!` is what the \
             world did:",
            self.cases,
            plan.name()
        )?;
        Told { plan, history: &self.history }.fmt(f)
    }
}

impl fmt::Debug for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Complaint {}
