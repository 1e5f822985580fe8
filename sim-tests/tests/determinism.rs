//! One seed, one history: the same seeds run twice, on other threads, leave the same traces.

#![cfg(madsim)]
#![expect(clippy::disallowed_methods, reason = "each seed runs on a thread of its own")]

use sagalog_sim::{
    disk,
    report::{SeedReport, Told},
    store,
};
use std::{collections::BTreeSet, thread};

fn trace(seed: u64, run: fn(u64) -> SeedReport) -> (u128, u64, u64) {
    let running = thread::spawn(move || run(seed));
    let report = running.join().expect("the seed does not panic");
    assert_eq!(report.violation, None, "seed {seed}");
    (report.trace_hash, report.disk_ops, report.operations)
}

fn sixty_seeds_twice(run: fn(u64) -> SeedReport) {
    let mut traces = BTreeSet::new();
    for seed in 1..=60 {
        let first = trace(seed, run);
        assert_eq!(first, trace(seed, run), "seed {seed} differs from itself");
        assert!(first.1 > 0 && first.2 > 0, "seed {seed} did nothing");
        traces.insert(first.0);
    }
    assert_eq!(traces.len(), 60, "different seeds are different histories");
}

#[test]
fn a_seed_leaves_the_same_trace_twice_and_others_leave_other_traces() {
    sixty_seeds_twice(|seed| disk::run_seed(disk::Plan::draw(seed), Told::OnFailure));
}

#[test]
fn a_seed_of_the_store_leaves_the_same_trace_twice_and_others_leave_other_traces() {
    sixty_seeds_twice(|seed| store::run_seed(store::Plan::draw(seed), Told::OnFailure));
}
