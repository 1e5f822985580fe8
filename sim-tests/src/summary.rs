//! The sum of many seeds: what a person or a script wants to know of a run.
//!
//! It judges no seed. The invariant it guards: a seed that was added is counted in every figure, in
//! the order in which seeds were added.

use crate::{
    marks::{ENOUGH_SEEDS, Mark, Need},
    report::{SeedReport, SuiteName, Violation},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fmt, time::Duration};

/// Failures that a summary names; the rest is counted.
const FAILURES_NAMED: usize = 20;

/// What seeds cost.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by commands")]
pub struct Cost {
    /// Real time.
    pub elapsed: Duration,
    /// The processor's time, where the system tells it.
    pub cpu: Option<Duration>,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "took {:.1} s", self.elapsed.as_secs_f64())?;
        match self.cpu {
            Some(cpu) => write!(f, ", {:.1} s of the processor", cpu.as_secs_f64()),
            None => Ok(()),
        }
    }
}

/// The sum of many seeds of one suite.
#[derive(Debug)]
pub struct Summary {
    suite: SuiteName,
    /// How many seeds reached each mark.
    marks: BTreeMap<Mark, u64>,
    operations: Vec<u64>,
    crashes: Vec<u64>,
    disk_ops: Vec<u64>,
    faults: u64,
    simulated: Duration,
    failed: u64,
    failures: Vec<Value>,
    trace_hash: u128,
}

impl Summary {
    /// The sum of no seed.
    pub fn new(suite: SuiteName) -> Self {
        Self {
            suite,
            marks: BTreeMap::new(),
            operations: Vec::new(),
            crashes: Vec::new(),
            disk_ops: Vec::new(),
            faults: 0,
            simulated: Duration::ZERO,
            failed: 0,
            failures: Vec::new(),
            trace_hash: 0,
        }
    }

    /// Takes a seed's report in. The order matters for the trace hash.
    pub fn add(&mut self, report: &SeedReport) {
        self.operations.push(report.operations);
        self.crashes.push(report.crashes);
        self.disk_ops.push(report.disk_ops);
        self.faults += report.faults;
        self.simulated += report.simulated;
        for mark in report.marks.iter() {
            *self.marks.entry(mark).or_default() += 1;
        }
        if let Some(Violation { guarantee, what }) = &report.violation {
            self.failed += 1;
            if self.failures.len() < FAILURES_NAMED {
                let failure = json!({ "seed": report.seed, "guarantee": guarantee, "what": what });
                self.failures.push(failure);
            }
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

    /// The marks that no seed reached and that the suite needs this much.
    pub fn unreached(&self, need: Need) -> impl Iterator<Item = Mark> {
        let wanted = move |mark: &Mark| mark.need(self.suite) == need;
        Mark::ALL.into_iter().filter(wanted).filter(|mark| !self.marks.contains_key(mark))
    }

    /// Whether so many seeds ran that every required mark must have been reached.
    pub fn is_long(&self) -> bool {
        self.operations.len() as u64 >= ENOUGH_SEEDS
    }

    /// The summary as one object.
    pub fn to_json(&self, cost: Cost) -> Value {
        let seeds = self.operations.len() as u64;
        let simulated_s = self.simulated.as_secs_f64();
        let cpu_s = cost.cpu.map(|cpu| cpu.as_secs_f64());
        let marks: Map<String, Value> =
            self.marks.iter().map(|(mark, seeds)| (mark.name().into(), (*seeds).into())).collect();
        json!({
            "seeds": seeds,
            "failed": self.failed,
            "seeds_per_s": rate(float(seeds), cost.elapsed.as_secs_f64()),
            "median_operations": median(&self.operations),
            "median_crashes": median(&self.crashes),
            "median_disk_ops": median(&self.disk_ops),
            "operations": self.operations.iter().sum::<u64>(),
            "crashes": self.crashes.iter().sum::<u64>(),
            "faults_injected": self.faults,
            "simulated_s": rounded(simulated_s),
            "cpu_s": cpu_s,
            "simulated_hours_per_cpu_hour": cpu_s.and_then(|cpu_s| rate(simulated_s, cpu_s)),
            "failures": self.failures,
            "marks": marks,
            "unreached": names(self.unreached(Need::Required)),
            "unreached_rare": names(self.unreached(Need::Rare)),
            "trace_hash": format!("{:032x}", self.trace_hash),
        })
    }
}

/// The summary for people.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds = self.operations.len();
        writeln!(f, "{}: {seeds} seeds, {} failed", self.suite, self.failed)?;
        let [operations, crashes, disk_ops] =
            [&self.operations, &self.crashes, &self.disk_ops].map(|values| median(values));
        writeln!(
            f,
            "half of the seeds have {operations} operations, {crashes} crashes, {disk_ops} disk \
             operations or more; {} faults struck",
            self.faults
        )?;
        let rare = names(self.unreached(Need::Rare)).join(", ");
        write!(f, "{} marks reached; of the rare ones not: {rare}", self.marks.len())?;
        for mark in self.unreached(Need::Required) {
            write!(f, "\nnever reached: {}: {}", mark.name(), mark.sentence())?;
        }
        Ok(())
    }
}

fn names(marks: impl Iterator<Item = Mark>) -> Vec<&'static str> {
    marks.map(Mark::name).collect()
}

/// How much came of a second; nothing if no time was measured.
pub(crate) fn rate(amount: f64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| rounded(amount / seconds))
}

/// A count to calculate with.
pub(crate) fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seeds: u64, mark: Mark) -> Summary {
        let mut summary = Summary::new(SuiteName::Disk);
        for seed in 1..=seeds {
            let mut report = SeedReport::panicked(SuiteName::Disk, seed, &"no plan");
            report.marks.reach(mark);
            summary.add(&report);
        }
        summary
    }

    #[test]
    fn marks_count_seeds_and_the_others_are_named_by_need() {
        let json = of(3, Mark::RowA).to_json(Cost { elapsed: Duration::ZERO, cpu: None });
        assert_eq!(json["marks"], json!({ "row-a": 3 }));
        let named = |key: &str, name: &str| {
            json[key].as_array().is_some_and(|names| names.contains(&name.into()))
        };
        assert!(named("unreached", "row-k") && !named("unreached", "row-a"));
        let rare = Mark::ALL.into_iter().find(|mark| mark.need(SuiteName::Disk) == Need::Rare);
        let rare = rare.expect("some are").name();
        assert!(named("unreached_rare", rare) && !named("unreached_rare", "row-k"));
        let of_the_store = Mark::Replayed.name();
        assert!(!named("unreached", of_the_store) && !named("unreached_rare", of_the_store));
    }

    #[test]
    fn the_first_failures_are_named_and_all_are_counted() {
        let json = of(30, Mark::RowA).to_json(Cost { elapsed: Duration::ZERO, cpu: None });
        assert_eq!(json["failed"], 30);
        assert_eq!(json["failures"].as_array().map(Vec::len), Some(FAILURES_NAMED));
        assert_eq!(json["failures"][0]["seed"], 1);
        assert_eq!(json["failures"][0]["guarantee"], "G9");
    }

    #[test]
    fn only_a_long_run_has_to_reach_everything() {
        assert!(!of(ENOUGH_SEEDS - 1, Mark::RowA).is_long());
        assert!(of(ENOUGH_SEEDS, Mark::RowA).is_long());
    }
}
