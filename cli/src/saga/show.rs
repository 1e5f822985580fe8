//! `sagalog saga show`: where a saga and each of its steps is.

use super::{One, moment, on_one_line, reader};
use crate::{
    Outcome, base64,
    failure::Failure,
    output::{self, Form},
};
use sagalog::{
    SagaStatus, StepStatus,
    saga::{Phase, Progress, SagaEnd},
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::{self, Write as _};

/// How much of an output is shown to people, in bytes.
const SHOWN_BYTES_MAX: usize = 200;

#[derive(Serialize)]
struct Report<'a> {
    saga: &'a str,
    definition: &'a str,
    revision: u32,
    phase: &'static str,
    cause: Option<String>,
    reason: Option<&'a str>,
    stuck: bool,
    deadline: Option<String>,
    steps: Vec<StepReport<'a>>,
}

#[derive(Serialize)]
struct StepReport<'a> {
    step: &'a str,
    progress: &'static str,
    attempts: u32,
    compensation_attempts: u32,
    stuck: Option<String>,
    /// Not attempted before this moment.
    next_at: Option<String>,
    reason: Option<&'a str>,
    output: Option<&'a RawValue>,
    /// An output that is no JSON.
    output_base64: Option<String>,
}

pub(super) async fn run(one: &One) -> Result<Outcome, Failure> {
    let reader = reader(&one.dir).await?;
    let status = reader.status(&one.saga).await.map_err(|error| one.failed(&error))?;
    match one.form() {
        Form::Json => output::json(&Report::of(&status))?,
        Form::Text => print(&status)?,
    }
    Ok(Outcome::Sound)
}

/// A phase in one word.
pub(super) fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Running => "running",
        Phase::Returning(_) => "returning",
        Phase::Aborting { .. } => "aborting",
        Phase::Ended(SagaEnd::Aborted { .. }) => "aborted",
        Phase::Ended(_) => "completed",
    }
}

fn cause(phase: &Phase) -> Option<(String, &str)> {
    match phase {
        Phase::Aborting { cause, reason } | Phase::Ended(SagaEnd::Aborted { cause, reason }) => {
            Some((cause.to_string(), reason))
        }
        Phase::Running | Phase::Returning(_) | Phase::Ended(_) => None,
    }
}

fn progress(progress: &Progress) -> &'static str {
    match progress {
        Progress::Waiting => "waiting",
        Progress::Announced => "announced",
        Progress::InFlight => "in flight",
        Progress::Done(_) => "done",
        Progress::Skipped => "skipped",
        Progress::Failed => "failed",
        Progress::Ambiguous => "ambiguous",
        Progress::Withdrawn => "withdrawn",
        Progress::Compensated(_) => "compensated",
        Progress::Waived(_) => "waived",
    }
}

/// What a step came to.
fn output(step: &StepStatus) -> Option<&[u8]> {
    match &step.progress {
        Progress::Done(output) => Some(output),
        _ => None,
    }
}

impl<'a> Report<'a> {
    fn of(status: &'a SagaStatus) -> Self {
        let (cause, reason) = cause(&status.phase).unzip();
        Self {
            saga: status.saga.as_str(),
            definition: status.definition.as_str(),
            revision: status.revision,
            phase: phase(&status.phase),
            cause,
            reason,
            stuck: status.stuck,
            deadline: status.deadline.map(moment::print),
            steps: status.steps.iter().map(StepReport::of).collect(),
        }
    }
}

impl<'a> StepReport<'a> {
    fn of(step: &'a StepStatus) -> Self {
        let bytes = output(step);
        let json = bytes.and_then(|bytes| serde_json::from_slice(bytes).ok());
        let waits = step.next_at.as_unix_nanos() > 0;
        Self {
            step: step.step.as_str(),
            progress: progress(&step.progress),
            attempts: step.attempts,
            compensation_attempts: step.compensation_attempts,
            stuck: step.stuck.map(|side| side.to_string()),
            next_at: waits.then(|| moment::print(step.next_at)),
            reason: step.last_failure.as_ref().map(sagalog::saga::Failure::reason),
            output: json,
            output_base64: bytes.filter(|_| json.is_none()).map(base64::encode),
        }
    }
}

fn print(status: &SagaStatus) -> io::Result<()> {
    let mut rows = vec![
        ("saga", status.saga.to_string()),
        ("definition", format!("{} {}", status.definition, status.revision)),
        ("phase", phase(&status.phase).to_owned()),
    ];
    if let Some((cause, reason)) = cause(&status.phase) {
        rows.push(("cause", format!("{cause}: {}", on_one_line(reason))));
    }
    if let Some(deadline) = status.deadline {
        rows.push(("deadline", moment::print(deadline)));
    }
    output::rows(&rows)?;
    let mut out = io::stdout().lock();
    let names = status.steps.iter().map(|step| step.step.as_str().chars().count());
    let width = names.max().unwrap_or(0);
    for step in &status.steps {
        writeln!(out, "  {:width$}  {}", step.step.as_str(), sentence(step))?;
    }
    out.flush()
}

fn sentence(step: &StepStatus) -> String {
    let mut parts = vec![progress(&step.progress).to_owned()];
    if step.attempts > 0 {
        parts.push(format!("{} attempts", step.attempts));
    }
    if step.compensation_attempts > 0 {
        parts.push(format!("{} attempts of the compensation", step.compensation_attempts));
    }
    if let Some(side) = step.stuck {
        parts.push(format!("the {side} is stuck"));
    }
    if let Some(failure) = &step.last_failure {
        parts.push(format!("last failure: {}", on_one_line(failure.reason())));
    }
    if let Some(bytes) = output(step) {
        parts.push(shown(bytes));
    }
    parts.join(", ")
}

fn shown(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= SHOWN_BYTES_MAX => format!("output {}", on_one_line(text)),
        _ => format!("output of {} bytes", bytes.len()),
    }
}
