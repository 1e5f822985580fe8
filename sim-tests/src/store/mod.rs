//! The store suite: one event store on one disk, through many lives that end in crashes.
//!
//! A seed draws a [`Plan`]; each life opens the store, reads its whole log, judges it and what was
//! said in the life before, and then lets clients append and ask until it is cut short before some
//! disk operation. Between lives index files may be damaged or vanish. At the end everything is
//! healed, and the store has to open, answer and close, with its index files and without.

mod client;
mod life;
mod oracle;
mod plan;

pub use plan::{Plan, Temper};

use crate::{
    disk::is_final,
    report::{SeedReport, Violation, broken},
};
use life::{Ending, Life};
use madsim::{
    runtime::{Handle, Runtime},
    time::timeout,
};
use oracle::Oracle;
use plan::INDEX_PREFIX;
use sagalog::OpenError;
use sagalog_testkit::{
    Choices, FaultKind, Seeded, SharedDisk, SimDisk,
    model::{Refusal, Reply, Shown},
};
use std::{
    fmt::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How much virtual time a life gets. Whatever still waits then, with the disk at work, hangs.
const LIFE_VIRTUAL: Duration = Duration::from_secs(600);
/// How often the healed store has to open, work and close.
const HEALED_OPENS: u64 = 3;
/// How many of the last disk events a report shows.
const EVENTS_KEPT: usize = 60;

/// Shared by the lives of one store.
#[derive(Clone)]
struct Stage {
    plan: Arc<Plan>,
    disk: SharedDisk,
    oracle: Arc<Mutex<Oracle>>,
    shown: Arc<Shown>,
    answers: Arc<Mutex<Digest>>,
}

/// A digest of everything that was answered, in order.
#[derive(Clone, Copy, Debug, Default)]
struct Digest(u128);

impl Digest {
    fn take(&mut self, word: u64) {
        self.0 =
            (self.0 ^ u128::from(word)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B);
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.take(byte.into());
        }
        Ok(())
    }
}

impl Stage {
    fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an answer into the trace.
    fn note(&self, words: [u64; 3]) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for word in words {
            answers.take(word);
        }
    }

    /// Takes a reply into the trace: of events only how many and which.
    fn note_reply(&self, reply: &Reply) {
        match reply {
            Reply::Events(events) => {
                self.note([2, events.len() as u64, 0]);
                for event in events {
                    self.note([3, event.position, event.revision]);
                }
            }
            other => self.note_debug(other),
        }
    }

    /// Takes an answer into the trace, whole.
    fn note_debug(&self, answer: &impl fmt::Debug) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        write!(answers, "{answer:?}").expect("a digest takes everything");
    }

    /// Whether a fault of one of these kinds has struck so far.
    fn struck(&self, which: impl Fn(FaultKind) -> bool) -> bool {
        self.disk.with(|disk| disk.injected().iter().any(|fault| which(fault.kind)))
    }

    /// Whether the disk has broken a promise about the log, or shown what is not there.
    fn damaged(&self) -> bool {
        self.plan.temper == Temper::Dishonest
            && self.struck(|kind| kind.breaks_promises() || kind == FaultKind::MisdirectedRead)
    }

    /// Whether the disk has refused to read the log and said so.
    fn reported(&self) -> bool {
        let reported = |kind| {
            matches!(
                kind,
                FaultKind::ReadError
                    | FaultKind::MetadataError
                    | FaultKind::TooManyFiles
                    | FaultKind::AccessDenied
                    | FaultKind::ReadOnly
            )
        };
        self.plan.temper != Temper::IndexRot && self.struck(reported)
    }

    /// Whether a fault has struck that keeps a damaged index file from being written anew.
    fn index_unwritable(&self) -> bool {
        let reads = |kind| {
            matches!(kind, FaultKind::ReadError | FaultKind::ShortRead | FaultKind::MisdirectedRead)
        };
        self.struck(|kind| !reads(kind)) || self.plan.quota_bytes.is_some()
    }

    /// Whether a read error has an excuse; one without breaks a promise: damage of an index file
    /// is none.
    fn excuses(&self, refusal: &Refusal, healthy: bool) -> Result<bool, Violation> {
        let rot = self.plan.temper == Temper::IndexRot;
        let excused = match refusal {
            Refusal::StreamNotFound | Refusal::Query | Refusal::Request => return Ok(false),
            // The log is poisoned; then nobody writes an index file either.
            Refusal::Unresolved | Refusal::IndexDamaged(_) => {
                !healthy && !rot && self.plan.may_fail()
            }
            Refusal::IndexUnwritten(_) => !healthy && self.index_unwritable(),
            Refusal::Failed(_) => !healthy && self.reported(),
        };
        if excused || self.damaged() {
            return Ok(true);
        }
        let guarantee = if rot { "G22" } else { "G8" };
        broken(guarantee, format!("it cannot be read: {refusal:?}"))
    }

    /// Whether a reply is an error with an excuse, which says nothing.
    fn excuses_reply(&self, reply: &Reply, healthy: bool) -> Result<bool, Violation> {
        match reply {
            Reply::Refused(refusal) => self.excuses(refusal, healthy),
            _ => Ok(false),
        }
    }
}

