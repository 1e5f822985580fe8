//! A deterministic executor: ready tasks, timers, a virtual clock, one thread.
//!
//! It knows the disk only as something that may tell it to halt. The invariant it guards: no
//! future is polled, woken or dropped while a lock of the executor is held, so tasks may do in
//! their destructors and wakers what they like.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::Future,
    io, mem,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use sagalog::runtime::{Moment, WallTime};

use super::{Order, Schedule};
use crate::{
    choices::Seeded,
    door::{SharedDisk, locked},
};

/// Wall time at the start of every world: 2025-01-01T00:00:00Z.
const WALL_START_NANOS: u64 = 1_735_689_600_000_000_000;

/// Why a run stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The disk was told to stop it.
    Halted,
    /// Nothing is ready and no timer is set: a deadlock.
    Stalled,
    /// More polls, or more virtual time, than the world has patience for.
    Endless,
}

/// How much of a run there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) steps_max: u64,
    /// Virtual time from here on; zero lets no time pass at all.
    pub(super) virtual_max: Duration,
}

type TaskId = u64;
type Ready = Arc<Mutex<VecDeque<TaskId>>>;
type Poll<'a> = &'a mut dyn FnMut(&mut Context<'_>) -> bool;

struct TaskWaker {
    id: TaskId,
    queued: AtomicBool,
    ready: Ready,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            locked(&self.ready).push_back(self.id);
        }
    }
}

struct Task {
    name: &'static str,
    machine: usize,
    /// Absent while the task is being polled.
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    wake: Arc<TaskWaker>,
}

/// Due nanosecond and a running number, so that equal dues keep their order.
type TimerKey = (u64, u64);

/// What a machine is in: everything of the one before has ended.
#[derive(Clone, Copy)]
struct Incarnation {
    number: u64,
    /// When it began, in nanoseconds.
    born: u64,
}

struct State {
    tasks: BTreeMap<TaskId, Task>,
    ids: u64,
    timers: BTreeMap<TimerKey, Waker>,
    /// Nanoseconds since the world began.
    now: u64,
    machines: Vec<Incarnation>,
    /// Wall time when the world began; wrapping, as jumps go both ways.
    wall_origin: u64,
    /// By how many millionths the wall clock is fast, or slow.
    wall_drift_ppm: i64,
    schedule: Box<dyn Schedule>,
    entropy: Seeded,
}

impl State {
    /// Nanoseconds that the wall clock has counted since the world began.
    fn ticked(&self) -> u64 {
        let drift = i128::from(self.now) * i128::from(self.wall_drift_ppm) / 1_000_000;
        u64::try_from(i128::from(self.now) + drift).unwrap_or(u64::MAX)
    }
}

pub(super) struct Executor {
    state: Mutex<State>,
    ready: Ready,
    /// How many more turns the run under way may take.
    steps_left: AtomicU64,
}

impl fmt::Debug for Executor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Executor({:?}, {:?})", self.elapsed(), self.task_names())
    }
}

impl Executor {
    pub(super) fn new(seeded: &Seeded) -> Self {
        let state = State {
            tasks: BTreeMap::new(),
            ids: 0,
            timers: BTreeMap::new(),
            now: 0,
            machines: vec![Incarnation { number: 1, born: 0 }],
            wall_origin: WALL_START_NANOS,
            wall_drift_ppm: 0,
            schedule: Order::default().schedule(&seeded.fork(1)),
            entropy: seeded.fork(2),
        };
        Self { state: Mutex::new(state), ready: Ready::default(), steps_left: AtomicU64::new(0) }
    }

    /// Runs until `main` is done, or something stops it before.
    pub(super) fn run(
        &self,
        disk: &SharedDisk,
        mut main: Option<Poll<'_>>,
        patience: Patience,
    ) -> Result<(), Stop> {
        let main_wake = self.new_waker();
        let main_waker = Waker::from(Arc::clone(&main_wake));
        if main.is_some() {
            main_wake.wake_by_ref();
        }
        let until = self.elapsed().saturating_add(patience.virtual_max);
        self.steps_left.store(patience.steps_max, Ordering::Relaxed);
        loop {
            if disk.is_halted() {
                return Err(Stop::Halted);
            }
            let Some(id) = self.next_ready() else {
                if patience.virtual_max.is_zero() || !self.advance() {
                    return Err(Stop::Stalled);
                }
                if self.elapsed() > until {
                    return Err(Stop::Endless);
                }
                continue;
            };
            if !self.take_step() {
                return Err(Stop::Endless);
            }
            match &mut main {
                Some(poll) if id == main_wake.id => {
                    main_wake.queued.store(false, Ordering::Relaxed);
                    if poll(&mut Context::from_waker(&main_waker)) {
                        return Ok(());
                    }
                }
                _ => self.poll_task(id),
            }
        }
    }

    fn take_step(&self) -> bool {
        let left = self.steps_left.load(Ordering::Relaxed);
        self.steps_left.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }

    /// Whether the running task would get the very next turn if it gave this one away. Then the
    /// turn counts as taken, and nobody is polled.
    pub(super) fn skips_turn(&self) -> bool {
        locked(&self.ready).is_empty() && self.take_step()
    }

    fn new_waker(&self) -> Arc<TaskWaker> {
        let mut state = locked(&self.state);
        state.ids += 1;
        let ready = Arc::clone(&self.ready);
        Arc::new(TaskWaker { id: state.ids, queued: AtomicBool::new(false), ready })
    }

    fn next_ready(&self) -> Option<TaskId> {
        let mut ready = locked(&self.ready);
        if ready.len() > 1 {
            let chosen = locked(&self.state).schedule.choose(ready.len());
            return ready.remove(chosen);
        }
        ready.pop_front()
    }

