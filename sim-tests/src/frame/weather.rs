//! What clients do that concerns neither log nor store: wait, stop the process, move the clock.
//!
//! The invariant it guards: none of it may change what is acknowledged, only when.

use super::{Sky, Surroundings, one_of};
use crate::marks::{Mark, Watch};
use sagalog_testkit::{Choices, Seeded};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Something that happens around a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suites' own vocabulary")]
pub enum Weather {
    /// The client waits for so many milliseconds.
    Sleep(u64),
    /// The process is stopped for so many milliseconds.
    Freeze(u64),
    /// The wall clock jumps by so many seconds.
    Jump(i64),
}

impl Weather {
    pub(crate) fn draw(choices: &mut Seeded, world: &Surroundings) -> Self {
        match choices.below(4) {
            0 if world.freezes => Self::Freeze(1 + choices.below(90_000)),
            1 if world.clock_errs => Self::Jump(*one_of(choices, &[-3_600, -1, 1, 3_600])),
            2 => Self::Sleep(choices.below(1_500)),
            _ => Self::Sleep(choices.below(4)),
        }
    }

    pub(crate) async fn happen<R: Sky>(&self, runtime: &R, watch: &Watch) {
        match *self {
            Self::Sleep(ms) => runtime.sleep(Duration::from_millis(ms)).await,
            Self::Freeze(ms) => {
                runtime.freeze(Duration::from_millis(ms));
                watch.reach(Mark::Paused);
            }
            Self::Jump(seconds) => {
                runtime.jump_wall(seconds);
                watch.clock_jumped(seconds);
            }
        }
    }
}
