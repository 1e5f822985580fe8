//! Records, attempts and endings in words.
//!
//! For people only: nothing is decided by these texts.

use sagalog::saga::{
    Attempt, Certainty, Ending, Failure, Output, Plan, Record, SagaEnd, Side, StepIndex, Verb,
};

/// The name of a step.
pub(super) fn step(plan: &Plan, step: StepIndex) -> &str {
    plan.step(step).map_or("?", |step| step.name.as_str())
}

fn side(plan: &Plan, index: StepIndex, side: Side) -> String {
    let name = step(plan, index);
    if side == Side::Compensation { format!("the compensation of {name}") } else { name.to_owned() }
}

/// Which attempt.
pub(super) fn attempt(plan: &Plan, attempt: Attempt) -> String {
    let what = side(plan, attempt.step, attempt.side);
    match attempt.round {
        0 => format!("{what}, attempt {},", attempt.attempt),
        round => format!("{what}, attempt {} of round {round},", attempt.attempt),
    }
}

/// How code ended.
pub(super) fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Done { early: None, .. } => "is done".into(),
        Ending::Done { early: Some(_), .. } => "is done, and ends the saga early".into(),
        Ending::Failed(failure) => format!("fails without an effect: {failure}"),
        Ending::Ambiguous(failure) => format!("perhaps has its effect: {failure}"),
        Ending::Retry { failure, .. } => format!("wants another attempt: {failure}"),
        Ending::Unusable(failure) => format!("cannot be made: {failure}"),
    }
}

fn certainty(certainty: Certainty) -> &'static str {
    if certainty == Certainty::NoEffect {
        "certainly without an effect"
    } else {
        "perhaps with an effect"
    }
}

/// One line of a journal.
// tidy: table
pub(super) fn record(plan: &Plan, record: &Record) -> String {
    let failed = |index: StepIndex, of: Side, attempt: u32, known, failure: &Failure| {
        let (what, known) = (side(plan, index, of), certainty(known));
        format!("attempt {attempt} of {what} has failed, {known}: {failure}")
    };
    match record {
        Record::Begun(begun) => format!("the saga {} begins", begun.definition),
        Record::Started { step: index, attempt } => {
            format!("attempt {attempt} of {} is announced", step(plan, *index))
        }
        Record::Done { step: index, attempt, .. } => {
            format!("{} is done, by attempt {attempt}", step(plan, *index))
        }
        Record::Skipped { step: index } => format!("{} is skipped", step(plan, *index)),
        Record::Failed { step: index, attempt, failure } => {
            let failed = failed(*index, Side::Action, *attempt, Certainty::NoEffect, failure);
            format!("{failed}; it is given up")
        }
        Record::Ambiguous { step: index, attempt, failure } => {
            let failed = failed(*index, Side::Action, *attempt, Certainty::Unknown, failure);
            format!("{failed}; it is given up")
        }
        Record::AttemptFailed { step, side, attempt, certainty, failure, .. } => {
            let failed = failed(*step, *side, *attempt, *certainty, failure);
            format!("{failed}; another one follows")
        }
        Record::Withdrawn { step: index } => {
            format!("{} was certainly not attempted", step(plan, *index))
        }
        Record::CancelAsked { principal, reason } => {
            format!("{principal} wants it cancelled: {reason}")
        }
        Record::AbortDecided { cause, reason } => format!("it is aborted, {cause}: {reason}"),
        Record::ReturnDecided { savepoint, reason } => {
            format!("it returns to the savepoint behind {}: {reason}", step(plan, *savepoint))
        }
        Record::Compensated { step: index, attempt } => {
            format!("{} is compensated, by attempt {attempt}", step(plan, *index))
        }
        Record::Returned => "the savepoint is reached".into(),
        Record::Stuck { step, side, attempt, certainty, failure } => {
            let failed = failed(*step, *side, *attempt, *certainty, failure);
            format!("{failed}; it is stuck")
        }
        Record::Operator(operator) => {
            let verb = match &operator.verb {
                Verb::Retry => "has it tried again".to_owned(),
                Verb::Skip(index) => format!("skips {}", step(plan, *index)),
                Verb::Complete(_) => "completes it".to_owned(),
                Verb::Abort => "ends it as it is".to_owned(),
            };
            format!("{} {verb}: {}", operator.principal, operator.reason)
        }
        Record::Checkpoint(_) => "a checkpoint".into(),
        Record::Ended(end) => ended(end),
    }
}

fn ended(end: &SagaEnd) -> String {
    match end {
        SagaEnd::Completed(Output::Early(_)) => "the saga completes early".into(),
        SagaEnd::Completed(_) => "the saga completes".into(),
        SagaEnd::Aborted { cause, .. } => format!("the saga is aborted, {cause}"),
        _ => "the saga ends".into(),
    }
}
