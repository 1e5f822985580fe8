//! Actors of the stories about sagas: orders that end, get stuck or wait, each by its input.
//!
//! `fine` completes, `declined` is compensated, `stuck` gets stuck when its reservation is to be
//! released for the first time, `unshippable` gets stuck behind its pivot, `later` is tried again
//! in an hour.

use crate::support::block_on;
use sagalog::{
    NewSaga, OpenError, Options, SagaId, SagaOptions, Sagas, Settled, Store,
    definition::{Definition, Outcome, Saga, StepCx, step_fn},
    runtime::tokio::TokioRuntime,
    saga::{Effect, Retry},
};
use std::{future::ready, path::Path, time::Duration};
use tempfile::TempDir;

/// The definition of an order.
pub(crate) fn order(revision: u32) -> Definition<String, u64> {
    let hour = Duration::from_secs(3600);
    let mut saga = Saga::<String>::define("order", revision);
    let reserve = saga
        .step("reserve", step_fn(Effect::Keyed, |_, order: String| ready(reserve(&order))))
        .retry(Retry::fixed(hour).attempts(3))
        .compensation_fn(|cx, order, _| ready(release(&cx, &order)))
        .takes(|order, ()| order.clone());
    let charge = saga
        .step("charge", step_fn(Effect::Keyed, |_, order: String| ready(charge(&order))))
        .after(reserve)
        .needs_no_compensation()
        .pivot()
        .takes(|order, _| order.clone());
    let ship = saga
        .step("ship", step_fn(Effect::Keyed, |_, order: String| ready(ship(&order))))
        .after(charge)
        .retriable()
        .takes(|order, _| order.clone());
    saga.returns(ship).build().expect("an order is possible")
}

fn reserve(order: &str) -> Outcome<u64> {
    match order {
        "later" => Outcome::retry("the warehouse is busy"),
        _ => Outcome::Done(17),
    }
}

fn release(cx: &StepCx, order: &str) -> Outcome<()> {
    match order {
        "stuck" if cx.attempt() == 1 => Outcome::failed("the warehouse is closed"),
        _ => Outcome::Done(()),
    }
}

fn charge(order: &str) -> Outcome<u64> {
    match order {
        "declined" | "stuck" => Outcome::rejected("the card was declined"),
        _ => Outcome::Done(1250),
    }
}

fn ship(order: &str) -> Outcome<u64> {
    match order {
        "unshippable" => Outcome::failed("there is no such address"),
        _ => Outcome::Done(99),
    }
}

/// A directory with a store of orders, which nobody executes.
pub(crate) struct Orders {
    dir: TempDir,
}

/// What is executing sagas.
pub(crate) struct Running {
    pub(crate) store: Store,
    pub(crate) sagas: Sagas,
}

impl Running {
    pub(crate) async fn open(dir: &Path, revision: u32) -> Self {
        let runtime = TokioRuntime::create(dir).expect("a directory");
        let store = loop {
            match Store::open_with(&runtime, Options::default()).await {
                Ok((store, _)) => break store,
                // A command may have the store open for a moment.
                Err(OpenError::Locked) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        let options = SagaOptions::default().requests_every(Some(Duration::from_millis(20)));
        let definitions = [order(revision).code()];
        let sagas = Sagas::open_with(&runtime, &store, definitions, options).await;
        Self { sagas: sagas.expect("opens"), store }
    }

    pub(crate) async fn start(&self, saga: &str, kind: &str) {
        let new = NewSaga {
            saga: SagaId::parse(saga).expect("a name"),
            definition: "order".try_into().expect("a name"),
            revision: 1,
            input: serde_json::to_vec(kind).expect("text").into(),
            trace_context: None,
        };
        self.sagas.start_encoded(new).await.expect("starts");
    }

    pub(crate) async fn settled(&self, saga: &str) -> Settled {
        let saga = SagaId::parse(saga).expect("a name");
        self.sagas.settled(&saga).await.expect("it ends or is stuck")
    }

    pub(crate) async fn close(self) {
        self.sagas.close(Duration::from_secs(5)).await.expect("closes");
        self.store.close().await.expect("closes");
    }
}

impl Orders {
    /// Each order as far as it comes; they are named after what becomes of them.
    pub(crate) fn new(kinds: &[&str]) -> Self {
        let orders = Self { dir: tempfile::tempdir().expect("a scratch directory") };
        block_on(async {
            let running = Running::open(orders.path(), 1).await;
            for kind in kinds {
                running.start(kind, kind).await;
                while *kind == "later" && !orders.has_been_tried(&running).await {
                    tokio::task::yield_now().await;
                }
                if *kind != "later" {
                    running.settled(kind).await;
                }
            }
            running.close().await;
        });
        orders
    }

    /// Whether the order that is put off has been tried.
    async fn has_been_tried(&self, running: &Running) -> bool {
        let saga = SagaId::parse("later").expect("a name");
        let status = running.sagas.status(&saga).await.expect("it was started");
        status.steps.iter().any(|step| step.last_failure.is_some())
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn name(&self) -> &str {
        self.path().to_str().expect("a plain path")
    }
}
