//! The code of a definition: its steps do what the saga's input says they meet.
//!
//! It judges nothing but what only it can see: that what a step reads is there. The invariant it
//! guards: all that an attempt does follows from the saga's input, the attempt's number, and what
//! participants say.

use super::{
    Saga as Suite,
    business::{Entry, Order, Reads, address, effects},
    conduct::{Conduct, Manner},
    oracle::{AttemptId, Attempted},
    shape::{EffectShape, Shape, StepShape},
};
use crate::{
    frame::{Sky, Stage},
    marks::Mark,
};
use bytes::Bytes;
use sagalog::{
    Operation, ReadError, Store,
    append::ExpectedRevision,
    definition::{AttemptFuture, Code, Outcome, StepCx},
    runtime::{Answer, CallError, Transport},
    saga::{Attempt, Ending, Failure, Judge, Plan, Progress, Side, State, StepIndex},
};
use sagalog_testkit::net::SimTransport;
use std::{panic, sync::Arc};

/// What the steps of all definitions have around them in one life.
pub(super) struct Surround<R> {
    pub(super) stage: Stage<Suite>,
    pub(super) runtime: R,
    pub(super) store: Store,
    pub(super) transport: SimTransport<R>,
}

impl<R: Clone> Clone for Surround<R> {
    fn clone(&self) -> Self {
        Self {
            stage: self.stage.clone(),
            runtime: self.runtime.clone(),
            store: self.store.clone(),
            transport: self.transport.clone(),
        }
    }
}

/// A definition at work.
pub(super) struct SimCode<R> {
    /// Of the definition.
    pub(super) number: usize,
    pub(super) shape: Shape,
    pub(super) plan: Arc<Plan>,
    pub(super) surround: Surround<R>,
}

/// What every step of a saga meets, by its input.
pub(super) fn conducts(input: &[u8]) -> Vec<Conduct> {
    serde_json::from_slice(input).unwrap_or_default()
}

/// The input of a saga whose steps meet this.
pub(super) fn input_of(conducts: &[Conduct]) -> Bytes {
    serde_json::to_vec(conducts).expect("conducts are JSON").into()
}

fn conduct(state: &State, step: StepIndex) -> Conduct {
    conducts(&state.begun().input).get(usize::from(step.get())).cloned().unwrap_or_default()
}

impl<R: Sky> Judge for SimCode<R> {
    fn holds(&self, step: StepIndex, state: &State) -> Result<bool, Failure> {
        Ok(!conduct(state, step).skipped)
    }
}

impl<R: Sky> Code for SimCode<R> {
    fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    fn attempt(&self, cx: StepCx, attempt: Attempt, state: &State) -> AttemptFuture {
        let shape = self.shape.steps[usize::from(attempt.step.get())].clone();
        let conduct = conduct(state, attempt.step);
        let manner = match attempt.side {
            Side::Compensation => conduct.undo,
            _ => conduct.act,
        };
        let mut reads = Reads::new();
        for after in &shape.after {
            if let Progress::Done(output) = &state.step(StepIndex::new(*after)).progress {
                reads.insert(*after, String::from_utf8_lossy(output).into_owned());
            }
        }
        let ends = conduct.ends && shape.ends_early;
        let attempted = Attempted::of(&cx, attempt, self.number, &self.surround.runtime);
        let id = self.surround.stage.oracle().attempts.begins(attempted);
        let surround = self.surround.clone();
        let trying = Trying { shape, manner, reads, ends, cx, attempt, surround };
        Box::pin(trying.run(id))
    }
}

/// One attempt.
struct Trying<R> {
    shape: StepShape,
    manner: Manner,
    reads: Reads,
    ends: bool,
    cx: StepCx,
    attempt: Attempt,
    surround: Surround<R>,
}

