//! `sagalog salvage`: copies what is valid into a new store.

use crate::{
    Outcome,
    failure::{CANNOT_RUN, Failure, directory},
    interrupt::Interrupt,
    output::{self, DamageJson, Form},
    progress::Bar,
};
use sagalog::{
    inspect::{Progress, SalvageError, SalvageReport, salvage},
    runtime::tokio::TokioRuntime,
};
use serde::Serialize;
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

#[derive(Serialize)]
struct Report {
    source: String,
    target: String,
    commits: u64,
    positions: u64,
    body_bytes: u64,
    rewritten: u64,
    ranges: Vec<Range>,
    damages: Vec<DamageJson>,
}

/// Positions from `source` on in the old store stand from `target` on in the new one.
#[derive(Serialize)]
struct Range {
    source: u64,
    target: u64,
    positions: u64,
}

pub(crate) async fn run(dir: &Path, out: &Path, form: Form) -> Result<Outcome, Failure> {
    let source = directory(dir)?;
    refuse_target(dir, out)?;
    let mut bar = Bar::new();
    let mut tell = |progress: Progress| bar.tell(progress.bytes_done, progress.bytes_total);
    let copying = salvage(&source, || TokioRuntime::create(out), &mut tell);
    let salvaged = Interrupt::watch()?.unless(copying).await;
    drop(bar);
    let Some(salvaged) = salvaged else {
        let sentence = "interrupted: it holds a part of the copy; remove it, and run the command \
                        again";
        return Err(Failure::about(out, &sentence, CANNOT_RUN));
    };
    let report = salvaged.map_err(|error| {
        let about = if matches!(error, SalvageError::Source(_)) { dir } else { out };
        Failure::about(about, &error, CANNOT_RUN)
    })?;
    match form {
        Form::Json => output::json(&Report::from(&report))?,
        Form::Text => print(&report)?,
    }
    Ok(Outcome::Sound)
}

/// The target has to be empty, also of directories, and to lie outside the source.
fn refuse_target(dir: &Path, out: &Path) -> Result<(), Failure> {
    match fs::read_dir(out).map(|entries| entries.take(1).count()) {
        Ok(0) => {}
        Ok(_) => {
            let error = SalvageError::TargetNotEmpty;
            return Err(Failure::about(out, &error, CANNOT_RUN));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::about(out, &error, CANNOT_RUN)),
    }
    let existing = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
    let existing = existing.ancestors().find_map(|dir| dir.canonicalize().ok());
    let inside =
        dir.canonicalize().is_ok_and(|dir| existing.is_some_and(|out| out.starts_with(dir)));
    if inside {
        let sentence = "the target lies inside the store that is to be salvaged; name another one";
        return Err(Failure::about(out, &sentence, CANNOT_RUN));
    }
    Ok(())
}

impl From<&SalvageReport> for Report {
    fn from(report: &SalvageReport) -> Self {
        let ranges = report.ranges.iter().map(|range| Range {
            source: range.source.get(),
            target: range.target.get(),
            positions: range.positions,
        });
        Self {
            source: report.source.to_string(),
            target: report.target.to_string(),
            commits: report.commits,
            positions: report.positions,
            body_bytes: report.body_bytes,
            rewritten: report.rewritten,
            ranges: ranges.collect(),
            damages: report.damages.iter().map(DamageJson::from).collect(),
        }
    }
}

fn print(report: &SalvageReport) -> io::Result<()> {
    output::rows(&[
        ("old store", report.source.to_string()),
        ("new store", report.target.to_string()),
        ("commits", report.commits.to_string()),
        ("positions", report.positions.to_string()),
        ("body bytes", report.body_bytes.to_string()),
        ("with other revisions", report.rewritten.to_string()),
    ])?;
    let mut out = io::stdout().lock();
    for range in &report.ranges {
        let last = range.positions - 1;
        writeln!(
            out,
            "copied: positions {} to {} stand at {} to {}",
            range.source,
            range.source.plus(last),
            range.target,
            range.target.plus(last)
        )?;
    }
    output::damages(&mut out, &report.damages)?;
    out.flush()
}
