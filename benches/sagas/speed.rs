//! Sagas a second, beside the floor and, if its binary is given, beside steno.
//!
//! Does not print. The invariant: floor and engine take short turns in one directory, so that a
//! disk that slows down slows both, and the ratio of each pair is of neighbours.

use super::{
    Print, Run,
    engine::{Engine, Opened},
    floor::Floor,
    order::Charge,
    turn::{Path, Turn, turn},
};
use crate::support::{
    Failure, median,
    output::{Fields, Value},
    writers_runtime,
};
use std::{
    fs,
    time::{Duration, Instant},
};

/// How long floor and engine take turns.
const SLICE: Duration = Duration::from_millis(250);

/// What a row is about.
struct Row {
    path: Path,
    callers: usize,
}

/// What the rounds came to.
#[derive(Default)]
struct Measured {
    ours: Turn,
    floor: Turn,
    /// Ours to the floor's, of each pair of turns.
    ratios: Vec<f64>,
    /// Of each round.
    steno: Vec<f64>,
    steno_ratios: Vec<f64>,
}

pub(crate) fn rows(run: &Run, print: Print<'_>) -> Result<(), Failure> {
    for &path in &run.scale.paths {
        for &callers in &run.scale.concurrent {
            let row = Row { path, callers };
            print(&row.fields(&row.measure(run)?))?;
        }
    }
    Ok(())
}

impl Row {
    fn measure(&self, run: &Run) -> Result<Measured, Failure> {
        let dir = run.dir.join("speed");
        let runtime = writers_runtime()?;
        let opened = runtime.block_on(Opened::open(&dir))?;
        let engine = runtime.block_on(opened.take_over(Charge::Done, None))?;
        let mut measured = Measured::default();
        // The first pair finds neither file in its stride.
        let _ = runtime.block_on(self.pair(run, &opened, &engine))?;
        for _ in 0..run.scale.rounds {
            let steno = run.peers.turn(&run.dir, self.path, self.callers, run.scale.time)?;
            let mut round = Turn::default();
            let began = Instant::now();
            while began.elapsed() < 2 * run.scale.time {
                let (floor, ours) = runtime.block_on(self.pair(run, &opened, &engine))?;
                measured.ratios.push(ours.per_second() / floor.per_second().max(1e-9));
                measured.floor.add(&floor);
                round.add(&ours);
            }
            if let Some(steno) = steno {
                measured.steno.push(steno);
                measured.steno_ratios.push(round.per_second() / steno.max(1e-9));
            }
            measured.ours.add(&round);
        }
        runtime.block_on(engine.close(opened))?;
        fs::remove_dir_all(&dir)?;
        Ok(measured)
    }

    /// A turn of the floor, in a file of its own, and then one of ours.
    async fn pair(
        &self,
        run: &Run,
        opened: &Opened,
        engine: &Engine,
    ) -> Result<(Turn, Turn), Failure> {
        let path = self.path;
        let floor = Floor::create(&run.dir.join("floor"))?;
        let syncs = floor.syncs.clone();
        let saga = move || {
            let floor = floor.clone();
            async move { floor.saga(path).await }
        };
        let mut theirs = turn(self.callers, SLICE, saga).await?;
        theirs.syncs = syncs.count();

        let before = opened.syncs.count();
        let engine = engine.clone();
        let saga = move || {
            let engine = engine.clone();
            async move { engine.run(path).await }
        };
        let mut ours = turn(self.callers, SLICE, saga).await?;
        ours.syncs = opened.syncs.count() - before;
        Ok((theirs, ours))
    }

    fn fields(&self, measured: &Measured) -> Fields {
        let Measured { ours, floor, .. } = measured;
        let mut fields = vec![
            ("concurrent", Value::Count(self.callers as u64)),
            ("path", Value::Word(self.path.name().to_owned())),
            ("sagas_per_s", Value::Number(ours.per_second())),
            ("p50_us", Value::Number(ours.latency.quantile_us(500))),
            ("p99_us", Value::Number(ours.latency.quantile_us(990))),
            ("syncs_per_saga", Value::Number(ours.syncs_per_saga())),
            ("floor_per_s", Value::Number(floor.per_second())),
            ("floor_syncs_per_saga", Value::Number(floor.syncs_per_saga())),
            ("ratio", Value::Number(median(&measured.ratios))),
        ];
        if !measured.steno.is_empty() {
            fields.push(("steno", Value::Number(median(&measured.steno))));
            fields.push(("steno_ratio", Value::Number(median(&measured.steno_ratios))));
        }
        fields
    }
}
