//! The store against the reference store, one operation at a time, on a disk that keeps its
//! promises: appends alone and together, every kind of question, clocks that jump, reopenings
//! after a close, a crash and a power failure, and index files that are damaged or gone.
//!
//! Concurrency under crashes and faults is for the simulation's store suite. Cases are drawn from
//! a fixed seed; what once failed stands in `tests/store/random.regressions`.

use proptest::{
    prelude::{Strategy, any},
    strategy::BoxedStrategy,
    test_runner::{Config, FileFailurePersistence, RngSeed},
};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use sagalog::{Append, Options, Position, Read, Store, runtime::WallTime};
use sagalog_testkit::{
    Choices, SimDisk, World,
    model::{Alphabet, Draw, Model, Outcome, PlainAppend, Question, Shown},
};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

/// Longer than any chore of an idle store, and than its heartbeat.
const IDLE: Duration = Duration::from_secs(3);
/// The wall clock at the start: some day, in nanoseconds.
const WALL_START: u64 = 1_700_000_000_000_000_000;
const ALPHABET: Alphabet = Alphabet { streams: 2, keys: 6, ids: 10, payload_bytes_max: 300 };

/// Choices from a list of numbers, then zeros: what proptest can shrink.
struct Tape(std::vec::IntoIter<u16>);

impl Choices for Tape {
    fn below(&mut self, n: u64) -> u64 {
        (u64::from(self.0.next().unwrap_or(0)) * n) >> 16
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Append(PlainAppend),
    /// Appends whose futures are polled in turn.
    Together(Vec<PlainAppend>),
    Ask(Question),
    /// The wall clock jumps to here.
    Clock(u64),
    /// Time passes, and the store does its chores.
    Idle,
    Reopen(Ending, Vec<Damage>),
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Closed,
    ProcessCrash,
    PowerFailure,
}

/// What is done to the index while the store is closed. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Damage {
    RemoveAll,
    Remove(u64),
    Flip(u64, u64),
    Zero(u64, u64),
    Truncate(u64, u64),
    Copy(u64, u64, u64),
}

#[derive(Clone, Debug)]
struct Reference {
    world_seed: u64,
    key_horizon_events: u64,
    model: Model,
    wall: u64,
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Self> {
        let horizons = proptest::sample::select(vec![8, 40, 1_000]);
        let state = |(world_seed, key_horizon_events)| Self {
            world_seed,
            key_horizon_events,
            model: Model::new(key_horizon_events),
            wall: WALL_START,
        };
        (any::<u64>(), horizons).prop_map(state).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Operation> {
        let state = state.clone();
        let tapes = proptest::collection::vec(any::<u16>(), 0..60);
        tapes.prop_map(move |tape| draw(&mut Tape(tape.into_iter()), &state)).boxed()
    }

    fn apply(mut state: Self, operation: &Operation) -> Self {
        state.wall += 1_000;
        let wall = WallTime::from_unix_nanos(state.wall);
        match operation {
            Operation::Append(append) => {
                state.model.append(append, wall);
            }
            Operation::Together(appends) => {
                for append in appends {
                    state.model.append(append, wall);
                }
            }
            Operation::Clock(wall) => state.wall = *wall,
            Operation::Ask(_) | Operation::Idle | Operation::Reopen(..) => {}
        }
        state
    }
}

fn draw(tape: &mut Tape, state: &Reference) -> Operation {
    let kind = tape.below(32);
    let mut draw = Draw::new(tape, ALPHABET, state.model.now());
    match kind {
        0..=13 => Operation::Append(draw.append()),
        14..=25 => Operation::Ask(draw.question()),
        26..=27 => Operation::Together(vec![draw.append(), draw.append(), draw.append()]),
        28 => {
            let (back, jump) = (tape.below(2), tape.below(20_000));
            Operation::Clock(if back == 1 { state.wall - jump } else { state.wall + jump })
        }
        29 => Operation::Idle,
        _ => {
            let endings = [Ending::Closed, Ending::ProcessCrash, Ending::PowerFailure];
            let ending = endings[usize::try_from(tape.below(3)).unwrap_or(0)];
            let damages = (0..tape.below(3)).map(|_| damage(tape)).collect();
            Operation::Reopen(ending, damages)
        }
    }
}

fn damage(tape: &mut Tape) -> Damage {
    let (kind, file, at) = (tape.below(6), tape.below(16), tape.below(60_000));
    match kind {
        0 => Damage::RemoveAll,
        1 => Damage::Remove(file),
        2 => Damage::Flip(file, at),
        3 => Damage::Zero(file, at),
        4 => Damage::Truncate(file, at),
        _ => Damage::Copy(file, at, tape.below(60_000)),
    }
}

impl Damage {
    fn strike(self, disk: &mut SimDisk) {
        let mut runs = disk.names();
        runs.retain(|name| name.starts_with("run-"));
        let Some(length) = u64::try_from(runs.len()).ok().filter(|length| *length > 0) else {
            return;
        };
        let run = |number: u64| &runs[usize::try_from(number % length).unwrap_or(0)];
        let bytes = |name: &str| disk.contents(name).map_or(1, |bytes| bytes.len().max(1) as u64);
        let struck = match self {
            Self::RemoveAll => runs.iter().try_for_each(|name| disk.remove_file(name)),
            Self::Remove(file) => disk.remove_file(run(file)),
            Self::Flip(file, at) => {
                let at = at % bytes(run(file));
                disk.corrupt_bit(run(file), at, 3)
            }
            Self::Zero(file, at) => {
                let at = at % bytes(run(file));
                disk.zero_sectors(run(file), at..at + 1)
            }
            Self::Truncate(file, at) => {
                let at = at % bytes(run(file));
                disk.truncate_file(run(file), at)
            }
            Self::Copy(file, from, to) => {
                let (from, to) = (from % bytes(run(file)) / 512, to % bytes(run(file + 1)) / 512);
                disk.copy_sectors((run(file), from), (run(file + 1), to), 8)
            }
        };
        struck.expect("the file is there");
    }
}

/// The store under test, in its world, with a model of its own that has learned what the store
/// chose.
struct UnderTest {
    world: World,
    store: Option<Store>,
    model: Model,
    shown: Shown,
}

impl UnderTest {
    fn store(&self) -> &Store {
        self.store.as_ref().expect("it is open between operations")
    }

