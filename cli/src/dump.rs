//! `sagalog dump`: the commits as JSON, one a line.

use crate::{
    Outcome, complain,
    failure::{Failure, directory},
};
use sagalog::{Position, ReadError, ReadOnlyLog, RecordedCommit};
use serde::Serialize;
use std::{
    fmt::Write as _,
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
        encoded = base64(&commit.body);
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

/// Base64 with the standard alphabet and padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or(0);
            let sign = if digit <= three.len() { char::from(ALPHABET[index]) } else { '=' };
            text.write_char(sign).expect("a string takes every sign");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_agrees_with_the_examples_of_rfc_4648() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in table {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfb]), "//77");
    }
}
