//! Every crash of two short stories: after every operation of the disk, every subset of what was
//! not synced, and torn sectors. And every fault that a disk reports, at every operation.
//!
//! Not a search over long stories, which is the simulation's part. The invariant it guards: within
//! these bounds recovery is proved and not sampled. It defends G1 to G8 and G10 of
//! `docs/GUARANTEES.md`.

use super::judged;
use sagalog::{Commit, CommitError, Log, Options, Position, runtime::Clock};
use sagalog_testkit::{
    Fault, FaultKind, Machine, Operation, Order, SimDisk, VirtualRuntime, World,
};
use std::{cell::RefCell, collections::BTreeMap, time::Duration};

/// All subsets are tried of up to eight unsynced units.
const SUBSETS_MAX: usize = 256;
/// One image in so many is also crashed during its recovery.
const RECOVERIES: usize = 401;

/// What callers were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Unknown,
    At(Position),
    Refused,
}

/// What was submitted and what was answered.
#[derive(Clone, Debug, Default)]
struct History {
    commits: BTreeMap<String, Answer>,
    /// Positions below may be gone.
    floor: Position,
    /// The story is past what another one has told.
    watched: bool,
    /// Something failed, which only a disk with faults may cause.
    failed: bool,
}

type Found = Vec<(Position, String)>;

impl History {
    /// Judges what a recovered log holds.
    fn judge(&self, found: &Found, floor: Position) {
        assert!(floor <= self.floor, "G7: {floor} is above {}", self.floor);
        let mut seen = BTreeMap::new();
        for (next, (at, body)) in (floor.get()..).zip(found) {
            assert_eq!(at.get(), next, "G3: a gap");
            assert_eq!(seen.insert(body, at), None, "G2: {body:.9} appears twice");
            match self.commits.get(body) {
                Some(Answer::Unknown) => {}
                Some(Answer::At(told)) => assert_eq!(told, at, "G3: {body:.9}"),
                Some(Answer::Refused) => panic!("G5: {body:.9} was refused"),
                None => panic!("G4: nobody appended {body:.9}"),
            }
        }
        for (body, answer) in &self.commits {
            if let Answer::At(told) = answer {
                let kept = *told < floor || seen.contains_key(body);
                assert!(kept, "G1: {body:.9} at {told} is lost");
            }
        }
    }
}

/// What the machine does from its birth on.
type Story = for<'a> fn(VirtualRuntime, &'a RefCell<History>) -> Told<'a>;
type Told<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

fn options() -> Options {
    Machine::options()
}

async fn open(runtime: &VirtualRuntime, history: &RefCell<History>) -> Option<Log> {
    let opened = Log::open_with(runtime, options()).await;
    history.borrow_mut().failed |= opened.is_err();
    opened.ok().map(|(log, _)| log)
}

async fn append(log: &Log, history: &RefCell<History>, name: &str, bytes: usize) {
    let body = format!("{name:-<bytes$}");
    history.borrow_mut().commits.insert(body.clone(), Answer::Unknown);
    let answer = match log.append(Commit::new(body.clone())).await {
        Ok(appended) => Answer::At(appended.first),
        Err(CommitError::Unknown) => Answer::Unknown,
        Err(_) => Answer::Refused,
    };
    history.borrow_mut().failed |= !matches!(answer, Answer::At(_));
    history.borrow_mut().commits.insert(body, answer);
}

/// A new store grows into a second segment, is closed, opened and used again.
fn grow(runtime: VirtualRuntime, history: &RefCell<History>) -> Told<'_> {
    Box::pin(async move {
        history.borrow_mut().watched = true;
        let Some(log) = open(&runtime, history).await else {
            return;
        };
        for (number, bytes) in
            [40, 3_000, 600, 3_000, 3_000, 3_000, 1_200, 3_000].iter().enumerate()
        {
            append(&log, history, &format!("first life {number} "), *bytes).await;
        }
        runtime.sleep(Duration::from_secs(2)).await;
        history.borrow_mut().failed |= log.close().await.is_err();
        let Some(log) = open(&runtime, history).await else {
            return;
        };
        append(&log, history, "second life", 40).await;
        append(&log, history, "second life, large", 2_000).await;
    })
}

