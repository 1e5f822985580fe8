//! The first pass of an import: every line is looked at, nothing is written anywhere.

use super::{BadLine, next_portion};
use crate::{complain, failure::Failure, progress::Bar, source::Source};
use std::path::Path;

/// How many bad lines are shown; a file of another kind would fill the terminal with them.
const SHOWN_MAX: u64 = 20;

/// A file of which every line is an event.
pub(super) struct Plan {
    pub(super) lines: u64,
    /// The bytes of the file, compressed if it is.
    pub(super) bytes: u64,
    /// The name of the last line of each portion. What the second pass reads has to have the same
    /// ones: nothing is stored that was not checked.
    pub(super) portions: Vec<u128>,
}

/// Checks every line, and says which are bad and why.
pub(super) fn check(file: &Path, bar: &mut Bar) -> Result<Plan, Failure> {
    let mut source = Source::open(file)?;
    let total = 2 * file.metadata().map_or(0, |metadata| metadata.len());
    let mut bad = 0;
    let mut tell = |line: BadLine| {
        bad += 1;
        if bad <= SHOWN_MAX {
            complain(&format!("{}:{}: {}", file.display(), line.number, line.reason));
        }
    };
    let mut plan = Plan { lines: 0, bytes: 0, portions: Vec::new() };
    while let Some(portion) = next_portion(&mut source, &mut tell)? {
        plan.lines = portion.last;
        plan.portions.push(portion.name);
        bar.tell(source.consumed(), total);
    }
    plan.bytes = source.consumed();
    if bad > 0 {
        let (file, lines) = (file.display(), plan.lines);
        let are = if bad == 1 { "is" } else { "are" };
        let sentence = format!("{file}: {bad} of {lines} lines {are} bad; nothing was imported");
        return Err(Failure::cannot_run(sentence));
    }
    Ok(plan)
}
