//! A world for plain `cargo test`: one disk, one virtual clock, one thread, and crashes.
//!
//! It is not a network; that is `net`, between the machines that
//! [`VirtualRuntime::add_machine`] adds. The invariant it guards: what a world does follows from
//! its seed and from what the test asks of it, and after a crash nothing of the incarnation before
//! runs again.

mod executor;
mod runtime;
mod schedule;

#[cfg(test)]
mod tests;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    time::Duration,
};

use sagalog::runtime::{Tasks, WallTime};

pub use executor::Stop;
pub use runtime::{VirtualPace, VirtualRuntime, yield_now};
pub use schedule::{Order, Schedule};

use crate::{
    choices::Seeded,
    disk::SimDisk,
    door::{SharedDisk, locked},
};
use executor::{Executor, Patience};

/// Polls after which a world that should have come to an end is called live-locked.
const STEPS_MAX: u64 = 10_000_000;

/// The machine that the world's own methods speak of.
const FIRST_MACHINE: usize = 0;

/// A simulated machine with its disk.
#[derive(Debug)]
pub struct World {
    executor: Arc<Executor>,
    disk: SharedDisk,
    seeded: Seeded,
    crashes: Mutex<Seeded>,
    patience: Patience,
}

impl World {
    /// A world with an empty disk on which nothing goes wrong but crashes.
    pub fn new(seed: u64) -> Self {
        Self::with_disk(seed, SimDisk::new())
    }

    /// A world with `disk`, for example one of the [images](SimDisk::crash_images) of another.
    pub fn with_disk(seed: u64, disk: SimDisk) -> Self {
        Self::with_shared_disk(seed, SharedDisk::new(disk))
    }

    /// A world with a disk that somebody else holds as well.
    pub fn with_shared_disk(seed: u64, disk: SharedDisk) -> Self {
        let seeded = Seeded::new(seed);
        Self {
            executor: Arc::new(Executor::new(&seeded)),
            disk,
            crashes: Mutex::new(seeded.fork(3)),
            seeded,
            patience: Patience { steps_max: STEPS_MAX, virtual_max: Duration::MAX },
        }
    }

    /// Sets which of several ready tasks runs next.
    #[must_use]
    pub fn with_order(self, order: Order) -> Self {
        self.executor.set_schedule(order.schedule(&self.seeded.fork(1)));
        self
    }

    /// Lets `schedule` decide from here on which of several ready tasks runs next.
    pub fn set_schedule(&self, schedule: impl Schedule + 'static) {
        self.executor.set_schedule(Box::new(schedule));
    }

    /// Sets how many polls a single run may take before it counts as live-locked.
    #[must_use]
    pub fn with_steps_max(mut self, steps: u64) -> Self {
        self.patience.steps_max = steps;
        self
    }

    /// Sets how much virtual time a single run may take before it counts as hanging.
    #[must_use]
    pub fn with_virtual_max(mut self, virtual_max: Duration) -> Self {
        self.patience.virtual_max = virtual_max;
        self
    }

    /// The runtime of the current incarnation.
    pub fn runtime(&self) -> VirtualRuntime {
        VirtualRuntime::new(Arc::clone(&self.executor), FIRST_MACHINE, self.disk.clone())
    }

    /// Looks at the disk, or acts on it.
    pub fn disk<T>(&self, look: impl FnOnce(&mut SimDisk) -> T) -> T {
        self.disk.with(look)
    }

    /// The disk, to share with other doors.
    pub fn shared_disk(&self) -> SharedDisk {
        self.disk.clone()
    }

