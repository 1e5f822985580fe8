//! What a seed of the saga suite decides: definitions, participants, clients, and the world around.
//!
//! Everything a run varies is drawn here or in the frame, and prints.

use super::shape::Shape;
use crate::{
    frame::{Surroundings, Temper, one_of},
    script::Sizes,
};
use sagalog::{Options, SagaOptions, saga::Plan as Graph};
use sagalog_testkit::{Choices, Seeded};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The plan of one seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The world.
    #[serde(flatten)]
    pub surroundings: Surroundings,
    /// The definitions.
    pub shapes: Vec<Shape>,
    /// How many participants there are.
    pub participants: usize,
    /// How many attempts may be under way at once.
    pub attempts_max: usize,
    /// Concurrent clients at most.
    #[serde(skip)]
    pub clients: u64,
    /// Calls of one client in one life at most.
    #[serde(skip)]
    pub calls_max: u64,
    /// How much goes wrong on the network, of sixteen.
    #[serde(skip)]
    pub storm: u64,
    /// How much goes wrong in steps, of sixteen.
    #[serde(skip)]
    pub trouble: u64,
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
        let temper = if choices.below(5) == 0 { Temper::Faulty } else { Temper::Quiet };
        let mut surroundings = Surroundings::draw(choices, temper);
        surroundings.lives = 2 + u32::try_from(choices.below(4)).unwrap_or(0);
        surroundings.life_ops_max = 60 << choices.below(4);
        let participants = 1 + usize::try_from(choices.below(2)).unwrap_or(0);
        let shapes = 1 + choices.below(3);
        Self {
            surroundings,
            shapes: (0..shapes).map(|_| Shape::draw(choices, participants)).collect(),
            participants,
            attempts_max: *one_of(choices, &[1, 2, 4096, 4096]),
            clients: 1 + choices.below(3),
            calls_max: 4 << choices.below(3),
            storm: *one_of(choices, &[0, 1, 3, 6]),
            trouble: *one_of(choices, &[0, 1, 2, 4]),
        }
    }

    /// The options that the sagas are opened with.
    pub(super) fn saga_options(&self) -> SagaOptions {
        SagaOptions::default().attempts_max(self.attempts_max)
    }

    /// The graphs of the definitions.
    pub(super) fn graphs(&self) -> Vec<Arc<Graph>> {
        self.shapes.iter().enumerate().map(|(at, shape)| Arc::new(shape.plan(at))).collect()
    }
}

/// The options that the executor's store is opened with in a life.
pub(super) fn options_of(sizes: &Sizes) -> Options {
    options().prepared_segments(1 << sizes.prepared)
}

/// The options of every store: small, so that segments are rolled.
pub(super) fn options() -> Options {
    Options::default().segment_bytes(64 << 10).group_bytes_max(32 << 10).queue_bytes_max(128 << 10)
}
