//! What a seed of the store suite decides: sizes, clients, crashes, and where the disk fails.
//!
//! Everything a run varies is drawn here, and prints. The invariant it guards: what a plan may
//! excuse follows from the plan alone.

use crate::disk::{DISHONEST, HONEST};
use sagalog::Options;
use sagalog_testkit::{Choices, Fault, FaultKind, FaultPlan, Operation, Seeded, model::Alphabet};

/// How the names of index files begin.
pub(super) const INDEX_PREFIX: &str = "run-";

/// Faults of index files that are planned one by one: what strikes which operation.
const OF_INDEX_FILES: &[(FaultKind, Operation)] = &[
    (FaultKind::ReadError, Operation::Read),
    (FaultKind::ShortRead, Operation::Read),
    (FaultKind::BitRot, Operation::Read),
    (FaultKind::ZeroedSector, Operation::Read),
    (FaultKind::LatentError, Operation::Read),
    (FaultKind::MisdirectedRead, Operation::Read),
    (FaultKind::BitRot, Operation::Sync),
    (FaultKind::ZeroedSector, Operation::Sync),
    (FaultKind::LatentError, Operation::Sync),
    (FaultKind::LyingSync, Operation::Sync),
    (FaultKind::SyncError, Operation::Sync),
    (FaultKind::LostWrite, Operation::Write),
    (FaultKind::VanishedWrite, Operation::Write),
    (FaultKind::ShortWrite, Operation::Write),
    (FaultKind::WriteError, Operation::Write),
    (FaultKind::NoSpace, Operation::Write),
    (FaultKind::NoSpace, Operation::Create),
    (FaultKind::TooManyFiles, Operation::Open),
    (FaultKind::MetadataError, Operation::Open),
    (FaultKind::UnlinkReturns, Operation::Remove),
];

/// Where the disk of a seed fails, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum Temper {
    /// Nothing but crashes.
    Quiet,
    /// Errors, short calls, stalls and full disks, all of them reported.
    Faulty,
    /// Damage and lies as well, of any file.
    Dishonest,
    /// Damage, lies and errors, of index files alone.
    IndexRot,
}

/// The plan of one seed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Where the disk fails.
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
    /// What the pages of the index may take, in bytes.
    pub cache_bytes: usize,
    /// For how many positions a command key is kept.
    pub key_horizon_events: u64,
    /// What clients draw from.
    pub alphabet: Alphabet,
    /// Concurrent clients at most.
    pub clients: u64,
    /// Calls of one client in one life at most.
    pub calls_max: u64,
    /// In how many of a million lives the power fails; in the others only the process dies.
    pub power_failure_chance: u32,
    /// Whether index files are damaged or removed between lives now and then.
    pub damages_index: bool,
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
            3..5 => Temper::Faulty,
            5..8 => Temper::IndexRot,
            _ => Temper::Dishonest,
        };
        let faults = match temper {
            Temper::Quiet => FaultPlan::swarm(choices, &[]),
            Temper::Faulty => FaultPlan::swarm(choices, HONEST),
            Temper::IndexRot => faults_of_index_files(choices),
            Temper::Dishonest => {
                let both: Vec<FaultKind> = HONEST.iter().chain(DISHONEST).copied().collect();
                FaultPlan::swarm(choices, &both)
            }
        };
        // Few seeds live long, so that runs are merged as well.
        let long = choices.below(8) == 0;
        let segment_bytes = 16 << (10 + choices.below(2));
        let group_bytes_max = segment_bytes / 2;
        Self {
            seed,
            temper,
            faults,
            lives: if long { 3 } else { 5 + choices.below(6) },
            life_ops_max: if long { 4_000 } else { 100 << choices.below(4) },
            segment_bytes,
            group_bytes_max,
            queue_bytes_max: group_bytes_max << choices.below(3),
            cache_bytes: 4096 << choices.below(6),
            key_horizon_events: [20, 200, 1_000_000][index(choices.below(3))],
            alphabet: Alphabet {
                streams: [0, 4, 40][index(choices.below(3))],
                keys: 4 + choices.below(12),
                ids: 6 + choices.below(30),
                payload_bytes_max: [40, 250][index(choices.below(2))],
            },
            clients: 1 + choices.below(6),
            calls_max: if long { 600 } else { 8 << choices.below(4) },
            power_failure_chance: [0, 300_000, 700_000, 1_000_000][index(choices.below(4))],
            damages_index: choices.below(2) == 0,
            cancels: choices.below(2) == 0,
            quota_bytes: (choices.below(8) == 0).then(|| segment_bytes * (4 + choices.below(8))),
        }
    }

    /// The options that the store is opened with.
    pub fn options(&self) -> Options {
        Options::default()
            .segment_bytes(self.segment_bytes)
            .group_bytes_max(self.group_bytes_max)
            .queue_bytes_max(self.queue_bytes_max)
            .cache_bytes(self.cache_bytes)
            .key_horizon_events(self.key_horizon_events)
    }

    /// Whether calls may fail at all in this plan.
    pub fn may_fail(&self) -> bool {
        self.temper != Temper::Quiet || self.quota_bytes.is_some()
    }

    /// Whether appends without events make sense: they are found again by their keys alone, so
    /// their keys have to be kept.
    pub(super) fn keeps_keys(&self) -> bool {
        self.key_horizon_events >= 1_000_000
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn faults_of_index_files(choices: &mut dyn Choices) -> FaultPlan {
    let mut plan = FaultPlan::swarm(choices, &[]);
    for _ in 0..2 + choices.below(30) {
        let (kind, operation) = OF_INDEX_FILES[index(choices.below(OF_INDEX_FILES.len() as u64))];
        let reach = 4 << choices.below(7);
        let nth = 1 + choices.below(reach);
        let amount = choices.below(1 << 32);
        plan.schedule.push(Fault::at_nth(kind, amount, operation, nth, INDEX_PREFIX));
    }
    plan
}
