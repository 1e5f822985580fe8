//! The virtual runtime as the engine will use it: tasks, time, crashes, and the same run twice.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sagalog::runtime::{
    Clock, Disk, Entropy, File, Linger, Moment, OpenMode, Runtime, Tasks, WallTime,
};

use super::{Order, Schedule, Stop, VirtualRuntime, World};
use crate::{
    disk::{Fault, FaultKind, Operation},
    door::locked,
};

type Notes = Arc<Mutex<Vec<u64>>>;

/// Appends `round` to the file `log` and syncs it.
async fn append(runtime: &VirtualRuntime, round: u64) -> io::Result<()> {
    let disk = runtime.disk();
    let file = match disk.open("log", OpenMode::ReadWrite).await {
        Ok(file) => file,
        Err(_) => disk.open("log", OpenMode::Create).await?,
    };
    let length = file.len().await?;
    file.write_at(&round.to_le_bytes(), length).await?;
    file.sync_data().await?;
    disk.sync_dir().await
}

/// Three tasks that work and sleep; what they note down is the order they ran in.
fn run(world: &World) -> Vec<u64> {
    let notes = Notes::default();
    let runtime = world.runtime();
    world.block_on(append(&runtime, 0)).expect("a healthy disk");
    for task in 0..3 {
        let (worker, notes) = (runtime.clone(), Arc::clone(&notes));
        let work = async move {
            for round in 0..5 {
                append(&worker, round).await.expect("a healthy disk");
                worker.linger(Linger::Arrival, || false).await;
                locked(&notes).push(task);
                worker.sleep(Duration::from_millis(worker.random() % 3)).await;
            }
        };
        runtime.spawn("worker", work).expect("alive");
    }
    world.run_for(Duration::from_secs(1));
    locked(&notes).clone()
}

#[test]
fn one_seed_is_one_history() {
    let history = |seed, order| {
        let world = World::new(seed).with_order(order);
        (run(&world), world.disk(|disk| disk.trace_hash()))
    };
    for order in [Order::Seeded, Order::Fifo] {
        assert_eq!(history(5, order), history(5, order));
    }
    assert_ne!(history(5, Order::Seeded), history(6, Order::Seeded));
}

#[test]
fn time_passes_only_while_nothing_is_ready() {
    let world = World::new(1);
    let runtime = world.runtime();
    world.block_on(async {
        let start = runtime.now();
        runtime.sleep(Duration::from_secs(3600)).await;
        assert_eq!(runtime.now().since(start), Duration::from_secs(3600));
        drop(runtime.sleep(Duration::from_secs(9)));
    });
    world.run_until_stalled();
    assert_eq!(world.elapsed(), Duration::from_secs(3600));
}

#[test]
fn sleeps_end_in_the_order_of_their_moments() {
    let world = World::new(2);
    let (runtime, notes) = (world.runtime(), Notes::default());
    for millis in [30, 10, 20] {
        let (sleeper, notes) = (runtime.clone(), Arc::clone(&notes));
        let nap = async move {
            sleeper.sleep(Duration::from_millis(millis)).await;
            locked(&notes).push(millis);
        };
        runtime.spawn("sleeper", nap).expect("alive");
    }
    world.run_for(Duration::from_millis(25));
    assert_eq!((&*locked(&notes), world.tasks()), (&vec![10, 20], 1));
}

#[test]
fn the_wall_clock_jumps_and_the_monotonic_clock_does_not() {
    let world = World::new(3);
    let runtime = world.runtime();
    world.set_wall(WallTime::from_unix_nanos(5));
    world.run_for(Duration::from_nanos(10));
    assert_eq!(runtime.wall(), WallTime::from_unix_nanos(15));
    assert_eq!(runtime.now(), Moment::from_nanos(10));
    world.set_wall(WallTime::from_unix_nanos(1));
    assert_eq!(runtime.wall(), WallTime::from_unix_nanos(1));
    world.crash_process();
    assert_eq!(world.runtime().now(), Moment::from_nanos(0), "moments of two processes differ");
}

#[test]
fn lingering_ends_early_when_there_is_reason() {
    let world = World::new(4);
    let (runtime, asked) = (world.runtime(), AtomicU64::new(0));
    let count = |answer| {
        asked.fetch_add(1, Ordering::Relaxed);
        answer
    };
    world.block_on(async {
        for _ in 0..20 {
            runtime.linger(Linger::Gather, || count(true)).await;
        }
        assert!(asked.load(Ordering::Relaxed) <= 20);
        runtime.linger(Linger::Gather, || count(false)).await;
    });
}

