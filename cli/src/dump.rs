//! `sagalog dump`: the commits as JSON, one a line.

use crate::{
    Outcome, base64, complain,
    failure::{Failure, directory},
};
use sagalog::{Position, ReadError, ReadOnlyLog, RecordedCommit};
use serde::Serialize;
use std::{
    io::{self, BufWriter, Write as _},
    path::Path,
};

#[derive(Serialize)]
struct Line<'a> {
    position: u64,
    positions: u32,
    bytes: usize,
    encoding: &'static str,
    body: &'a str,
}

pub(crate) async fn run(dir: &Path, from: u64, limit: Option<u64>) -> Result<Outcome, Failure> {
    let runtime = directory(dir)?;
    let log = ReadOnlyLog::open_with(&runtime).await.map_err(|error| Failure::open(dir, &error))?;
    let mut reader = log.read(Position::new(from));
    let mut out = BufWriter::new(io::stdout().lock());
    let mut left = limit.unwrap_or(u64::MAX);
    let mut next = Position::new(from);
    while left > 0 {
        let commit = match reader.next().await {
            Ok(Some(commit)) => commit,
            Ok(None) => break,
            Err(ReadError::Retired(_)) => {
                // A running writer has given up what was about to be read: go on at its floor.
                let refreshed = log.refresh().await;
                refreshed.map_err(|error| Failure::open(dir, &error))?;
                let floor = log.floor();
                note(
                    dir,
                    &format!("the positions from {next} up to {floor} were retired meanwhile"),
                );
                reader = log.read(next.max(floor));
                continue;
            }
            Err(error) => return Err(Failure::read(dir, &error)),
        };
        put(&mut out, &commit)?;
        next = commit.first.plus(u64::from(commit.positions));
        left -= 1;
    }
    out.flush()?;
    let unproven = log.stats().unproven_positions;
    if left > 0 && unproven > 0 {
        let (first, last) = (log.head(), log.head().plus(unproven - 1));
        let sentence = format!("not shown, because not yet proven durable: {first} to {last}");
        note(dir, &sentence);
    }
    Ok(Outcome::Sound)
}

fn note(dir: &Path, sentence: &str) {
    complain(&format!("{}: {sentence}", dir.display()));
}

fn put(out: &mut impl io::Write, commit: &RecordedCommit) -> io::Result<()> {
    let text = std::str::from_utf8(&commit.body);
    let encoded;
    let (encoding, body) = if let Ok(text) = text {
        ("utf-8", text)
    } else {
        encoded = base64::encode(&commit.body);
        ("base64", encoded.as_str())
    };
    let line = Line {
        position: commit.first.get(),
        positions: commit.positions,
        bytes: commit.body.len(),
        encoding,
        body,
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}
