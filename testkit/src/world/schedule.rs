//! Which of several ready tasks runs next.
//!
//! It is not the executor: it sees how many tasks are ready and nothing else. The invariant it
//! guards: whoever supplies the schedule decides every interleaving, so one can be drawn,
//! recorded and played again.

use crate::choices::{Choices, Seeded};
use std::fmt;

/// Whoever decides the order of tasks.
pub trait Schedule: Send {
    /// Which of `ready` tasks runs next, counted in the order in which they became ready. It is
    /// asked only if there are two or more.
    fn choose(&mut self, ready: usize) -> usize;

    /// How many turns a task gives to others where it need not give any, at most `turns_max`: on
    /// either side of a disk operation, and while it lingers.
    fn turns(&mut self, turns_max: u64) -> u64;
}

/// The orders that need no script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// Drawn from the seed; disk operations let other tasks run in between, now and then.
    #[default]
    Seeded,
    /// The one that has been ready for longest; nothing yields that does not have to.
    Fifo,
}

impl Order {
    pub(super) fn schedule(self, seeded: &Seeded) -> Box<dyn Schedule> {
        match self {
            Self::Seeded => Box::new(Drawn(seeded.clone())),
            Self::Fifo => Box::new(Fifo),
        }
    }
}

struct Fifo;

impl Schedule for Fifo {
    fn choose(&mut self, _ready: usize) -> usize {
        0
    }

    fn turns(&mut self, _turns_max: u64) -> u64 {
        0
    }
}

struct Drawn(Seeded);

impl Schedule for Drawn {
    fn choose(&mut self, ready: usize) -> usize {
        usize::try_from(self.0.below(ready as u64)).unwrap_or(0)
    }

    fn turns(&mut self, turns_max: u64) -> u64 {
        self.0.below(turns_max + 1)
    }
}

impl fmt::Debug for dyn Schedule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Schedule")
    }
}