impl<R: Sky> Trying<R> {
    async fn run(self, id: AttemptId) -> Ending {
        let stage = self.surround.stage.clone();
        let manner = self.manner.in_attempt(self.attempt.attempt);
        let outcome = self.perform(manner).await;
        stage.note(&[
            20,
            u64::from(self.attempt.step.get()),
            u64::from(self.attempt.attempt),
            kind_of(&outcome),
        ]);
        stage.oracle().attempts.ends(id);
        match (manner, outcome) {
            (Manner::Hangs(_), _) => std::future::pending().await,
            // Without the message that a panic prints.
            (Manner::Panics(_), _) => {
                stage.watch.reach(Mark::StepPanicked);
                panic::resume_unwind(Box::new("it was told to"))
            }
            (Manner::Vague(_), _) => Ending::Ambiguous(Failure::failed("nobody knows")),
            (_, Outcome::Done(output)) => {
                let early = self.ends.then(|| output.clone());
                Ending::Done { output, early }
            }
            (_, Outcome::Failed(failure)) => Ending::Failed(failure),
            (_, Outcome::Ambiguous(failure)) => Ending::Ambiguous(failure),
            (_, Outcome::Retry(failure, after)) => Ending::Retry { failure, after },
        }
    }

    async fn perform(&self, manner: Manner) -> Outcome<Bytes> {
        match manner {
            Manner::Fails(_) => Outcome::failed("it was told to fail"),
            Manner::Retries(_) => Outcome::retry("not yet"),
            _ if self.shape.effect.is_remote() => self.ask(manner).await,
            Manner::Refused => Outcome::rejected("no"),
            Manner::Busy(_) => Outcome::retry("no time"),
            _ => self.act_here().await,
        }
    }

    /// Asks a participant.
    async fn ask(&self, manner: Manner) -> Outcome<Bytes> {
        let order = Order { manner, reads: self.reads.clone() };
        let payload = serde_json::to_vec(&order).expect("an order is JSON");
        let operation = Operation::parse("do").expect("a name");
        let call = self.cx.call(operation, payload);
        let answer = self.surround.transport.call(&address(self.shape.participant), call).await;
        self.notice(&answer);
        match self.attempt.side {
            Side::Compensation => match Outcome::of_compensation(answer) {
                Outcome::Done(()) => Outcome::Done(Bytes::new()),
                Outcome::Failed(failure) => Outcome::Failed(failure),
                Outcome::Ambiguous(failure) => Outcome::Ambiguous(failure),
                Outcome::Retry(failure, after) => Outcome::Retry(failure, after),
            },
            _ => Outcome::of_answer(answer),
        }
    }

    fn notice(&self, answer: &Result<Answer, CallError>) {
        let action = self.attempt.side == Side::Action;
        self.surround.stage.watch.reach(match answer {
            Ok(Answer::Refused(_)) => Mark::CallRefused,
            Ok(Answer::Busy(_)) => Mark::CallBusy,
            Ok(Answer::Fenced { .. }) => Mark::CallFenced,
            Ok(Answer::Compensated) if action => Mark::CallTooLate,
            Ok(Answer::Done(_) | Answer::Compensated) => Mark::CallDone,
            Err(CallError::NotDelivered(_)) => Mark::CallNotDelivered,
            Err(CallError::Unknown(_)) => Mark::CallUnknown,
        });
    }

    /// What is done where the sagas are: nothing, or events that ride with the result.
    async fn act_here(&self) -> Outcome<Bytes> {
        let nonce = self.surround.runtime.random();
        let delivery = format!("{} {nonce}", self.cx.key());
        if self.shape.effect == EffectShape::Transactional {
            let key = self.cx.key().as_str().to_owned();
            let undone = self.attempt.side == Side::Compensation;
            let reads = self.reads.clone();
            let entry = Entry { key, undone, delivery: delivery.clone(), reads };
            let expected = match self.surround.store.stream_info(&effects()).await {
                Ok(info) => ExpectedRevision::Exact(info.revision),
                Err(ReadError::StreamNotFound(_)) => ExpectedRevision::NoStream,
                Err(error) => return Outcome::retry(error.to_string()),
            };
            self.cx.append(effects(), expected, entry.event());
        }
        Outcome::Done(delivery.into())
    }
}

fn kind_of(outcome: &Outcome<Bytes>) -> u64 {
    match outcome {
        Outcome::Done(_) => 1,
        Outcome::Failed(_) => 2,
        Outcome::Ambiguous(_) => 3,
        Outcome::Retry(..) => 4,
    }
}
