//! What a seed of the orders suite decides: how services decide, clients, and the world around.
//!
//! Everything a run varies is drawn here or in the frame, and prints.

use crate::{
    frame::{Surroundings, Temper, one_of},
    script::Sizes,
};
use ::orders::{sagas::Patience, services};
use sagalog::{Options, SagaOptions};
use sagalog_testkit::{Choices, Seeded};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How services decide: [`services::Conditions`], for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the suite's own vocabulary")]
pub struct Conditions {
    /// From which who is refused follows.
    pub seed: u64,
    /// Of a thousand orders so many are not paid.
    pub declined_per_mille: u32,
    /// Of a thousand orders so many cannot be delivered.
    pub undeliverable_per_mille: u32,
    /// How many pieces of each product are there before anything happens.
    pub opening_stock: u64,
}

/// The plan of one seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The world.
    #[serde(flatten)]
    pub surroundings: Surroundings,
    /// How services decide.
    pub conditions: Conditions,
    /// How often the shop asks for what may still be refused.
    pub patience: u32,
    /// How many attempts may be under way at once.
    pub attempts_max: usize,
    /// Concurrent clients at most.
    #[serde(skip)]
    pub clients: u64,
    /// Calls of one client in one life at most.
    #[serde(skip)]
    pub calls_max: u64,
    /// How much goes wrong on the network, of thirty-two.
    #[serde(skip)]
    pub storm: u64,
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
        surroundings.lives = 1 + u32::try_from(choices.below(4)).unwrap_or(0);
        surroundings.life_ops_max = 60 << choices.below(4);
        let conditions = Conditions {
            seed: choices.bits(),
            declined_per_mille: *one_of(choices, &[0, 100, 400]),
            undeliverable_per_mille: *one_of(choices, &[0, 100, 400]),
            opening_stock: *one_of(choices, &[3, 12, 1_000, 1_000]),
        };
        Self {
            surroundings,
            conditions,
            patience: *one_of(choices, &[2, 4, 12]),
            attempts_max: *one_of(choices, &[1, 2, 4096, 4096]),
            clients: 1 + choices.below(3),
            calls_max: 4 << choices.below(3),
            storm: *one_of(choices, &[0, 1, 3, 6]),
        }
    }

    /// The options that the sagas are opened with.
    pub(super) fn saga_options(&self) -> SagaOptions {
        SagaOptions::default().attempts_max(self.attempts_max)
    }

    /// How patient the shop is.
    pub(super) fn patience(&self) -> Patience {
        let (timeout, delay) = (Duration::from_millis(250), Duration::from_millis(5));
        Patience { timeout, delay, attempts: self.patience }
    }

    /// How services decide, in their own words.
    pub(super) fn conditions(&self) -> services::Conditions {
        let Conditions { seed, declined_per_mille, undeliverable_per_mille, opening_stock } =
            self.conditions;
        services::Conditions { seed, declined_per_mille, undeliverable_per_mille, opening_stock }
    }
}

/// The options that the shop's store is opened with in a life.
pub(super) fn options_of(sizes: &Sizes) -> Options {
    options().prepared_segments(1 << sizes.prepared)
}

/// The options of every store: small, so that segments are rolled.
pub(super) fn options() -> Options {
    Options::default().segment_bytes(64 << 10).group_bytes_max(32 << 10).queue_bytes_max(128 << 10)
}
