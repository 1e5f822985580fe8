//! `sagalog stats`: what a store holds, from its superblock, its headers, its end and its index.
//!
//! Reads no event. A bare log has no streams, and says nothing of any.

use crate::{
    Outcome,
    failure::{Failure, directory},
    output::{self, Form},
    time,
};
use sagalog::{
    OpenError, ReadError, ReadOnlyLog, ReadOnlyStats, Store, log::segment::FORMAT,
    runtime::tokio::TokioRuntime,
};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Report {
    store: String,
    format: u32,
    epoch: u64,
    created: String,
    created_unix_nanos: u64,
    /// Those of system streams included; the positions that are kept, where it is a bare log.
    events: u64,
    /// System streams left out.
    streams: Option<u64>,
    sagas: Option<u64>,
    head: u64,
    floor: u64,
    unproven_positions: u64,
    torn_bytes: u64,
    segments: usize,
    prepared_segments: u64,
    segment_bytes: u64,
    segment_bytes_max: u64,
    group_bytes_max: u64,
    key_horizon_events: u64,
    clean: bool,
    warnings: Vec<String>,
}

/// The streams of sagas' journals begin so.
const JOURNALS: &str = "$saga-";

pub(crate) async fn run(dir: &Path, form: Form) -> Result<Outcome, Failure> {
    let runtime = directory(dir)?;
    let log = ReadOnlyLog::open_with(&runtime).await.map_err(|error| Failure::open(dir, &error))?;
    let mut report = Report::from(log.stats());
    if let Some(counts) = Counts::of(dir, &runtime).await? {
        (report.streams, report.sagas) = (Some(counts.streams), Some(counts.sagas));
    }
    match form {
        Form::Json => output::json(&report)?,
        Form::Text => output::rows(&report.rows())?,
    }
    Ok(Outcome::Sound)
}

struct Counts {
    streams: u64,
    sagas: u64,
}

impl Counts {
    /// `None` if the log is that of no event store, has no index yet, or has a commit that does not
    /// decode: how many streams that writes to cannot be said.
    async fn of(dir: &Path, runtime: &TokioRuntime) -> Result<Option<Self>, Failure> {
        let store = match Store::open_read_only_with(runtime).await {
            Ok(store) => store,
            Err(OpenError::Undecodable { .. } | OpenError::IndexMissing) => return Ok(None),
            Err(error) => return Err(Failure::open(dir, &error)),
        };
        let mut counts = [0, 0];
        for (prefix, count) in ["", JOURNALS].into_iter().zip(&mut counts) {
            let mut streams = store.streams(prefix);
            loop {
                match streams.next().await {
                    Ok(Some(_)) => *count += 1,
                    Ok(None) => break,
                    Err(ReadError::Undecodable { .. }) => return Ok(None),
                    Err(error) => return Err(Failure::read(dir, &error)),
                }
            }
        }
        let [streams, sagas] = counts;
        Ok(Some(Self { streams, sagas }))
    }
}

impl From<ReadOnlyStats> for Report {
    fn from(stats: ReadOnlyStats) -> Self {
        Self {
            store: stats.store.to_string(),
            format: FORMAT,
            epoch: stats.epoch.get(),
            created: time::print(stats.created.as_unix_nanos()),
            created_unix_nanos: stats.created.as_unix_nanos(),
            events: stats.head.get() - stats.floor.get(),
            streams: None,
            sagas: None,
            head: stats.head.get(),
            floor: stats.floor.get(),
            unproven_positions: stats.unproven_positions,
            torn_bytes: stats.torn_bytes,
            segments: stats.segments,
            prepared_segments: stats.prepared_segments,
            segment_bytes: stats.segment_bytes,
            segment_bytes_max: stats.chosen.segment_bytes,
            group_bytes_max: stats.chosen.group_bytes_max,
            key_horizon_events: stats.chosen.key_horizon_events,
            clean: stats.clean,
            warnings: stats.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Report {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let closed = if self.clean { "yes" } else { "no" };
        let counted = |count: Option<u64>| count.map_or("not known".into(), |it| it.to_string());
        let mut rows = vec![
            ("store", self.store.clone()),
            ("format", self.format.to_string()),
            ("epoch", self.epoch.to_string()),
            ("created", self.created.clone()),
            ("events", self.events.to_string()),
            ("streams", counted(self.streams)),
            ("sagas", counted(self.sagas)),
            ("head", self.head.to_string()),
            ("floor", self.floor.to_string()),
            ("unproven positions", self.unproven_positions.to_string()),
            ("torn bytes", self.torn_bytes.to_string()),
            ("segments", self.segments.to_string()),
            ("prepared segments", self.prepared_segments.to_string()),
            ("segment bytes", self.segment_bytes.to_string()),
            ("segments grow to", self.segment_bytes_max.to_string()),
            ("largest group", self.group_bytes_max.to_string()),
            ("keys are kept for", format!("{} events", self.key_horizon_events)),
            ("closed in order", closed.to_owned()),
        ];
        let warnings = self.warnings.iter();
        rows.extend(warnings.map(|warning| ("warning", warning.clone())));
        rows
    }
}
