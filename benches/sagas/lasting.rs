//! What sagas cost while nobody looks at them: to take over after a kill, in memory, on the disk.
//!
//! Measures nothing itself: child processes do. The invariant: memory is the difference within one
//! process, so that what the process needs without sagas does not count.

use super::{
    Print, Run,
    child::{self, Role},
    order::Charge,
};
use crate::support::{
    Failure, median,
    output::{Fields, Value},
    real, space,
    words::Words,
};
use std::fs;

const RECOVERED: u64 = 10_000;
const SUSPENDED: u64 = 100_000;
const ENDED: u64 = 1_000_000;

/// Sagas under way, killed and taken over.
pub(crate) fn recovery(run: &Run, print: Print<'_>) -> Result<(), Failure> {
    let sagas = run.scale.sagas_or(RECOVERED);
    let dir = run.dir.join("recovery");
    let mut told = Vec::new();
    for _ in 0..run.scale.rounds {
        child::suspend_and_kill(Charge::Hangs, &dir, sagas)?;
        told.push(child::run(Role::Recover, &dir, sagas)?);
        fs::remove_dir_all(&dir)?;
    }
    let all = |key| told.iter().map(|words| words.number(key)).collect::<Result<Vec<f64>, _>>();
    let middle = |key| Ok::<_, Failure>(Value::Number(median(&all(key)?)));
    let worst = all("done_ms")?.into_iter().fold(0.0, f64::max);
    print(&vec![
        ("case", Value::Word("recovery".to_owned())),
        ("sagas", Value::Count(sagas)),
        ("store_ms", middle("store_ms")?),
        ("ready_ms", middle("ready_ms")?),
        ("all_started_ms", middle("all_started_ms")?),
        ("done_ms", middle("done_ms")?),
        ("worst_done_ms", Value::Number(worst)),
    ])
}

/// Memory of suspended sagas, where they were started and where they were taken over.
pub(crate) fn memory(run: &Run, print: Print<'_>) -> Result<(), Failure> {
    let sagas = run.scale.sagas_or(SUSPENDED);
    for (charge, suspended) in [(Charge::Later, "waiting"), (Charge::Hangs, "hanging")] {
        let dir = run.dir.join("memory");
        let started = child::suspend_and_kill(charge, &dir, sagas)?;
        let resumed = child::run(Role::Resume(charge), &dir, sagas)?;
        fs::remove_dir_all(&dir)?;
        for (process, words) in [("started", started), ("resumed", resumed)] {
            let mut row = vec![
                ("case", Value::Word("memory".to_owned())),
                ("suspended", Value::Word(suspended.to_owned())),
                ("process", Value::Word(process.to_owned())),
                ("sagas", Value::Count(sagas)),
            ];
            row.extend(memory_fields(&words, sagas)?);
            print(&row)?;
        }
    }
    Ok(())
}

/// What the process held before and after it had `sagas` more, and what is one saga's.
fn memory_fields(words: &Words, sagas: u64) -> Result<Fields, Failure> {
    let number = |key| words.number(key);
    let grown = number("after_mib")? - number("before_mib")?;
    let tables = number("tables_after_mib")? - number("tables_before_mib")?;
    let each = |mib: f64| Value::Number(mib * 1_048_576.0 / real(sagas));
    Ok(vec![
        ("before_mib", Value::Number(number("before_mib")?)),
        ("after_mib", Value::Number(number("after_mib")?)),
        ("bytes_per_saga", each(grown)),
        ("tables_bytes_per_saga", each(tables)),
    ])
}

/// What is left of sagas that have ended.
pub(crate) fn ended(run: &Run, print: Print<'_>) -> Result<(), Failure> {
    let sagas = run.scale.sagas_or(ENDED);
    let dir = run.dir.join("ended");
    let words = child::run(Role::End, &dir, sagas)?;
    let space = space::measure(&dir)?;
    let reopened = child::run(Role::Reopen, &dir, sagas)?;
    fs::remove_dir_all(&dir)?;
    let each = |bytes: u64| Value::Number(real(bytes) / real(sagas));
    let mut row = vec![
        ("case", Value::Word("ended".to_owned())),
        ("sagas", Value::Count(sagas)),
        ("sagas_per_s", Value::Number(real(sagas) / words.number("secs")?.max(1e-9))),
    ];
    // The first tenth had ended before.
    row.extend(memory_fields(&words, sagas - sagas / 10)?);
    row.extend([
        ("log_bytes_per_saga", each(space.log)),
        ("index_bytes_per_saga", each(space.index)),
        ("store_ms", Value::Number(reopened.number("store_ms")?)),
        ("ready_ms", Value::Number(reopened.number("ready_ms")?)),
        ("reopened_mib", Value::Number(reopened.number("after_mib")?)),
    ]);
    print(&row)
}
