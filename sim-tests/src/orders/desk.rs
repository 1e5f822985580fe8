//! Where clients find the executor: the one that took over last.
//!
//! It judges nothing but what an executor says that was taken over from. The invariant it guards:
//! whoever calls gets the newest executor there is.

use super::{Orders as Suite, paper::document_no, wire::Wire};
use crate::{
    frame::{Lived, Sky, Stage, Storm},
    marks::Mark,
    report::{Violation, broken},
};
use ::orders::{
    domain::{Money, PaymentMethod},
    sagas::{Definitions, OrderRequest, ReturnRequest, WriteOffRequest},
};
use sagalog::{NewSaga, SagaError, SagaId, Sagas, Store};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::paper::Paper;

/// The executor of a life.
pub(super) struct Desk<R> {
    stage: Stage<Suite>,
    runtime: R,
    pub(super) store: Store,
    definitions: Definitions,
    newest: Mutex<Option<Sagas>>,
}

impl<R: Sky> Desk<R> {
    /// Nobody is there yet.
    pub(super) fn new(life: &Lived<Suite, R>, store: &Store, storm: Storm<Suite>) -> Self {
        let (stage, runtime) = (life.stage.clone(), life.runtime.clone());
        let network = life.around.network.transport(runtime.clone(), storm);
        let wire = Wire { stage: stage.clone(), network };
        let definitions = Definitions::build(store, wire, stage.plan.patience());
        let definitions = definitions.expect("the application's sagas can be built");
        Self { stage, runtime, store: store.clone(), definitions, newest: Mutex::default() }
    }

    /// The newest executor.
    pub(super) fn sagas(&self) -> Sagas {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.clone().expect("one was opened before anybody calls")
    }

    /// What the saga of a document is started with.
    pub(super) fn saga(&self, number: u64, paper: &Paper) -> NewSaga {
        let by = document_no(number);
        let Definitions { order, returning, write_off } = &self.definitions;
        let (input, plan) = match paper {
            Paper::Order { .. } => {
                let (method, total) = (PaymentMethod::Card, Money::pence(paper.total()));
                (order.encode_input(&OrderRequest { order: by, method, total }), order.plan())
            }
            Paper::Return { .. } => {
                (returning.encode_input(&ReturnRequest { by }), returning.plan())
            }
            Paper::WriteOff { .. } => {
                (write_off.encode_input(&WriteOffRequest { by }), write_off.plan())
            }
        };
        NewSaga {
            saga: paper.saga(number),
            definition: plan.name().clone(),
            revision: plan.revision(),
            input: input.expect("a request is plain data"),
            trace_context: None,
        }
    }

    /// Another executor takes over.
    pub(super) async fn open(&self) -> Result<(), SagaError> {
        let options = self.stage.plan.saga_options();
        let codes = self.definitions.codes();
        let sagas = Sagas::open_with(&self.runtime, &self.store, codes, options).await?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let before = newest.replace(sagas);
        drop(newest);
        drop(before);
        Ok(())
    }

    /// Another executor takes over from one that is closed, or does not know.
    pub(super) async fn relay(self: &Arc<Self>, grace_ms: Option<u64>) -> Result<(), Violation> {
        let before = self.sagas();
        self.stage.oracle().relayed();
        if let Some(ms) = grace_ms {
            // Whatever ended it before is judged where it was called.
            let _ = before.clone().close(Duration::from_millis(ms)).await;
        }
        // Somebody else was faster, or the store is poisoned: then the next life goes on.
        if self.open().await.is_err() {
            return Ok(());
        }
        let new = self.saga(0, &Paper::WriteOff { items: Vec::new() });
        let new = NewSaga { saga: SagaId::parse("displaced").expect("a name"), ..new };
        match before.start_encoded(new).await {
            Ok(()) => broken("G40", "an executor starts a saga that was taken over from".into()),
            Err(SagaError::Fenced) => {
                self.stage.watch.reach(Mark::ExecutorFenced);
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }
}
