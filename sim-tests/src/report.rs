//! Sums up many seeds and prints what a person or a script wants to know.

use crate::disk::SeedReport;
use serde_json::{Value, json};
use std::time::Duration;

/// The sum of many seeds.
#[derive(Debug, Default)]
pub struct Summary {
    appends: Vec<u64>,
    crashes: Vec<u64>,
    disk_ops: Vec<u64>,
    faults: u64,
    failed: u64,
    trace_hash: u128,
}

impl Summary {
    /// Takes a seed's report in. The order matters for the trace hash.
    pub fn add(&mut self, report: &SeedReport) {
        self.appends.push(report.appends);
        self.crashes.push(report.crashes);
        self.disk_ops.push(report.disk_ops);
        self.faults += report.faults;
        self.failed += u64::from(report.violation.is_some());
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
        let seeds = self.appends.len();
        json!({
            "seeds": seeds,
            "failed": self.failed,
            "seeds_per_s": per_second(seeds, elapsed),
            "median_appends": median(&self.appends),
            "median_crashes": median(&self.crashes),
            "median_disk_ops": median(&self.disk_ops),
            "appends": self.appends.iter().sum::<u64>(),
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
    lines.push(format!("replay: cargo sim disk --seed {}", report.seed));
    lines.join("\n")
}
