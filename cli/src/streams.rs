//! `sagalog streams`: the names of the streams, with how far each has come.

use crate::{Outcome, failure::Failure, note_empty, output::Form, reading};
use sagalog::StreamInfo;
use serde::Serialize;
use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

#[derive(Serialize)]
struct Line<'a> {
    stream: &'a str,
    revision: u64,
    position: u64,
}

pub(crate) async fn run(dir: &Path, prefix: &str, form: Form) -> Result<Outcome, Failure> {
    let store = reading::open(dir).await?;
    let mut streams = store.streams(prefix);
    let mut listed = 0;
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(info) = streams.next().await.map_err(|error| Failure::read(dir, &error))? {
        put(&mut out, &info, form)?;
        listed += 1;
    }
    out.flush()?;
    let what = if prefix.is_empty() { "there are no streams" } else { "no stream begins so" };
    note_empty(dir, what, listed, form);
    Ok(Outcome::Sound)
}

fn put(out: &mut impl Write, info: &StreamInfo, form: Form) -> io::Result<()> {
    let stream = info.stream.as_str();
    let (revision, position) = (info.revision.get(), info.position.get());
    match form {
        Form::Json => {
            serde_json::to_writer(&mut *out, &Line { stream, revision, position })?;
            writeln!(out)
        }
        // A tab stands in no name.
        Form::Text => writeln!(out, "{stream}\t{revision}\t{position}"),
    }
}
