//! Reopening: how long a fresh process takes from opening to the first stream that it has read,
//! after the process that filled the store was killed at its last acknowledgement.
//!
//! Checks no content. Each round opens its own copy of what the killed process left, since
//! opening repairs it; the copies are synced, so that no opening waits for another one's writes.

use super::{
    Run, bulk,
    child::{self, Role},
    contest::Contest,
    peers::End,
};
use crate::support::{
    Failure, cache, median,
    output::{Fields, Value},
};
use std::{
    cell::RefCell,
    fs::{self, File},
    path::Path,
};

pub(crate) fn rows(run: &Run) -> Result<Vec<Fields>, Failure> {
    let scale = run.scale.untagged();
    let (left, copy) = (run.dir.join("left"), run.dir.join("copy"));
    let theirs = |name: &str| run.dir.join(format!("left-{name}"));
    child::fill_and_kill(&left, &scale)?;
    for engine in run.peers.engines() {
        let sizes = bulk::peer_sizes(&scale);
        run.peers.run_to_end("fill", *engine, &theirs(engine.name), &sizes, End::Killed)?;
    }
    let opened = RefCell::new(Vec::new());
    let contest = Contest::hold(
        scale.rounds,
        &run.peers,
        || {
            copy_synced(&left, &copy)?;
            let words = child::run(Role::Open, &copy, &scale)?;
            fs::remove_dir_all(&copy)?;
            opened.borrow_mut().push(words.number("open_ms")?);
            words.number("first_read_ms")
        },
        |engine| {
            copy_synced(&theirs(engine.name), &copy)?;
            let told = run.peers.run("reopen", engine, &copy, &[])?;
            fs::remove_dir_all(&copy)?;
            told.first().ok_or("nothing was told")?.number("first_stream_read_ms")
        },
    )?;
    let worst = contest.ours.iter().copied().fold(0.0, f64::max);
    let mut row = vec![
        ("case", Value::Word("reopen".to_owned())),
        ("events", Value::Count(scale.events)),
        ("streams", Value::Count(scale.streams)),
        ("open_ms", Value::Number(median(&opened.into_inner()))),
        ("first_read_ms", Value::Number(contest.median())),
        ("worst_ms", Value::Number(worst)),
    ];
    row.extend(contest.fields());
    fs::remove_dir_all(&left)?;
    for engine in run.peers.engines() {
        fs::remove_dir_all(theirs(engine.name))?;
    }
    Ok(vec![row])
}

/// Copies a flat directory; the copy is on the disk and in the page cache.
fn copy_synced(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copied = to.join(entry.file_name());
        fs::copy(entry.path(), &copied)?;
        File::open(copied)?.sync_all()?;
    }
    File::open(to)?.sync_all()?;
    cache::warm(to)
}
