//! A saga that is being defined: its steps, then what it returns, then its policies.
//!
//! It checks nothing but that handles are its own; what is impossible is
//! [`Plan::try_new`]'s to refuse.

use super::{
    Definition, Step, StepBuilder,
    built::Built,
    erased::{EarlyEnd, ErasedStep},
    handle::{Handle, Label},
    sources::encoded,
};
#[cfg(feature = "json")]
use crate::codec::Json;
use crate::{
    codec::{Codec, CodecError},
    names::DefinitionName,
    saga::{DefinitionError, Failure, OnStuck, Plan},
};
use bytes::Bytes;
use core::time::Duration;
use std::{fmt, marker::PhantomData, sync::Arc};

/// Where a definition begins: `Saga::<Order>::define("order", 3)` is one of sagas that are started
/// with an `Order`. A larger one stands in [`definition`](super).
///
/// ```
/// # #[cfg(feature = "json")] {
/// use sagalog::{definition::{Outcome, Saga, step_fn}, saga::Effect};
///
/// let greet = step_fn(Effect::Pure, |_cx, name: String| async move {
///     Outcome::Done(format!("hello {name}"))
/// });
/// let mut saga = Saga::<String>::define("greeting", 1);
/// let greeted = saga.step("greet", greet).takes(|name, ()| name.clone());
/// let greeting = saga.returns(greeted).build()?;
///
/// assert_eq!(greeting.encode_input(&"Ada".to_owned())?, r#""Ada""#);
/// assert_eq!(greeting.decode_output(Some(br#""hello Ada""#))?, "hello Ada");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[expect(clippy::exhaustive_enums, reason = "there are no values of it")]
#[derive(Debug)]
pub enum Saga<I> {
    #[doc(hidden)]
    Never(core::convert::Infallible, PhantomData<fn(I)>),
}

impl<I: 'static> Saga<I> {
    /// A definition whose values are journaled as JSON.
    ///
    /// Sagas under way go on with the `revision` they began with: whoever changes a definition
    /// raises it, and keeps the one before until its last saga has ended.
    #[cfg(feature = "json")]
    pub fn define(name: &str, revision: u32) -> SagaBuilder<I, Json>
    where
        Json: Codec<I>,
    {
        Self::define_with(Json, name, revision)
    }

    /// A definition whose values are journaled by this codec. It has to code the saga's input and
    /// the output of each step; their inputs are not stored.
    pub fn define_with<C: Codec<I>>(codec: C, name: &str, revision: u32) -> SagaBuilder<I, C> {
        let (codec, name) = (Arc::new(codec), name.to_owned());
        SagaBuilder { name, revision, codec, steps: Vec::new(), input: PhantomData }
    }
}

/// A saga whose steps are being defined. Made by [`Saga::define`].
#[must_use = "`returns` and `build` make it a definition"]
pub struct SagaBuilder<I, C> {
    name: String,
    revision: u32,
    pub(super) codec: Arc<C>,
    pub(super) steps: Vec<ErasedStep<C>>,
    input: PhantomData<fn(&I)>,
}

impl<I, C> SagaBuilder<I, C> {
    /// Another step. Its name is that of its effects' keys, and unique in the saga.
    pub fn step<'a, S: Step>(&'a mut self, name: &'a str, step: S) -> StepBuilder<'a, I, C, S> {
        StepBuilder::new(self, name, step)
    }

    /// The saga comes to what this step comes to.
    pub fn returns<H: Handle>(self, output: H) -> Returning<I, C, H> {
        let (on_stuck, deadline) = (OnStuck::default(), None);
        Returning { saga: self, output, on_stuck, deadline, foreign_early_end: false }
    }

    /// What tells its handles from those of other definitions.
    pub(super) fn words(&self) -> (&str, u32) {
        (&self.name, self.revision)
    }

    fn owns(&self, label: Label) -> bool {
        self.steps.get(label.step.at()).is_some_and(|step| step.label == label)
    }
}

