//! One seed of a suite that is known by name.
//!
//! It knows nothing of what a suite does. The invariant it guards: every seed runs on a thread of
//! its own, so that nothing of one leaks into the next, and a panic is a verdict, not an end.

use crate::{
    disk::Disk,
    frame::{self, Substrate, Suite},
    orders::Orders,
    report::{SeedReport, SuiteName, Told},
    saga::Saga,
    store::Store,
};
use std::thread;

/// Runs one seed on a fresh thread.
#[expect(clippy::disallowed_methods, reason = "the simulator isolates seeds by thread")]
pub(super) fn run_seed(suite: SuiteName, seed: u64, told: Told) -> SeedReport {
    let thread = thread::Builder::new().name(format!("seed {seed}"));
    let running = thread.spawn(move || match suite {
        SuiteName::Disk => frame::run_seed::<Disk>(seed, Substrate::BUILT, told),
        SuiteName::Store => frame::run_seed::<Store>(seed, Substrate::BUILT, told),
        SuiteName::Saga => frame::run_seed::<Saga>(seed, Substrate::BUILT, told),
        SuiteName::Orders => frame::run_seed::<Orders>(seed, Substrate::BUILT, told),
    });
    let joined = running.expect("the machine has room for one thread").join();
    joined.unwrap_or_else(|_| panicked(suite, seed))
}

fn panicked(suite: SuiteName, seed: u64) -> SeedReport {
    match suite {
        SuiteName::Disk => SeedReport::panicked(suite, seed, &Disk::plan(seed)),
        SuiteName::Store => SeedReport::panicked(suite, seed, &Store::plan(seed)),
        SuiteName::Saga => SeedReport::panicked(suite, seed, &Saga::plan(seed)),
        SuiteName::Orders => SeedReport::panicked(suite, seed, &Orders::plan(seed)),
    }
}
