//! Where a life runs: tasks, clocks, and an end to all of them.
//!
//! It judges nothing. The invariant it guards: after [`Host::end`] nothing of the life before runs
//! again, except destructors, whose disk is fenced by then.

#[cfg(madsim)]
pub(super) use on_madsim::Madsim;

use crate::script::{Life, Turns};
use sagalog::EngineRuntime;
use sagalog_testkit::{SharedDisk, Stop, VirtualRuntime, World};
use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
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
pub trait Sky: EngineRuntime {
    /// Another machine of this world, with this disk. It lives on when the life ends.
    #[must_use]
    fn add_machine(&self, disk: SharedDisk) -> Self;

    /// Everything on this machine ends, whose disk was told of the crash already. The runtime of
    /// its next incarnation.
    #[must_use]
    fn restart(&self) -> Self;

    /// The process is stopped for `duration`.
    fn freeze(&self, duration: Duration);

    /// The wall clock jumps by so many seconds.
    fn jump_wall(&self, seconds: i64);
}

/// An executor.
pub(super) trait Host {
    type Runtime: Sky;

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
    fn add_machine(&self, disk: SharedDisk) -> Self {
        self.add_machine(disk)
    }

    fn restart(&self) -> Self {
        self.restart()
    }

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

/// Ends a future that never waits: the testkit's executor runs a whole life in one poll.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing of it waits for anybody"),
    }
}

#[cfg(madsim)]
mod on_madsim {
    use super::{Duration, Future, Host, LIFE_VIRTUAL, Life, SharedDisk, Sky as _, Stopped, Turns};
    use crate::runtime::{MadsimRuntime, Wall};
    use madsim::{
        runtime::{Handle, NodeHandle},
        time::timeout,
    };
    use std::sync::Arc;

    /// madsim's executor: a node a life. Its order is not recorded.
    pub(in crate::frame) struct Madsim {
        disk: SharedDisk,
        node: Option<NodeHandle>,
        runtime: Option<MadsimRuntime>,
        wall: Arc<Wall>,
    }

    impl Madsim {
        pub(in crate::frame) fn new(disk: SharedDisk) -> Self {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use sagalog::runtime::{Clock, Disk, File, OpenMode, Runtime};
    use sagalog_testkit::SimDisk;
    use std::{
        collections::BTreeMap,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    type FileOf<R> = <<R as Runtime>::Disk as Disk>::File;

    /// Whose destructor goes on as if it lived: at once, and as a task.
    struct Ghost<R: Runtime> {
        runtime: R,
        file: Arc<FileOf<R>>,
        appeared: Arc<AtomicU32>,
    }

    async fn haunt<R: Runtime>(runtime: R, file: Arc<FileOf<R>>) {
        let _ = file.write_at(b"ghost", 0).await;
        let _ = file.sync_data().await;
        let _ = runtime.disk().open("ghost", OpenMode::Create).await;
        let _ = runtime.disk().remove("file").await;
    }

    impl<R: Runtime> Drop for Ghost<R> {
        fn drop(&mut self) {
            self.appeared.fetch_add(1, Ordering::Relaxed);
            let again = || haunt(self.runtime.clone(), Arc::clone(&self.file));
            let mut at_once = pin!(again());
            for _ in 0..64 {
                if at_once.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
            }
            let _ = self.runtime.spawn("ghost", again());
        }
    }

    /// A life that is stopped before its fourth operation, and another one after it.
    async fn haunted<H: Host>(mut host: H, disk: SharedDisk) {
        let facts = Life::default();
        host.begin(Turns::read(BTreeMap::new()), &facts);
        let (runtime, appeared) = (host.runtime(), Arc::new(AtomicU32::new(0)));
        let seen = Arc::clone(&appeared);
        disk.with(|disk| disk.halt_before(4));
        let life = async move {
            let file = runtime.disk().open("file", OpenMode::Create).await.expect("a quiet disk");
            file.write_at(b"alive", 0).await.expect("a quiet disk");
            file.sync_data().await.expect("a quiet disk");
            let ghost = Ghost { runtime: runtime.clone(), file: Arc::new(file), appeared };
            runtime.disk().sync_dir().await.expect("a quiet disk");
            drop(ghost);
        };
        assert!(matches!(host.live(life).await, Err(Stopped::Halted)));
        let before = disk.with(|disk| {
            disk.process_crash();
            (disk.trace_hash(), disk.ops(), disk.names())
        });
        host.end();
        host.begin(Turns::read(BTreeMap::new()), &facts);
        let runtime = host.runtime();
        let next = async move { runtime.sleep(Duration::from_secs(1)).await };
        assert!(host.live(next).await.is_ok());
        assert_eq!(seen.load(Ordering::Relaxed), 1, "the destructor ran");
        disk.with(|disk: &mut SimDisk| {
            assert_eq!((disk.trace_hash(), disk.ops(), disk.names()), before);
            assert!(disk.counters().fenced > 0, "it knocked");
        });
    }

    #[test]
    fn what_destructors_of_a_dead_life_do_has_no_effect() {
        let disk = SharedDisk::new(SimDisk::new());
        at_once(haunted(Executor::new(disk.clone(), 1), disk));
    }

    #[cfg(madsim)]
    #[test]
    fn what_destructors_of_a_dead_node_do_has_no_effect() {
        let config = madsim::Config::default();
        let simulated = madsim::runtime::Runtime::with_seed_and_config(1, config);
        let disk = SharedDisk::new(SimDisk::new());
        simulated.block_on(haunted(Madsim::new(disk.clone()), disk));
    }
}
