//! What the lives of one run share.
//!
//! It runs nothing. The invariant it guards: an answer is in the trace in the step in which it
//! arrives, so that the trace hash of two runs differs if any answer does.

use super::{Sky, Suite, Surroundings, choices};
use crate::{
    marks::Watch,
    report::{SeedReport, Told, Violation},
    script::{Decision, Director, Life},
};
use sagalog_testkit::{Seeded, SharedDisk, net::Journey};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Shared by the lives of one run.
pub(crate) struct Stage<S: Suite> {
    pub(crate) seed: u64,
    pub(crate) plan: Arc<S::Plan>,
    pub(crate) disk: SharedDisk,
    /// What the seed has reached.
    pub(crate) watch: Watch,
    oracle: Arc<Mutex<S::Oracle>>,
    director: Arc<Mutex<Director<S::Call>>>,
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug, Default)]
struct Progress {
    lives: u32,
    simulated: Duration,
    harmed: bool,
}

impl<S: Suite> Clone for Stage<S> {
    fn clone(&self) -> Self {
        Self {
            seed: self.seed,
            plan: Arc::clone(&self.plan),
            disk: self.disk.clone(),
            watch: self.watch.clone(),
            oracle: Arc::clone(&self.oracle),
            director: Arc::clone(&self.director),
            progress: Arc::clone(&self.progress),
        }
    }
}

/// Locks, also after a life has panicked: what is in there was changed whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Suite> Stage<S> {
    pub(super) fn new(
        seed: u64,
        plan: S::Plan,
        disk: SharedDisk,
        director: Director<S::Call>,
    ) -> Self {
        Self {
            seed,
            oracle: Arc::new(Mutex::new(S::oracle(&plan))),
            plan: Arc::new(plan),
            disk,
            watch: Watch::default(),
            director: Arc::new(Mutex::new(director)),
            progress: Arc::default(),
        }
    }

    pub(crate) fn oracle(&self) -> MutexGuard<'_, S::Oracle> {
        locked(&self.oracle)
    }

    pub(super) fn director(&self) -> MutexGuard<'_, Director<S::Call>> {
        locked(&self.director)
    }

    /// The world around the lives.
    pub(crate) fn world(&self) -> &Surroundings {
        (*self.plan).as_ref()
    }

    /// The choices of a life for one purpose.
    pub(super) fn choices(&self, life: u32, purpose: u64) -> Seeded {
        choices(self.seed, 4).fork(u64::from(life)).fork(purpose)
    }

    /// The number of the next life.
    pub(super) fn count_life(&self) -> u32 {
        let mut progress = locked(&self.progress);
        progress.lives += 1;
        progress.lives
    }

    /// So much virtual time has passed.
    pub(super) fn passed(&self, simulated: Duration) {
        locked(&self.progress).simulated = simulated;
    }

    /// The disk stopped a life.
    pub(super) fn cut_short(&self) {
        self.disk.with(|disk| {
            self.watch.cut_short(disk.last_step().as_ref(), disk.stopped());
        });
    }

    /// Takes an answer into the trace.
    pub(crate) fn note(&self, words: &[u64]) {
        self.disk.with(|disk| disk.remark_words(words));
    }

    /// How many operations the disk has performed.
    pub(crate) fn disk_op(&self) -> u64 {
        self.disk.with(|disk| disk.ops())
    }

    /// What was known to be durable before this disk operation has to be there, or a loss has to
    /// be named: everything on a disk that keeps its promises, and on another one what bytes prove
    /// that are intact. Whoever asks judges by it all that the life shows.
    pub(crate) fn proven(&self) -> u64 {
        if !self.damaged() {
            return u64::MAX;
        }
        self.disk.with(|disk| {
            disk.life_judged();
            disk.proven_to_life()
        })
    }

    /// Files were harmed while nobody looked.
    pub(super) fn harm(&self) {
        locked(&self.progress).harmed = true;
        self.watch.index_damaged();
    }

    /// Whether files were ever harmed while nobody looked.
    pub(crate) fn harmed(&self) -> bool {
        locked(&self.progress).harmed
    }

    pub(super) fn into_report(
        self,
        violation: Option<Violation>,
        told: Told,
    ) -> (SeedReport, Vec<Decision<S::Call>>) {
        let operations = S::calls(&self.oracle());
        let simulated = locked(&self.progress).simulated;
        let report = self.disk.with(|disk| {
            let counters = disk.counters();
            self.watch.disk(&counters);
            let (mut story, mut events) = (Vec::new(), Vec::new());
            if violation.is_some() || told == Told::Everything {
                events.extend(disk.notes().map(ToString::to_string));
            }
            if violation.is_some() {
                story.push(format!("{:?}", self.plan));
                story.extend(disk.damage().iter().map(|damage| format!("damage: {damage}")));
            }
            SeedReport {
                suite: S::NAME,
                seed: self.seed,
                violation,
                operations,
                crashes: counters.process_crashes + counters.power_failures,
                disk_ops: counters.ops,
                faults: counters.faults.values().sum(),
                simulated,
                marks: self.watch.marks(),
                trace_hash: disk.trace_hash(),
                events,
                story,
            }
        });
        let director = std::mem::replace(&mut *self.director(), Director::drawing());
        (report, director.into_decisions())
    }
}

/// One life, as a suite sees it.
pub struct Lived<S: Suite, R: Sky> {
    pub(crate) stage: Stage<S>,
    pub(crate) number: u32,
    /// How often the process has opened the store before.
    pub(crate) opening: u32,
    pub(crate) facts: Life,
    pub(crate) runtime: R,
    /// What else there is in the world.
    pub(crate) around: S::Around<R>,
}

impl<S: Suite, R: Sky> Clone for Lived<S, R> {
    fn clone(&self) -> Self {
        let (stage, facts) = (self.stage.clone(), self.facts.clone());
        let (runtime, around) = (self.runtime.clone(), self.around.clone());
        Self { stage, facts, runtime, around, ..*self }
    }
}

impl<S: Suite, R: Sky> fmt::Debug for Lived<S, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "life {} {:?}", self.number, self.facts)
    }
}

impl<S: Suite, R: Sky> Lived<S, R> {
    /// The choices of a client in this life, or of the life itself.
    pub(crate) fn choices(&self, client: u32) -> Seeded {
        self.stage.choices(self.number, 16 + u64::from(client))
    }
}

impl<S: Suite> Stage<S> {
    /// The next call of a client, if there is one.
    pub(crate) fn next_call(
        &self,
        life: u32,
        client: u32,
        draw: impl FnOnce() -> Option<S::Call>,
    ) -> Option<S::Call> {
        self.director().call((life, client), draw)
    }

    /// What becomes of a delivery, by its name.
    pub(crate) fn journey(
        &self,
        life: u32,
        delivery: &str,
        draw: impl FnOnce() -> Journey,
    ) -> Journey {
        self.director().journey(life, delivery, draw)
    }
}
