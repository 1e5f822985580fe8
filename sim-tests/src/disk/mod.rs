//! The disk suite: one log on one disk, through many lives that end in crashes.
//!
//! A seed draws a [`Plan`]; each life opens the log, judges what it finds against the oracle,
//! appends, reads, retires, closes or not, and is cut short before some disk operation. At the end
//! everything is healed and the log has to open, append and close: the liveness phase.

mod life;
mod oracle;
mod plan;

pub use oracle::Oracle;
pub(crate) use plan::{DISHONEST, HONEST};
pub use plan::{Plan, Temper};

use crate::{
    marks::{Mark, Watch},
    report::{SeedReport, SuiteName, Told, Violation, broken},
};
use life::{Ending, Life};
use madsim::{
    runtime::{Handle, Runtime},
    time::{TimeHandle, timeout},
};
use sagalog::{OpenError, log::recovery::BlockClass};
use sagalog_testkit::{Choices, FaultKind, Seeded, SharedDisk, SimDisk};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// How much virtual time a life gets. Whatever still waits then, with the disk at work, hangs.
const LIFE_VIRTUAL: Duration = Duration::from_secs(600);
/// How often the healed log has to open, work and close.
const HEALED_OPENS: u64 = 3;
/// How many of the last disk events a report shows.
const EVENTS_KEPT: usize = 40;

/// Shared by the lives of one log.
#[derive(Clone)]
struct Stage {
    plan: Arc<Plan>,
    disk: SharedDisk,
    oracle: Arc<Mutex<Oracle>>,
    answers: Arc<Mutex<u128>>,
    cut_short: Arc<AtomicU32>,
    watch: Watch,
}

impl Stage {
    fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an answer into the trace.
    fn note(&self, words: [u64; 3]) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for word in words {
            *answers = (*answers ^ u128::from(word))
                .wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B);
        }
    }

    /// Whether a fault of one of these kinds has struck so far.
    fn struck(&self, which: impl Fn(FaultKind) -> bool) -> bool {
        self.disk.with(|disk| disk.injected().iter().any(|fault| which(fault.kind)))
    }

    /// Whether the disk has broken a promise, or shown what is not there.
    fn damaged(&self) -> bool {
        self.struck(|kind| kind.breaks_promises() || kind == FaultKind::MisdirectedRead)
    }
}

/// Runs one seed from its plan.
pub fn run_seed(plan: Plan, told: Told) -> SeedReport {
    let seed = plan.seed;
    let mut disk = SimDisk::with_faults(plan.faults.clone(), Seeded::new(seed).fork(2).bits());
    disk.keep_events(told.events_kept(EVENTS_KEPT));
    disk.set_quota(plan.quota_bytes);
    let stage = Stage {
        plan: Arc::new(plan),
        disk: SharedDisk::new(disk),
        oracle: Arc::default(),
        answers: Arc::default(),
        cut_short: Arc::default(),
        watch: Watch::default(),
    };
    let runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
    let (violation, simulated) = runtime.block_on(async {
        let violation = play(&stage).await.err();
        // Lives that were cut short waited for nothing until their time was over.
        let waited = LIFE_VIRTUAL * stage.cut_short.load(Ordering::Relaxed);
        (violation, TimeHandle::current().elapsed().saturating_sub(waited))
    });
    SeedReport { simulated, ..report(&stage, violation, told) }
}

fn report(stage: &Stage, violation: Option<Violation>, told: Told) -> SeedReport {
    let answers = *stage.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let appends = stage.oracle().submitted() as u64;
    stage.disk.with(|disk| {
        let counters = disk.counters();
        stage.watch.disk(&counters);
        let (mut story, mut events) = (Vec::new(), Vec::new());
        if violation.is_some() || told == Told::Everything {
            events.extend(disk.events().map(ToString::to_string));
        }
        if violation.is_some() {
            story.push(format!("{:?}", stage.plan));
            story.extend(disk.damage().iter().map(|damage| format!("damage: {damage}")));
        }
        SeedReport {
            suite: SuiteName::Disk,
            seed: stage.plan.seed,
            violation,
            operations: appends,
            crashes: counters.process_crashes + counters.power_failures,
            disk_ops: counters.ops,
            faults: counters.faults.values().sum(),
            simulated: Duration::ZERO,
            marks: stage.watch.marks(),
            trace_hash: disk.trace_hash() ^ answers,
            events,
            story,
        }
    })
}

