//! Bulk: many events an append, each append to a new stream, all of it durable.
//!
//! The same work as `fill` of the peers' binary. Every fill has a new directory, so the first,
//! smaller segments and the preparation of the next ones are part of it.

use super::{
    Run,
    child::{self, Role},
    contest::Contest,
    scale::Scale,
};
use crate::support::{
    Failure, median,
    output::{Fields, Value},
};
use std::{cell::RefCell, fs};

/// What the peers' binary is given to fill as much.
pub(crate) fn peer_sizes(scale: &Scale) -> [u64; 3] {
    [scale.streams, scale.stream_events(), scale.writers as u64]
}

pub(crate) fn rows(run: &Run) -> Result<Vec<Fields>, Failure> {
    let scale = run.scale.untagged();
    let dir = run.dir.join("bulk");
    let peaks = RefCell::new(Vec::new());
    let contest = Contest::hold(
        scale.rounds,
        &run.peers,
        || {
            let words = child::run(Role::Fill, &dir, &scale)?;
            fs::remove_dir_all(&dir)?;
            peaks.borrow_mut().push(words.number("peak_mib")?);
            words.number("events_per_s")
        },
        |engine| {
            let told = run.peers.run("fill", engine, &dir, &peer_sizes(&scale))?;
            fs::remove_dir_all(&dir)?;
            told.first().ok_or("nothing was told")?.number("events/s")
        },
    )?;
    let mut row = vec![
        ("case", Value::Word("bulk".to_owned())),
        ("events", Value::Count(scale.events)),
        ("append_events", Value::Count(scale.stream_events())),
        ("payload_bytes", Value::Count(scale.payload_bytes as u64)),
        ("writers", Value::Count(scale.writers as u64)),
        ("ids", Value::Word(scale.ids.name().to_owned())),
        ("events_per_s", Value::Number(contest.median())),
        ("peak_mib", Value::Number(median(&peaks.into_inner()))),
    ];
    row.extend(contest.fields());
    Ok(vec![row])
}
