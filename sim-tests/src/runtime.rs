//! Sagalog's runtime traits on madsim: virtual time, seeded task order, the simulated disk.
//!
//! It adds no behaviour of its own. madsim rounds sleeps up to a millisecond, so short latencies
//! are turns given to other tasks instead.

use crate::frame::Sky;
use madsim::{
    rand::{Rng, thread_rng},
    runtime::{Handle, NodeHandle},
};
use sagalog::{
    EngineRuntime, Openings,
    runtime::{Clock, Entropy, Linger, Moment, Runtime, Tasks, WallTime},
};
use sagalog_testkit::{Pace, SharedDisk, SimDiskHandle};
use std::{
    fmt,
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// Wall time at the start of every world: 2025-01-01T00:00:00Z.
const WALL_START_NANOS: u64 = 1_735_689_600_000_000_000;

/// Turns that a disk operation gives to others at most, on either side of its effect.
const DISK_TURNS_MAX: u32 = 1;
/// Turns that a lingering task gives to others at most.
const LINGER_TURNS_MAX: u32 = 4;

/// [`Runtime`] on a madsim node, for one incarnation of the process.
#[derive(Clone)]
pub struct MadsimRuntime {
    disk: SimDiskHandle<MadsimPace>,
    wall: Arc<Wall>,
    /// The machine, if it is another one than its tasks are started from.
    node: Option<NodeHandle>,
}

impl fmt::Debug for MadsimRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MadsimRuntime").field("disk", &self.disk).finish_non_exhaustive()
    }
}

/// The wall clock of a machine: it outlives the process, jumps and drifts.
#[derive(Debug, Default)]
pub struct Wall {
    /// By how many nanoseconds it is off, apart from its drift.
    offset_nanos: AtomicI64,
    /// By how many millionths it is fast, or slow.
    drift_ppm: AtomicI64,
}

impl Wall {
    /// Makes it fast by so many millionths from here on, or slow.
    pub fn drift(&self, ppm: i64) {
        let before = self.ticked();
        self.drift_ppm.store(ppm, Ordering::Relaxed);
        self.offset_nanos.fetch_add(before - self.ticked(), Ordering::Relaxed);
    }

    /// Nanoseconds that it has counted since the world began.
    fn ticked(&self) -> i64 {
        let elapsed = madsim::time::TimeHandle::current().elapsed().as_nanos();
        let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
        let drift = i128::from(elapsed) * i128::from(self.drift_ppm.load(Ordering::Relaxed));
        elapsed.saturating_add(i64::try_from(drift / 1_000_000).unwrap_or(i64::MAX))
    }
}

impl MadsimRuntime {
    /// A runtime on the current incarnation of `disk`, that shows `wall`.
    pub fn new(disk: SharedDisk, wall: Arc<Wall>) -> Self {
        Self { disk: SimDiskHandle::new(disk, MadsimPace), wall, node: None }
    }
}

impl EngineRuntime for MadsimRuntime {
    fn openings() -> &'static Openings<Self> {
        static OPENINGS: Openings<MadsimRuntime> = Openings::new();
        &OPENINGS
    }
}

/// Lets virtual time pass for a stall, and other tasks run otherwise.
#[derive(Clone, Copy, Debug)]
pub struct MadsimPace;

impl Pace for MadsimPace {
    async fn pause(&self, stall: Duration) {
        if !stall.is_zero() {
            madsim::time::sleep(stall).await;
        }
        give_turns(DISK_TURNS_MAX).await;
    }
}

async fn give_turns(turns_max: u32) {
    let turns = thread_rng().gen_range(0..=turns_max);
    for _ in 0..turns {
        madsim::task::yield_now().await;
    }
}

impl Sky for MadsimRuntime {
    fn add_machine(&self, disk: SharedDisk) -> Self {
        let node = Some(Handle::current().create_node().build());
        Self { node, ..Self::new(disk, Arc::clone(&self.wall)) }
    }

    fn restart(&self) -> Self {
        if let Some(node) = &self.node {
            Handle::current().kill(node.id());
        }
        self.add_machine(self.disk.shared().clone())
    }

    fn freeze(&self, duration: Duration) {
        madsim::time::advance(duration);
    }

    fn jump_wall(&self, seconds: i64) {
        let nanos = seconds.saturating_mul(1_000_000_000);
        self.wall.offset_nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Clock for MadsimRuntime {
    fn now(&self) -> Moment {
        let elapsed = madsim::time::TimeHandle::current().elapsed();
        Moment::from_nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    fn wall(&self) -> WallTime {
        let offset = self.wall.offset_nanos.load(Ordering::Relaxed);
        let since = offset.saturating_add(self.wall.ticked());
        WallTime::from_unix_nanos(WALL_START_NANOS.saturating_add_signed(since))
    }

    async fn sleep(&self, duration: Duration) {
        madsim::time::sleep(duration).await;
    }
}

impl Tasks for MadsimRuntime {
    fn spawn(
        &self,
        _name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        match &self.node {
            Some(node) => drop(node.spawn(task)),
            None => drop(madsim::task::spawn(task)),
        }
        Ok(())
    }

    fn spawn_light(&self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        self.spawn("light", task)
    }

    async fn linger(&self, _reason: Linger, mut ready: impl FnMut() -> bool + Send) {
        let turns = thread_rng().gen_range(0..=LINGER_TURNS_MAX);
        for _ in 0..turns {
            if ready() {
                return;
            }
            madsim::task::yield_now().await;
        }
    }
}

impl Entropy for MadsimRuntime {
    fn random(&self) -> u64 {
        thread_rng().r#gen()
    }
}

impl Runtime for MadsimRuntime {
    type Disk = SimDiskHandle<MadsimPace>;

    fn disk(&self) -> Self::Disk {
        self.disk.clone()
    }

    fn location(&self) -> impl fmt::Display {
        "a simulated disk"
    }
}
