//! Damage of the index at rest: whatever becomes of its files, the answers are the same.
//!
//! Damage of the log is not here. The invariant: nothing that is wrong with a file of the index
//! changes an answer, loses an event, keeps the store from opening, or panics.

use super::{Host, host::tiny, truth::Truth};
use sagalog_testkit::{Fault, FaultKind, Operation, SimDisk};

const PAGE: u64 = 4096;

/// A store with several runs whose process died, and what it has to answer.
fn filled(appends: usize) -> (SimDisk, Truth) {
    let mut truth = Truth::new(21);
    let mut host = Host::new();
    truth.live(&host, appends);
    host.rest();
    host.kill();
    (host.image(), truth)
}

fn runs_of(disk: &SimDisk) -> Vec<String> {
    let mut names = disk.names();
    names.retain(|name| name.starts_with("run-"));
    names
}

fn length(disk: &SimDisk, name: &str) -> u64 {
    disk.contents(name).expect("it is listed").len() as u64
}

/// The store opens, answers as before, goes on, and all is well in the next life too.
fn survives(disk: SimDisk, truth: &Truth, reads: usize) {
    let mut host = Host::on(disk);
    truth.holds(&host, reads);
    let mut truth = truth.clone();
    truth.live(&host, 2);
    host.rest();
    truth.holds(&host, 2);
    host.kill();
    let report = host.start();
    assert!(report.head.get() >= truth.model.events.len() as u64);
    truth.holds(&host, 2);
}

#[test]
fn any_of_the_files_may_be_gone() {
    let (disk, truth) = filled(230);
    let runs = runs_of(&disk);
    assert!((3..10).contains(&runs.len()), "{runs:?}");
    let subsets = 1_u32 << runs.len();
    for subset in (1..subsets).filter(|subset| subset % 5 == 1 || subset + 1 == subsets) {
        let mut disk = disk.clone();
        for (n, name) in runs.iter().enumerate() {
            if subset >> n & 1 == 1 {
                disk.remove_file(name).expect("it is listed");
            }
        }
        survives(disk, &truth, 8);
    }
}

#[test]
fn any_of_the_files_may_be_cut() {
    let (disk, truth) = filled(120);
    for name in runs_of(&disk) {
        let length = length(&disk, &name);
        for keep in [0, 1, 4095, PAGE, PAGE + 1, length / 2, length - PAGE, length - 1, length + 9]
        {
            let mut disk = disk.clone();
            disk.truncate_file(&name, keep).expect("it is listed");
            survives(disk, &truth, 8);
        }
    }
}

#[test]
fn any_of_the_pages_may_be_damaged() {
    let (disk, truth) = filled(120);
    for name in runs_of(&disk) {
        for page in 0..length(&disk, &name) / PAGE {
            let mut flipped = disk.clone();
            let at = page * PAGE + (page * 997 + 13) % PAGE;
            flipped.corrupt_bit(&name, at, 3).expect("it is listed");
            survives(flipped, &truth, 4);
            let mut zeroed = disk.clone();
            zeroed.zero_sectors(&name, page * PAGE..(page + 1) * PAGE).expect("it is listed");
            survives(zeroed, &truth, 4);
        }
    }
}

/// Every page but the headers, of so many runs that one look-up meets more damage than it would
/// in any ordinary life.
#[test]
fn all_of_the_pages_may_be_damaged() {
    let mut truth = Truth::new(22);
    let mut host = Host::new();
    truth.live(&host, 30);
    let mut filled = 0;
    while host.store().stats().runs < 11 {
        host.fill(20);
        filled += 1;
        assert!(filled < 200, "{:?}", host.run_names());
    }
    host.kill();
    for first in [0, PAGE] {
        let mut disk = host.image();
        for name in runs_of(&disk) {
            for at in (first..length(&disk, &name)).step_by(512) {
                disk.corrupt_bit(&name, at + 77, 1).expect("it is listed");
            }
        }
        let host = Host::on(disk);
        let unknown = host.append(super::check("never", sagalog::ExpectedRevision::NoStream));
        assert_eq!(unknown.positions, 0);
        for name in super::model::STREAMS {
            let count = truth.model.events.iter().filter(|known| known.stream == name).count();
            let found = host.read(sagalog::Read::stream(super::stream(name)));
            assert_eq!(found.len(), count);
        }
        assert_eq!(host.read(sagalog::Read::category("filler")).len(), filled * 20);
    }
}

