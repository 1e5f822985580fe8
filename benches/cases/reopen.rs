//! Reopening: how long a fresh process takes from opening to the first stream that it has read,
//! after the process that filled the store was killed at its last acknowledgement.
//!
//! Checks no content. Every round fills a new store, since opening repairs what the killed process
//! left. Before it is opened it is written out and read into the page cache, so that no opening
//! waits for what another process wrote.

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
    let dir = run.dir.join("left");
    let opened = RefCell::new(Vec::new());
    let contest = Contest::hold(
        scale.rounds,
        &run.peers,
        || {
            child::fill_and_kill(&dir, &scale)?;
            write_out(&dir)?;
            let words = child::run(Role::Open, &dir, &scale)?;
            fs::remove_dir_all(&dir)?;
            opened.borrow_mut().push(words.number("open_ms")?);
            words.number("first_read_ms")
        },
        |engine| {
            let sizes = bulk::peer_sizes(&scale);
            run.peers.run_to_end("fill", engine, &dir, &sizes, End::Killed)?;
            write_out(&dir)?;
            let told = run.peers.run("reopen", engine, &dir, &[])?;
            fs::remove_dir_all(&dir)?;
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
    Ok(vec![row])
}

/// Writes the files of `dir` to the disk, and reads them into the page cache.
fn write_out(dir: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(dir)? {
        File::open(entry?.path())?.sync_all()?;
    }
    cache::warm(dir)
}
