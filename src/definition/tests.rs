//! Definitions in use: what they refuse, what their attempts come to, and whole sagas.

mod attempts;
mod refusals;
mod stories;

use super::*;
use crate::{
    names::SagaId,
    saga::{
        Attempt, Attempts, Begun, Due, Effect, Ending, Failure, Input, Outturn, Plan, Record, Side,
        State, StepIndex, due,
        machine::{Scene, turn},
    },
    time::WallTime,
};
use bytes::Bytes;
use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// A step that gives back what it is given.
fn echo<T: Send + 'static>(effect: Effect) -> impl Step<In = T, Out = T> {
    step_fn(effect, |_cx, input: T| async move { Outcome::Done(input) })
}

fn pure() -> impl Step<In = u64, Out = u64> {
    echo(Effect::Pure)
}

/// The steps of these tests wait for nothing.
fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a step of these tests waits for nothing"),
    }
}

fn cx(plan: &Plan, attempt: Attempt) -> StepCx {
    StepCx::new(StepPlace {
        saga: SagaId::parse("order-17").expect("a name"),
        step: plan.steps()[usize::from(attempt.step.get())].name.clone(),
        side: attempt.side,
        round: attempt.round,
        attempt: attempt.attempt,
        epoch: 1,
        trace_context: None,
        timeout: plan.steps()[usize::from(attempt.step.get())].timeout,
    })
}

fn begin<I, O>(definition: &Definition<I, O>, input: &I) -> Record {
    let input = definition.encode_input(input).expect("the tests' inputs can be stored");
    begin_with(definition, input)
}

fn begin_with<I, O>(definition: &Definition<I, O>, input: Bytes) -> Record {
    let plan = definition.plan();
    Record::Begun(Begun {
        definition: plan.name().clone(),
        revision: plan.revision(),
        fingerprint: plan.fingerprint(),
        input,
        deadline: None,
        trace_context: None,
    })
}

fn attempt_of(step: u16, side: Side) -> Attempt {
    Attempt { step: StepIndex::new(step), side, attempt: 1, round: 0 }
}

/// How an attempt of a step ends in a saga with this journal.
fn ending<I, O>(
    definition: &Definition<I, O>,
    journal: &[Record],
    step: u16,
    side: Side,
) -> Ending {
    let plan = definition.plan();
    let state = State::fold(plan, journal).expect("the tests' journals can be folded");
    let attempt = attempt_of(step, side);
    run(definition.code().attempt(cx(plan, attempt), attempt, &state))
}

fn done(step: u16, output: &str) -> Record {
    let output = Bytes::copy_from_slice(output.as_bytes());
    Record::Done { step: StepIndex::new(step), attempt: 1, output }
}

fn done_with(output: &str) -> Ending {
    Ending::Done { output: Bytes::copy_from_slice(output.as_bytes()), early: None }
}

/// A saga that is executed with nothing in between, each attempt at the moment it is due.
struct Life {
    code: Arc<dyn Code>,
    state: State,
    journal: Vec<Record>,
    now: WallTime,
}

impl Life {
    fn begin<I, O>(definition: &Definition<I, O>, input: &I) -> Self {
        let begun = begin(definition, input);
        let state = State::first(definition.plan(), &begun).expect("a saga begins so");
        let now = WallTime::from_unix_nanos(0);
        Self { code: definition.code(), state, journal: vec![begun], now }
    }

    fn tell(&mut self, inputs: Vec<Input>) {
        let attempts = Attempts::default();
        let (plan, judge) = (&**self.code.plan(), &*self.code);
        let scene = Scene { plan, judge, attempts: &attempts, now: self.now, drawn: 0 };
        let Outturn { records, state, .. } = turn(scene, &self.state, inputs);
        self.journal.extend(records);
        self.state = state;
        let folded = State::fold(plan, &self.journal).expect("what was written can be folded");
        assert_eq!(folded, self.state, "the fold and the machine differ");
    }

    /// Until it ends or is stuck.
    fn live(mut self) -> Self {
        self.tell(Vec::new());
        for _ in 0..1000 {
            let Due { attempts, wake_at } =
                due(self.code.plan(), &self.state, &Attempts::default(), self.now);
            if let Some(attempt) = attempts.first().copied() {
                let cx = cx(self.code.plan(), attempt);
                let ending = run(self.code.attempt(cx, attempt, &self.state));
                let (step, side) = (attempt.step, attempt.side);
                self.tell(vec![Input::Attempted { step, side, ending }]);
            } else if let Some(later) = wake_at {
                self.now = later;
                self.tell(Vec::new());
            } else {
                return self;
            }
        }
        panic!("the saga does not end");
    }
}
