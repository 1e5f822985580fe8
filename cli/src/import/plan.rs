//! The first pass of an import: every line is looked at, nothing is written anywhere.

use super::{
    Watch,
    portion::{BadLine, Portions},
};
use crate::{complain, failure::Failure};
use std::path::{Path, PathBuf};

/// How many bad lines are shown; a file of another kind would fill the terminal with them.
const SHOWN_MAX: u64 = 20;

/// A file of which every line is an event.
pub(super) struct Plan {
    pub(super) file: PathBuf,
    /// The largest commit of the store, by which the lines were cut.
    pub(super) commit_bytes_max: u64,
    pub(super) lines: u64,
    /// The bytes of the file, compressed if it is.
    pub(super) bytes: u64,
    /// The name of the last line of each portion. What the second pass reads has to have the same
    /// ones: nothing is stored that was not checked.
    pub(super) portions: Vec<u128>,
}

/// Checks every line, and says which are bad and why.
pub(super) fn check(
    file: &Path,
    commit_bytes_max: u64,
    watch: &mut Watch,
) -> Result<Plan, Failure> {
    let mut portions = Portions::of(file, commit_bytes_max)?;
    let total = 2 * file.metadata().map_or(0, |metadata| metadata.len());
    let mut bad = 0;
    let mut tell = |line: BadLine| {
        bad += 1;
        if bad <= SHOWN_MAX {
            complain(&format!("{}:{}: {}", file.display(), line.number, line.reason));
        }
    };
    let file = file.to_owned();
    let mut plan = Plan { file, commit_bytes_max, lines: 0, bytes: 0, portions: Vec::new() };
    while let Some(portion) = portions.next(&mut tell)? {
        plan.lines = portion.last;
        plan.portions.push(portion.name);
        watch.bar.tell(portions.consumed(), total);
        if watch.interrupt.has_come() {
            let (file, line) = (plan.file.display(), plan.lines);
            let sentence = format!(
                "{file}: interrupted while line {line} was checked, nothing was stored now; the \
                 same command begins anew"
            );
            return Err(Failure::cannot_run(sentence));
        }
    }
    plan.bytes = portions.consumed();
    if bad > 0 {
        let (file, lines) = (plan.file.display(), plan.lines);
        let are = if bad == 1 { "is" } else { "are" };
        let sentence = format!("{file}: {bad} of {lines} lines {are} bad; nothing was imported");
        return Err(Failure::cannot_run(sentence));
    }
    Ok(plan)
}
