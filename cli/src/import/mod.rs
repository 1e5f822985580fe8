//! `sagalog import`: stores the lines of a file as events, each line once.
//!
//! Two passes over the file: `plan` checks every line and remembers what it has seen, `store`
//! appends. The invariant: nothing is stored of a file in which a line is bad.
//!
//! A line's name ([`source`](crate::source)) is its event's id, and the name of a portion's last
//! line is its commit's key. So the same file again, whole or from where a kill has left it, finds
//! what is stored already, and a file that has grown finds all that it had before.

mod plan;
mod portion;
mod store;

use crate::{
    Outcome,
    failure::Failure,
    interrupt::Interrupt,
    output::{self, Form},
    progress::Bar,
    writing::Choices,
};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Request {
    /// The directory of the store; it is made if there is none.
    dir: PathBuf,
    /// JSON lines with `stream`, `type`, `time` and `data`; compressed if the name ends in .gz.
    file: PathBuf,
    #[command(flatten)]
    choices: Choices,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    lines: u64,
    stored_now: u64,
    stored_before: u64,
    commits: u64,
    head: u64,
}

pub(crate) async fn run(request: Request) -> Result<Outcome, Failure> {
    let Request { dir, file, choices, json } = request;
    let mut watch = Watch { bar: Bar::new(), interrupt: Interrupt::watch()? };
    let commit_bytes_max = choices.commit_bytes_max(&dir).await;
    let plan = plan::check(&file, commit_bytes_max, &mut watch)?;
    let stored = store::store(&dir, choices, &plan, &mut watch).await;
    drop(watch.bar);
    let stored = stored?;
    let report = Report {
        file: file.display().to_string(),
        lines: plan.lines,
        stored_now: stored.events,
        stored_before: plan.lines - stored.events,
        commits: stored.commits,
        head: stored.head.get(),
    };
    match Form::of(json) {
        Form::Json => output::json(&report)?,
        Form::Text => output::rows(&[
            ("file", report.file),
            ("lines", report.lines.to_string()),
            ("stored now", report.stored_now.to_string()),
            ("stored before", report.stored_before.to_string()),
            ("commits", report.commits.to_string()),
            ("head", report.head.to_string()),
        ])?,
    }
    Ok(Outcome::Sound)
}

/// Who looks on while an import goes on.
struct Watch {
    bar: Bar,
    interrupt: Interrupt,
}

#[cfg(test)]
mod tests;