#[test]
fn crashes_end_tasks_and_fence_what_they_held() {
    for power in [false, true] {
        let world = World::new(5);
        let runtime = world.runtime();
        let file = world.block_on(async {
            append(&runtime, 1).await.expect("healthy");
            runtime.disk().open("log", OpenMode::ReadWrite).await.expect("there")
        });
        let sleeper = runtime.clone();
        let endless = async move { sleeper.sleep(Duration::MAX).await };
        runtime.spawn("endless", endless).expect("alive");
        world.run_until_stalled();
        assert_eq!(world.tasks(), 1);
        if power {
            world.power_failure();
        } else {
            world.crash_process();
        }
        assert_eq!(world.tasks(), 0);
        world.block_on(async {
            assert!(file.write_at(b"ghost", 0).await.is_err());
            assert!(runtime.disk().list().await.is_err());
            assert!(runtime.spawn("ghost", async {}).is_err());
            append(&world.runtime(), 2).await.expect("the next incarnation works");
        });
        drop(file);
        let bytes = world.disk(|disk| disk.contents("log")).expect("synced");
        assert_eq!(bytes, [1_u64.to_le_bytes(), 2_u64.to_le_bytes()].concat());
    }
}

#[test]
fn a_lock_is_held_until_dropped() {
    let world = World::new(6);
    let disk = world.runtime().disk();
    world.block_on(async {
        let lock = disk.lock("lock").await.expect("free");
        let error = disk.lock("lock").await.expect_err("held");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        disk.lock("lock").await.expect("free again")
    });
}

#[test]
fn every_disk_operation_is_a_crash_point() {
    let story = async |runtime: VirtualRuntime| {
        for round in 0..3 {
            append(&runtime, round).await.expect("a healthy disk");
        }
    };
    let whole = World::new(7);
    whole.block_on(story(whole.runtime()));
    let ops = whole.disk(|disk| disk.ops());
    let mut acknowledged = 0;
    for op in 1..=ops {
        let world = World::new(7);
        let stopped = world.run_until_op(op, story(world.runtime()));
        assert!(stopped.is_none());
        assert_eq!(world.disk(|disk| disk.ops()), op - 1, "exactly before");
        let durable = world.disk(|disk| disk.read_durable("log")).map_or(0, |bytes| bytes.len());
        assert!(durable >= acknowledged, "more operations, more durable bytes");
        acknowledged = durable;
        world.power_failure();
        world.block_on(append(&world.runtime(), 9)).expect("works again");
    }
    assert!(whole.run_until_op(ops + 9, async {}).is_some());
    whole.block_on(append(&whole.runtime(), 9)).expect("the halt is over");
}

#[test]
fn a_stall_takes_virtual_time() {
    let world = World::new(8);
    world.disk(|disk| {
        disk.schedule(Fault::at_nth(FaultKind::Stall, 700_000, Operation::Sync, 1, ""));
    });
    world.block_on(append(&world.runtime(), 1)).expect("slow, not broken");
    assert_eq!(world.elapsed(), Duration::from_millis(700));
}

#[test]
fn a_crash_from_within_a_run_spares_the_test_itself() {
    let world = World::new(9);
    world.block_on(async {
        for round in 0..20 {
            let runtime = world.runtime();
            append(&runtime, round).await.expect("healthy");
            runtime.linger(Linger::Arrival, || false).await;
            world.power_failure();
        }
    });
    assert_eq!(world.disk(|disk| disk.contents("log")).expect("synced").len(), 160);
}

#[test]
#[should_panic(expected = "deadlock: the future waits")]
fn a_deadlock_is_named() {
    World::new(1).block_on(std::future::pending::<()>());
}

#[test]
#[should_panic(expected = "live-lock: 1000 polls")]
fn a_live_lock_is_named() {
    let world = World::new(1).with_steps_max(1_000);
    let runtime = world.runtime();
    world.block_on(async {
        loop {
            runtime.linger(Linger::Arrival, || false).await;
        }
    });
}

#[test]
fn a_task_that_nobody_else_interrupts_is_found_out_all_the_same() {
    let world = World::new(1).with_steps_max(1_000);
    let disk = world.runtime().disk();
    let forever = async move {
        loop {
            let _ = disk.list().await;
        }
    };
    assert_eq!(world.live::<()>(forever), Err(Stop::Endless));
    // Each operation gives away two turns of the thousand on average.
    assert!((400..600).contains(&world.disk(|disk| disk.ops())));
}

#[test]
#[should_panic(expected = "stopped before disk operation 1")]
fn going_on_without_a_crash_is_named() {
    let world = World::new(1);
    let runtime = world.runtime();
    assert!(world.run_until_op(1, append(&runtime, 1)).is_none());
    let _ = world.block_on(append(&runtime, 1));
}

