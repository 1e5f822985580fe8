//! What became of a seed.
//!
//! It judges nothing: a suite hands in what it found. The invariant it guards: a failed seed is
//! told together with the command that runs it again.

use crate::marks::Marks;
use std::{fmt, time::Duration};

/// How much of a seed's trace is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "chosen by commands")]
pub enum Told {
    /// No event.
    Verdict,
    /// The last events, if the seed fails.
    LastEvents,
    /// Every event.
    Everything,
}

impl Told {
    /// How many events are to be kept, of which usually the last `events` are told.
    pub(crate) fn events_kept(self, events: usize) -> usize {
        match self {
            Self::Verdict => 0,
            Self::LastEvents => events,
            Self::Everything => usize::MAX,
        }
    }
}

/// Which suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "chosen by commands")]
pub enum SuiteName {
    /// One log on one disk.
    Disk,
    /// One event store on one disk.
    Store,
    /// Sagas, and the participants that they call.
    Saga,
    /// The reference application: a shop, and the services around it.
    Orders,
}

impl SuiteName {
    /// Every suite.
    pub const ALL: [Self; 4] = [Self::Disk, Self::Store, Self::Saga, Self::Orders];

    /// Its name on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Store => "store",
            Self::Saga => "saga",
            Self::Orders => "orders",
        }
    }
}

impl fmt::Display for SuiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
    pub suite: SuiteName,
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
    /// How much virtual time passed.
    pub simulated: Duration,
    /// What it has reached.
    pub marks: Marks,
    /// Hash of everything that happened, in order.
    pub trace_hash: u128,
    /// The events that are [told](Told), oldest first.
    pub events: Vec<String>,
    /// For a failed seed: the plan, and what was damaged.
    pub story: Vec<String>,
}

impl SeedReport {
    /// The report of a seed whose world panicked: a bug, in the engine or in the world.
    pub fn panicked(suite: SuiteName, seed: u64, plan: &impl fmt::Debug) -> Self {
        let what = "the world panicked, see the message above".into();
        Self {
            suite,
            seed,
            violation: Some(Violation { guarantee: "G9", what }),
            operations: 0,
            crashes: 0,
            disk_ops: 0,
            faults: 0,
            simulated: Duration::ZERO,
            marks: Marks::default(),
            trace_hash: 0,
            events: Vec::new(),
            story: vec![format!("{plan:?}")],
        }
    }
}

/// The story of a failed seed, ending with the command that replays it.
pub fn tell(report: &SeedReport) -> String {
    let Some(violation) = &report.violation else {
        return String::new();
    };
    let mut lines = vec![format!("seed {}: {violation}", report.seed)];
    lines.extend(report.story.iter().chain(&report.events).map(|line| format!("  {line}")));
    lines.push(format!("replay: cargo sim {} --seed {}", report.suite, report.seed));
    lines.join("\n")
}