async fn play(stage: &Stage) -> Result<(), Violation> {
    let mut choices = Seeded::new(stage.plan.seed).fork(4);
    for number in 0..stage.plan.lives {
        let cut = 1 + choices.below(stage.plan.life_ops_max);
        if choices.below(8) > 0 {
            stage.disk.with(|disk| disk.halt_before(disk.ops() + cut));
        }
        let ending = live_once(stage, &mut choices, number).await?;
        if let Ending::NotOpened(error) = ending
            && is_final(&error)
        {
            return excuse(stage, &error);
        }
        crash(stage, &mut choices);
    }
    heal(stage, &mut choices).await
}

/// One life on a node of its own, which is killed at the end.
async fn live_once(stage: &Stage, choices: &mut Seeded, number: u64) -> Result<Ending, Violation> {
    let node = Handle::current().create_node().build();
    let life = Life::new(stage.clone(), choices.fork(number));
    let lived = timeout(LIFE_VIRTUAL, node.spawn(life.live())).await;
    Handle::current().kill(node.id());
    match lived {
        Ok(Ok(ending)) => ending,
        Ok(Err(panicked)) => broken("G9", format!("a task panicked: {panicked}")),
        Err(_) if stage.disk.with(|disk| disk.is_halted()) => {
            stage.cut_short.fetch_add(1, Ordering::Relaxed);
            stage.disk.with(|disk| {
                let last = disk.events().last();
                stage.watch.cut_short(last.map(|event| (event.operation, &*event.file)));
            });
            Ok(Ending::CutShort)
        }
        Err(_) => broken("G8", format!("life {number} hangs although the disk is at work")),
    }
}

fn crash(stage: &Stage, choices: &mut Seeded) {
    let power = choices.chance(stage.plan.power_failure_chance);
    stage.disk.with(|disk| {
        disk.clear_halt();
        if power {
            disk.power_failure(choices);
        } else {
            disk.process_crash();
        }
    });
}

/// Whether trying again cannot help: the store says that it is damaged.
pub(crate) fn is_final(error: &OpenError) -> bool {
    match error {
        OpenError::Corrupt(report) => report.found != BlockClass::Unreadable && report.row != 'E',
        OpenError::SuperblockDamaged
        | OpenError::SegmentMissing(_)
        | OpenError::SegmentDamaged(_)
        | OpenError::ForeignFile { .. }
        | OpenError::NewerFormat { .. }
        | OpenError::NotAStore { .. }
        | OpenError::Options(_) => true,
        _ => false,
    }
}

/// A refusal for good is right only if the disk has really broken a promise.
fn excuse(stage: &Stage, error: &OpenError) -> Result<(), Violation> {
    if stage.damaged() {
        return Ok(());
    }
    broken("G10", format!("refused to open although the disk kept its promises: {error}"))
}

/// Everything is healed: the log has to open, append, close and come back as it was.
async fn heal(stage: &Stage, choices: &mut Seeded) -> Result<(), Violation> {
    stage.disk.with(|disk| {
        disk.heal();
        disk.set_quota(None);
    });
    for attempt in 0..HEALED_OPENS {
        let life = Life::new(stage.clone(), choices.fork(1000 + attempt)).in_a_healed_world();
        let node = Handle::current().create_node().build();
        let lived = timeout(LIFE_VIRTUAL, node.spawn(life.live())).await;
        Handle::current().kill(node.id());
        let Ok(Ok(ending)) = lived else {
            return broken("G8", "the healed log hangs or panics".into());
        };
        match ending? {
            Ending::Closed => stage.watch.reach(Mark::Healed),
            Ending::NotOpened(error) if is_final(&error) => return excuse(stage, &error),
            // Damage that stays damage: what cannot be read is still not readable.
            Ending::NotOpened(_) | Ending::ReadDamaged if stage.damaged() => return Ok(()),
            ending => return broken("G8", format!("the healed log ends as {ending:?}")),
        }
        crash(stage, choices);
    }
    Ok(())
}
