//! Memory of processes that fill, open and read a store of many streams, for two sizes of cache.
//!
//! Counts the whole process, the benchmark's own part included.

use super::{
    Run,
    child::{self, Role},
    scale::Scale,
};
use crate::support::{
    Failure, cache,
    output::{Fields, Value},
    words::Words,
};
use std::fs;

/// A second, smaller cache, so that the setting shows.
const SMALL_CACHE_DIVISOR: usize = 4;

pub(crate) fn rows(run: &Run) -> Result<Vec<Fields>, Failure> {
    let mut rows = Vec::new();
    let small = run.scale.cache_mib / SMALL_CACHE_DIVISOR;
    for cache_mib in [run.scale.cache_mib, small] {
        // One event a stream: what counts is how many streams there are.
        let events = run.scale.streams;
        let scale = Scale { events, cache_mib, ..run.scale.untagged() };
        let dir = run.dir.join("memory");
        rows.push(fields("fill", &scale, &child::run(Role::Fill, &dir, &scale)?)?);
        cache::warm(&dir)?;
        rows.push(fields("open", &scale, &child::run(Role::Open, &dir, &scale)?)?);
        rows.push(fields("load", &scale, &child::run(Role::Load, &dir, &scale)?)?);
        fs::remove_dir_all(&dir)?;
    }
    Ok(rows)
}

fn fields(phase: &str, scale: &Scale, words: &Words) -> Result<Fields, Failure> {
    let mib = |key| words.number(key).map(|bytes| Value::Number(bytes / 1_048_576.0));
    Ok(vec![
        ("case", Value::Word("memory".to_owned())),
        ("phase", Value::Word(phase.to_owned())),
        ("streams", Value::Count(scale.streams)),
        ("cache_limit_mib", Value::Count(scale.cache_mib as u64)),
        ("rss_mib", Value::Number(words.number("rss_mib")?)),
        ("peak_mib", Value::Number(words.number("peak_mib")?)),
        ("tables_mib", mib("memory_bytes")?),
        ("cache_mib", mib("cache_bytes")?),
        ("index_mib", mib("index_bytes")?),
        ("runs", Value::Number(words.number("runs")?)),
    ])
}
