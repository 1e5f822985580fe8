//! A journal in words, for people.
//!
//! Never parsed and never stored: the wording may change. Moments are left out, since this module
//! knows no calendar; who prints a turn knows when it was recorded.

use super::{
    plan::Plan,
    record::Record,
    verbs::{Operator, Verb},
    vocabulary::{Certainty, Output, SagaEnd, Side, StepIndex},
};
use std::fmt;

impl Record {
    /// What it says, in a sentence without a full stop; `plan` is the graph of its saga.
    pub fn in_words(&self, plan: &Plan) -> String {
        InWords { plan, record: self }.to_string()
    }
}

impl fmt::Display for SagaEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed(Output::OfStep) => f.write_str("completed"),
            Self::Completed(Output::Early(_)) => f.write_str("completed early"),
            Self::Completed(Output::Forced(_)) => f.write_str("completed by an operator"),
            Self::Aborted { cause, reason } => write!(f, "aborted ({cause}): {reason}"),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Action => "action",
            Self::Compensation => "compensation",
        })
    }
}

struct InWords<'a> {
    plan: &'a Plan,
    record: &'a Record,
}

impl InWords<'_> {
    /// The name of a step; its number if the graph has no such step.
    fn step(&self, step: StepIndex) -> String {
        let planned = self.plan.step(step);
        planned.map_or_else(|| format!("step {step}"), |planned| planned.name.to_string())
    }

    fn attempt(&self, step: StepIndex, side: Side, attempt: u32) -> String {
        let of = match side {
            Side::Action => "",
            Side::Compensation => "compensation, ",
        };
        format!("{}: {of}attempt {attempt}", self.step(step))
    }

    fn operator(&self, operator: &Operator, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Operator { verb, principal, reason } = operator;
        match verb {
            Verb::Retry => write!(f, "{principal} had it tried again")?,
            Verb::Skip(step) => write!(f, "{principal} had {} left out", self.step(*step))?,
            Verb::Complete(Some(output)) => {
                write!(f, "{principal} ended it as completed with {} bytes", output.len())?;
            }
            Verb::Complete(None) => write!(f, "{principal} ended it as completed")?,
            Verb::Abort => write!(f, "{principal} ended it as aborted, as it was")?,
        }
        write!(f, ": {reason}")
    }
}

impl fmt::Display for InWords<'_> {
    // tidy: table
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record {
            Record::Begun(begun) => {
                let (definition, revision) = (&begun.definition, begun.revision);
                write!(f, "begun: {definition}, revision {revision}")
            }
            Record::Started { step, attempt } => {
                write!(f, "{} begins", self.attempt(*step, Side::Action, *attempt))
            }
            Record::Done { step, attempt, .. } => {
                write!(f, "{} is done", self.attempt(*step, Side::Action, *attempt))
            }
            Record::Skipped { step } => {
                write!(f, "{}: left out, its condition does not hold", self.step(*step))
            }
            Record::Failed { step, attempt, failure } => {
                let attempt = self.attempt(*step, Side::Action, *attempt);
                write!(f, "{attempt} failed for good: {failure}")
            }
            Record::Ambiguous { step, attempt, failure } => {
                let attempt = self.attempt(*step, Side::Action, *attempt);
                write!(f, "{attempt} may have had an effect, given up: {failure}")
            }
            Record::AttemptFailed { step, side, attempt, certainty, failure, .. } => {
                let attempt = self.attempt(*step, *side, *attempt);
                write!(f, "{attempt} {}: {failure}", failed(*certainty))
            }
            Record::Withdrawn { step } => {
                write!(f, "{}: certainly not attempted", self.step(*step))
            }
            Record::CancelAsked { principal, reason } => {
                write!(f, "{principal} asked for its cancellation: {reason}")
            }
            Record::AbortDecided { cause, reason } => {
                write!(f, "it is aborted ({cause}): {reason}")
            }
            Record::ReturnDecided { savepoint, reason } => {
                write!(f, "it returns to the savepoint behind {}: {reason}", self.step(*savepoint))
            }
            Record::Compensated { step, attempt } => {
                write!(f, "{} is done", self.attempt(*step, Side::Compensation, *attempt))
            }
            Record::Returned => f.write_str("the savepoint is reached"),
            Record::Stuck { step, side, attempt, certainty, failure } => {
                let attempt = self.attempt(*step, *side, *attempt);
                write!(f, "{attempt} {}, stuck: {failure}", failed(*certainty))
            }
            Record::Operator(operator) => self.operator(operator, f),
            Record::Checkpoint(_) => f.write_str("checkpoint of all that was before"),
            Record::Ended(end) => end.fmt(f),
        }
    }
}

const fn failed(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::NoEffect => "failed",
        Certainty::Unknown => "failed and may have had an effect",
    }
}
