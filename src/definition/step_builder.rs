//! One step that is being defined, up to the mapping that gives it its input.
//!
//! The graph as a whole is `builder`'s. The invariant it guards: what a step reads is what it is
//! after, so its condition and its mapping are typed by `after`, which comes before them.

use super::{
    AttemptFuture, Compensation, Outcome, SagaBuilder, Step, StepCx,
    erased::{self, Condition, ErasedStep, Policies, StepCode},
    handle::{Handle, Label, OptionalOutput, StepOutput},
    sources::{Past, Sources},
    step::CompensationFn,
};
use crate::{
    codec::Codec,
    names::StepName,
    saga::{Failure, Retry, StepKind, plan::Compensated},
};
use core::time::Duration;
use std::{fmt, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

type CompensationFuture = Pin<Box<dyn Future<Output = Outcome<()>> + Send>>;

/// A compensation without its type.
type Answer<S> = Arc<
    dyn Fn(StepCx, <S as Step>::In, Option<<S as Step>::Out>) -> CompensationFuture + Send + Sync,
>;

/// The input of a step, out of what it is after.
type Mapping<C, In> = Arc<dyn Fn(&Past<'_, C>) -> Result<In, Failure> + Send + Sync>;

/// A step that is being defined; [`takes`](Self::takes) ends it. Made by
/// [`SagaBuilder::step`].
///
/// `H` is the handle that it will be known by: [`StepOutput`], or [`OptionalOutput`] once it has a
/// condition.
#[must_use = "a step without `takes` is not part of the saga"]
pub struct StepBuilder<'a, I, C, S: Step, A = (), H = StepOutput<<S as Step>::Out>> {
    saga: &'a mut SagaBuilder<I, C>,
    name: &'a str,
    step: S,
    after: A,
    policies: Policies,
    compensation: Compensated,
    answer: Option<Answer<S>>,
    condition: Option<Condition<C>>,
    handle: PhantomData<fn() -> H>,
}

impl<'a, I, C, S: Step> StepBuilder<'a, I, C, S> {
    pub(super) fn new(saga: &'a mut SagaBuilder<I, C>, name: &'a str, step: S) -> Self {
        Self {
            saga,
            name,
            step,
            after: (),
            policies: Policies::default(),
            compensation: Compensated::Unsaid,
            answer: None,
            condition: None,
            handle: PhantomData,
        }
    }

    /// It is done after these steps: one handle, or a tuple of up to eight. Its condition and its
    /// mapping are given their outputs, of a step with a condition an `Option`.
    pub fn after<A: Sources<C>>(self, steps: A) -> StepBuilder<'a, I, C, S, A> {
        let Self { saga, name, step, policies, compensation, answer, condition, handle, .. } = self;
        let after = steps;
        StepBuilder { saga, name, step, after, policies, compensation, answer, condition, handle }
    }
}

impl<'a, I, C, S, A> StepBuilder<'a, I, C, S, A>
where
    I: 'static,
    C: Codec<I>,
    S: Step,
    A: Sources<C>,
{
    /// It is done only if this holds of the saga's input and the outputs of the steps before it;
    /// otherwise it is skipped, and what comes after it is given `None`.
    ///
    /// `condition` is a pure function: it is asked again after a crash.
    pub fn when<F>(
        self,
        condition: F,
    ) -> StepBuilder<'a, I, C, S, A, OptionalOutput<<S as Step>::Out>>
    where
        F: Fn(&I, A::Outputs) -> bool + Send + Sync + 'static,
    {
        let Self { saga, name, step, after, policies, compensation, answer, .. } = self;
        let holds = move |past: &Past<'_, C>| Ok(condition(&past.input()?, after.read(past)?));
        let condition: Option<Condition<C>> = Some(Box::new(holds));
        let handle = PhantomData;
        StepBuilder { saga, name, step, after, policies, compensation, answer, condition, handle }
    }
}

