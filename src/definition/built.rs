//! A definition that was built: a plan, the code of its steps, and the types at its two ends.
//!
//! Not an executor: it makes attempts and runs none. The invariant it guards: whatever bytes a
//! journal holds, asking for an attempt or a condition gives an answer, never a panic.

use super::{
    AttemptFuture, Code, StepCx,
    erased::{EarlyEnd, StepCode, caught},
    handle::Handle,
    sources::{Past, encoded},
};
use crate::{
    codec::{Codec, CodecError},
    saga::{Attempt, Ending, Failure, Judge, Plan, Side, State, StepIndex},
};
use bytes::Bytes;
use std::{error::Error, fmt, future::ready, marker::PhantomData, sync::Arc};

/// A definition of sagas that are started with an `I` and come to an `O`. Cheap to clone.
pub struct Definition<I, O> {
    code: Arc<dyn Code>,
    values: Arc<dyn Values<I, O>>,
}

impl<I, O> Definition<I, O> {
    pub(super) fn new(built: impl Code + Values<I, O>) -> Self {
        let values = Arc::new(built);
        let code = Arc::clone(&values);
        Self { code, values }
    }

    /// What an executor runs.
    pub fn code(&self) -> Arc<dyn Code> {
        Arc::clone(&self.code)
    }

    /// The graph and the policies.
    pub fn plan(&self) -> &Arc<Plan> {
        self.code.plan()
    }

    /// What a journal keeps of a saga's input.
    ///
    /// # Errors
    /// [`CodecError`] if the codec cannot say it, cannot read it back, or needs more than
    /// [`OUTPUT_BYTES_MAX`](crate::limits::OUTPUT_BYTES_MAX) for it.
    pub fn encode_input(&self, input: &I) -> Result<Bytes, CodecError> {
        self.values.encode_input(input)
    }

    /// What a completed saga came to, of what [`State::output`] gives.
    ///
    /// # Errors
    /// [`OutputError`] if there is none where there has to be one, or if it does not decode.
    pub fn decode_output(&self, output: Option<&[u8]>) -> Result<O, OutputError> {
        self.values.decode_output(output)
    }
}

impl<I, O> Clone for Definition<I, O> {
    fn clone(&self) -> Self {
        Self { code: Arc::clone(&self.code), values: Arc::clone(&self.values) }
    }
}

impl<I, O> fmt::Debug for Definition<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Definition").field(self.plan()).finish()
    }
}

/// Why the output of a completed saga cannot be told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OutputError {
    /// An operator completed the saga without one. Ask who did, and why.
    Missing,
    /// The bytes are no such output: an operator gave others, or the type has changed without a
    /// new revision of the definition.
    Unreadable(CodecError),
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the saga was completed without an output"),
            Self::Unreadable(error) => write!(f, "the saga's output does not decode: {error}"),
        }
    }
}

impl Error for OutputError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Missing => None,
            Self::Unreadable(error) => Some(error),
        }
    }
}

/// The two ends of a definition, without its codec.
pub(super) trait Values<I, O>: Send + Sync {
    fn encode_input(&self, input: &I) -> Result<Bytes, CodecError>;
    fn decode_output(&self, output: Option<&[u8]>) -> Result<O, OutputError>;
}

/// What a [`Definition`] is made of.
pub(super) struct Built<I, C, H> {
    plan: Arc<Plan>,
    codec: Arc<C>,
    steps: Vec<StepCode<C>>,
    ends: PhantomData<fn(I) -> H>,
}

impl<I, C, H> Built<I, C, H> {
    pub(super) fn new(plan: Arc<Plan>, codec: Arc<C>, steps: Vec<StepCode<C>>) -> Self {
        Self { plan, codec, steps, ends: PhantomData }
    }

    fn past<'a>(&'a self, state: &'a State) -> Past<'a, C> {
        Past { codec: &self.codec, plan: &self.plan, state }
    }
}

impl<I, C, H> Values<I, H::Given> for Built<I, C, H>
where
    I: 'static,
    C: Codec<I> + Codec<H::Output> + Send + Sync + 'static,
    H: Handle,
{
    fn encode_input(&self, input: &I) -> Result<Bytes, CodecError> {
        encoded(&*self.codec, input)
    }

    fn decode_output(&self, output: Option<&[u8]>) -> Result<H::Given, OutputError> {
        let output = output.map(|bytes| self.codec.decode(bytes)).transpose();
        H::give(output.map_err(OutputError::Unreadable)?).ok_or(OutputError::Missing)
    }
}

impl<I, C, H> Judge for Built<I, C, H>
where
    C: Send + Sync + 'static,
{
    fn holds(&self, step: StepIndex, state: &State) -> Result<bool, Failure> {
        let Some(condition) = &self.steps[step.at()].holds else { return Ok(true) };
        caught(|| condition(&self.past(state))).map_err(|failure| {
            let name = &self.plan.steps()[step.at()].name;
            Failure::failed(format!("whether step {name} is to be done cannot be told: {failure}"))
        })
    }
}

impl<I, C, H> Code for Built<I, C, H>
where
    I: 'static,
    C: Send + Sync + 'static,
    H: 'static,
{
    fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    fn attempt(&self, cx: StepCx, attempt: Attempt, state: &State) -> AttemptFuture {
        let step = &self.steps[attempt.step.at()];
        let past = self.past(state);
        let prepared = caught(|| match (attempt.side, &step.compensate) {
            (Side::Action, _) => (step.act)(cx, &past),
            (Side::Compensation, Some(compensate)) => compensate(cx, &past),
            (Side::Compensation, None) => Err(Failure::failed("it has no compensation")),
        });
        match (prepared, &step.ends_early) {
            (Ok(attempting), Some(ends_early)) if attempt.side == Side::Action => {
                let (codec, ends_early) = (Arc::clone(&self.codec), Arc::clone(ends_early));
                let input = state.begun().input.clone();
                Box::pin(async move { or_early(attempting.await, &*codec, &ends_early, &input) })
            }
            (Ok(attempting), _) => attempting,
            (Err(failure), _) => {
                let name = &self.plan.steps()[attempt.step.at()].name;
                let reason = format!("step {name} cannot be attempted: {failure}");
                Box::pin(ready(Ending::Unusable(Failure::failed(reason))))
            }
        }
    }
}

/// The ending of an attempt of a step that may end its saga.
fn or_early<C>(ending: Ending, codec: &C, ends_early: &EarlyEnd<C>, input: &[u8]) -> Ending {
    let Ending::Done { output, .. } = ending else { return ending };
    match caught(|| ends_early(codec, input, &output)) {
        Ok(early) => Ending::Done { output, early },
        // It has had its effect, and whether the saga goes on cannot be told.
        Err(failure) => Ending::Ambiguous(Failure::failed(format!(
            "it is done and whether that ends the saga cannot be told: {failure}"
        ))),
    }
}
