//! The binary that measures other event stores: one process for each thing it measures.
//!
//! Knows no more of the other stores than the command line and the lines of that binary. Without
//! it every comparison is left out.

use crate::support::{Failure, words::Words};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Another event store: its name to the binary, and the names of its fields in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    pub(crate) figure: &'static str,
    pub(crate) ratio: &'static str,
}

pub(crate) const ENGINES: [Engine; 2] = [
    Engine { name: "sqlite", figure: "sqlite", ratio: "sqlite_ratio" },
    Engine { name: "umadb", figure: "umadb", ratio: "umadb_ratio" },
];

/// What the binary writes, whatever it is asked for.
pub(crate) const PEERS_PAYLOAD_BYTES: usize = 256;

/// The binary, if one was given.
pub(crate) struct Peers {
    binary: Option<PathBuf>,
}

/// Whether the binary kills itself after the last acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Killed,
}

impl Peers {
    pub(crate) fn new(path: Option<&str>) -> Result<Self, Failure> {
        match path {
            Some(path) if !Path::new(path).is_file() => {
                Err(format!("--peers takes the path of a binary, and `{path}` is none").into())
            }
            path => Ok(Self { binary: path.map(PathBuf::from) }),
        }
    }

    /// The stores to compare with: none without the binary.
    pub(crate) fn engines(&self) -> &'static [Engine] {
        if self.binary.is_some() { &ENGINES } else { &[] }
    }

    /// Lets the binary do `what` to the store of `engine` in `dir`; returns the lines it told.
    pub(crate) fn run(
        &self,
        what: &str,
        engine: Engine,
        dir: &Path,
        numbers: &[u64],
    ) -> Result<Vec<Words>, Failure> {
        self.run_to_end(what, engine, dir, numbers, End::Closed)
    }

    /// As [`run`](Self::run); says how the process ends.
    pub(crate) fn run_to_end(
        &self,
        what: &str,
        engine: Engine,
        dir: &Path,
        numbers: &[u64],
        end: End,
    ) -> Result<Vec<Words>, Failure> {
        let binary = self.binary.as_ref().ok_or("there is no binary of peers")?;
        let mut command = Command::new(binary);
        command.args([what, engine.name]).arg(dir);
        command.args(numbers.iter().map(u64::to_string));
        if end == End::Killed {
            command.env("CRASH", "1");
        }
        let out = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        if out.status.success() != (end == End::Closed) {
            return Err(format!("{} {what} ended with {}", engine.name, out.status).into());
        }
        let text = String::from_utf8(out.stdout)?;
        // The engines themselves talk too.
        let own = text.lines().filter_map(|line| line.strip_prefix(engine.name));
        let told: Vec<Words> = own.map(Words::parse).filter(|words| !words.is_empty()).collect();
        if told.is_empty() {
            return Err(format!("{} {what} told nothing", engine.name).into());
        }
        Ok(told)
    }
}
