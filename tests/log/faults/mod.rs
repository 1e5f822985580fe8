//! The 53 storage faults of `docs/FAULTS.md`, each as a story that provokes it.
//!
//! Not a search: the simulation looks for what nobody thought of, these tests hold what somebody
//! did. The invariant they guard: every row has a test that creates its fault for real, and what
//! the log says and holds afterwards is stated exactly.

mod begun;
mod crash;
mod damage;
mod directory;
mod displaced;
mod errors;
mod format;
mod misdirection;
mod reading;
mod real_files;
mod superblock;
mod surroundings;

use sagalog::{Appended, CorruptionReport, OpenError, ReadError, log::group::GroupHeader};
use sagalog_testkit::{Fault, FaultKind, Machine, Operation, SimDisk};

/// A machine whose log holds these commits, each acknowledged, and is idle.
fn machine_with(bodies: &[&str]) -> Machine {
    let mut machine = Machine::new();
    machine.start();
    for body in bodies {
        machine.append(body);
    }
    machine
}

/// A machine with this disk.
fn machine_on(disk: SimDisk) -> Machine {
    Machine::with_disk(disk, Machine::options())
}

/// Every disk that a power failure could leave now, with torn sectors.
fn images(machine: &Machine) -> Vec<SimDisk> {
    machine.disk(|disk| disk.crash_images(256, true).collect())
}

/// Plans `kind` for the next `operation` on a file whose name begins with `prefix`.
fn next(machine: &Machine, kind: FaultKind, operation: Operation, prefix: &str) {
    machine.disk(|disk| disk.schedule(Fault::at_nth(kind, 0, operation, 1, prefix)));
}

/// The report of a log that refuses because of damage.
fn corruption(error: OpenError) -> CorruptionReport {
    match error {
        OpenError::Corrupt(report) => *report,
        other => panic!("the log has to name the damage: {other}"),
    }
}

/// The report of a read that found damage.
fn read_corruption(error: Option<ReadError>) -> CorruptionReport {
    match error {
        Some(ReadError::Corrupt(report)) => *report,
        other => panic!("the reader has to name the damage: {other:?}"),
    }
}

/// Where the group with this header begins in its file.
fn offset(group: &GroupHeader) -> u64 {
    group.place.offset
}

/// The log takes another commit, and has it and all of `before` after the power went.
fn goes_on_after(machine: &mut Machine, before: &[&str]) {
    let held: Vec<&str> = before.iter().copied().chain(["and on"]).collect();
    machine.append("and on");
    assert_eq!(machine.read(), held);
    machine.power_off();
    machine.start();
    assert_eq!(machine.read(), held);
}

/// The positions of an answer.
fn positions(appended: Appended) -> (u64, u64) {
    (appended.first.get(), appended.last.get())
}
