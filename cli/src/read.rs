//! `sagalog read`: the events of a stream, or of all of them, as JSON, one a line.

use crate::{
    Outcome,
    failure::{DAMAGED, Failure},
    line::{self, Fields},
    reading::{self, AsOf},
};
use clap::Args;
use sagalog::{
    EventType, Position, Query, QueryItem, Read, ReadError, RecordedEvent, Revision, StreamId, Tag,
};
use std::{
    fmt::Display,
    io::{self, BufWriter, Write as _},
    path::PathBuf,
};

#[derive(Args)]
pub(crate) struct Request {
    /// The directory of the store.
    dir: PathBuf,
    /// The stream.
    #[arg(conflicts_with = "all")]
    stream: Option<String>,
    /// Reads every stream, in the order of positions.
    #[arg(long)]
    all: bool,
    /// Only events of this type; may be given several times, for any of them.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<EventType>,
    /// Only events with this tag; may be given several times, for all of them.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// The first revision to print, with --all the first position.
    #[arg(long, value_name = "NUMBER")]
    from: Option<u64>,
    /// Prints the newest event first.
    #[arg(long)]
    backward: bool,
    /// Reads what was there when this position had been written, with all of its append, or at this
    /// time (RFC 3339).
    #[arg(long, value_name = "POSITION|TIME")]
    as_of: Option<AsOf>,
    /// How many events to print at most; the last append may be cut.
    #[arg(long, value_name = "EVENTS")]
    limit: Option<u64>,
    /// With --all: system streams too, whose names begin with `$`.
    #[arg(long, conflicts_with = "stream")]
    system: bool,
}

pub(crate) async fn run(request: Request) -> Result<Outcome, Failure> {
    if request.stream.is_none() && !request.all {
        let sentence = "name a STREAM, or say --all for the events of every stream; `sagalog \
                        streams` lists them";
        return Err(Failure::cannot_run(sentence));
    }
    let read = request.read()?;
    let store = reading::open(&request.dir).await?;
    let mut events = store.read(read);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut left = request.limit.unwrap_or(u64::MAX);
    let mut unread: Option<(ReadError, u64)> = None;
    while left > 0 {
        let event = match events.next().await {
            Ok(Some(event)) => event,
            Ok(None) => break,
            // It goes on behind it: what can be read is printed.
            Err(error @ ReadError::Undecodable { .. }) => {
                unread.get_or_insert((error, 0)).1 += 1;
                continue;
            }
            Err(error) => return Err(Failure::read(&request.dir, &error)),
        };
        if request.wants(&event) {
            line::print(&mut out, &event, Fields::All)?;
            left -= 1;
        }
    }
    out.flush()?;
    match unread {
        None => Ok(Outcome::Sound),
        Some((error, 1)) => Err(Failure::read(&request.dir, &error)),
        Some((error, count)) => {
            let sentence = format!("{count} commits cannot be read; {error}");
            Err(Failure::about(&request.dir, &sentence, DAMAGED))
        }
    }
}

impl Request {
    fn read(&self) -> Result<Read, Failure> {
        let mut read = match &self.stream {
            Some(name) => Read::stream(stream(name)?),
            None if self.types.is_empty() && self.tags.is_empty() => Read::all(),
            None => Read::query(Query::new(self.item())),
        };
        read = match (self.from, &self.stream) {
            (None, _) => read,
            (Some(revision), Some(_)) => read.from_revision(Revision::new(revision)),
            (Some(position), None) => read.from_position(Position::new(position)),
        };
        if self.backward {
            read = read.backward();
        }
        if self.system {
            read = read.with_system();
        }
        Ok(self.as_of.map_or(read.clone(), |as_of| as_of.of(read)))
    }

    fn item(&self) -> QueryItem {
        let types = self.types.iter().cloned();
        let item = types.fold(QueryItem::new(), QueryItem::event_type);
        self.tags.iter().cloned().fold(item, QueryItem::tag)
    }

    /// What a stream's read does not select by itself.
    fn wants(&self, event: &RecordedEvent) -> bool {
        let typed = self.types.iter().any(|wanted| wanted.as_str() == event.event_type());
        let tagged = |wanted: &Tag| event.tags().any(|tag| tag == wanted.as_str());
        (typed || self.types.is_empty()) && self.tags.iter().all(tagged)
    }
}

/// A stream that may be one of the system's, since it is only looked at.
fn stream(name: &str) -> Result<StreamId, Failure> {
    let parsed = if name.starts_with('$') { StreamId::system(name) } else { StreamId::parse(name) };
    parsed.map_err(|error| unfit("STREAM", &error))
}

fn unfit(argument: &str, error: &dyn Display) -> Failure {
    Failure::cannot_run(format!("{argument}: {error}"))
}
