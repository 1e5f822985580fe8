//! The shop that the stories play in: three steps, and books that outlive the machine.
//!
//! The books are the outside world: what is written there has happened, whatever the saga knows.

use sagalog::{
    EngineRuntime, Options, SagaError, SagaId, SagaOptions, Sagas, Store,
    definition::{Code, Definition, Outcome, Saga, StepCx, step_fn},
    saga::{Effect, Retry},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What each key has come to: how often it was asked for, and whether it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books(Arc<Mutex<BTreeMap<String, Entry>>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) asked: u32,
    pub(crate) compensated: u32,
    pub(crate) stands: bool,
}

impl Books {
    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<String, Entry>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does what `key` stands for, once, unless it was compensated before.
    pub(crate) fn act(&self, cx: &StepCx) {
        self.with(|books| {
            let entry = books.entry(cx.key().to_string()).or_default();
            entry.asked += 1;
            entry.stands = entry.compensated == 0;
        });
    }

    pub(crate) fn compensate(&self, cx: &StepCx) {
        self.with(|books| {
            let entry = books.entry(cx.key().to_string()).or_default();
            entry.compensated += 1;
            entry.stands = false;
        });
    }

    pub(crate) fn entry(&self, key: &str) -> Entry {
        self.with(|books| books.get(key).copied().unwrap_or_default())
    }

    /// The steps of a saga whose effects stand.
    pub(crate) fn standing(&self, saga: &str) -> Vec<String> {
        let of = format!("{saga}/0/");
        self.with(|books| {
            let standing = books.iter().filter(|(_, entry)| entry.stands);
            standing.filter_map(|(key, _)| key.strip_prefix(&of).map(str::to_owned)).collect()
        })
    }
}

/// What the parcel service answers.
pub(crate) type Shipping = Arc<dyn Fn(&StepCx) -> Outcome<String> + Send + Sync>;

/// Reserve, charge, ship; the first two with compensations.
pub(crate) fn order(books: &Books, shipping: Shipping) -> Definition<u64, String> {
    order_of(books, shipping, 1, Retry::fixed(Duration::from_secs(1)).attempts(3))
}

pub(crate) fn order_of(
    books: &Books,
    shipping: Shipping,
    revision: u32,
    retry: Retry,
) -> Definition<u64, String> {
    let acts = |name: &'static str| {
        let books = books.clone();
        step_fn(Effect::Keyed, move |cx, cents: u64| {
            books.act(&cx);
            async move { Outcome::Done(format!("{name} {cents}")) }
        })
    };
    let answers = || {
        let books = books.clone();
        move |cx: StepCx, _input: u64, _output: Option<String>| {
            books.compensate(&cx);
            async { Outcome::Done(()) }
        }
    };
    let ships = {
        let books = books.clone();
        step_fn(Effect::Keyed, move |cx, _receipt: String| {
            let answer = shipping(&cx);
            if matches!(answer, Outcome::Done(_)) {
                books.act(&cx);
            }
            async move { answer }
        })
    };
    let mut saga = Saga::<u64>::define("order", revision);
    let reserve =
        saga.step("reserve", acts("reserved")).compensation_fn(answers()).takes(|cents, ()| *cents);
    let charge = saga
        .step("charge", acts("charged"))
        .after(reserve)
        .compensation_fn(answers())
        .takes(|cents, _| *cents);
    let ship = saga
        .step("ship", ships)
        .after(charge)
        .compensation_fn({
            let books = books.clone();
            move |cx, _, _| {
                books.compensate(&cx);
                async { Outcome::Done(()) }
            }
        })
        .retry(retry)
        .takes(|_, receipt| receipt);
    saga.returns(ship).build().expect("the shop's saga is possible")
}

pub(crate) fn ships() -> Shipping {
    Arc::new(|_| Outcome::Done("parcel".into()))
}

pub(crate) fn refuses() -> Shipping {
    Arc::new(|_| Outcome::rejected("no carrier"))
}

pub(crate) fn id(name: &str) -> SagaId {
    SagaId::parse(name).expect("a test names its sagas properly")
}

pub(crate) fn options() -> Options {
    Options::default().segment_bytes(1 << 20).group_bytes_max(64 << 10).queue_bytes_max(64 << 10)
}

/// Opens the store and the sagas in it.
pub(crate) async fn open<R: EngineRuntime>(
    runtime: &R,
    definitions: impl IntoIterator<Item = Arc<dyn Code>>,
) -> Result<Sagas, SagaError> {
    let (store, _) = Store::open_with(runtime, options()).await.expect("the disk is healthy");
    let opened = Sagas::open_with(runtime, &store, definitions, SagaOptions::default()).await;
    if opened.is_err() {
        store.close().await.expect("nothing is wrong");
    }
    opened
}

/// Closes both in order.
pub(crate) async fn close(sagas: Sagas) {
    let store = sagas.store().clone();
    sagas.close(Duration::from_secs(60)).await.expect("nothing is wrong");
    store.close().await.expect("nothing is wrong");
}
