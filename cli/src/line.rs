//! An event as one line of JSON: what `import` takes, what `export` and `read` print.
//!
//! Knows lines and events, neither files nor stores. The invariants: a line of `stream`, `type`,
//! `time` and `data` is printed as the same JSON value, and as the same bytes if it was written in
//! that order without spaces; and what is printed of an event reads back as the same event.
//!
//! The content type decides how a payload is printed, and never what its bytes look like: JSON as
//! `data`, byte for byte, since reading and printing a number can change its digits; anything else
//! as base64. The text of `time` is kept where UTC would print it differently: as metadata,
//! `{"sagalog:time":"…"}`, unless the line has metadata of its own.

use crate::{base64, time};
use sagalog::{
    ContentType, EventId, EventType, NewEvent, RecordedEvent, StreamId, Tag,
    limits::{EVENT_TAGS_MAX, METADATA_BYTES_MAX, NAME_BYTES_MAX, TRACE_BYTES_MAX},
    runtime::WallTime,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, Write},
};

const TIME_OPENS: &str = r#"{"sagalog:time":""#;
const TIME_CLOSES: &str = r#""}"#;
const CUSTOM: &str = "custom-";

/// The fields of a line that is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given<'a> {
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    /// Null is a value here, not the lack of one.
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    data_base64: Option<String>,
    content_type: Option<String>,
    schema_version: Option<u32>,
    #[serde(default)]
    tags: Vec<String>,
    metadata: Option<String>,
    metadata_base64: Option<String>,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    trace_context: Option<String>,
    principal: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

/// Reads a line; the reason is a sentence without a full stop.
pub(crate) fn parse(line: &[u8]) -> Result<(StreamId, NewEvent), String> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Err("the line is empty".to_owned());
    }
    let text = str::from_utf8(line)
        .map_err(|error| format!("it is not UTF-8 from byte {} on", error.valid_up_to()))?;
    // serde would take a list for the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err("it is no JSON object".to_owned());
    }
    let given: Given<'_> = serde_json::from_str(text).map_err(|error| without_line(&error))?;
    let stream = StreamId::parse(&given.stream).map_err(about("stream"))?;
    let event_type = EventType::parse(&given.event_type).map_err(about("type"))?;
    let (payload, usual) = payload(&given)?;
    let content_type = given.content_type.as_deref().map_or(Ok(usual), content_type)?;
    if given.data.is_some() && content_type != ContentType::Json {
        let name = content_name(content_type);
        return Err(format!("`data` is JSON and `content_type` {name}: give it as `data_base64`"));
    }
    let nanos = time::parse(&given.time).map_err(about("time"))?;
    let mut event = NewEvent::new(event_type, payload)
        .content_type(content_type)
        .occurred_at(WallTime::from_unix_nanos(nanos));
    if let Some(version) = given.schema_version {
        event = event.schema_version(version);
    }
    if given.tags.len() > EVENT_TAGS_MAX {
        return Err(format!(
            "`tags`: there are {}, the limit is {EVENT_TAGS_MAX}",
            given.tags.len()
        ));
    }
    for (at, tag) in given.tags.iter().enumerate() {
        if given.tags[..at].contains(tag) {
            return Err(format!("`tags`: `{tag}` stands there twice"));
        }
        event = event.tag(Tag::parse(tag).map_err(about("tags"))?);
    }
    event = match metadata(&given)? {
        // It would come out as a time, and not as what it is.
        Some(metadata) if kept_time(&metadata, Some(nanos)).is_some() => {
            let reason = "`metadata`: so an import keeps the spelling of `time`; give that `time`";
            return Err(reason.to_owned());
        }
        Some(metadata) => event.metadata(metadata),
        None if time::print(nanos) == given.time => event,
        None => event.metadata(format!("{TIME_OPENS}{}{TIME_CLOSES}", given.time)),
    };
    Ok((stream, circumstances(event, &given)?))
}

/// Adds on whose behalf, in which trace and conversation the event happened.
fn circumstances(mut event: NewEvent, given: &Given<'_>) -> Result<NewEvent, String> {
    if let Some(text) = &given.correlation_id {
        event = event.correlation_id(EventId::parse(text).map_err(about("correlation_id"))?);
    }
    if let Some(text) = &given.causation_id {
        event = event.causation_id(EventId::parse(text).map_err(about("causation_id"))?);
    }
    if let Some(text) = &given.trace_context {
        at_most(TRACE_BYTES_MAX, "trace_context", text.len())?;
        event = event.trace_context(text.as_str());
    }
    if let Some(text) = &given.principal {
        at_most(NAME_BYTES_MAX, "principal", text.len())?;
        event = event.principal(text.as_str());
    }
    Ok(event)
}

fn metadata(given: &Given<'_>) -> Result<Option<Vec<u8>>, String> {
    let metadata = match (&given.metadata, &given.metadata_base64) {
        (None, None) => return Ok(None),
        (Some(text), None) => text.as_bytes().to_vec(),
        (None, Some(text)) => bytes("metadata_base64", text)?,
        (Some(_), Some(_)) => return Err("both `metadata` and `metadata_base64`".to_owned()),
    };
    at_most(METADATA_BYTES_MAX, "metadata", metadata.len())?;
    Ok(Some(metadata))
}

