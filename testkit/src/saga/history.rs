//! What happened to a saga in one case: the journal, and what the journal does not know.
//!
//! It judges nothing. The invariant it guards: everything that the world could have noticed stands
//! here in the order in which it happened, so that a judge needs no books of the driver.

use super::words;
use sagalog::{
    WallTime,
    saga::{Attempt, Ending, Plan, Record},
};
use std::fmt;

/// What is done to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AttemptFault {
    /// It is not made at all, and that is known: another one follows.
    NotDelivered,
    /// It is made, and how it ended is not known.
    AnswerLost,
    /// It is not made at all, because of a no that is final.
    Refused,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// Records of one turn became durable.
    Stored(Vec<Record>),
    /// An attempt began.
    Began(Attempt),
    /// An attempt ended and the saga was told.
    Ended {
        /// Which.
        attempt: Attempt,
        /// What the step's code came to; `None` if it was not run.
        came_to: Option<Ending>,
        /// What the saga was told.
        told: Ending,
        /// What was done to it.
        fault: Option<AttemptFault>,
    },
    /// The process ended, with these attempts under way: what the code of each came to, if it was
    /// run to its end.
    Crashed(Vec<(Attempt, Option<Ending>)>),
    /// Somebody wanted it cancelled.
    Cancelled,
    /// Time passed, up to here.
    Passed(WallTime),
}

/// A history as people read it.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) plan: &'a Plan,
    pub(super) history: &'a [Happening],
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = 0;
        for happening in self.history {
            match happening {
                Happening::Stored(records) => {
                    for record in records {
                        number += 1;
                        writeln!(f, "{number:4}. {}", words::record(self.plan, record))?;
                    }
                }
                Happening::Began(_) => {}
                Happening::Ended { attempt, came_to, told, fault } => {
                    let attempt = words::attempt(self.plan, *attempt);
                    let what = match (fault, came_to) {
                        (None, _) => format!("  {attempt} {}", words::ending(told)),
                        (Some(fault), came_to) => disturbed(&attempt, *fault, came_to.as_ref()),
                    };
                    writeln!(f, "    {what}")?;
                }
                Happening::Crashed(under_way) => {
                    writeln!(f, "    ! the process crashes")?;
                    for (attempt, came_to) in under_way {
                        let attempt = words::attempt(self.plan, *attempt);
                        let what = came_to.as_ref().map(words::ending);
                        let what =
                            what.map_or("it is not made".into(), |what| format!("it {what}"));
                        writeln!(f, "      {attempt} was under way: {what}")?;
                    }
                }
                Happening::Cancelled => writeln!(f, "    ! somebody cancels it")?,
                Happening::Passed(_) => writeln!(f, "      time passes")?,
            }
        }
        Ok(())
    }
}

fn disturbed(attempt: &str, fault: AttemptFault, came_to: Option<&Ending>) -> String {
    match fault {
        AttemptFault::NotDelivered => format!("! {attempt} certainly does not arrive"),
        AttemptFault::Refused => format!("! {attempt} is refused for good, without an effect"),
        AttemptFault::AnswerLost => {
            let what = came_to.map(words::ending).unwrap_or_default();
            format!("! {attempt} {what}; its answer is lost")
        }
    }
}
