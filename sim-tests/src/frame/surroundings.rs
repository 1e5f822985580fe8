//! The part of a plan that every suite has: how the disk, the clock and the scheduler behave.
//!
//! Everything a run varies is drawn here or in the suite's own plan, and prints. Whole families of
//! faults are on or off for a seed, so that many seeds see few faults and few seeds see many. The
//! invariant it guards: what a plan may excuse follows from the plan alone.

use crate::script::Disorder;
use sagalog_testkit::{Choices, FaultKind, FaultPlan, Seeded};
use serde::{Deserialize, Serialize};

/// Faults after which nothing acknowledged may be missing.
const HONEST: &[FaultKind] = &[
    FaultKind::ReadError,
    FaultKind::WriteError,
    FaultKind::SyncError,
    FaultKind::DirectorySyncError,
    FaultKind::MetadataError,
    FaultKind::ShortRead,
    FaultKind::ShortWrite,
    FaultKind::NoSpace,
    FaultKind::TooManyFiles,
    FaultKind::AccessDenied,
    FaultKind::ReadOnly,
    FaultKind::LockSurvives,
];

/// Faults that destroy or withhold what was promised durable, or show what is not there.
const DISHONEST: &[FaultKind] = &[
    FaultKind::BitRot,
    FaultKind::ZeroedSector,
    FaultKind::LatentError,
    FaultKind::MisdirectedWrite,
    FaultKind::MisdirectedRead,
    FaultKind::LostWrite,
    FaultKind::VanishedWrite,
    FaultKind::LyingSync,
    FaultKind::UnlinkReturns,
];

/// Where the disk of a seed fails, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suites' own vocabulary")]
pub enum Temper {
    /// Nothing but crashes and latencies.
    #[default]
    Quiet,
    /// Errors, short calls, stalls and full disks, all of them reported.
    Faulty,
    /// Damage and lies as well, of any file.
    Dishonest,
    /// Damage, lies and errors, of files alone that can be made again.
    Derived,
}

/// How the world of a seed behaves. What a script says by itself is not written into it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Surroundings {
    /// Where the disk fails.
    pub temper: Temper,
    /// Where identities come from.
    pub entropy: u64,
    /// Whether the disk has a size limit that is lifted at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    /// What the disk does.
    #[serde(skip)]
    pub faults: FaultPlan,
    /// How many times the process lives before the world heals.
    #[serde(skip)]
    pub lives: u32,
    /// How many disk operations a life gets at most before it is stopped.
    #[serde(skip)]
    pub life_ops_max: u64,
    /// In how many of a million lives the power fails; in the others only the process dies.
    #[serde(skip)]
    pub power_failure_chance: u32,
    /// How tasks are ordered.
    #[serde(skip)]
    pub order: Disorder,
    /// Whether the wall clock jumps and drifts.
    #[serde(skip)]
    pub clock_errs: bool,
    /// Whether the process is stopped now and then.
    #[serde(skip)]
    pub freezes: bool,
    /// Whether callers give up now and then.
    #[serde(skip)]
    pub cancels: bool,
    /// How the names of files begin that are harmed between lives now and then.
    #[serde(skip)]
    pub harms: Option<&'static str>,
}

impl Surroundings {
    /// Draws what a seed of this temper has around it. Sizes and numbers are the suite's.
    pub(crate) fn draw(choices: &mut Seeded, temper: Temper) -> Self {
        let faults = match temper {
            Temper::Quiet | Temper::Derived => FaultPlan::swarm(choices, &[]),
            Temper::Faulty => FaultPlan::swarm(choices, HONEST),
            Temper::Dishonest => {
                let both: Vec<FaultKind> = HONEST.iter().chain(DISHONEST).copied().collect();
                FaultPlan::swarm(choices, &both)
            }
        };
        let mut surroundings = Self {
            temper,
            entropy: choices.bits(),
            quota_bytes: None,
            faults,
            lives: 0,
            life_ops_max: 0,
            power_failure_chance: *one_of(choices, &[0, 300_000, 700_000, 1_000_000]),
            order: *one_of(choices, &[Disorder::None, Disorder::Rare, Disorder::Full]),
            clock_errs: choices.below(3) == 0,
            freezes: choices.below(4) == 0,
            cancels: choices.below(2) == 0,
            harms: None,
        };
        surroundings.draw_latencies(choices);
        surroundings
    }

    /// One disk in four takes its time: a little for most operations, or much for a few.
    fn draw_latencies(&mut self, choices: &mut Seeded) {
        let (rate, stall_us_max) = match choices.below(8) {
            0 => (200_000, 2_000),
            1 => (10_000, 2_000_000),
            _ => return,
        };
        self.faults.stall_us_max = stall_us_max;
        self.faults.rates.push((FaultKind::Stall, rate));
    }
}

/// One of several values.
pub(crate) fn one_of<'a, T>(choices: &mut dyn Choices, values: &'a [T]) -> &'a T {
    &values[usize::try_from(choices.below(values.len() as u64)).unwrap_or(0)]
}
