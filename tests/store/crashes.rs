//! Crashes at every operation of the disk: while runs are written, merged, rebuilt and opened.
//!
//! The invariant: what was acknowledged is there with all that belongs to it, an append that was
//! not is there whole or not at all, and every answer is as if no index had ever been written.

use super::{Host, host::tiny, judges::agree_on, truth::Truth};
use sagalog::{Read, Store};
use sagalog_testkit::SimDisk;
use std::cell::RefCell;

/// How a life ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Process,
    /// Nothing unsynced survives.
    Power,
    /// Of what was unsynced, what this mask says.
    PowerKeeping(u64),
}

impl End {
    fn of(number: u64) -> Self {
        match number % 4 {
            0 => Self::Process,
            1 => Self::Power,
            2 => Self::PowerKeeping(0x5555_5555_5555_5555),
            _ => Self::PowerKeeping(u64::MAX << (number % 9)),
        }
    }

    fn strike(self, host: &mut Host) {
        match self {
            Self::Process => host.kill(),
            Self::Power => host.power_off(),
            Self::PowerKeeping(mask) => {
                host.disk(|disk| *disk = disk.power_failure_image(mask));
                host.kill();
            }
        }
    }
}

/// Lives on `disk` until `ops` more operations were done, then ends as `end` says, and looks.
/// False if the life was over before that.
fn cut_after(disk: &SimDisk, before: &Truth, appends: usize, ops: u64, end: End) -> bool {
    let mut host = Host::closed(disk.clone(), tiny());
    let truth = RefCell::new(before.clone());
    let pending = RefCell::new(None);
    let halt = host.disk(|disk| disk.ops()) + ops + 1;
    let runtime = host.world().runtime();
    let life = async {
        let (store, _) = Store::open_with(&runtime, tiny()).await.expect("it opens");
        for _ in 0..appends {
            let next = truth.borrow_mut().next();
            *pending.borrow_mut() = Some(next.clone());
            let committed = store.append(next.0.clone()).await.expect("healthy");
            truth.borrow_mut().took(next.0, committed, next.1);
            *pending.borrow_mut() = None;
        }
        store.close().await.expect("closes");
    };
    let cut = host.world().run_until_op(halt, life).is_none();
    end.strike(&mut host);
    host.start();
    let mut truth = truth.into_inner();
    let acknowledged = truth.model.events.len() as u64;
    let head = host.store().head().get();
    if head != acknowledged {
        let (_, events) = pending.into_inner().expect("only an append on its way appears");
        assert_eq!(head, acknowledged + events.len() as u64, "whole or not at all");
        truth.model.extend(events);
    }
    truth.learn_times(&host);
    truth.holds_events(&host, 3);
    cut
}

fn at_every_operation(disk: &SimDisk, truth: &Truth, appends: usize, step: u64) {
    let mut ops = 0;
    while cut_after(disk, truth, appends, ops, End::of(ops / step)) {
        ops += step;
    }
    assert!(ops > 30, "{ops} operations");
}

fn filled(seed: u64, appends: usize) -> (SimDisk, Truth) {
    let mut truth = Truth::new(seed);
    let mut host = Host::new();
    truth.live(&host, appends);
    host.rest();
    host.kill();
    (host.image(), truth)
}

#[test]
fn a_crash_at_any_operation_of_a_life_with_runs_and_merges_loses_nothing() {
    // Seven runs of one segment: the life goes on to the eighth, and to their merge.
    let mut truth = Truth::new(31);
    let mut host = Host::new();
    while host.store().stats().runs < 7 {
        truth.live(&host, 5);
        host.rest();
    }
    host.kill();
    at_every_operation(&host.image(), &truth, 45, 3);
    let mut after = Host::on(host.image());
    truth.live(&after, 45);
    after.rest();
    assert!(after.store().stats().runs < 7, "they were merged: {:?}", after.run_names());
    after.close();
}