    fn open(&mut self, horizon: u64) {
        let options = Options::default()
            .segment_bytes(16 << 10)
            .group_bytes_max(8 << 10)
            .queue_bytes_max(64 << 10)
            .cache_bytes(16 << 10)
            .key_horizon_events(horizon);
        let runtime = self.world.runtime();
        let opened = self.world.block_on(Store::open_with(&runtime, options));
        let (store, _) = opened.expect("it opens: the log is whole");
        assert_eq!(store.head(), Position::new(self.model.head()));
        self.store = Some(store);
    }

    fn append(&mut self, append: &PlainAppend, wall: u64) {
        let head = self.model.head();
        let answer = self.world.block_on(self.store().append(Append::from(append)));
        let expected = self.model.append(append, WallTime::from_unix_nanos(wall));
        assert_eq!(Outcome::from(answer), expected, "{append:?}");
        self.learn(head, wall);
    }

    /// Appends together: in some order they are answered as the model answers them.
    fn together(&mut self, appends: &[PlainAppend], wall: u64) {
        let head = self.model.head();
        let store = self.store();
        let all = appends.iter().map(|append| store.append(Append::from(append)));
        let answers = self.world.block_on(join(all));
        let answers: Vec<Outcome> = answers.into_iter().map(Outcome::from).collect();
        let fits = |order: &[usize; 3]| {
            let mut model = self.model.clone();
            let fits = order.iter().all(|number| {
                let wall = WallTime::from_unix_nanos(wall);
                model.append(&appends[*number], wall) == answers[*number]
            });
            fits.then_some(model)
        };
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let model = orders.iter().find_map(fits);
        self.model = model.unwrap_or_else(|| panic!("in no order {appends:?} give {answers:?}"));
        self.learn(head, wall);
    }

    /// Reads what was stored behind `from` and takes over what the store chose.
    fn learn(&mut self, from: u64, wall: u64) {
        let read = Read::all().with_system().from_position(Position::new(from));
        let read = self.world.block_on(self.store().read(read).collect()).expect("readable");
        assert_eq!(read.len() as u64, self.model.head() - from);
        let events = self.model.now().events;
        let mut before =
            from.checked_sub(1).and_then(|last| events.get(usize::try_from(last).ok()?));
        let mut before = before.take().map_or(0, |last| last.recorded_at.as_unix_nanos());
        for event in read.iter().map(|event| self.shown.plain(event)) {
            let time = event.recorded_at.as_unix_nanos();
            let taken = before.max(wall)..=before.max(wall + 1_000);
            assert!(taken.contains(&time), "recorded at {time}, not in {taken:?}");
            before = time;
            assert!(event.event.id.is_some(), "every event that is read has an id");
            assert!(self.model.learn(&event), "{event:?} was not appended");
        }
    }

    fn ask(&self, question: &Question) {
        let reply = self.world.block_on(question.put_to_store(self.store(), &self.shown));
        assert_eq!(reply, question.put_to(self.model.now()), "{question:?}");
    }

    fn ask_everything(&self) {
        for question in Question::of_everything(self.model.now()) {
            self.ask(&question);
        }
    }

    fn end(&mut self, ending: Ending) {
        let store = self.store.take().expect("it is open between operations");
        match ending {
            Ending::Closed => self.world.block_on(store.close()).expect("it closes"),
            Ending::ProcessCrash => self.world.crash_process(),
            Ending::PowerFailure => self.world.power_failure(),
        }
    }
}

/// Polls all futures in turn until all are done.
async fn join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, output) in waiting.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        let done = outputs.iter().all(Option::is_some);
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

struct StoreTest;

impl StateMachineTest for StoreTest {
    type SystemUnderTest = UnderTest;
    type Reference = Reference;

    fn init_test(reference: &Reference) -> UnderTest {
        let world = World::new(reference.world_seed);
        let model = reference.model.clone();
        let mut under_test = UnderTest { world, store: None, model, shown: Shown::default() };
        under_test.open(reference.key_horizon_events);
        under_test
    }

    fn apply(mut test: UnderTest, reference: &Reference, operation: Operation) -> UnderTest {
        test.world.set_wall(WallTime::from_unix_nanos(reference.wall));
        match operation {
            Operation::Append(append) => test.append(&append, reference.wall),
            Operation::Together(appends) => test.together(&appends, reference.wall),
            Operation::Ask(question) => test.ask(&question),
            Operation::Clock(_) => {}
            Operation::Idle => test.world.run_for(IDLE),
            Operation::Reopen(ending, damages) => {
                test.end(ending);
                for damage in damages {
                    test.world.disk(|disk| damage.strike(disk));
                }
                test.open(reference.key_horizon_events);
                test.ask_everything();
            }
        }
        test
    }

    fn teardown(test: UnderTest, _: Reference) {
        test.ask_everything();
    }
}

prop_state_machine! {
    #![proptest_config(Config {
        cases: 400,
        rng_seed: RngSeed::Fixed(20_25),
        max_shrink_iters: 4_096,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/store/random.regressions",
        ))),
        ..Config::default()
    })]

    #[test]
    fn the_store_answers_as_the_model(sequential 1..120 => StoreTest);
}