#[test]
fn files_may_stand_under_each_others_names() {
    let (disk, truth) = filled(200);
    let runs = runs_of(&disk);
    for (one, other) in runs.iter().zip(runs.iter().skip(1)) {
        let mut swapped = disk.clone();
        let (a, b) = (disk.contents(one), disk.contents(other));
        swapped.remove_file(one).expect("it is listed");
        swapped.remove_file(other).expect("it is listed");
        swapped.add_file(one, &b.expect("it is listed"));
        swapped.add_file(other, &a.expect("it is listed"));
        survives(swapped, &truth, 8);
    }
}

#[test]
fn files_of_no_run_may_stand_under_the_names_of_runs() {
    let (disk, truth) = filled(120);
    let head = truth.model.events.len() as u64;
    let run = disk.contents(&runs_of(&disk)[0]).expect("it is listed");
    for (first, end) in [
        (0, 1),
        (0, head),
        (0, head - 1),
        (0, head + 1),
        (0, u64::MAX),
        (head - 1, head),
        (head, head + 5),
        (u64::MAX - 1, u64::MAX),
        (1, head - 3),
    ] {
        let name = format!("run-{first:020}-{end:020}.idx");
        for bytes in [&b""[..], &[0xA5; 9000], &[0; 8192], &run] {
            let mut disk = disk.clone();
            disk.add_file(&name, bytes);
            survives(disk, &truth, 4);
        }
    }
}

/// Two stores that were told the same: their runs have the same names and the same terms.
#[test]
fn runs_of_another_store_are_not_believed() {
    let (ours, truth) = filled(150);
    let mut other = Host::closed(SimDisk::new(), tiny());
    other.world().set_wall(sagalog::runtime::WallTime::from_unix_nanos(1));
    // Entropy differs, so that the identity does.
    let _ = sagalog::runtime::Entropy::random(&other.world().runtime());
    other.start();
    let mut theirs = Truth::new(23);
    while theirs.model.events.len() < truth.model.events.len() {
        theirs.live(&other, 1);
    }
    other.rest();
    other.kill();
    let theirs = other.image();
    let mut mixed = ours.clone();
    for name in runs_of(&theirs) {
        let bytes = theirs.contents(&name).expect("it is listed");
        if mixed.contents(&name).is_some() {
            mixed.remove_file(&name).expect("it is listed");
        }
        mixed.add_file(&name, &bytes);
    }
    survives(mixed, &truth, 30);
}