/// A log of some segments gives up the first ones and goes on in their files.
fn retire(runtime: VirtualRuntime, history: &RefCell<History>) -> Told<'_> {
    Box::pin(async move {
        let Some(log) = open(&runtime, history).await else {
            return;
        };
        for number in 0..9 {
            append(&log, history, &format!("kept for a while {number} "), 3_500).await;
            runtime.sleep(Duration::from_millis(100)).await;
        }
        let floor = Position::new(7);
        history.borrow_mut().floor = floor;
        history.borrow_mut().watched = true;
        let kept = log.keep_from(floor).await;
        history.borrow_mut().failed |= kept.is_err();
        for number in 0..6 {
            append(&log, history, &format!("in an old file {number} "), 3_000).await;
            runtime.sleep(Duration::from_millis(100)).await;
        }
    })
}

fn read(machine: &Machine) -> Found {
    let mut reader = machine.log().read(Position::new(0));
    machine.world().block_on(async {
        let mut found = Vec::new();
        while let Some(commit) = reader.next().await.expect("the disk kept its promises") {
            let body = String::from_utf8(commit.body.to_vec()).expect("we wrote text");
            found.push((commit.first, body));
        }
        found
    })
}

fn recover(machine: &mut Machine, history: &History) -> Found {
    let report = match machine.open_at_once() {
        Ok(report) => report,
        Err(error) => panic!("G10: refused although the disk kept its promises: {error}"),
    };
    assert!(report.warnings.is_empty() || only_a_torn_slot(&report), "{report:?}");
    let found = read(machine);
    history.judge(&found, report.floor);
    found
}

fn only_a_torn_slot(report: &sagalog::RecoveryReport) -> bool {
    report.warnings == [sagalog::OpenWarning::SuperblockSlotDamaged]
}

/// The log opens, takes another commit, and shows the same and that one after the power went; in
/// some of the images it also shows the same when the process dies at once.
fn check(disk: SimDisk, history: &History, number: usize) {
    judged::agree_that_it_is_sound(&disk);
    let mut machine = Machine::with_disk(disk, options());
    let mut found = recover(&mut machine, history);
    if number.is_multiple_of(3) {
        machine.kill();
        assert_eq!(recover(&mut machine, history), found, "G6: recovered twice");
    }
    let next = machine.append("after the crash");
    found.push((next, "after the crash".into()));
    machine.power_off();
    let mut history = history.clone();
    history.commits.insert("after the crash".into(), Answer::At(next));
    assert_eq!(recover(&mut machine, &history), found, "G8: it goes on");
}

/// The recovery itself is cut after each of its operations, and the power goes again.
fn check_cut_recoveries(disk: &SimDisk, history: &History) -> usize {
    let mut images = 0;
    for ops in 0.. {
        let mut machine = Machine::with_disk(disk.clone(), options());
        let cut = machine.open_cut_after(ops);
        for image in machine.disk(|disk| disk.crash_images(4, true).collect::<Vec<_>>()) {
            recover(&mut Machine::with_disk(image, options()), history);
            images += 1;
        }
        if !cut {
            break;
        }
    }
    images
}

/// The operations that change what a crash leaves.
fn changes(disk: &SimDisk) -> bool {
    !disk.events().all(|event| {
        matches!(
            event.operation,
            Operation::Open
                | Operation::Read
                | Operation::Length
                | Operation::List
                | Operation::Lock
        )
    })
}