fn at_most(limit: usize, field: &str, bytes: usize) -> Result<(), String> {
    if bytes <= limit {
        return Ok(());
    }
    Err(format!("`{field}`: it has {bytes} bytes, the limit is {limit}"))
}

fn about<E: Display>(field: &str) -> impl Fn(E) -> String {
    move |error| format!("`{field}`: {error}")
}

/// What serde says, with the column alone: the line is always the first one.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    format!("{reason} at column {}", error.column())
}

/// The payload, and the content type that goes without saying.
fn payload(given: &Given<'_>) -> Result<(Vec<u8>, ContentType), String> {
    match (given.data, &given.data_base64) {
        (Some(data), None) => Ok((data.get().into(), ContentType::Json)),
        (None, Some(text)) => Ok((bytes("data_base64", text)?, ContentType::Bytes)),
        (Some(_), Some(_)) => Err("both `data` and `data_base64`".to_owned()),
        (None, None) => Err("missing field `data`".to_owned()),
    }
}

fn bytes(field: &str, text: &str) -> Result<Vec<u8>, String> {
    base64::decode(text).ok_or_else(|| format!("`{field}`: it is no base64"))
}

fn content_type(name: &str) -> Result<ContentType, String> {
    match name {
        "json" => return Ok(ContentType::Json),
        "bytes" => return Ok(ContentType::Bytes),
        "bincode" => return Ok(ContentType::Bincode),
        _ => {}
    }
    let code = name.strip_prefix(CUSTOM).and_then(|code| code.parse().ok());
    code.and_then(|code| ContentType::custom(code).ok()).ok_or_else(|| {
        let least = ContentType::CUSTOM_MIN;
        format!("`content_type`: it is none of json, bytes, bincode, {CUSTOM}{least} to 255")
    })
}

fn content_name(content_type: ContentType) -> String {
    match content_type {
        ContentType::Json => "json".to_owned(),
        ContentType::Bytes => "bytes".to_owned(),
        ContentType::Bincode => "bincode".to_owned(),
        ContentType::Custom(code) => format!("{CUSTOM}{}", code.get()),
        _ => "unknown".to_owned(),
    }
}

/// What of an event is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fields {
    /// What it says, as `import` takes it: without what the store has given it.
    Said,
    /// Besides, its position, revision, id and when it was recorded.
    All,
}

/// A line that is printed. What says nothing is left out.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<String>,
    stream: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_version: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_context: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
}

/// Prints an event as one line.
pub(crate) fn print(out: &mut impl Write, event: &RecordedEvent, fields: Fields) -> io::Result<()> {
    let all = fields == Fields::All;
    let (payload, metadata) = (event.payload(), event.metadata());
    let spaced;
    let data = if event.content_type() == ContentType::Json {
        spaced = on_one_line(&payload);
        serde_json::from_slice::<&RawValue>(&spaced).ok()
    } else {
        None
    };
    let usual = if data.is_some() { ContentType::Json } else { ContentType::Bytes };
    let occurred = event.occurred_at().map(WallTime::as_unix_nanos);
    let kept = kept_time(&metadata, occurred);
    let metadata = if kept.is_some() { &[] } else { &*metadata };
    let text = str::from_utf8(metadata).ok();
    let recorded = event.recorded_at().as_unix_nanos();
    // An import needs a time; the store's own is the best that there is.
    let moment = occurred.or((!all).then_some(recorded));
    let line = Printed {
        position: all.then(|| event.position().get()),
        revision: all.then(|| event.revision().get()),
        id: all.then(|| event.id().to_string()),
        recorded: all.then(|| time::print(recorded)),
        stream: event.stream(),
        event_type: event.event_type(),
        time: kept.map(Cow::from).or_else(|| moment.map(|nanos| time::print(nanos).into())),
        data,
        data_base64: data.is_none().then(|| base64::encode(&payload)),
        content_type: (event.content_type() != usual).then(|| content_name(event.content_type())),
        schema_version: Some(event.schema_version()).filter(|version| *version != 1),
        tags: event.tags().collect(),
        metadata: text.filter(|text| !text.is_empty()),
        metadata_base64: text.is_none().then(|| base64::encode(metadata)),
        correlation_id: event.correlation_id().map(|id| id.to_string()),
        causation_id: event.causation_id().map(|id| id.to_string()),
        trace_context: event.trace_context(),
        principal: event.principal(),
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

/// JSON of several lines on one: outside of strings a line's end is a space, and inside there is
/// none.
fn on_one_line(payload: &[u8]) -> Cow<'_, [u8]> {
    let ends_line = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !payload.iter().any(ends_line) {
        return payload.into();
    }
    payload.iter().map(|byte| if ends_line(byte) { b' ' } else { *byte }).collect()
}

/// The text of the time as it was imported, if that is what the metadata holds.
fn kept_time(metadata: &[u8], occurred: Option<u64>) -> Option<&str> {
    let text = str::from_utf8(metadata).ok()?;
    let kept = text.strip_prefix(TIME_OPENS)?.strip_suffix(TIME_CLOSES)?;
    let nanos = time::parse(kept).ok()?;
    // What UTC prints anyway was not kept by an import, but is somebody's metadata.
    (Some(nanos) == occurred && time::print(nanos) != kept).then_some(kept)
}

#[cfg(test)]
mod tests;
