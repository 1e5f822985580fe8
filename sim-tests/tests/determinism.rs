//! One seed, one history: the same seeds run twice, on other threads, leave the same traces.

#![expect(clippy::disallowed_methods, reason = "each seed runs on a thread of its own")]

use sagalog_sim::{
    disk::Disk,
    frame::{Substrate, Suite, run_seed},
    orders::Orders,
    report::Told,
    saga::Saga,
    store::Store,
};
use std::{collections::BTreeSet, thread};

fn trace<S: Suite>(seed: u64, substrate: Substrate) -> (u128, u64, u64) {
    let running = thread::spawn(move || run_seed::<S>(seed, substrate, Told::LastEvents));
    let report = running.join().expect("the seed does not panic");
    assert_eq!(report.violation, None, "seed {seed}");
    (report.trace_hash, report.disk_ops, report.operations)
}

fn forty_seeds_twice<S: Suite>(substrate: Substrate) {
    let mut traces = BTreeSet::new();
    for seed in 1..=40 {
        let first = trace::<S>(seed, substrate);
        assert_eq!(first, trace::<S>(seed, substrate), "seed {seed} differs from itself");
        assert!(first.1 > 0, "seed {seed} did nothing");
        traces.insert(first.0);
    }
    assert_eq!(traces.len(), 40, "different seeds are different histories");
}

#[test]
fn a_seed_leaves_the_same_trace_twice_and_others_leave_other_traces() {
    forty_seeds_twice::<Disk>(Substrate::Testkit);
    #[cfg(madsim)]
    forty_seeds_twice::<Disk>(Substrate::Madsim);
}

#[test]
fn a_seed_of_the_store_leaves_the_same_trace_twice_and_others_leave_other_traces() {
    forty_seeds_twice::<Store>(Substrate::Testkit);
    #[cfg(madsim)]
    forty_seeds_twice::<Store>(Substrate::Madsim);
}

#[test]
fn a_seed_of_sagas_leaves_the_same_trace_twice_and_others_leave_other_traces() {
    // Not on madsim's executor: there a seed's trace may depend on the seeds that ran before it in
    // the process (docs/decisions/0008).
    forty_seeds_twice::<Saga>(Substrate::Testkit);
}

#[test]
fn a_seed_of_the_shop_leaves_the_same_trace_twice_and_others_leave_other_traces() {
    // Not on madsim's executor, as with sagas.
    forty_seeds_twice::<Orders>(Substrate::Testkit);
}