/// Runs one seed from its plan.
pub fn run_seed(plan: Plan) -> SeedReport {
    let seed = plan.seed;
    let mut disk = SimDisk::with_faults(plan.faults.clone(), Seeded::new(seed).fork(2).bits());
    disk.keep_events(EVENTS_KEPT);
    disk.set_quota(plan.quota_bytes);
    let stage = Stage {
        oracle: Arc::new(Mutex::new(Oracle::new(plan.key_horizon_events))),
        plan: Arc::new(plan),
        disk: SharedDisk::new(disk),
        shown: Arc::default(),
        answers: Arc::default(),
    };
    let runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
    let violation = runtime.block_on(play(&stage)).err();
    report(&stage, violation)
}

fn report(stage: &Stage, violation: Option<Violation>) -> SeedReport {
    let answers = stage.answers.lock().unwrap_or_else(PoisonError::into_inner).0;
    let operations = stage.oracle().calls();
    stage.disk.with(|disk| {
        let counters = disk.counters();
        let mut story = Vec::new();
        if violation.is_some() {
            story.push(format!("{:?}", stage.plan));
            story.extend(disk.events().map(ToString::to_string));
            story.extend(disk.damage().iter().map(|damage| format!("damage: {damage}")));
        }
        SeedReport {
            suite: "store",
            seed: stage.plan.seed,
            violation,
            operations,
            crashes: counters.process_crashes + counters.power_failures,
            disk_ops: counters.ops,
            faults: counters.faults.values().sum(),
            trace_hash: disk.trace_hash() ^ answers,
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
        if stage.plan.damages_index && choices.below(3) == 0 {
            damage_index(stage, &mut choices);
        }
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
        Err(_) if stage.disk.with(|disk| disk.is_halted()) => Ok(Ending::CutShort),
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

/// A refusal for good is right only if the disk has really broken a promise about the log.
fn excuse(stage: &Stage, error: &OpenError) -> Result<(), Violation> {
    if stage.damaged() {
        return Ok(());
    }
    broken("G10", format!("refused to open although the disk kept its promises: {error}"))
}

/// Index files are derived: whatever becomes of them while the store is closed is no damage.
fn damage_index(stage: &Stage, choices: &mut Seeded) {
    stage.disk.with(|disk| {
        let mut files = disk.names();
        files.retain(|name| name.starts_with(INDEX_PREFIX));
        let all = choices.below(3) == 0;
        for name in &files {
            let bytes = disk.contents(name).map_or(0, |bytes| bytes.len() as u64);
            let at = choices.below(bytes);
            let struck = match choices.below(8) {
                _ if all => disk.remove_file(name),
                0 => disk.remove_file(name),
                1 => disk.corrupt_bit(name, at, 3),
                2 => disk.zero_sectors(name, at..at + 1 + choices.below(5_000)),
                3 => disk.truncate_file(name, at),
                4 => disk.copy_sectors((name, 0), (name, at / 512), 8),
                5 => disk.truncate_file(name, bytes + 4096),
                _ => Ok(()),
            };
            struck.expect("the file is listed");
        }
    });
}

/// Everything is healed: the store has to open, answer, append, close and come back as it was,
/// with its index files, without them, and with damaged ones.
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
        let ending = match lived {
            Ok(Ok(ending)) => ending?,
            Ok(Err(panicked)) => return broken("G9", format!("a task panicked: {panicked}")),
            Err(_) => return broken("G8", "the healed store hangs".into()),
        };
        match ending {
            Ending::Closed => {}
            Ending::NotOpened(error) if is_final(&error) => return excuse(stage, &error),
            // Damage that stays damage: what cannot be read is still not readable.
            Ending::NotOpened(_) | Ending::ReadDamaged if stage.damaged() => return Ok(()),
            ending => return broken("G8", format!("the healed store ends as {ending:?}")),
        }
        crash(stage, choices);
        damage_index(stage, choices);
    }
    Ok(())
}
