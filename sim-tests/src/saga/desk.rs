//! Where clients find the executor: the one that took over last, and the definitions it was given.
//!
//! It judges nothing but what an executor says that was taken over from. The invariant it guards:
//! whoever calls gets the newest executor there is.

use super::{
    Saga as Suite,
    code::{SimCode, Surround},
};
use crate::{
    frame::{Sky, Stage},
    marks::Mark,
    report::{Violation, broken},
};
use sagalog::{NewSaga, SagaError, SagaId, Sagas, Store, definition::Code};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The executor of a life.
pub(super) struct Desk<R> {
    pub(super) stage: Stage<Suite>,
    pub(super) runtime: R,
    pub(super) store: Store,
    pub(super) surround: Surround<R>,
    /// The definition that is not there.
    pub(super) without: Option<usize>,
    newest: Mutex<Option<Sagas>>,
}

impl<R: Sky> Desk<R> {
    pub(super) fn new(surround: Surround<R>, without: Option<usize>) -> Self {
        let (stage, runtime) = (surround.stage.clone(), surround.runtime.clone());
        let store = surround.store.clone();
        Self { stage, runtime, store, surround, without, newest: Mutex::default() }
    }

    /// The newest executor.
    pub(super) fn sagas(&self) -> Sagas {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.clone().expect("one was opened before anybody calls")
    }

    /// Another executor takes over.
    pub(super) async fn open(&self) -> Result<(), SagaError> {
        let graphs = self.stage.plan.graphs();
        let known = graphs.into_iter().enumerate().filter(|(at, _)| Some(*at) != self.without);
        let codes = known.map(|(at, plan)| {
            let (shape, surround) = (self.stage.plan.shapes[at].clone(), self.surround.clone());
            Arc::new(SimCode { number: at, shape, plan, surround }) as Arc<dyn Code>
        });
        let codes: Vec<_> = codes.collect();
        let options = self.stage.plan.saga_options();
        let sagas = Sagas::open_with(&self.runtime, &self.store, codes, options).await?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let before = newest.replace(sagas);
        drop(newest);
        drop(before);
        Ok(())
    }

    /// Another executor takes over from one that is closed, or does not know.
    pub(super) async fn relay(&self, grace_ms: Option<u64>) -> Result<(), Violation> {
        let before = self.sagas();
        self.stage.oracle().relayed();
        if let Some(ms) = grace_ms {
            // Whatever ended it before is judged where it was called.
            let _ = before.clone().close(Duration::from_millis(ms)).await;
        }
        match self.open().await {
            Ok(()) => {}
            // Somebody else was faster, or the store is poisoned: then the next life goes on.
            Err(_) => return Ok(()),
        }
        let input = super::code::input_of(&[]);
        let new = NewSaga {
            saga: SagaId::parse("displaced").expect("a name"),
            definition: super::shape::name_of(0),
            revision: 1,
            input,
            trace_context: None,
        };
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
