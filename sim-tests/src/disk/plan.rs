//! What a seed decides: sizes, workload, crashes, and which faults the disk knows.
//!
//! Everything a run varies is drawn here, and prints. Whole families of faults are on or off for a
//! seed, so that many seeds see few faults and few seeds see many.

use sagalog::Options;
use sagalog_testkit::{Choices, FaultKind, FaultPlan, Seeded};

/// Faults after which nothing acknowledged may be missing.
pub(crate) const HONEST: &[FaultKind] = &[
    FaultKind::Stall,
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
pub(crate) const DISHONEST: &[FaultKind] = &[
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

/// How honest the disk of a seed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum Temper {
    /// Nothing but crashes.
    Quiet,
    /// Errors, short calls, stalls and full disks, all of them reported.
    Faulty,
    /// Damage and lies as well.
    Dishonest,
}

/// The plan of one seed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How honest the disk is.
    pub temper: Temper,
    /// What the disk does.
    pub faults: FaultPlan,
    /// How many times the process lives.
    pub lives: u64,
    /// How many disk operations a life gets at most before it is cut short.
    pub life_ops_max: u64,
    /// Segment size in bytes.
    pub segment_bytes: u64,
    /// Group limit in bytes.
    pub group_bytes_max: u64,
    /// Queue limit in bytes.
    pub queue_bytes_max: u64,
    /// Concurrent writers.
    pub writers: u64,
    /// Largest commit body in bytes.
    pub body_bytes_max: u64,
    /// In how many of a million lives the power fails; in the others only the process dies.
    pub power_failure_chance: u32,
    /// Whether whole segments are retired now and then.
    pub retires: bool,
    /// Whether callers give up now and then.
    pub cancels: bool,
    /// Whether the disk has a size limit that is lifted at the end.
    pub quota_bytes: Option<u64>,
}

impl Plan {
    /// Draws the plan of `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut choices = Seeded::new(seed).fork(1);
        let choices = &mut choices;
        let temper = match choices.below(10) {
            0..3 => Temper::Quiet,
            3..7 => Temper::Faulty,
            _ => Temper::Dishonest,
        };
        let faults = match temper {
            Temper::Quiet => FaultPlan::swarm(choices, &[]),
            Temper::Faulty => FaultPlan::swarm(choices, HONEST),
            Temper::Dishonest => {
                let both: Vec<FaultKind> = HONEST.iter().chain(DISHONEST).copied().collect();
                FaultPlan::swarm(choices, &both)
            }
        };
        let segment_bytes = 16 << (10 + choices.below(3));
        let group_bytes_max = (1024 << choices.below(3)).min(segment_bytes / 2);
        let body_bytes = if choices.below(3) == 0 { group_bytes_max - 128 } else { 256 };
        Self {
            seed,
            temper,
            faults,
            lives: 17 + choices.below(5),
            life_ops_max: 70 + choices.below(120),
            segment_bytes,
            group_bytes_max,
            queue_bytes_max: group_bytes_max << choices.below(3),
            writers: 1 + choices.below(12),
            body_bytes_max: 16 + choices.below(body_bytes),
            power_failure_chance: [0, 300_000, 700_000, 1_000_000]
                [usize::try_from(choices.below(4)).unwrap_or(0)],
            retires: choices.below(3) == 0,
            cancels: choices.below(3) == 0,
            quota_bytes: (choices.below(6) == 0).then(|| segment_bytes * (3 + choices.below(6))),
        }
    }

    /// The options that the log is opened with.
    pub fn options(&self) -> Options {
        Options::default()
            .segment_bytes(self.segment_bytes)
            .group_bytes_max(self.group_bytes_max)
            .queue_bytes_max(self.queue_bytes_max)
    }

    /// Whether appends may be refused or fail at all in this plan.
    pub fn may_fail(&self) -> bool {
        self.temper != Temper::Quiet || self.quota_bytes.is_some()
    }
}