/// The directory was copied, both copies went on, and then their runs were mixed: same identity,
/// same names, same positions, other events.
#[test]
fn runs_of_another_history_of_this_store_are_not_believed() {
    let (trunk, truth) = filled(60);
    let branch = |seed: u64| {
        let mut truth = truth.clone();
        truth.random = sagalog_testkit::Seeded::new(seed);
        let mut host = Host::on(trunk.clone());
        for _ in 0..150 {
            // One event each, all of one size: the branches have the same positions everywhere.
            let events = truth.model.events.len();
            let text = format!("{seed:04} {events:06} {}", "x".repeat(600));
            let event = super::event("Placed", text.clone());
            let name =
                super::model::STREAMS[usize::try_from(truth.random.bits() % 4).expect("few")];
            let append = sagalog::Append::new().event(super::stream(name), event);
            let revision = truth.model.events.iter().filter(|known| known.stream == name).count();
            let known = super::model::Known {
                stream: name.to_owned(),
                revision: revision as u64,
                event_type: "Placed".to_owned(),
                tags: Vec::new(),
                text,
                recorded_at: sagalog::runtime::WallTime::from_unix_nanos(0),
            };
            let committed = host.append(append);
            truth.model.add(&committed, vec![known]);
        }
        truth.live(&host, 1);
        host.rest();
        host.kill();
        (host.image(), truth)
    };
    let ((ours, truth), (theirs, _)) = (branch(1), branch(2));
    let shared: Vec<String> =
        runs_of(&theirs).into_iter().filter(|name| runs_of(&ours).contains(name)).collect();
    assert!(shared.iter().any(|name| ours.contents(name) != theirs.contents(name)), "{shared:?}");
    let bytes = |disk: &SimDisk, name: &str| disk.contents(name).expect("it is listed");
    for whole in [true, false] {
        let mut all = ours.clone();
        for name in runs_of(&theirs) {
            let mut mixed = ours.clone();
            for disk in [&mut mixed, &mut all] {
                let mut foreign = bytes(&theirs, &name);
                if let Some(held) = ours.contents(&name) {
                    disk.remove_file(&name).expect("it is listed");
                    if !whole && held.len() == foreign.len() {
                        // Our header in front of their pages.
                        foreign[..4096].copy_from_slice(&held[..4096]);
                    }
                }
                disk.add_file(&name, &foreign);
            }
            survives(mixed, &truth, 8);
        }
        survives(all, &truth, 30);
    }
    // An older copy of the log beside newer runs, of this history and of the other.
    for newer in [&ours, &theirs] {
        let mut older = trunk.clone();
        for name in runs_of(newer).iter().filter(|name| trunk.contents(name).is_none()) {
            older.add_file(name, &bytes(newer, name));
        }
        let mut host = Host::on(older);
        let held = host.store().head().get();
        assert!(host.run_names().len() < 9);
        host.restart();
        assert_eq!(host.store().head().get(), held);
        assert_eq!(host.read(sagalog::Read::all().with_system()).len() as u64, held);
    }
}

/// The disk refuses to read any one page, once or for good; it is read or rebuilt.
#[test]
fn a_read_error_of_the_index_is_passed_over() {
    let (disk, truth) = filled(120);
    for nth in 1..40 {
        let host = Host::closed(disk.clone(), tiny());
        let fault = Fault::at_nth(FaultKind::ReadError, 0, Operation::Read, nth, "run-");
        host.disk(|disk| disk.schedule(fault));
        let mut host = host;
        host.start();
        truth.holds(&host, 8);
    }
    for kind in [FaultKind::LatentError, FaultKind::MisdirectedRead, FaultKind::ShortRead] {
        for nth in 1..25 {
            let mut host = Host::closed(disk.clone(), tiny());
            let fault = Fault::at_nth(kind, nth, Operation::Read, nth, "run-");
            host.disk(|disk| disk.schedule(fault));
            host.start();
            truth.holds(&host, 8);
        }
    }
}

/// Nothing of the index can be read any more, and then it can again.
#[test]
fn an_index_that_cannot_be_read_at_all_is_an_error_that_passes() {
    let (disk, truth) = filled(200);
    let mut host = Host::on(disk);
    host.disk(|disk| {
        for nth in 1..4_000 {
            disk.schedule(Fault::at_nth(FaultKind::ReadError, 0, Operation::Read, nth, "run-"));
        }
    });
    let asked = host.try_read(sagalog::Read::stream(super::stream("order-1")));
    let answer = asked.expect_err("no page can be read");
    assert!(
        matches!(
            answer,
            sagalog::ReadError::IndexDamaged { .. } | sagalog::ReadError::IndexUnwritten { .. }
        ),
        "{answer}"
    );
    let refused = host.refusal(super::check("never", sagalog::ExpectedRevision::NoStream));
    assert!(matches!(refused, sagalog::AppendError::Read(_)), "{refused}");
    host.disk(SimDisk::heal);
    host.rest();
    truth.holds(&host, 30);
    host.restart();
    truth.holds(&host, 30);
}
