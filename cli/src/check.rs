//! `sagalog check`: reads everything, reports every damaged range.

use crate::{
    Outcome,
    failure::{Failure, directory},
    output::{self, DamageJson, Form},
    progress::Bar,
};
use sagalog::{
    Epoch, OpenError,
    inspect::{CheckReport, Progress, check},
};
use serde::Serialize;
use std::{
    io::{self, Write as _},
    path::Path,
};

#[derive(Serialize)]
struct Report {
    sound: bool,
    store: String,
    format: u32,
    epoch_first: Option<u64>,
    epoch_last: Option<u64>,
    segments: usize,
    groups: u64,
    commits: u64,
    positions: u64,
    body_bytes: u64,
    padding_bytes: u64,
    floor: u64,
    head: u64,
    unproven_positions: u64,
    holds_events: bool,
    damages: Vec<DamageJson>,
    torn_tail: Option<Tail>,
    warnings: Vec<String>,
    refusal: Option<String>,
}

#[derive(Serialize)]
struct Tail {
    segment: u64,
    offset: u64,
    bytes: u64,
    found: String,
}

pub(crate) async fn run(dir: &Path, form: Form) -> Result<Outcome, Failure> {
    let runtime = directory(dir)?;
    let mut bar = Bar::new();
    let mut tell = |progress: Progress| bar.tell(progress.bytes_done, progress.bytes_total);
    let checked = check(&runtime, &mut tell).await;
    drop(bar);
    let report = checked.map_err(|error| Failure::open(dir, &error))?;
    match form {
        Form::Json => output::json(&Report::from(&report))?,
        Form::Text => print(&report)?,
    }
    Ok(if report.is_sound() { Outcome::Sound } else { Outcome::Damaged })
}

impl From<&CheckReport> for Report {
    fn from(report: &CheckReport) -> Self {
        let epochs = report.epochs.as_ref();
        let tail = report.tail.map(|tail| Tail {
            segment: tail.place.segment.get(),
            offset: tail.place.offset,
            bytes: tail.bytes,
            found: format!("{:?}", tail.found),
        });
        Self {
            sound: report.is_sound(),
            store: report.store.to_string(),
            format: report.format,
            epoch_first: epochs.map(|epochs| epochs.start().get()),
            epoch_last: epochs.map(|epochs| epochs.end().get()),
            segments: report.segments,
            groups: report.groups,
            commits: report.commits,
            positions: report.positions,
            body_bytes: report.body_bytes,
            padding_bytes: report.padding_bytes,
            floor: report.floor.get(),
            head: report.head.get(),
            unproven_positions: report.unproven_positions,
            holds_events: report.holds_events,
            damages: report.damages.iter().map(DamageJson::from).collect(),
            torn_tail: tail,
            warnings: report.warnings.iter().map(ToString::to_string).collect(),
            refusal: report.refusal.as_ref().map(OpenError::to_string),
        }
    }
}

fn print(report: &CheckReport) -> io::Result<()> {
    let epochs = report.epochs.as_ref().map_or_else(
        || "none".to_owned(),
        |epochs| {
            let [first, last] = [epochs.start(), epochs.end()].map(|epoch| Epoch::get(*epoch));
            format!("{first} to {last}")
        },
    );
    output::rows(&[
        ("store", report.store.to_string()),
        ("format", report.format.to_string()),
        ("holds", if report.holds_events { "events" } else { "opaque commits" }.to_owned()),
        ("epochs", epochs),
        ("segments", report.segments.to_string()),
        ("groups", report.groups.to_string()),
        ("commits", report.commits.to_string()),
        ("positions", report.positions.to_string()),
        ("body bytes", report.body_bytes.to_string()),
        ("padding bytes", report.padding_bytes.to_string()),
        ("floor", report.floor.to_string()),
        ("head", report.head.to_string()),
        ("unproven positions", report.unproven_positions.to_string()),
    ])?;
    let mut out = io::stdout().lock();
    if let Some(tail) = report.tail {
        writeln!(
            out,
            "torn tail: {}, {} bytes of a write that was not acknowledged (no damage)",
            tail.place, tail.bytes
        )?;
    }
    output::damages(&mut out, &report.damages)?;
    report.warnings.iter().try_for_each(|warning| writeln!(out, "warning: {warning}"))?;
    if let Some(refusal) = &report.refusal {
        writeln!(out, "does not open: {refusal}")?;
    }
    let verdict = match (report.is_sound(), report.damages.len()) {
        (true, _) => "sound".to_owned(),
        (false, 1) => "damaged: 1 range".to_owned(),
        (false, ranges) => format!("damaged: {ranges} ranges"),
    };
    writeln!(out, "{verdict}")?;
    out.flush()
}
