//! What a seed of the disk suite decides: sizes, writers, and the world around them.
//!
//! Everything a run varies is drawn here or in the frame, and prints.

use crate::{
    frame::{Surroundings, Temper, one_of},
    script::{Disorder, Sizes},
};
use sagalog::Options;
use sagalog_testkit::{Choices, FaultKind, Seeded};
use serde::{Deserialize, Serialize};

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
    /// Concurrent writers at most.
    #[serde(skip)]
    pub writers: u64,
    /// Calls of one writer in one life at most.
    #[serde(skip)]
    pub calls_max: u64,
    /// Largest commit body in bytes.
    #[serde(skip)]
    pub body_bytes_max: u64,
    /// Whether whole segments are retired now and then.
    #[serde(skip)]
    pub retires: bool,
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
            3..7 => Temper::Faulty,
            _ => Temper::Dishonest,
        };
        let mut surroundings = Surroundings::draw(choices, temper);
        let segment_bytes = 16 << (10 + choices.below(3));
        let group_bytes_max = (1024 << choices.below(3)).min(segment_bytes / 2);
        let body_bytes = if choices.below(3) == 0 { group_bytes_max - 128 } else { 256 };
        surroundings.lives = 17 + u32::try_from(choices.below(5)).unwrap_or(0);
        surroundings.life_ops_max = 70 + choices.below(120);
        surroundings.quota_bytes =
            (choices.below(6) == 0).then(|| segment_bytes * (3 + choices.below(6)));
        // Drawn apart, so that it moves nothing else.
        let mut apart = choices.fork(1);
        if temper != Temper::Quiet && apart.below(8) == 0 {
            surroundings.faults.rates.push((FaultKind::DirectoryMoved, 10_000));
        }
        if surroundings.order == Disorder::None {
            surroundings.order = *one_of(choices, &[Disorder::None, Disorder::Full]);
        }
        Self {
            surroundings,
            segment_bytes,
            group_bytes_max,
            queue_bytes_max: group_bytes_max << choices.below(3),
            writers: 1 + choices.below(12),
            calls_max: 30,
            body_bytes_max: 16 + choices.below(body_bytes),
            retires: choices.below(3) == 0,
        }
    }

    /// The options that the log is opened with in a life.
    pub fn options(&self, sizes: &Sizes) -> Options {
        Options::default()
            .segment_bytes(self.segment_bytes << sizes.segment)
            .group_bytes_max(self.group_bytes_max)
            .queue_bytes_max(self.queue_bytes_max << sizes.queue)
            .prepared_segments(1 << sizes.prepared)
    }
}
