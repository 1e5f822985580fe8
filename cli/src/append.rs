//! `sagalog append`: one event, with a guard on its stream if one is asked for.

use crate::{
    Outcome,
    failure::{CANNOT_RUN, Failure},
    output::{self, Form},
    time,
    writing::Choices,
};
use clap::Args;
use sagalog::{
    Actual, Append, AppendError, CommandKey, Committed, ContentType, EventId, EventType,
    ExpectedRevision, FailedGuard, NewEvent, Revision, StreamId, Tag, limits::GROUP_BYTES_MAX,
    runtime::WallTime,
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::{
    fmt,
    io::{self, Read as _},
    path::PathBuf,
    str::FromStr,
};

#[derive(Args)]
pub(crate) struct Request {
    /// The directory of the store.
    dir: PathBuf,
    /// The stream to append to.
    stream: StreamId,
    /// The type of the event.
    #[arg(value_name = "TYPE")]
    event_type: EventType,
    /// What it says: a JSON value, or `-` to read one from standard input.
    #[arg(long, value_name = "JSON", default_value = "null", allow_hyphen_values = true)]
    data: String,
    /// Stores it only if the stream is as expected: `any`, `none` (it has no events), `exists`, or
    /// the revision of its last event.
    #[arg(long, value_name = "any|none|exists|REVISION", default_value = "any")]
    expect: Expect,
    /// The command's key: the same append with the same key is stored once.
    #[arg(long)]
    key: Option<CommandKey>,
    /// The event's id, a UUID; drawn unless it is given.
    #[arg(long)]
    id: Option<EventId>,
    /// A tag; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// When it happened (RFC 3339).
    #[arg(long, value_parser = time::parse)]
    time: Option<u64>,
    /// Makes the store if there is none.
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    choices: Choices,
    /// Prints the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy)]
struct Expect(ExpectedRevision);

impl FromStr for Expect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text {
            "any" => ExpectedRevision::Any,
            "none" => ExpectedRevision::NoStream,
            "exists" => ExpectedRevision::Exists,
            _ => {
                let revision =
                    text.parse().map_err(|_| "none of any, none, exists or a revision")?;
                ExpectedRevision::Exact(Revision::new(revision))
            }
        }))
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ExpectedRevision::NoStream => f.write_str("no events"),
            ExpectedRevision::Exists => f.write_str("events"),
            ExpectedRevision::Exact(revision) => write!(f, "revision {revision}"),
            _ => f.write_str("anything"),
        }
    }
}

#[derive(Serialize)]
struct Report {
    position: u64,
    stream: String,
    revision: Option<u64>,
    replayed: bool,
}

pub(crate) async fn run(request: Request) -> Result<Outcome, Failure> {
    let append = request.append()?;
    let (dir, form) = (request.dir.clone(), Form::of(request.json));
    let store = request.choices.open(&dir, request.create).await?;
    let committed = store.append(append).await;
    let closed = store.close().await;
    let committed = committed.map_err(|error| match &error {
        AppendError::Conflict(failed) => {
            Failure::about(&dir, &conflict(&request, failed), CANNOT_RUN)
        }
        _ => Failure::about(&dir, &error, CANNOT_RUN),
    })?;
    closed.map_err(|error| Failure::about(&dir, &error, CANNOT_RUN))?;
    print(&request.stream, &committed, form)?;
    Ok(Outcome::Sound)
}

impl Request {
    fn append(&self) -> Result<Append, Failure> {
        let data = data(&self.data)?;
        let mut event =
            NewEvent::new(self.event_type.clone(), data).content_type(ContentType::Json);
        event = self.tags.iter().cloned().fold(event, NewEvent::tag);
        if let Some(id) = self.id {
            event = event.id(id);
        }
        if let Some(nanos) = self.time {
            event = event.occurred_at(WallTime::from_unix_nanos(nanos));
        }
        let stream = self.stream.clone();
        let mut append = Append::new().event(stream.clone(), event);
        if self.expect.0 != ExpectedRevision::Any {
            append = append.expect(stream, self.expect.0);
        }
        Ok(match &self.key {
            Some(key) => append.key(key.clone()),
            None => append,
        })
    }
}

/// The guard that did not hold: there is but the one on the stream.
fn conflict(request: &Request, failed: &[FailedGuard]) -> String {
    let actual = match failed.first().map(|failed| failed.actual) {
        Some(Actual::NoStream) => "has no events".to_owned(),
        Some(Actual::Revision(revision)) => format!("is at revision {revision}"),
        _ => "is not as expected".to_owned(),
    };
    let (stream, expected) = (&request.stream, request.expect);
    format!("stream {stream} {actual}, expected {expected}; nothing was stored")
}

/// The value as it stands, without the space around it.
fn data(argument: &str) -> Result<String, Failure> {
    let mut text = argument.to_owned();
    if argument == "-" {
        text.clear();
        // Beyond this no commit has room for it.
        let read = io::stdin().lock().take(GROUP_BYTES_MAX + 1).read_to_string(&mut text);
        read.map_err(|error| Failure::cannot_run(format!("cannot read the data: {error}")))?;
    }
    let value = serde_json::from_str::<&RawValue>(&text);
    let value =
        value.map_err(|error| Failure::cannot_run(format!("--data is no JSON: {error}")))?;
    Ok(value.get().to_owned())
}

fn print(stream: &StreamId, committed: &Committed, form: Form) -> Result<(), Failure> {
    let report = Report {
        position: committed.first.get(),
        stream: stream.to_string(),
        revision: committed.revision(stream).map(Revision::get),
        replayed: committed.replayed,
    };
    match form {
        Form::Json => output::json(&report),
        Form::Text => {
            let revision =
                report.revision.map_or_else(String::new, |revision| revision.to_string());
            let stored = if report.replayed { "before" } else { "now" };
            Ok(output::rows(&[
                ("stream", report.stream),
                ("revision", revision),
                ("position", report.position.to_string()),
                ("stored", stored.to_owned()),
            ])?)
        }
    }
}
