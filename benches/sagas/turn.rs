//! The closed loop: callers that begin the next saga when one has come to its end.
//!
//! Knows neither the engine nor the floor. The invariant: a turn counts the sagas that ended, and
//! the time until the last of them did.

use crate::support::{Failure, histogram::Histogram, raw::nanos, real};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How a saga comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// All three steps are done.
    Ok,
    /// The last one refuses, and the two before it are compensated.
    Fail,
}

const PATHS: [(&str, Path); 2] = [("ok", Path::Ok), ("fail", Path::Fail)];

impl Path {
    pub(crate) fn all() -> [Self; 2] {
        PATHS.map(|(_, path)| path)
    }

    pub(crate) fn named(name: &str) -> Result<Self, Failure> {
        let found = PATHS.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, path)| *path)
            .ok_or_else(|| format!("--path takes ok, fail, not `{name}`").into())
    }

    pub(crate) fn name(self) -> &'static str {
        PATHS.iter().find(|(_, path)| *path == self).map_or("", |(name, _)| name)
    }
}

/// What came of one turn, or of several.
#[derive(Clone, Default)]
pub(crate) struct Turn {
    pub(crate) sagas: u64,
    pub(crate) elapsed: Duration,
    pub(crate) latency: Histogram,
    pub(crate) syncs: u64,
}

impl Turn {
    pub(crate) fn per_second(&self) -> f64 {
        real(self.sagas) / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub(crate) fn syncs_per_saga(&self) -> f64 {
        real(self.syncs) / real(self.sagas).max(1.0)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.sagas += other.sagas;
        self.elapsed += other.elapsed;
        self.latency.merge(&other.latency);
        self.syncs += other.syncs;
    }
}

/// Lets `callers` call `saga` again and again until `time` has passed.
pub(crate) async fn turn<S, F>(callers: usize, time: Duration, saga: S) -> Result<Turn, Failure>
where
    S: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let began = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..callers {
        loops.spawn(call(began + time, saga.clone()));
    }
    let mut whole = Turn::default();
    while let Some(ended) = loops.join_next().await {
        whole.add(&ended??);
    }
    whole.elapsed = began.elapsed();
    Ok(whole)
}

async fn call<S, F>(deadline: Instant, saga: S) -> Result<Turn, Failure>
where
    S: Fn() -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let mut turn = Turn::default();
    let mut before = Instant::now();
    while before < deadline {
        saga().await?;
        let now = Instant::now();
        turn.sagas += 1;
        turn.latency.add(nanos(now - before));
        before = now;
    }
    Ok(turn)
}
