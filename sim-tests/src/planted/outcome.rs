//! What became of a planted bug, and the file that keeps it for the next run.
//!
//! The invariant: a result that was found with other sources or another patch is none.

use serde_json::{Value, json};
use std::{fs, io, path::Path};

/// How a bug was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Catch {
    /// The guarantee that the first violation names, or how the suite ended.
    pub(crate) by: String,
    /// The seed that noticed: as seeds begin with 1, how many it took.
    pub(crate) seed: u64,
    /// What the first violation said.
    pub(crate) what: String,
}

/// What became of a planted bug.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// How it was caught, if it was.
    pub(crate) catch: Option<Catch>,
    /// Processor seconds of the build.
    pub(crate) build_cpu_s: f64,
    /// Processor seconds of the suite.
    pub(crate) run_cpu_s: f64,
}

impl Outcome {
    /// Keeps the outcome in `file`, as one of the sources that `key` stands for.
    pub(crate) fn keep(&self, file: &Path, key: u128) -> io::Result<()> {
        let catch = self.catch.as_ref();
        let kept = json!({
            "key": format!("{key:032x}"),
            "by": catch.map(|catch| &catch.by),
            "seed": catch.map(|catch| catch.seed),
            "what": catch.map(|catch| &catch.what),
            "build_cpu_s": self.build_cpu_s,
            "run_cpu_s": self.run_cpu_s,
        });
        fs::write(file, format!("{kept:#}\n"))
    }

    /// The outcome in `file`, if it is one of the sources that `key` stands for.
    pub(crate) fn find(file: &Path, key: u128) -> Option<Self> {
        let kept: Value = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
        if kept.get("key")?.as_str()? != format!("{key:032x}") {
            return None;
        }
        let text = |field: &str| kept.get(field)?.as_str().map(ToOwned::to_owned);
        let catch = match text("by") {
            Some(by) => Some(Catch { by, seed: kept.get("seed")?.as_u64()?, what: text("what")? }),
            None => None,
        };
        Some(Self {
            catch,
            build_cpu_s: kept.get("build_cpu_s")?.as_f64()?,
            run_cpu_s: kept.get("run_cpu_s")?.as_f64()?,
        })
    }
}
