//! What there is around an executor of sagas: a network, and participants on machines of their own,
//! which die and come back while the executor lives or not.
//!
//! It decides nothing: who dies when, and what the power takes, is told; what participants do is
//! their [`Trade`]. The invariant it guards: a participant comes back by itself, so that whoever
//! waits for it waits a bounded time.

use super::Sky;
use crate::marks::{Mark, Watch};
use sagalog::{
    Options, Store,
    runtime::{Address, Answer, Call, CallKind, Responder, Unanswered},
};
use sagalog_testkit::{Seeded, SharedDisk, SimDisk, net::SimNetwork};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a participant that is to die has for the operations that it still may do.
const AGONY: Duration = Duration::from_millis(500);
/// How often somebody looks whether it came so far.
const GLANCE: Duration = Duration::from_millis(1);

/// How a participant dies and comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the suites' own vocabulary")]
pub struct Death {
    /// After so many more operations of its disk, if they come soon.
    pub after_ops: u64,
    /// The power fails: the number from which follows what is left of unsynced data. Otherwise the
    /// process dies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<u64>,
    /// Its machine is silent meanwhile, and does not refuse.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// How long it is gone, in milliseconds.
    pub ms: u64,
}

/// What participants do, each known by its number.
pub trait Trade: Clone + Send + Sync + 'static {
    /// Where one is called.
    fn address(&self, number: usize) -> Address;

    /// How each opens its books.
    fn options(&self) -> Options;

    /// What one answers, with these books.
    fn answer(
        &self,
        number: usize,
        books: Store,
        call: Call,
    ) -> impl Future<Output = Result<Answer, Unanswered>> + Send;
}

/// The network and the participants.
pub struct Neighbours<R, T> {
    pub(crate) network: SimNetwork<R>,
    pub(crate) ether: R,
    trade: T,
    participants: Arc<Vec<Neighbour<R>>>,
    watch: Arc<Mutex<Watch>>,
}

/// A participant, and who sees what it answers, whether its caller still lives or not.
struct Watched<T> {
    trade: T,
    number: usize,
    books: Store,
    watch: Arc<Mutex<Watch>>,
}

impl<T: Trade> Responder for Watched<T> {
    async fn answer(&self, call: Call) -> Result<Answer, Unanswered> {
        let kind = call.kind;
        let answer = self.trade.answer(self.number, self.books.clone(), call).await;
        match (kind, &answer) {
            (_, Ok(Answer::Fenced { .. })) => locked(&self.watch).reach(Mark::CallFenced),
            (CallKind::Action, Ok(Answer::Compensated)) => {
                locked(&self.watch).reach(Mark::CallTooLate);
            }
            _ => {}
        }
        answer
    }
}

struct Neighbour<R> {
    address: Address,
    disk: SharedDisk,
    machine: Mutex<Option<R>>,
    store: Mutex<Option<Store>>,
}

impl<R: Clone, T: Clone> Clone for Neighbours<R, T> {
    fn clone(&self) -> Self {
        let (network, ether, trade) =
            (self.network.clone(), self.ether.clone(), self.trade.clone());
        let (participants, watch) = (Arc::clone(&self.participants), Arc::clone(&self.watch));
        Self { network, ether, trade, participants, watch }
    }
}

impl<R, T> fmt::Debug for Neighbours<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Neighbours").finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Sky, T: Trade> Neighbours<R, T> {
    /// A network, and so many participants that are about to open their books.
    pub(crate) fn new(runtime: &R, trade: T, participants: usize) -> Self {
        let ether = runtime.add_machine(SharedDisk::default());
        let neighbour = |number| {
            let disk = SharedDisk::new(SimDisk::new());
            let machine = runtime.add_machine(disk.clone());
            let (machine, store) = (Mutex::new(Some(machine)), Mutex::default());
            Neighbour { address: trade.address(number), disk, machine, store }
        };
        let participants = Arc::new((0..participants).map(neighbour).collect());
        let network = SimNetwork::new(ether.clone());
        let around = Self { network, ether, trade, participants, watch: Arc::default() };
        for number in 0..around.participants.len() {
            around.on_the_ether(around.clone().rise(number));
        }
        around
    }

    /// Whoever is told what participants answer.
    pub(crate) fn watched_by(&self, watch: &Watch) {
        *locked(&self.watch) = watch.clone();
    }

    fn on_the_ether(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.ether.spawn_light(task).expect("the ether never crashes");
    }

    /// Opens the books of a participant, and lets it answer.
    ///
    /// # Panics
    /// If its books do not open: its disk keeps its promises.
    async fn rise(self, number: usize) {
        let neighbour = &self.participants[number];
        let machine = locked(&neighbour.machine).clone().expect("nobody else raises it");
        let opening = Store::open_with(&machine, self.trade.options());
        let (store, _) = opening.await.expect("a participant's disk keeps its promises");
        *locked(&neighbour.store) = Some(store.clone());
        let (trade, watch) = (self.trade.clone(), Arc::clone(&self.watch));
        let watched = Watched { trade, number, books: store, watch };
        self.network.serve(&neighbour.address, machine, watched);
    }

    /// Lets a participant die, and come back; nothing if it is gone already.
    pub(crate) fn dies(&self, number: usize, death: Death) {
        if self.network.is_served(&self.participants[number].address) {
            self.on_the_ether(self.clone().die(number, death));
        }
    }

    async fn die(self, number: usize, death: Death) {
        let neighbour = &self.participants[number];
        if !self.network.is_served(&neighbour.address) {
            return;
        }
        neighbour.disk.with(|disk| disk.halt_before(disk.ops() + 1 + death.after_ops));
        for _ in 0..AGONY.as_millis() {
            if neighbour.disk.with(|disk| disk.is_halted()) {
                break;
            }
            self.ether.sleep(GLANCE).await;
        }
        // Whoever was to die as well has come first.
        if !self.network.is_served(&neighbour.address) {
            return;
        }
        self.network.leave(&neighbour.address, death.silent);
        let books = locked(&neighbour.store).take();
        neighbour.disk.with(|disk| {
            disk.clear_halt();
            match death.power {
                Some(choices) => drop(disk.power_failure(&mut Seeded::new(choices))),
                None => disk.process_crash(),
            }
        });
        let before = locked(&neighbour.machine).take().expect("it was served");
        let machine = before.restart();
        *locked(&neighbour.machine) = Some(machine);
        drop(books);
        self.ether.sleep(Duration::from_millis(death.ms)).await;
        self.rise(number).await;
    }

    /// Waits until everybody answers again.
    pub(crate) async fn all_are_up(&self) {
        for neighbour in self.participants.iter() {
            while !self.network.is_served(&neighbour.address) {
                self.ether.sleep(GLANCE).await;
            }
        }
    }

    /// The books of everybody, by number.
    ///
    /// # Panics
    /// If somebody is not up.
    pub(crate) fn books(&self) -> Vec<Store> {
        let books = |neighbour: &Neighbour<R>| locked(&neighbour.store).clone();
        self.participants.iter().map(|it| books(it).expect("everybody is up")).collect()
    }
}
