//! The binary that runs the same saga with steno, in a store of one file that commits in groups.
//!
//! Knows no more of it than its command line and its lines. Without the binary the comparison is
//! left out.

use super::turn::Path;
use crate::support::Failure;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

/// Steno's store that commits in groups, which makes its sagas as durable as ours.
const STORE: &str = "group";

/// The binary, if one was given.
pub(crate) struct Peers(Option<PathBuf>);

impl Peers {
    pub(crate) fn new(path: Option<&str>) -> Result<Self, Failure> {
        match path.map(PathBuf::from) {
            Some(path) if !path.is_file() => {
                let path = path.display();
                Err(format!("--peers takes the path of a binary, and `{path}` is none").into())
            }
            path => Ok(Self(path)),
        }
    }

    /// Sagas a second of steno in a turn of `time`, in the directory `dir`; none without the
    /// binary. It runs both paths, each as long.
    pub(crate) fn turn(
        &self,
        dir: &std::path::Path,
        path: Path,
        callers: usize,
        time: Duration,
    ) -> Result<Option<f64>, Failure> {
        let Some(binary) = &self.0 else {
            return Ok(None);
        };
        let out = Command::new(binary)
            .arg(dir)
            .args([STORE, "bench"])
            .env("CONC", callers.to_string())
            .env("SECS", time.as_secs_f64().to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        if !out.status.success() {
            return Err(format!("the peers' binary ended with {}", out.status).into());
        }
        let text = String::from_utf8(out.stdout)?;
        let told = text.lines().find_map(|line| rate(line, path));
        told.map(Some).ok_or_else(|| "the peers' binary told nothing of its sagas".into())
    }
}

/// Sagas a second, of a line like `steno-group  ok  c=16  2844/s  p50=5.1ms`, if it is of `path`.
fn rate(line: &str, path: Path) -> Option<f64> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let of_path = words.get(1) == Some(&path.name());
    let rate = words.iter().find_map(|word| word.strip_suffix("/s")?.parse().ok());
    rate.filter(|_| of_path)
}