    /// Moves the clock to the next timer and wakes what is due. False if there is none.
    fn advance(&self) -> bool {
        let Some((due, _)) = locked(&self.state).timers.keys().next().copied() else {
            return false;
        };
        self.pass_to(due);
        true
    }

    /// The clock shows this moment, unless it is later already, and whatever is due is woken.
    fn pass_to(&self, moment: u64) {
        let mut state = locked(&self.state);
        state.now = state.now.max(moment);
        let later = state.now.saturating_add(1);
        let later = state.timers.split_off(&(later, 0));
        let wakers = mem::replace(&mut state.timers, later);
        drop(state);
        wakers.into_values().for_each(Waker::wake);
    }

    fn poll_task(&self, id: TaskId) {
        let mut state = locked(&self.state);
        let Some(task) = state.tasks.get_mut(&id) else {
            return;
        };
        let Some(mut future) = task.future.take() else {
            return;
        };
        let wake = Arc::clone(&task.wake);
        drop(state);
        wake.queued.store(false, Ordering::Relaxed);
        let waker = Waker::from(wake);
        let done = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut state = locked(&self.state);
        if done {
            state.tasks.remove(&id);
        } else if let Some(task) = state.tasks.get_mut(&id) {
            task.future = Some(future);
        }
    }

    pub(super) fn spawn(
        &self,
        (machine, incarnation): (usize, u64),
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let wake = self.new_waker();
        let future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(future);
        let mut state = locked(&self.state);
        if state.machines[machine].number != incarnation {
            drop(state);
            return Err(io::Error::other("this incarnation has crashed and starts no tasks"));
        }
        let task = Task { name, machine, future: Some(future), wake: Arc::clone(&wake) };
        state.tasks.insert(wake.id, task);
        drop(state);
        wake.wake();
        Ok(())
    }

    /// Another machine, without tasks.
    pub(super) fn add_machine(&self) -> usize {
        let mut state = locked(&self.state);
        let born = state.now;
        state.machines.push(Incarnation { number: 1, born });
        state.machines.len() - 1
    }

    /// Every task of a machine ends where it waits. Their destructors run, and find all doors
    /// fenced.
    pub(super) fn end_incarnation(&self, machine: usize) {
        let mut state = locked(&self.state);
        let born = state.now;
        let incarnation = &mut state.machines[machine];
        *incarnation = Incarnation { number: incarnation.number + 1, born };
        let tasks = mem::take(&mut state.tasks);
        let (ended, others) = tasks.into_iter().partition(|(_, task)| task.machine == machine);
        let ended: BTreeMap<TaskId, Task> = ended;
        state.tasks = others;
        drop(state);
        // Their timers go with them; what is left in the queue leads to no task and is skipped.
        drop(ended);
    }

    pub(super) fn incarnation(&self, machine: usize) -> u64 {
        locked(&self.state).machines[machine].number
    }

    pub(super) fn task_names(&self) -> Vec<&'static str> {
        locked(&self.state).tasks.values().map(|task| task.name).collect()
    }

    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_nanos(locked(&self.state).now)
    }

    /// The monotonic clock starts anew with each incarnation, so that nobody compares moments of
    /// two processes.
    pub(super) fn now(&self, machine: usize) -> Moment {
        let state = locked(&self.state);
        Moment::from_nanos(state.now - state.machines[machine].born)
    }

    pub(super) fn wall(&self) -> WallTime {
        let state = locked(&self.state);
        WallTime::from_unix_nanos(state.wall_origin.wrapping_add(state.ticked()))
    }

    pub(super) fn set_wall(&self, wall: WallTime) {
        let mut state = locked(&self.state);
        state.wall_origin = wall.as_unix_nanos().wrapping_sub(state.ticked());
    }

    pub(super) fn drift_wall(&self, ppm: i64) {
        let mut state = locked(&self.state);
        let before = state.ticked();
        state.wall_drift_ppm = ppm;
        // The pace changes from here on; what the clock shows now stays.
        state.wall_origin = state.wall_origin.wrapping_add(before).wrapping_sub(state.ticked());
    }

    pub(super) fn set_schedule(&self, schedule: Box<dyn Schedule>) {
        locked(&self.state).schedule = schedule;
    }

    /// Time passes, and nobody runs meanwhile. Afterwards everybody finds that time is up who
    /// waited for less, all at once.
    pub(super) fn freeze(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let now = locked(&self.state).now;
        self.pass_to(now.saturating_add(nanos));
    }

    pub(super) fn random(&self) -> u64 {
        locked(&self.state).entropy.bits()
    }

    /// How many turns a task gives to others where it need not give any.
    pub(super) fn turns(&self, turns_max: u64) -> u64 {
        locked(&self.state).schedule.turns(turns_max)
    }

    /// The key of a new timer that is due after `wait`.
    pub(super) fn new_timer(&self, wait: Duration) -> TimerKey {
        let mut state = locked(&self.state);
        let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        state.ids += 1;
        (state.now.saturating_add(nanos).min(u64::MAX - 1), state.ids)
    }

    /// Whether the timer is due; if not, it wakes `waker` when it is.
    pub(super) fn is_due(&self, key: TimerKey, waker: &Waker) -> bool {
        let mut state = locked(&self.state);
        if state.now >= key.0 {
            return true;
        }
        let former = state.timers.insert(key, waker.clone());
        drop(state);
        drop(former);
        false
    }

    pub(super) fn cancel_timer(&self, key: TimerKey) {
        let former = locked(&self.state).timers.remove(&key);
        drop(former);
    }
}