#[test]
fn a_schedule_decides_every_choice_and_can_be_played_again() {
    struct Noted(Arc<Mutex<Vec<usize>>>);
    impl Schedule for Noted {
        fn choose(&mut self, ready: usize) -> usize {
            let mut noted = self.0.lock().expect("one thread");
            let chosen = noted.len() % ready;
            noted.push(ready);
            chosen
        }

        fn turns(&mut self, turns_max: u64) -> u64 {
            turns_max.min(1)
        }
    }
    let run = || {
        let world = World::new(1);
        let asked = Arc::default();
        world.set_schedule(Noted(Arc::clone(&asked)));
        let runtime = world.runtime();
        for round in 0..3 {
            let other = runtime.clone();
            let task = async move { drop(append(&other, round).await) };
            runtime.spawn("writer", task).expect("alive");
        }
        world.run_until_stalled();
        let asked = asked.lock().expect("one thread").clone();
        (asked, world.disk(|disk| disk.trace_hash()))
    };
    let (asked, hash) = run();
    assert!(asked.len() > 10 && asked.iter().all(|ready| *ready > 1), "{asked:?}");
    assert_eq!(run(), (asked, hash));
}

#[test]
fn a_life_ends_where_it_waits_and_its_destructors_reach_nothing() {
    struct Writes(VirtualRuntime);
    impl Drop for Writes {
        fn drop(&mut self) {
            let runtime = self.0.clone();
            let late = async move { drop(append(&runtime, 8).await) };
            assert!(self.0.spawn("late", late).is_err(), "its incarnation is over");
        }
    }
    let world = World::new(3);
    let runtime = world.runtime();
    world.disk(|disk| disk.halt_before(2));
    let stopped = world.live(async move {
        let _guard = Writes(runtime.clone());
        append(&runtime, 1).await
    });
    assert_eq!(stopped.map(|_| ()), Err(Stop::Halted));
    let before = world.disk(|disk| disk.trace_hash());
    assert_eq!(world.tasks(), 1, "it is still alive");
    world.crash_process();
    assert_eq!((world.tasks(), world.disk(|disk| disk.ops())), (0, 1));
    assert_ne!(before, world.disk(|disk| disk.trace_hash()), "the crash is in the trace");
    let runtime = world.runtime();
    let done = world.live(async move { append(&runtime, 2).await.is_ok() });
    assert_eq!(done, Ok(true));
}

#[test]
fn a_life_that_never_ends_is_told_apart_from_one_that_waits_for_nothing() {
    let world = World::new(4).with_virtual_max(Duration::from_secs(60));
    assert_eq!(world.live(std::future::pending::<()>()), Err(Stop::Stalled));
    world.crash_process();
    let runtime = world.runtime();
    let forever = async move {
        loop {
            runtime.sleep(Duration::from_secs(1)).await;
        }
    };
    assert_eq!(world.live::<()>(forever), Err(Stop::Endless));
    assert_eq!(world.elapsed(), Duration::from_secs(61));
}

#[test]
fn a_frozen_process_finds_that_all_its_timers_are_over() {
    let world = World::new(6).with_order(Order::Fifo);
    let over: Arc<Mutex<Vec<u64>>> = Arc::default();
    let runtime = world.runtime();
    for seconds in 1..=3 {
        let (over, sleeper) = (Arc::clone(&over), runtime.clone());
        let task = async move {
            sleeper.sleep(Duration::from_secs(seconds)).await;
            locked(&over).push(seconds);
        };
        runtime.spawn("sleeper", task).expect("alive");
    }
    world.run_until_stalled();
    runtime.freeze(Duration::from_secs(2));
    world.run_until_stalled();
    assert_eq!(*locked(&over), [1, 2], "both, although the clock does not pass any more");
}

#[test]
fn the_wall_clock_drifts_and_jumps_and_a_frozen_process_misses_time() {
    let world = World::new(5);
    let runtime = world.runtime();
    let start = runtime.wall().as_unix_nanos();
    let shown = || runtime.wall().as_unix_nanos() - start;
    runtime.freeze(Duration::from_secs(10));
    assert_eq!((world.elapsed(), shown()), (Duration::from_secs(10), 10_000_000_000));
    world.drift_wall(100_000);
    assert_eq!(shown(), 10_000_000_000, "nothing jumps");
    runtime.freeze(Duration::from_secs(10));
    assert_eq!(shown(), 21_000_000_000);
    runtime.jump_wall(-20_000_000_000);
    assert_eq!(shown(), 1_000_000_000);
    world.drift_wall(-500_000);
    runtime.freeze(Duration::from_secs(10));
    assert_eq!(shown(), 6_000_000_000);
}
