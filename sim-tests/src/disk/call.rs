//! What the clients of a log do, as data.
//!
//! It is not how they do it. The invariant it guards: a call says everything that was drawn for
//! it, so that it is the same call whoever decided it.

use super::Plan;
use crate::frame::{How, Weather};
use sagalog_testkit::{Choices, Seeded};
use serde::{Deserialize, Serialize};

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum Call {
    /// Appends a commit.
    Append {
        /// Of its body.
        bytes: u64,
        /// That it takes.
        positions: u32,
        /// How the caller waits.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Reads from here to the end.
    Read {
        /// A position.
        from: u64,
        /// How the caller waits.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Gives up what lies below.
    Retire {
        /// A position.
        below: u64,
        /// How the caller waits.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Something that does not concern the log.
    Weather(Weather),
}

impl Call {
    /// Draws what a writer does next.
    pub(super) fn of_writer(choices: &mut Seeded, plan: &Plan) -> Self {
        if choices.below(16) == 0 {
            return Self::Weather(Weather::Sleep(choices.below(4)));
        }
        let too_large = choices.below(256) == 0;
        let most = if too_large { plan.group_bytes_max } else { 0 };
        let bytes = 8 + most + choices.below(plan.body_bytes_max);
        let positions = if choices.below(4) == 0 { 3 } else { 1 };
        let how = How::draw(choices, plan.surroundings.cancels);
        Self::Append { bytes, positions, how }
    }

    /// Draws what is done beside the writers; `some_position` is one that was seen.
    pub(super) fn of_keeper(choices: &mut Seeded, plan: &Plan, some_position: u64) -> Self {
        let how = How::draw_patience(choices, plan.surroundings.cancels);
        match choices.below(8) {
            0 if plan.retires => Self::Retire { below: some_position, how },
            1..4 => Self::Read { from: some_position, how },
            _ => Self::Weather(Weather::draw(choices, &plan.surroundings)),
        }
    }

    /// Simpler calls, simplest first.
    pub(super) fn simpler(&self) -> Vec<Self> {
        match *self {
            Self::Append { bytes, positions, how } => {
                let simple = [
                    Self::Append { bytes: 8, positions: 1, how: How::Patiently },
                    Self::Append { bytes: 8, positions: 1, how },
                    Self::Append { bytes, positions: 1, how: How::Patiently },
                    Self::Append { bytes: 8, positions, how },
                ];
                simple.into_iter().filter(|call| call != self).collect()
            }
            Self::Read { from, how } if from > 0 || !how.is_patient() => {
                vec![Self::Read { from: 0, how: How::Patiently }]
            }
            Self::Retire { below, how } if !how.is_patient() => {
                vec![Self::Retire { below, how: How::Patiently }]
            }
            Self::Read { .. } | Self::Retire { .. } | Self::Weather(_) => Vec::new(),
        }
    }
}
