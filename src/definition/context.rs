//! What an attempt knows of itself, and what it leaves to be stored with its result.

use crate::{
    append::ExpectedRevision,
    event::NewEvent,
    names::{EffectKey, Operation, SagaId, StepName, StreamId},
    runtime::{Call, CallFence, CallKind},
    saga::Side,
};
use bytes::Bytes;
use core::time::Duration;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Which attempt of which step it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever makes an attempt has to say all of it")]
pub struct StepPlace {
    /// The saga.
    pub saga: SagaId,
    /// The step.
    pub step: StepName,
    /// Its action or its compensation.
    pub side: Side,
    /// How often the step was begun anew from a savepoint.
    pub round: u32,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Which executor: raised by each that takes over the store.
    pub epoch: u64,
    /// How long the attempt may take.
    pub timeout: Duration,
    /// The W3C trace context of who started the saga.
    pub trace_context: Option<Arc<str>>,
}

/// Events that are stored in the append that stores the step's result, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Staged {
    /// What has to hold of streams.
    pub guards: Vec<(StreamId, ExpectedRevision)>,
    /// What is appended, in order.
    pub events: Vec<(StreamId, NewEvent)>,
}

impl Staged {
    /// Whether a guard of it says where the end of one of these streams is. Behind their events in
    /// one append it would hold all the same, since a guard speaks of its stream as it is before
    /// the append: whoever left it would not have seen them.
    pub(crate) fn has_not_seen(&self, is_written: impl Fn(&StreamId) -> bool) -> bool {
        let claims = self.guards.iter().filter(|(_, expected)| match expected {
            ExpectedRevision::NoStream | ExpectedRevision::Exact(_) => true,
            ExpectedRevision::Any | ExpectedRevision::Exists => false,
        });
        claims.into_iter().any(|(stream, _)| is_written(stream))
    }
}

/// The context of an attempt. Cheap to clone.
#[derive(Clone)]
pub struct StepCx {
    place: Arc<StepPlace>,
    staged: Arc<Mutex<Staged>>,
}

impl StepCx {
    /// The context of the attempt at this place, with nothing staged.
    pub fn new(place: StepPlace) -> Self {
        Self { place: Arc::new(place), staged: Arc::default() }
    }

    /// The saga.
    pub fn saga(&self) -> &SagaId {
        &self.place.saga
    }

    /// The step.
    pub fn step(&self) -> &StepName {
        &self.place.step
    }

    /// Whether this is the action or the compensation.
    pub fn side(&self) -> Side {
        self.place.side
    }

    /// Which attempt, from 1. Attempts whose end was lost with a process are not counted.
    pub fn attempt(&self) -> u32 {
        self.place.attempt
    }

    /// The attempt's fencing token. Of two attempts of one side of a step, the later one has the
    /// higher token, also if a crash lies between them.
    pub fn fence(&self) -> CallFence {
        CallFence { epoch: self.place.epoch, attempt: self.place.attempt }
    }

    /// How long the attempt may take in all.
    pub fn timeout(&self) -> Duration {
        self.place.timeout
    }

    /// A call that asks a participant for this step's effect, or, from a compensation, to answer
    /// it: with the attempt's key, fence, trace context and time.
    ///
    /// ```
    /// use sagalog::{Operation, definition::{Outcome, StepCx}, runtime::{Address, Transport}};
    /// use bytes::Bytes;
    ///
    /// async fn charge<T: Transport>(cx: StepCx, bank: &T, cents: u64) -> Outcome<Bytes> {
    ///     let at = Address::parse("bank:7070").expect("it is an address");
    ///     let operation = Operation::parse("charge").expect("it is a name");
    ///     Outcome::of_answer(bank.call(&at, cx.call(operation, cents.to_string())).await)
    /// }
    /// ```
    pub fn call(&self, operation: Operation, payload: impl Into<Bytes>) -> Call {
        Call {
            operation,
            key: self.key(),
            kind: match self.side() {
                Side::Action => CallKind::Action,
                Side::Compensation => CallKind::Compensation,
            },
            fence: self.fence(),
            trace_context: self.trace_context().map(str::to_owned),
            deadline: self.timeout(),
            payload: payload.into(),
        }
    }

    /// The W3C trace context of who started the saga.
    pub fn trace_context(&self) -> Option<&str> {
        self.place.trace_context.as_deref()
    }

    /// The key of this step's effect: the same in every attempt and after every crash, and the same
    /// for the action and its compensation. Another one after a return to a savepoint, since the
    /// effect before was compensated.
    ///
    /// # Panics
    /// Never: the limits of its parts leave room for it.
    pub fn key(&self) -> EffectKey {
        let StepPlace { saga, step, round, .. } = &*self.place;
        EffectKey::parse(&format!("{saga}/{round}/{step}"))
            .expect("the limits of its parts leave room for it")
    }

    /// Appends an event to a stream of the saga's own store, together with the step's result, if it
    /// is done: both are stored or neither, also after a crash.
    ///
    /// A [`Transactional`](crate::saga::Effect::Transactional) step has no other effect. Of other
    /// steps the events say what was done elsewhere: stored once, however often it was asked for.
    ///
    /// If `expected` does not hold then, nothing is stored, and the next attempt reads and decides
    /// anew: the attempt counts as failed without effect, or as ambiguous if its step has an effect
    /// elsewhere.
    pub fn append(&self, stream: StreamId, expected: ExpectedRevision, event: NewEvent) {
        let mut staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        // One guard a stream: it speaks of the stream as it was before the first of the events.
        if !staged.events.iter().any(|(written, _)| *written == stream) {
            staged.guards.push((stream.clone(), expected));
        }
        staged.events.push((stream, event));
    }

    /// What was left to be stored with the result.
    pub fn take_staged(&self) -> Staged {
        std::mem::take(&mut self.staged.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for StepCx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StepCx").field(&self.place).finish()
    }
}
