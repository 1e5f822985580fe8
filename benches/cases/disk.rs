//! Bytes on disk beside the bytes that the writer wanted kept.
//!
//! Measures no time. Counted after the store was closed in order and has nothing left to merge:
//! the log up to its end, the index, and, apart from both, space that is prepared for the future.

use super::{
    Run,
    child::{self, Role},
    fill,
    scale::{Ids, Scale},
};
use crate::support::{
    Failure,
    output::{Fields, Value},
    real,
    space::{self, Space},
};
use std::fs;

pub(crate) fn rows(run: &Run) -> Result<Vec<Fields>, Failure> {
    let variants = [(256, Ids::Drawn), (256, Ids::Given), (1024, Ids::Drawn)];
    let mut rows = Vec::new();
    for (payload_bytes, ids) in variants {
        let scale = Scale { payload_bytes, ids, ..run.scale.untagged() };
        let dir = run.dir.join("disk");
        child::run(Role::Fill, &dir, &scale)?;
        let settled = child::run(Role::Settle, &dir, &scale)?;
        let live = settled.number("index_bytes")?;
        rows.push(fields(&scale, &space::measure(&dir)?, live));
        fs::remove_dir_all(&dir)?;
    }
    Ok(rows)
}

fn fields(scale: &Scale, bytes: &Space, live_index_bytes: f64) -> Fields {
    let (payloads, names) = fill::wanted_bytes(scale);
    let each = |bytes: u64| Value::Number(real(bytes) / real(scale.events));
    let kept = bytes.log + bytes.index;
    vec![
        ("case", Value::Word("disk".to_owned())),
        ("events", Value::Count(scale.events)),
        ("streams", Value::Count(scale.streams)),
        ("payload_bytes", Value::Count(scale.payload_bytes as u64)),
        ("ids", Value::Word(scale.ids.name().to_owned())),
        ("log_bytes_per_event", each(bytes.log)),
        ("index_bytes_per_event", each(bytes.index)),
        ("live_index_bytes_per_event", Value::Number(live_index_bytes / real(scale.events))),
        ("wanted_bytes_per_event", each(payloads + names)),
        ("ratio", Value::Number(real(kept) / real(payloads + names))),
        ("ratio_to_payloads", Value::Number(real(kept) / real(payloads))),
        ("prepared_mib", Value::Number(real(bytes.prepared) / 1_048_576.0)),
    ]
}
