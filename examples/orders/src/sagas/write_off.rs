//! The saga of a write-off: accept, take off.
//!
//! The invariant it guards: what the inventory does not have is not written off, and the write-off
//! says so.

use super::{
    Around, by_product,
    steps::{after_effect, answer, step, then},
};
use crate::{
    domain::{Cancelled, DocumentNo, WriteOffAccepted, WriteOffEvent, WrittenOff},
    ports::{TakeOff, ask},
};
use sagalog::{
    definition::{Definition, Outcome, Saga, StepCx},
    runtime::Transport,
    saga::{DefinitionError, Effect},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the saga of a write-off is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOffRequest {
    /// Which write-off.
    pub by: DocumentNo,
}

/// Its steps, in order.
pub(super) const STEPS: [&str; 2] = ["accept", "take-off"];

pub(super) fn definition<T: Transport>(
    around: &Arc<Around<T>>,
) -> Result<Definition<WriteOffRequest, ()>, DefinitionError> {
    let patience = &around.patience;
    let mut saga = Saga::<WriteOffRequest>::define("writeoff", 1);
    let accept = saga
        .step(STEPS[0], step(around, Effect::Transactional, accept))
        .compensation_fn(answer(around, cancel))
        .retry(patience.until_done())
        .compensation_retry(patience.until_done())
        .takes(|request, ()| request.clone());
    let take_off = saga
        .step(STEPS[1], step(around, Effect::Keyed, take_off))
        .after(accept)
        .retry(patience.until_done())
        .timeout(patience.timeout)
        .pivot()
        .takes(|request, ()| request.clone());
    saga.returns(take_off).build()
}

/// The write-off, or what the attempt comes to without it.
macro_rules! found {
    ($around:expr, $cx:expr, $request:expr) => {
        match $around.write_offs.recall(&$cx, &$request.by).await {
            Ok(found) => found,
            Err(error) => return error.outcome(),
        }
    };
}

async fn accept<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: WriteOffRequest,
) -> Outcome<()> {
    let found = found!(around, cx, request);
    let event = WriteOffEvent::Accepted(WriteOffAccepted {});
    after_effect(around.write_offs.leave(&cx, &found, event), ())
}

async fn cancel<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: WriteOffRequest,
) -> Outcome<()> {
    let found = found!(around, cx, request);
    let cause = "the inventory did not take it off".to_owned();
    let event = WriteOffEvent::Cancelled(Cancelled { cause });
    after_effect(around.write_offs.leave(&cx, &found, event), ())
}

async fn take_off<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: WriteOffRequest,
) -> Outcome<()> {
    let found = found!(around, cx, request);
    let lines = found.document.placed.lines.iter();
    let lines = by_product(lines.map(|(product, pieces)| (product, u64::from(*pieces))));
    let pieces = lines.iter().map(|(_, pieces)| pieces).sum();
    let order = TakeOff { by: request.by.clone(), lines };
    let outcome = ask(&around.transport, &cx, &order).await;
    then(outcome, |_| {
        let event = WriteOffEvent::WrittenOff(WrittenOff { pieces, attempt: cx.attempt() });
        after_effect(around.write_offs.leave(&cx, &found, event), ())
    })
}
