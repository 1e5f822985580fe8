//! `sagalog import`: stores the lines of a file as events, each line once.
//!
//! Two passes over the file: `plan` checks every line and remembers what it has seen, `store`
//! appends. The invariant: nothing is stored of a file in which a line is bad.
//!
//! A line's name ([`source`](crate::source)) is its event's id, and the name of a portion's last
//! line is its commit's key. So the same file again, whole or from where a kill has left it, finds
//! what is stored already, and a file that has grown finds all that it had before.

mod plan;
mod store;

use crate::{
    Outcome,
    failure::Failure,
    line,
    output::{self, Form},
    progress::Bar,
    source::{LINE_BYTES_MAX, Source},
};
use sagalog::{CommandKey, EventId, NewEvent, StreamId};
use serde::Serialize;
use std::path::Path;

/// Events of a commit at most. A kill between two commits costs nothing but the time to find the
/// place again, and a sync costs the same for one event as for these.
const PORTION_EVENTS: usize = 512;

/// Bytes of lines from which on a commit takes no more.
const PORTION_BYTES: usize = 256 << 10;

#[derive(Serialize)]
struct Report {
    file: String,
    lines: u64,
    stored_now: u64,
    stored_before: u64,
    commits: u64,
    head: u64,
}

pub(crate) async fn run(dir: &Path, file: &Path, form: Form) -> Result<Outcome, Failure> {
    let mut bar = Bar::new();
    let plan = plan::check(file, &mut bar)?;
    let stored = store::store(dir, file, &plan, &mut bar).await;
    drop(bar);
    let stored = stored?;
    let report = Report {
        file: file.display().to_string(),
        lines: plan.lines,
        stored_now: stored.events,
        stored_before: plan.lines - stored.events,
        commits: stored.commits,
        head: stored.head.get(),
    };
    match form {
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

/// The lines that share a commit.
#[derive(Default)]
struct Portion {
    events: Vec<(EventId, StreamId, NewEvent)>,
    /// The name of its last line.
    name: u128,
    /// The number of its last line.
    last: u64,
    bytes: usize,
}

impl Portion {
    fn is_full(&self) -> bool {
        self.events.len() >= PORTION_EVENTS || self.bytes >= PORTION_BYTES
    }

    fn key(&self) -> CommandKey {
        CommandKey::parse(&format!("import-{:032x}", self.name)).expect("a short name")
    }
}

/// A line that is no event, and why.
struct BadLine {
    number: u64,
    reason: String,
}

/// Fills a portion from where `source` stands; `None` behind the last line. Bad lines go to `bad`.
fn next_portion(
    source: &mut Source,
    bad: &mut impl FnMut(BadLine),
) -> Result<Option<Portion>, Failure> {
    let mut portion = Portion::default();
    let mut any = false;
    while !portion.is_full() {
        let Some(read) = source.next()? else { break };
        any = true;
        (portion.name, portion.last) = (read.name, read.number);
        let parsed = match read.text {
            None => Err(format!("it has more than {LINE_BYTES_MAX} bytes")),
            Some(text) => {
                portion.bytes += text.len();
                line::parse(text)
            }
        };
        match parsed {
            Ok((stream, event)) => {
                let id = event_id(read.name);
                portion.events.push((id, stream, event.id(id)));
            }
            Err(reason) => bad(BadLine { number: read.number, reason }),
        }
    }
    Ok(any.then_some(portion))
}

/// A line's name in the layout of a UUID version 8.
fn event_id(name: u128) -> EventId {
    const MARKS: u128 = 0xF << 76 | 0b11 << 62;
    const VERSION_8: u128 = 0x8 << 76 | 0b10 << 62;
    let hex = format!("{:032x}", name & !MARKS | VERSION_8);
    EventId::parse(&hex).expect("32 hexadecimal digits")
}

#[cfg(test)]
mod tests;
