//! Cutting the lines of a file into portions, each of which becomes one commit.
//!
//! Stores nothing. The invariant: a portion fits into a commit of the store, and the same file is
//! cut alike by both passes.

use crate::{
    failure::Failure,
    line,
    source::{LINE_BYTES_MAX, Source},
};
use sagalog::{Append, CommandKey, EventId, NewEvent, StreamId};
use std::path::Path;

/// Events of a commit at most. A kill between two commits costs nothing but the time to find the
/// place again, and a sync costs the same for one event as for these.
const PORTION_EVENTS: usize = 512;

/// Bytes of lines of a commit at most, unless one line alone has more.
const PORTION_BYTES: u64 = 256 << 10;

/// What an event takes in a commit at most beyond its line, which names every field.
const EVENT_BYTES: u64 = 128;

/// What a commit takes at most besides its events: its frame, its key, the time.
const COMMIT_BYTES: u64 = 128;

/// The lines that share a commit.
#[derive(Default)]
pub(super) struct Portion {
    pub(super) events: Vec<(EventId, StreamId, NewEvent)>,
    /// The name of its last line.
    pub(super) name: u128,
    /// The number of its last line.
    pub(super) last: u64,
    bytes: u64,
}

impl Portion {
    pub(super) fn key(&self) -> CommandKey {
        key(self.name)
    }
}

fn key(name: u128) -> CommandKey {
    CommandKey::parse(&format!("import-{name:032x}")).expect("a short name")
}

/// A line that is no event, and why.
pub(super) struct BadLine {
    pub(super) number: u64,
    pub(super) reason: String,
}

/// A line that was read.
struct Held {
    number: u64,
    name: u128,
    event: Result<(StreamId, NewEvent), String>,
    /// What it takes in a commit at most.
    bytes: u64,
}

/// The portions of a file.
pub(super) struct Portions {
    source: Source,
    /// The largest commit of the store.
    commit_bytes_max: u64,
    /// A line for which the portion before had no room.
    held: Option<Held>,
}

impl Portions {
    pub(super) fn of(file: &Path, commit_bytes_max: u64) -> Result<Self, Failure> {
        Ok(Self { source: Source::open(file)?, commit_bytes_max, held: None })
    }

    /// Bytes of the file that were read so far.
    pub(super) fn consumed(&self) -> u64 {
        self.source.consumed()
    }

    /// The next portion; `None` behind the last line. Bad lines go to `bad`.
    pub(super) fn next(
        &mut self,
        bad: &mut impl FnMut(BadLine),
    ) -> Result<Option<Portion>, Failure> {
        let room = PORTION_BYTES.min(self.commit_bytes_max.saturating_sub(COMMIT_BYTES));
        let mut portion = Portion::default();
        while portion.events.len() < PORTION_EVENTS {
            let Some(line) = self.line()? else { break };
            if portion.bytes > 0 && portion.bytes + line.bytes > room {
                self.held = Some(line);
                break;
            }
            (portion.name, portion.last) = (line.name, line.number);
            portion.bytes += line.bytes;
            match line.event {
                Ok((stream, event)) => {
                    let id = event_id(line.name);
                    portion.events.push((id, stream, event.id(id)));
                }
                Err(reason) => bad(BadLine { number: line.number, reason }),
            }
        }
        Ok((portion.last > 0).then_some(portion))
    }

    fn line(&mut self) -> Result<Option<Held>, Failure> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        let Some(read) = self.source.next()? else { return Ok(None) };
        let (number, name) = (read.number, read.name);
        let (event, bytes) = match read.text {
            None => (Err(format!("it has more than {LINE_BYTES_MAX} bytes")), 0),
            Some(text) => (line::parse(text), u64::try_from(text.len()).unwrap_or(u64::MAX)),
        };
        let bytes = bytes.saturating_add(EVENT_BYTES);
        let event = event.and_then(|event| self.fitting(name, event, bytes));
        Ok(Some(Held { number, name, event, bytes }))
    }

    /// The event, if a commit of the store has room for it.
    fn fitting(
        &self,
        name: u128,
        event: (StreamId, NewEvent),
        bytes: u64,
    ) -> Result<(StreamId, NewEvent), String> {
        let limit = self.commit_bytes_max;
        if bytes + COMMIT_BYTES <= limit {
            return Ok(event);
        }
        let (stream, alone) = event.clone();
        let commit = Append::new().key(key(name)).event(stream, alone);
        match commit.stored_bytes() {
            Ok(bytes) if bytes <= limit => Ok(event),
            Ok(bytes) => Err(format!(
                "the event takes {bytes} bytes, a commit of this store at most {limit}; \
                 --group-bytes-max raises that"
            )),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A line's name in the layout of a UUID version 8.
pub(super) fn event_id(name: u128) -> EventId {
    const MARKS: u128 = 0xF << 76 | 0b11 << 62;
    const VERSION_8: u128 = 0x8 << 76 | 0b10 << 62;
    let hex = format!("{:032x}", name & !MARKS | VERSION_8);
    EventId::parse(&hex).expect("32 hexadecimal digits")
}