/// A saga whose steps are defined. Made by [`SagaBuilder::returns`].
#[must_use = "`build` makes it a definition"]
pub struct Returning<I, C, H> {
    saga: SagaBuilder<I, C>,
    output: H,
    on_stuck: OnStuck,
    deadline: Option<Duration>,
    foreign_early_end: bool,
}

impl<I, C, H> Returning<I, C, H>
where
    I: 'static,
    C: Codec<I> + Codec<H::Output> + Send + Sync + 'static,
    H: Handle,
{
    /// How long a saga may take to get past its pivot, or to its end if it has none. Then it is
    /// aborted.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// What happens to the rest of an abort when a compensation is stuck.
    pub fn on_stuck(mut self, on_stuck: OnStuck) -> Self {
        self.on_stuck = on_stuck;
        self
    }

    /// When `step` is done and `ending` gives an output, the saga completes with that, and nothing
    /// else of it is done. Also where the saga's output is optional, it ends early with one.
    ///
    /// `ending` is a pure function of the saga's input and the step's output. If it panics the
    /// attempt is ambiguous, since the step has had its effect.
    pub fn ends_early<J, F>(mut self, step: J, ending: F) -> Self
    where
        J: Handle,
        C: Codec<J::Output>,
        F: Fn(&I, J::Output) -> Option<H::Output> + Send + Sync + 'static,
    {
        let label = step.label();
        if self.saga.owns(label) {
            let ending: EarlyEnd<C> =
                Arc::new(move |codec, input, output| early_end(codec, (input, output), &ending));
            self.saga.steps[label.step.at()].code.ends_early = Some(ending);
        } else {
            self.foreign_early_end = true;
        }
        self
    }

    /// The definition.
    ///
    /// # Errors
    /// [`DefinitionError`] says what of it is impossible.
    pub fn build(self) -> Result<Definition<I, H::Given>, DefinitionError> {
        let name = DefinitionName::parse(&self.saga.name).map_err(DefinitionError::Name)?;
        if !self.saga.steps.is_empty() && !self.saga.owns(self.output.label()) {
            return Err(DefinitionError::NoOutput);
        }
        if self.foreign_early_end {
            return Err(DefinitionError::NoEarlyEnd);
        }
        self.check_sources()?;
        let SagaBuilder { revision, codec, steps, .. } = self.saga;
        let mut plans = Vec::with_capacity(steps.len());
        let mut code = Vec::with_capacity(steps.len());
        for step in steps {
            let (plan, of_step) = step.split()?;
            plans.push(plan);
            code.push(of_step);
        }
        let plan = Plan::try_new(name, revision, plans, self.output.label().step)?;
        let plan = Arc::new(plan.on_stuck(self.on_stuck).deadline(self.deadline));
        Ok(Definition::new(Built::<I, C, H>::new(plan, codec, code)))
    }

    fn check_sources(&self) -> Result<(), DefinitionError> {
        for step in &self.saga.steps {
            if !step.after.iter().all(|label| self.saga.owns(*label)) {
                let name = step.name.clone().map_err(DefinitionError::Name)?;
                return Err(DefinitionError::Foreign(name));
            }
        }
        Ok(())
    }
}

/// What a saga ends with early after a step, if it does.
fn early_end<I, C, T, O>(
    codec: &C,
    (input, output): (&[u8], &[u8]),
    ending: &(impl Fn(&I, T) -> Option<O> + ?Sized),
) -> Result<Option<Bytes>, Failure>
where
    C: Codec<I> + Codec<T> + Codec<O>,
{
    let read = |error: CodecError| Failure::failed(format!("it does not decode: {error}"));
    let input: I = codec.decode(input).map_err(read)?;
    let output: T = codec.decode(output).map_err(read)?;
    let Some(early) = ending(&input, output) else { return Ok(None) };
    let early = encoded(codec, &early);
    early.map(Some).map_err(|error| Failure::failed(format!("it cannot be stored: {error}")))
}

impl<I, C> fmt::Debug for SagaBuilder<I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<I, C, H> fmt::Debug for Returning<I, C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returning").field("saga", &self.saga).finish_non_exhaustive()
    }
}