impl<I, C, S: Step, A, H> StepBuilder<'_, I, C, S, A, H> {
    /// What answers its effect if the saga turns back.
    pub fn compensation(mut self, compensation: impl Compensation<S>) -> Self {
        let compensation = Arc::new(compensation);
        self.compensation = Compensated::Yes;
        self.answer = Some(Arc::new(move |cx, input, output| {
            let compensation = Arc::clone(&compensation);
            Box::pin(async move { compensation.compensate(cx, input, output).await })
        }));
        self
    }

    /// The same as a closure, `|cx, input, output| async move { … }`.
    pub fn compensation_fn<F, Run>(self, compensation: F) -> Self
    where
        F: Fn(StepCx, S::In, Option<S::Out>) -> Run + Send + Sync + 'static,
        Run: Future<Output = Outcome<()>> + Send,
    {
        self.compensation(CompensationFn(compensation))
    }

    /// Its effect may stand when the saga is aborted.
    pub fn needs_no_compensation(mut self) -> Self {
        self.compensation = Compensated::NotNeeded;
        self.answer = None;
        self
    }

    /// How it is tried again, unless as [`Retry::default`] says.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.policies.retry = retry;
        self
    }

    /// How its compensation is tried again, unless as [`Retry::for_compensation`] says.
    pub fn compensation_retry(mut self, retry: Retry) -> Self {
        self.policies.compensation_retry = retry;
        self
    }

    /// How long an attempt may take, of the step or of its compensation; otherwise
    /// [`TIMEOUT`](crate::saga::plan::TIMEOUT).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policies.timeout = timeout;
        self
    }

    /// It is the point of no return: once it is done the saga goes forward only.
    pub fn pivot(mut self) -> Self {
        self.policies.kind = StepKind::Pivot;
        self
    }

    /// It comes after the pivot, and is tried until it is done.
    pub fn retriable(mut self) -> Self {
        self.policies.kind = StepKind::Retriable;
        self
    }

    /// Behind it is a savepoint: if a step after it fails, the saga returns to here and goes on
    /// from here, at most this often.
    pub fn savepoint(mut self, returns_max: u32) -> Self {
        self.policies.returns_max = Some(returns_max);
        self
    }
}

impl<I, C, S, A, H> StepBuilder<'_, I, C, S, A, H>
where
    I: 'static,
    C: Codec<I> + Codec<S::Out> + Send + Sync + 'static,
    S: Step,
    A: Sources<C>,
    H: Handle<Output = S::Out>,
{
    /// What it is given, out of the saga's input and the outputs of the steps it is after: and with
    /// that the step is part of the saga.
    ///
    /// `mapping` is a pure function: it is asked again in every attempt, and for the compensation.
    pub fn takes<F>(self, mapping: F) -> H
    where
        F: Fn(&I, A::Outputs) -> S::In + Send + Sync + 'static,
    {
        let after = self.after;
        let input: Mapping<C, S::In> =
            Arc::new(move |past| Ok(mapping(&past.input()?, after.read(past)?)));
        let index = erased::next_index(self.saga.steps.len());
        let label = Label::new::<H>(self.saga.words(), index, self.name);
        let codec = &self.saga.codec;
        self.saga.steps.push(ErasedStep {
            name: StepName::parse(self.name),
            label,
            after: after.labels(),
            effect: self.step.effect(),
            compensation: self.compensation,
            policies: self.policies,
            code: StepCode {
                holds: self.condition,
                act: acting(Arc::new(self.step), Arc::clone(&input), Arc::clone(codec)),
                compensate: self.answer.map(|answer| compensating::<C, S>(answer, input, label)),
                ends_early: None,
            },
        });
        H::from_label(label)
    }
}

fn acting<C, S>(step: Arc<S>, input: Mapping<C, S::In>, codec: Arc<C>) -> erased::Attempting<C>
where
    C: Codec<S::Out> + Send + Sync + 'static,
    S: Step,
{
    Box::new(move |cx, past| {
        let (input, step, codec) = (input(past)?, Arc::clone(&step), Arc::clone(&codec));
        let attempt = async move { erased::acted(&*codec, step.run(cx, input).await) };
        Ok(Box::pin(attempt) as AttemptFuture)
    })
}

fn compensating<C, S>(
    answer: Answer<S>,
    input: Mapping<C, S::In>,
    label: Label,
) -> erased::Attempting<C>
where
    C: Codec<S::Out> + 'static,
    S: Step,
{
    Box::new(move |cx, past| {
        let (input, output) = (input(past)?, past.output(label.step)?);
        let attempt = answer(cx, input, output);
        Ok(Box::pin(async move { erased::compensated(attempt.await) }) as AttemptFuture)
    })
}

impl<I, C, S: Step, A, H> fmt::Debug for StepBuilder<'_, I, C, S, A, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