/// Checks every image of every moment of `story`, its tasks in the order that `seed` says; returns
/// how many.
fn check_all(story: Story, seed: u64) -> usize {
    let mut images = 0;
    for op in 1.. {
        let history = RefCell::default();
        let order = if seed == 0 { Order::Fifo } else { Order::Seeded };
        let world = World::with_disk(seed, SimDisk::new()).with_order(order);
        world.disk(|disk| disk.keep_events(1));
        let told = world.run_until_op(op, story(world.runtime(), &history));
        let disk = world.disk(|disk| disk.clone());
        world.crash_process();
        let history = history.into_inner();
        assert!(!history.failed, "nothing fails on a quiet disk");
        if history.watched && changes(&disk) {
            let mut killed = disk.clone();
            killed.process_crash();
            for image in disk.crash_images(SUBSETS_MAX, true).chain([killed]) {
                if images % RECOVERIES == 0 {
                    images += check_cut_recoveries(&image, &history);
                }
                check(image, &history, images);
                images += 1;
            }
        }
        if told.is_some() {
            break;
        }
    }
    images
}

/// What the disk may report, with the amounts that differ.
const REPORTED: &[(FaultKind, u64)] = &[
    (FaultKind::ReadError, 0),
    (FaultKind::WriteError, 0),
    (FaultKind::WriteError, 512),
    (FaultKind::SyncError, 0),
    (FaultKind::SyncError, 0b01),
    (FaultKind::SyncError, u64::MAX),
    (FaultKind::DirectorySyncError, 0),
    (FaultKind::MetadataError, 0),
    (FaultKind::ShortRead, 100),
    (FaultKind::ShortWrite, 100),
    (FaultKind::NoSpace, 0),
    (FaultKind::TooManyFiles, 0),
    (FaultKind::AccessDenied, 0),
    (FaultKind::ReadOnly, 0),
];

/// What `story` asks of a quiet disk.
fn operations(story: Story) -> Vec<Operation> {
    let world = World::with_disk(1, SimDisk::new()).with_order(Order::Fifo);
    world.disk(|disk| disk.keep_events(100_000));
    world.block_on(story(world.runtime(), &RefCell::default()));
    world.disk(|disk| disk.events().map(|event| event.operation).collect())
}

/// Lets every operation of `story` fail in every way that the disk reports, one at a time, and
/// then the process or the power. Returns how many disks were judged.
fn fail_everywhere(story: Story) -> usize {
    let mut judged = 0;
    for (op, operation) in (1..).zip(operations(story)) {
        for (kind, amount) in REPORTED.iter().filter(|(kind, _)| kind.strikes(operation)) {
            let history = RefCell::default();
            let world = World::with_disk(1, SimDisk::new()).with_order(Order::Fifo);
            world.disk(|disk| disk.schedule(Fault::at_op(*kind, *amount, op)));
            world.block_on(story(world.runtime(), &history));
            let mut disk = world.disk(|disk| disk.clone());
            world.crash_process();
            assert_eq!(disk.injected().len(), 1, "{kind} at {op}");
            let history = history.into_inner();
            check(disk.power_failure_image(0), &history, judged);
            check(disk.power_failure_image(u64::MAX), &history, judged + 1);
            disk.process_crash();
            check(disk, &history, judged + 2);
            judged += 3;
        }
    }
    judged
}

/// Says how many disks were judged, and fails if there were fewer than `disks_min`.
fn enough(disks: usize, disks_min: usize) {
    #[expect(clippy::print_stdout, reason = "the size of the proof, for whoever asks")]
    {
        println!("{disks} disks");
    }
    assert!(disks >= disks_min, "only {disks} disks");
}

#[test]
fn every_crash_of_a_growing_log_recovers() {
    enough(check_all(grow, 0), 1_500);
}

#[test]
fn every_crash_of_a_growing_log_whose_tasks_interleave_recovers() {
    enough(check_all(grow, 1), 2_500);
}

#[test]
fn every_crash_of_a_log_that_retires_segments_recovers() {
    enough(check_all(retire, 0), 1_500);
}

#[test]
fn every_reported_fault_of_a_growing_log_is_survived() {
    enough(fail_everywhere(grow), 900);
}

#[test]
fn every_reported_fault_of_a_log_that_retires_segments_is_survived() {
    enough(fail_everywhere(retire), 1_200);
}
