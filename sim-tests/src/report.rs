//! What became of a seed, and of many: what a person or a script wants to know.
//!
//! It judges nothing: a suite hands in what it found.

use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// How many failed seeds a summary names.
const FAILURES_TOLD: usize = 20;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by the suites")]
pub struct Violation {
    /// The promise's number in `docs/GUARANTEES.md`.
    pub guarantee: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken: {}", self.guarantee, self.what)
    }
}

pub(crate) fn broken<T>(guarantee: &'static str, what: String) -> Result<T, Violation> {
    Err(Violation { guarantee, what })
}

/// What became of one seed.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by the suites")]
pub struct SeedReport {
    /// The suite.
    pub suite: &'static str,
    /// The seed.
    pub seed: u64,
    /// The broken promise, if any.
    pub violation: Option<Violation>,
    /// Calls of the store or the log: appends, and reads where the suite counts them.
    pub operations: u64,
    /// Process crashes and power failures.
    pub crashes: u64,
    /// Operations that reached the disk.
    pub disk_ops: u64,
    /// Faults that struck.
    pub faults: u64,
    /// Hash of everything that happened, in order.
    pub trace_hash: u128,
    /// For a failed seed: the plan and the last events.
    pub story: Vec<String>,
}

impl SeedReport {
    /// The report of a seed whose world panicked: a bug, in the engine or in the world.
    pub fn panicked(suite: &'static str, seed: u64, plan: String) -> Self {
        let what = "the world panicked, see the message above".into();
        Self {
            suite,
            seed,
            violation: Some(Violation { guarantee: "G9", what }),
            operations: 0,
            crashes: 0,
            disk_ops: 0,
            faults: 0,
            trace_hash: 0,
            story: vec![plan],
        }
    }
}

/// The sum of many seeds.
#[derive(Debug, Default)]
pub struct Summary {
    operations: Vec<u64>,
    crashes: Vec<u64>,
    disk_ops: Vec<u64>,
    faults: u64,
    failed: u64,
    /// The first seeds that broke a promise.
    failures: Vec<Value>,
    trace_hash: u128,
}

impl Summary {
    /// Takes a seed's report in. The order matters for the trace hash.
    pub fn add(&mut self, report: &SeedReport) {
        self.operations.push(report.operations);
        self.crashes.push(report.crashes);
        self.disk_ops.push(report.disk_ops);
        self.faults += report.faults;
        self.failed += u64::from(report.violation.is_some());
        if let Some(Violation { guarantee, what }) = &report.violation
            && self.failures.len() < FAILURES_TOLD
        {
            let failure = json!({"seed": report.seed, "guarantee": guarantee, "what": what});
            self.failures.push(failure);
        }
        self.trace_hash = self
            .trace_hash
            .rotate_left(1)
            .wrapping_add(report.trace_hash ^ u128::from(report.seed));
    }

    /// How many seeds broke a promise.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// The summary as one object; `elapsed` is real time.
    pub fn to_json(&self, elapsed: Duration) -> Value {
        let seeds = self.operations.len();
        json!({
            "seeds": seeds,
            "failed": self.failed,
            "failures": self.failures,
            "seeds_per_s": per_second(seeds, elapsed),
            "median_operations": median(&self.operations),
            "median_crashes": median(&self.crashes),
            "median_disk_ops": median(&self.disk_ops),
            "operations": self.operations.iter().sum::<u64>(),
            "crashes": self.crashes.iter().sum::<u64>(),
            "faults_injected": self.faults,
            "trace_hash": format!("{:032x}", self.trace_hash),
        })
    }
}

fn per_second(count: usize, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64().max(1e-9);
    let count = u32::try_from(count).map_or(f64::INFINITY, f64::from);
    (count / seconds * 10.0).round() / 10.0
}

fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

/// The story of a failed seed, ending with the command that replays it.
pub fn tell(report: &SeedReport) -> String {
    let Some(violation) = &report.violation else {
        return String::new();
    };
    let mut lines = vec![format!("seed {}: {violation}", report.seed)];
    lines.extend(report.story.iter().map(|line| format!("  {line}")));
    lines.push(format!("replay: cargo sim {} --seed {}", report.suite, report.seed));
    lines.join("\n")
}
