//! The engine's runtime traits on the virtual executor.
//!
//! It schedules nothing itself. The invariant it guards: a runtime belongs to one incarnation; its
//! tasks, its timers and its disk end with it.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use sagalog::{
    EngineRuntime, Openings,
    runtime::{Clock, Entropy, Linger, Moment, Runtime, Tasks, WallTime},
};

use super::executor::Executor;
use crate::door::{Pace, SharedDisk, SimDiskHandle};

/// Turns that a lingering task gives to others at most.
const LINGER_TURNS_MAX: u64 = 8;

/// Turns that a disk operation gives to others at most, on either side of its effect.
const DISK_TURNS_MAX: u64 = 2;

/// [`Runtime`] in a [`World`](super::World), for one incarnation of one machine.
#[derive(Clone, Debug)]
pub struct VirtualRuntime {
    executor: Arc<Executor>,
    disk: SimDiskHandle<VirtualPace>,
    machine: usize,
    incarnation: u64,
    /// How many more tasks the system grants, if it ever refuses one.
    tasks_left: Option<Arc<AtomicU32>>,
}

impl VirtualRuntime {
    pub(super) fn new(executor: Arc<Executor>, machine: usize, disk: SharedDisk) -> Self {
        let incarnation = executor.incarnation(machine);
        let pace = VirtualPace(Arc::clone(&executor));
        let disk = SimDiskHandle::new(disk, pace);
        Self { executor, disk, machine, incarnation, tasks_left: None }
    }

    /// The system refuses to start any task after so many.
    #[must_use]
    pub fn with_tasks_max(self, tasks: u32) -> Self {
        Self { tasks_left: Some(Arc::new(AtomicU32::new(tasks))), ..self }
    }

    fn take_task(&self) -> io::Result<()> {
        let Some(left) = &self.tasks_left else { return Ok(()) };
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map(drop)
            .map_err(|_| io::ErrorKind::WouldBlock.into())
    }

    /// Another machine of the same world, with this disk. What runs on it goes on when this one
    /// crashes. All machines of a world have one wall clock.
    #[must_use]
    pub fn add_machine(&self, disk: SharedDisk) -> Self {
        Self::new(Arc::clone(&self.executor), self.executor.add_machine(), disk)
    }

    /// Every task of this machine ends where it waits: its disk was told of the crash already. The
    /// runtime of its next incarnation.
    #[must_use]
    pub fn restart(&self) -> Self {
        self.executor.end_incarnation(self.machine);
        Self::new(Arc::clone(&self.executor), self.machine, self.disk.shared().clone())
    }

    /// The process is stopped for `duration`: time passes, and nobody runs meanwhile.
    pub fn freeze(&self, duration: Duration) {
        self.executor.freeze(duration);
    }

    /// The wall clock jumps by `nanos` nanoseconds, forward or back.
    pub fn jump_wall(&self, nanos: i64) {
        let shown = self.executor.wall().as_unix_nanos();
        self.executor.set_wall(WallTime::from_unix_nanos(shown.saturating_add_signed(nanos)));
    }
}

impl Clock for VirtualRuntime {
    fn now(&self) -> Moment {
        self.executor.now(self.machine)
    }

    fn wall(&self) -> WallTime {
        self.executor.wall()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        Sleep::new(&self.executor, duration)
    }
}

impl Tasks for VirtualRuntime {
    fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.take_task()?;
        self.executor.spawn((self.machine, self.incarnation), name, task)
    }

    fn spawn_light(&self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        self.executor.spawn((self.machine, self.incarnation), "light", task)
    }

    async fn linger(&self, _reason: Linger, mut ready: impl FnMut() -> bool + Send) {
        for _ in 0..self.executor.turns(LINGER_TURNS_MAX) {
            if ready() {
                return;
            }
            yield_now().await;
        }
    }
}

impl Entropy for VirtualRuntime {
    fn random(&self) -> u64 {
        self.executor.random()
    }
}

impl Runtime for VirtualRuntime {
    type Disk = SimDiskHandle<VirtualPace>;

    fn disk(&self) -> Self::Disk {
        self.disk.clone()
    }

    fn location(&self) -> impl fmt::Display {
        format!("simulated disk, incarnation {}", self.incarnation)
    }
}

impl EngineRuntime for VirtualRuntime {
    fn openings() -> &'static Openings<Self> {
        static OPENINGS: Openings<VirtualRuntime> = Openings::new();
        &OPENINGS
    }
}

/// Lets virtual time pass for a stall, and other tasks run otherwise, as the seed says.
#[derive(Clone, Debug)]
pub struct VirtualPace(Arc<Executor>);

impl Pace for VirtualPace {
    async fn pause(&self, stall: Duration) {
        if !stall.is_zero() {
            Sleep::new(&self.0, stall).await;
        }
        for _ in 0..self.0.turns(DISK_TURNS_MAX) {
            if !self.0.skips_turn() {
                yield_now().await;
            }
        }
    }
}

/// Lets other ready tasks run first, on any executor.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A wait that began when it was made.
struct Sleep {
    executor: Arc<Executor>,
    timer: (u64, u64),
}

impl Sleep {
    fn new(executor: &Arc<Executor>, wait: Duration) -> Self {
        Self { executor: Arc::clone(executor), timer: executor.new_timer(wait) }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.executor.is_due(self.timer, context.waker()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.executor.cancel_timer(self.timer);
    }
}
