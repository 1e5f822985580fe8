//! `sagalog stats`: what a store holds, from its superblock, its headers and its end.

use crate::{
    Outcome,
    failure::{Failure, directory},
    output::{self, Form},
};
use sagalog::{OpenWarning, ReadOnlyLog, ReadOnlyStats, log::segment::FORMAT};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Report {
    store: String,
    format: u32,
    epoch: u64,
    created_unix_nanos: u64,
    head: u64,
    floor: u64,
    unproven_positions: u64,
    torn_bytes: u64,
    segments: usize,
    prepared_segments: u64,
    segment_bytes: u64,
    clean: bool,
    warnings: Vec<String>,
}

pub(crate) async fn run(dir: &Path, form: Form) -> Result<Outcome, Failure> {
    let runtime = directory(dir)?;
    let log = ReadOnlyLog::open_with(&runtime).await.map_err(|error| Failure::open(dir, &error))?;
    let report = Report::from(log.stats());
    match form {
        Form::Json => output::json(&report)?,
        Form::Text => output::rows(&report.rows())?,
    }
    Ok(Outcome::Sound)
}

impl From<ReadOnlyStats> for Report {
    fn from(stats: ReadOnlyStats) -> Self {
        Self {
            store: stats.store.to_string(),
            format: FORMAT,
            epoch: stats.epoch.get(),
            created_unix_nanos: stats.created.as_unix_nanos(),
            head: stats.head.get(),
            floor: stats.floor.get(),
            unproven_positions: stats.unproven_positions,
            torn_bytes: stats.torn_bytes,
            segments: stats.segments,
            prepared_segments: stats.prepared_segments,
            segment_bytes: stats.segment_bytes,
            clean: stats.clean,
            warnings: stats.warnings.iter().map(sentence).collect(),
        }
    }
}

impl Report {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let closed = if self.clean { "yes" } else { "no" };
        let mut rows = vec![
            ("store", self.store.clone()),
            ("format", self.format.to_string()),
            ("epoch", self.epoch.to_string()),
            ("created, unix ns", self.created_unix_nanos.to_string()),
            ("head", self.head.to_string()),
            ("floor", self.floor.to_string()),
            ("unproven positions", self.unproven_positions.to_string()),
            ("torn bytes", self.torn_bytes.to_string()),
            ("segments", self.segments.to_string()),
            ("prepared segments", self.prepared_segments.to_string()),
            ("segment bytes", self.segment_bytes.to_string()),
            ("closed in order", closed.to_owned()),
        ];
        let warnings = self.warnings.iter();
        rows.extend(warnings.map(|warning| ("warning", warning.clone())));
        rows
    }
}

fn sentence(warning: &OpenWarning) -> String {
    match warning {
        OpenWarning::SuperblockSlotDamaged => {
            "one superblock slot is damaged; the other one was used".into()
        }
        OpenWarning::SuperblockOutdated => "the superblock is older than the log".into(),
        OpenWarning::CheckpointUnusable => {
            "the checkpoint is missing or damaged; the headers were read instead".into()
        }
        OpenWarning::UnknownFile(name) => format!("the file `{name}` is none of sagalog's"),
        _ => "a warning that this program does not know".into(),
    }
}
