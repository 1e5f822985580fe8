//! What a seed of the store suite decides: sizes, clients, and the world around them.
//!
//! Everything a run varies is drawn here or in the frame, and prints.

use crate::{
    frame::{Surroundings, Temper, one_of},
    script::Sizes,
};
use sagalog::Options;
use sagalog_testkit::{Choices, Fault, FaultKind, Operation, Seeded, model::Alphabet};
use serde::{Deserialize, Serialize};

/// How the names of index files begin.
const INDEX_PREFIX: &str = "run-";

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

/// The plan of one seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The world.
    #[serde(flatten)]
    pub surroundings: Surroundings,
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
    #[serde(skip)]
    pub alphabet: Alphabet,
    /// Concurrent clients at most.
    #[serde(skip)]
    pub clients: u64,
    /// Calls of one client in one life at most.
    #[serde(skip)]
    pub calls_max: u64,
}

impl AsRef<Surroundings> for Plan {
    fn as_ref(&self) -> &Surroundings {
        &self.surroundings
    }
}

impl Plan {
    /// Draws the plan of `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut choices = Seeded::new(seed).fork(1);
        let choices = &mut choices;
        let temper = match choices.below(10) {
            0..3 => Temper::Quiet,
            3..5 => Temper::Faulty,
            5..8 => Temper::Derived,
            _ => Temper::Dishonest,
        };
        let mut surroundings = Surroundings::draw(choices, temper);
        if temper == Temper::Derived {
            surroundings.faults.schedule = faults_of_index_files(choices);
        }
        // Few seeds live long, so that runs are merged as well: they cost as much as twenty.
        let long = choices.below(32) == 0;
        surroundings.lives =
            if long { 3 } else { 5 + u32::try_from(choices.below(6)).unwrap_or(0) };
        surroundings.life_ops_max = if long { 4_000 } else { 100 << choices.below(4) };
        surroundings.harms = (choices.below(2) == 0).then_some(INDEX_PREFIX);
        let segment_bytes = 16 << (10 + choices.below(2));
        surroundings.quota_bytes =
            (choices.below(8) == 0).then(|| segment_bytes * (4 + choices.below(8)));
        let group_bytes_max = segment_bytes / 2;
        Self {
            surroundings,
            segment_bytes,
            group_bytes_max,
            queue_bytes_max: group_bytes_max << choices.below(3),
            cache_bytes: 4096 << choices.below(6),
            key_horizon_events: *one_of(choices, &[20, 200, 1_000_000]),
            alphabet: Alphabet {
                streams: *one_of(choices, &[0, 4, 40]),
                keys: 4 + choices.below(12),
                ids: 6 + choices.below(30),
                payload_bytes_max: *one_of(choices, &[40, 250]),
            },
            clients: 1 + choices.below(6),
            calls_max: if long { 600 } else { 8 << choices.below(4) },
        }
    }

    /// The options that the store is opened with in a life.
    pub fn options(&self, sizes: &Sizes) -> Options {
        Options::default()
            .segment_bytes(self.segment_bytes << sizes.segment)
            .group_bytes_max(self.group_bytes_max)
            .queue_bytes_max(self.queue_bytes_max << sizes.queue)
            .prepared_segments(1 << sizes.prepared)
            .cache_bytes(self.cache_bytes << sizes.cache)
            .key_horizon_events(self.key_horizon_events)
    }

    /// Whether appends without events make sense: they are found again by their keys alone, so
    /// their keys have to be kept.
    pub(super) fn keeps_keys(&self) -> bool {
        self.key_horizon_events >= 1_000_000
    }
}

fn faults_of_index_files(choices: &mut Seeded) -> Vec<Fault> {
    let faults = 2 + choices.below(30);
    let draw = |_| {
        let (kind, operation) = *one_of(choices, OF_INDEX_FILES);
        let reach = 4 << choices.below(7);
        let nth = 1 + choices.below(reach);
        Fault::at_nth(kind, choices.below(1 << 32), operation, nth, INDEX_PREFIX)
    };
    (0..faults).map(draw).collect()
}
