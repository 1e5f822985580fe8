//! `sagalog saga list` and `sagalog saga stuck`: sagas, one a line.

use super::{failed, on_one_line, reader, show::phase};
use crate::{Outcome, failure::Failure, note_empty, output::Form};
use sagalog::{ListedSaga, SagaStatus, StepStatus};
use serde::Serialize;
use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

#[derive(Serialize)]
struct Line<'a> {
    saga: &'a str,
    position: u64,
    definition: Option<&'a str>,
    revision: Option<u32>,
    phase: Option<&'static str>,
    stuck: Vec<StuckLine<'a>>,
    /// Why it cannot be told where it is.
    unknown: Option<String>,
}

#[derive(Serialize)]
struct StuckLine<'a> {
    step: &'a str,
    side: String,
    attempts: u32,
    reason: Option<&'a str>,
}

pub(super) async fn run(dir: &Path, ended: u64, form: Form) -> Result<Outcome, Failure> {
    let reader = reader(dir).await?;
    let mut sagas = reader.unfinished().await.map_err(|error| failed(dir, &error))?;
    if ended > 0 {
        sagas.extend(reader.ended(ended).await.map_err(|error| failed(dir, &error))?);
    }
    print(dir, &sagas, "no saga is unfinished", form)
}

pub(super) async fn stuck(dir: &Path, form: Form) -> Result<Outcome, Failure> {
    let sagas = reader(dir).await?.stuck().await.map_err(|error| failed(dir, &error))?;
    print(dir, &sagas, "no saga waits for an operator", form)
}

fn print(dir: &Path, sagas: &[ListedSaga], none: &str, form: Form) -> Result<Outcome, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    for saga in sagas {
        let line = Line::of(saga);
        match form {
            Form::Json => {
                serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
                writeln!(out)?;
            }
            Form::Text => put(&mut out, &line)?,
        }
    }
    out.flush()?;
    note_empty(dir, none, u64::try_from(sagas.len()).unwrap_or(u64::MAX), form);
    Ok(Outcome::Sound)
}

impl<'a> Line<'a> {
    fn of(listed: &'a ListedSaga) -> Self {
        let status = listed.status.as_ref().ok();
        Self {
            saga: listed.saga.as_str(),
            position: listed.position.get(),
            definition: status.map(|status| status.definition.as_str()),
            revision: status.map(|status| status.revision),
            phase: status.map(|status| phase(&status.phase)),
            stuck: status.map(stuck_steps).unwrap_or_default(),
            unknown: listed.status.as_ref().err().map(ToString::to_string),
        }
    }
}

fn stuck_steps(status: &SagaStatus) -> Vec<StuckLine<'_>> {
    let line = |step: &'_ StepStatus| step.stuck.is_some() && status.end().is_none();
    let stuck = status.steps.iter().filter(|step| line(step));
    stuck.filter_map(StuckLine::of).collect()
}

impl<'a> StuckLine<'a> {
    fn of(step: &'a StepStatus) -> Option<Self> {
        let side = step.stuck?;
        Some(Self {
            step: step.step.as_str(),
            side: side.to_string(),
            attempts: step.attempts_of(side),
            reason: step.last_failure.as_ref().map(sagalog::saga::Failure::reason),
        })
    }
}

/// A tab stands in no name.
fn put(out: &mut impl Write, line: &Line<'_>) -> io::Result<()> {
    let Line { saga, definition, revision, phase, stuck, unknown, .. } = line;
    let (Some(definition), Some(revision), Some(phase)) = (definition, revision, phase) else {
        let unknown = unknown.as_deref().unwrap_or_default();
        return writeln!(out, "{saga}\t-\tunknown\t{unknown}");
    };
    let phase = if stuck.is_empty() { *phase } else { "stuck" };
    write!(out, "{saga}\t{definition} {revision}\t{phase}")?;
    for StuckLine { step, side, attempts, reason } in stuck {
        let reason = on_one_line(reason.unwrap_or("no reason is known"));
        write!(out, "\t{step}: {side}, {attempts} attempts: {reason}")?;
    }
    writeln!(out)
}
