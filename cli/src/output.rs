//! What goes to standard output: JSON for programs, aligned lines for people.
//!
//! Every write can fail, since whoever reads may go away; see `failure` for what comes of it.

use crate::failure::Failure;
use sagalog::inspect::Damage;
use serde::Serialize;
use std::io::{self, StdoutLock, Write};

/// For whom a report is printed.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Text,
    Json,
}

impl Form {
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// Prints `value` as one JSON document.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    Ok(writeln!(out).and_then(|()| out.flush())?)
}

/// Prints a sentence.
pub(crate) fn sentence(sentence: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    Ok(writeln!(out, "{sentence}").and_then(|()| out.flush())?)
}

/// Prints rows of a name and a value.
pub(crate) fn rows(rows: &[(&str, String)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in rows {
        writeln!(out, "{name:width$}  {value}")?;
    }
    out.flush()
}

/// Prints damaged ranges, one a line.
pub(crate) fn damages(out: &mut StdoutLock<'_>, damages: &[Damage]) -> io::Result<()> {
    damages.iter().try_for_each(|damage| writeln!(out, "damaged: {damage}"))
}

/// A damaged range for programs.
#[derive(Serialize)]
pub(crate) struct DamageJson {
    kind: &'static str,
    file: String,
    segment: Option<u64>,
    offset: u64,
    bytes: u64,
    lost: Option<LostJson>,
    commit: Option<CommitJson>,
    text: String,
}

#[derive(Serialize)]
struct LostJson {
    first_group: u64,
    groups: u64,
    first_position: u64,
    /// The position behind the last one that is lost; null if nothing tells.
    end_position: Option<u64>,
    found: String,
}

#[derive(Serialize)]
struct CommitJson {
    first_position: u64,
    positions: u64,
    reason: &'static str,
}

impl From<&Damage> for DamageJson {
    fn from(damage: &Damage) -> Self {
        let commit = damage.commit.map(|commit| CommitJson {
            first_position: commit.first.get(),
            positions: commit.positions,
            reason: commit.reason,
        });
        let lost = damage.lost.map(|lost| LostJson {
            first_group: lost.first.get(),
            groups: lost.count,
            first_position: lost.from.get(),
            end_position: lost.to.map(sagalog::Position::get),
            found: format!("{:?}", lost.found),
        });
        Self {
            kind: damage.kind.name(),
            file: damage.file.clone(),
            segment: damage.segment.map(sagalog::SegmentId::get),
            offset: damage.offset,
            bytes: damage.bytes,
            lost,
            commit,
            text: damage.to_string(),
        }
    }
}