#[test]
fn a_crash_at_any_operation_of_an_opening_without_an_index_loses_nothing() {
    let (disk, truth) = filled(32, 130);
    let mut bare = disk.clone();
    for name in disk.names().iter().filter(|name| name.starts_with("run-")) {
        bare.remove_file(name).expect("it is listed");
    }
    at_every_operation(&bare, &truth, 1, 1);
}

#[test]
fn a_crash_at_any_operation_of_an_opening_with_gaps_in_the_index_loses_nothing() {
    let (disk, truth) = filled(33, 110);
    let names = disk.names();
    let runs: Vec<&String> = names.iter().filter(|name| name.starts_with("run-")).collect();
    assert!(runs.len() >= 2, "{runs:?}");
    let mut gaps = disk.clone();
    for (n, name) in runs.iter().enumerate() {
        if n % 2 == 0 {
            gaps.truncate_file(name, 4095).expect("it is listed");
        }
    }
    at_every_operation(&gaps, &truth, 1, 2);
}

/// A damaged run is met by a look-up and made anew, and the crash comes in the middle of that.
#[test]
fn a_crash_at_any_operation_of_a_rebuilding_loses_nothing() {
    let (disk, truth) = filled(34, 75);
    let mut damaged = disk.clone();
    for name in disk.names().iter().filter(|name| name.starts_with("run-")) {
        let length = disk.contents(name).expect("it is listed").len() as u64;
        for page in 1..length / 4096 {
            damaged.corrupt_bit(name, page * 4096 + 99, 0).expect("it is listed");
        }
    }
    let mut ops = 0;
    loop {
        let mut host = Host::closed(damaged.clone(), tiny());
        let halt = host.disk(|disk| disk.ops()) + ops + 1;
        let runtime = host.world().runtime();
        let life = async {
            let (store, _) = Store::open_with(&runtime, tiny()).await.expect("it opens");
            for name in super::model::STREAMS {
                let _ = store.read(Read::stream(super::stream(name))).collect().await;
            }
            store.close().await.expect("closes");
        };
        let cut = host.world().run_until_op(halt, life).is_none();
        End::of(ops / 2).strike(&mut host);
        host.start();
        truth.holds_events(&host, 3);
        if !cut {
            break;
        }
        ops += 2;
    }
    assert!(ops > 60, "{ops} operations");
}

/// The power fails while a run's pages are on their way: any subset of them may have landed.
#[test]
fn whatever_landed_of_a_run_that_was_being_written_is_no_run_or_a_whole_one() {
    let (disk, truth) = filled(35, 60);
    let mut images = 0;
    for ops in (0..400).step_by(7) {
        let mut host = Host::closed(disk.clone(), tiny());
        let mut life_truth = truth.clone();
        let acknowledged = RefCell::new(Vec::new());
        let halt = host.disk(|disk| disk.ops()) + ops + 1;
        let runtime = host.world().runtime();
        let life = async {
            let (store, _) = Store::open_with(&runtime, tiny()).await.expect("it opens");
            for _ in 0..40 {
                let (append, events) = life_truth.next();
                let committed = store.append(append.clone()).await.expect("healthy");
                life_truth.took(append, committed, events.clone());
                acknowledged.borrow_mut().extend(events);
            }
        };
        if host.world().run_until_op(halt, life).is_some() {
            break;
        }
        let acknowledged = truth.model.events.len() + acknowledged.into_inner().len();
        let torn: Vec<SimDisk> = host.disk(|disk| disk.crash_images(6, true).take(12).collect());
        host.kill();
        for image in torn {
            images += 1;
            agree_on(&image);
            let host = Host::on(image);
            let found = host.read(Read::all().with_system());
            assert!(found.len() >= acknowledged, "{} of {acknowledged}", found.len());
            let streams = host.run(host.store().streams("").collect()).expect("healthy");
            for info in streams {
                let of_stream = host.read(Read::stream(info.stream.clone()));
                let counted = found.iter().filter(|e| e.stream() == info.stream.as_str()).count();
                assert_eq!(of_stream.len(), counted);
            }
        }
    }
    assert!(images > 100, "{images} images");
}
