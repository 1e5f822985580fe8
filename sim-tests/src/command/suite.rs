//! The suites by name, and one seed of one of them.
//!
//! It knows nothing of what a suite does. The invariant it guards: every seed runs on a thread of
//! its own, so that nothing of one leaks into the next, and a panic is a verdict, not an end.

use crate::{
    disk,
    report::{SeedReport, Told},
    store,
};
use std::{fmt, thread};

/// Which suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// One log on one disk.
    Disk,
    /// One event store on one disk.
    Store,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disk => "disk",
            Self::Store => "store",
        })
    }
}

impl Name {
    /// Runs one seed on a fresh thread.
    #[expect(clippy::disallowed_methods, reason = "the simulator isolates seeds by thread")]
    pub(super) fn run_seed(self, seed: u64, told: Told) -> SeedReport {
        let thread = thread::Builder::new().name(format!("seed {seed}"));
        let running = thread.spawn(move || match self {
            Self::Disk => disk::run_seed(disk::Plan::draw(seed), told),
            Self::Store => store::run_seed(store::Plan::draw(seed), told),
        });
        let joined = running.expect("the machine has room for one thread").join();
        joined.unwrap_or_else(|_| self.panicked(seed))
    }

    fn panicked(self, seed: u64) -> SeedReport {
        match self {
            Self::Disk => SeedReport::panicked("disk", seed, &disk::Plan::draw(seed)),
            Self::Store => SeedReport::panicked("store", seed, &store::Plan::draw(seed)),
        }
    }
}