    /// Runs `future`, and every task, until `future` is done. The clock moves to the next timer
    /// whenever nothing is ready.
    ///
    /// # Panics
    /// On a deadlock (nothing is ready and no timer is set), on a live-lock (more polls than the
    /// limit), and when the disk was halted before the end.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        match self.drive(future) {
            Ok(output) => output,
            Err(Stop::Halted) => panic!(
                "stopped before disk operation {}: crash the world before going on",
                self.disk(|disk| disk.ops() + 1),
            ),
            Err(Stop::Stalled) => panic!(
                "deadlock: the future waits, no task is ready and no timer is set ({} tasks alive: \
                 {})",
                self.executor.task_names().len(),
                self.executor.task_names().join(", "),
            ),
            Err(Stop::Endless) => panic!(
                "live-lock: {} polls or {:?} without an end, {:?}",
                self.patience.steps_max, self.patience.virtual_max, self.executor,
            ),
        }
    }

    /// Runs `life` as a task, and every other task, until it is done or something stops it. Then
    /// the world is ready for a crash, with which the life ends where it waits: its destructors
    /// run when nothing of it can reach the disk any more.
    ///
    /// # Errors
    /// Why it stopped.
    ///
    /// # Panics
    /// If a task of the life does.
    pub fn live<T: Send + 'static>(
        &self,
        life: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Stop> {
        let slot = Arc::new(Mutex::new((None, None::<Waker>)));
        let done = Arc::clone(&slot);
        let task = async move {
            let output = life.await;
            let waker = {
                let mut slot = locked(&done);
                slot.0 = Some(output);
                slot.1.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        let spawned = self.runtime().spawn("life", task);
        spawned.expect("the current incarnation may start tasks");
        self.drive(poll_fn(|context| {
            let mut slot = locked(&slot);
            if let Some(output) = slot.0.take() {
                return Poll::Ready(output);
            }
            slot.1 = Some(context.waker().clone());
            Poll::Pending
        }))
    }

    /// Runs like [`block_on`](Self::block_on) but stops exactly before disk operation number `op`,
    /// counted from 1 over the disk's whole life. `None` if it stopped; the world is then ready
    /// for a crash, and no disk operation completes until there is one.
    ///
    /// # Panics
    /// On a deadlock and on a live-lock.
    pub fn run_until_op<T>(&self, op: u64, future: impl Future<Output = T>) -> Option<T> {
        self.disk(|disk| disk.halt_before(op));
        match self.drive(future) {
            Ok(output) => {
                self.disk(SimDisk::clear_halt);
                Some(output)
            }
            Err(Stop::Halted) => None,
            Err(stop) => panic!("{stop:?} before disk operation {op}: nothing is ready"),
        }
    }

    /// Runs every task until none is ready. The clock stands still.
    ///
    /// # Panics
    /// On a live-lock.
    pub fn run_until_stalled(&self) {
        let patience = Patience { virtual_max: Duration::ZERO, ..self.patience };
        let stopped = self.executor.run(&self.disk, None, patience);
        assert_ne!(stopped, Err(Stop::Endless), "live-lock: the tasks wake each other for ever");
    }

    /// Runs every task for `duration` of virtual time.
    ///
    /// # Panics
    /// On a live-lock.
    pub fn run_for(&self, duration: Duration) {
        let runtime = self.runtime();
        self.block_on(async move { sagalog::runtime::Clock::sleep(&runtime, duration).await });
    }

    fn drive<T>(&self, future: impl Future<Output = T>) -> Result<T, Stop> {
        let mut future = pin!(future);
        let mut output = None;
        let mut poll = |context: &mut std::task::Context<'_>| match future.as_mut().poll(context) {
            Poll::Ready(value) => {
                output = Some(value);
                true
            }
            Poll::Pending => false,
        };
        self.executor.run(&self.disk, Some(&mut poll), self.patience)?;
        Ok(output.expect("it has just been polled to its end"))
    }

    /// The process dies: every task ends where it waits, the disk keeps its cache.
    pub fn crash_process(&self) {
        self.disk(SimDisk::process_crash);
        self.executor.end_incarnation(FIRST_MACHINE);
    }

    /// Every task ends where it waits, after a crash that the disk was told of already.
    pub fn end_incarnation(&self) {
        self.executor.end_incarnation(FIRST_MACHINE);
    }

    /// The power goes: every task ends where it waits, the disk keeps what a [power
    /// failure](SimDisk::power_failure) leaves, drawn from the world's seed.
    pub fn power_failure(&self) {
        let mut choices = locked(&self.crashes);
        self.disk(|disk| disk.power_failure(&mut *choices));
        drop(choices);
        self.executor.end_incarnation(FIRST_MACHINE);
    }

    /// Virtual time since the world began.
    pub fn elapsed(&self) -> Duration {
        self.executor.elapsed()
    }

    /// Sets the wall clock, forward or back. It then goes on at the pace of the virtual clock.
    pub fn set_wall(&self, wall: WallTime) {
        self.executor.set_wall(wall);
    }

    /// Makes the wall clock fast by so many millionths from here on, or slow.
    pub fn drift_wall(&self, ppm: i64) {
        self.executor.drift_wall(ppm);
    }

    /// How many tasks are alive.
    pub fn tasks(&self) -> usize {
        self.executor.task_names().len()
    }
}
