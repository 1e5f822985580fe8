//! Where a life runs: tasks, clocks, and an end to all of them.
//!
//! It judges nothing. The invariant it guards: after [`Host::end`] nothing of the life before runs
//! again, except destructors, whose disk is fenced by then.

use crate::{
    runtime::{MadsimRuntime, Wall},
    script::{Life, Turns},
};
use madsim::{
    runtime::{Handle, NodeHandle},
    time::timeout,
};
use sagalog::runtime::Runtime;
use sagalog_testkit::{SharedDisk, Stop, VirtualRuntime, World};
use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

/// How much virtual time a life gets. Whatever still waits then, with the disk at work, hangs.
const LIFE_VIRTUAL: Duration = Duration::from_secs(3_600);
/// Polls of one life. A long one takes some ten thousand.
const LIFE_STEPS_MAX: u64 = 1_000_000;

/// Why a life ended before its end.
#[derive(Debug)]
pub(super) enum Stopped {
    Halted,
    Hangs,
    Panicked(String),
}

/// What a life may do to the world around it.
pub trait Sky {
    /// The process is stopped for `duration`.
    fn freeze(&self, duration: Duration);

    /// The wall clock jumps by so many seconds.
    fn jump_wall(&self, seconds: i64);
}

/// An executor.
pub(super) trait Host {
    type Runtime: Runtime + Sky;

    /// A new life begins.
    fn begin(&mut self, turns: Turns, facts: &Life);

    /// Its runtime.
    fn runtime(&self) -> Self::Runtime;

    /// Runs it.
    fn live<T: Send + 'static>(
        &self,
        life: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Result<T, Stopped>>;

    /// Every task of it ends where it waits. The disk has crashed by then.
    fn end(&mut self);

    /// Virtual time since the world began.
    fn elapsed(&self) -> Duration;
}

/// The testkit's executor.
pub(super) struct Executor(World);

impl Executor {
    pub(super) fn new(disk: SharedDisk, entropy: u64) -> Self {
        let world = World::with_shared_disk(entropy, disk);
        Self(world.with_virtual_max(LIFE_VIRTUAL).with_steps_max(LIFE_STEPS_MAX))
    }
}

impl Sky for VirtualRuntime {
    fn freeze(&self, duration: Duration) {
        self.freeze(duration);
    }

    fn jump_wall(&self, seconds: i64) {
        self.jump_wall(seconds.saturating_mul(1_000_000_000));
    }
}

impl Host for Executor {
    type Runtime = VirtualRuntime;

    fn begin(&mut self, turns: Turns, facts: &Life) {
        self.0.set_schedule(turns);
        Sky::jump_wall(&self.0.runtime(), facts.clock_jumps_s);
        self.0.drift_wall(facts.clock_drifts_ppm);
    }

    fn runtime(&self) -> VirtualRuntime {
        self.0.runtime()
    }

    async fn live<T: Send + 'static>(
        &self,
        life: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Stopped> {
        match catch_unwind(AssertUnwindSafe(|| self.0.live(life))) {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(Stop::Halted)) => Err(Stopped::Halted),
            Ok(Err(_)) => Err(Stopped::Hangs),
            Err(panic) => Err(Stopped::Panicked(words(&*panic))),
        }
    }

    fn end(&mut self) {
        self.0.end_incarnation();
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words").to_owned()
}

/// madsim's executor: a node a life. Its order is not recorded.
pub(super) struct Madsim {
    disk: SharedDisk,
    node: Option<NodeHandle>,
    runtime: Option<MadsimRuntime>,
    wall: Arc<Wall>,
}

impl Madsim {
    pub(super) fn new(disk: SharedDisk) -> Self {
        Self { disk, node: None, runtime: None, wall: Arc::default() }
    }
}

impl Host for Madsim {
    type Runtime = MadsimRuntime;

    fn begin(&mut self, _turns: Turns, facts: &Life) {
        self.node = Some(Handle::current().create_node().build());
        self.runtime = Some(MadsimRuntime::new(self.disk.clone(), Arc::clone(&self.wall)));
        self.runtime().jump_wall(facts.clock_jumps_s);
        self.wall.drift(facts.clock_drifts_ppm);
    }

    fn runtime(&self) -> MadsimRuntime {
        self.runtime.clone().expect("a life has begun")
    }

    async fn live<T: Send + 'static>(
        &self,
        life: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Stopped> {
        let node = self.node.as_ref().expect("a life has begun");
        match timeout(LIFE_VIRTUAL, node.spawn(life)).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(panicked)) => Err(Stopped::Panicked(panicked.to_string())),
            Err(_) if self.disk.with(|disk| disk.is_halted()) => Err(Stopped::Halted),
            Err(_) => Err(Stopped::Hangs),
        }
    }

    fn end(&mut self) {
        if let Some(node) = self.node.take() {
            Handle::current().kill(node.id());
        }
    }

    fn elapsed(&self) -> Duration {
        madsim::time::TimeHandle::current().elapsed()
    }
}
