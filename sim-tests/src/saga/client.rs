//! A client or an operator: calls, gives up now and then, and tells the oracle what it was told.
//!
//! It does not know what is right. The invariant it guards: an answer goes to the oracle in the
//! step in which it arrives, so that a life that is cut short leaves what its callers knew.

use super::{
    Saga as Suite,
    business::{Participants, address},
    call::{Call, Word},
    code::input_of,
    conduct::Conduct,
    desk::Desk,
    oracle::{self, Told, id_of},
    shape::name_of,
};
use crate::{
    frame::{How, Neighbours, Sky, Stage},
    marks::Mark,
    report::{Violation, broken},
};
use bytes::Bytes;
use sagalog::{
    NewSaga, SagaError, SagaId, Settled, StuckStep,
    saga::{Operator, StepIndex, Verb},
};
use sagalog_testkit::{Choices, Seeded};
use std::{sync::Arc, time::Duration};

pub(super) struct Client<R> {
    pub(super) stage: Stage<Suite>,
    pub(super) life: u32,
    pub(super) number: u32,
    pub(super) choices: Seeded,
    pub(super) runtime: R,
    pub(super) desk: Arc<Desk<R>>,
    pub(super) around: Neighbours<R, Participants>,
}

/// A saga that its executor was asked to start.
struct Started {
    saga: u64,
    definition: usize,
    steps: Vec<Conduct>,
}

impl<R: Sky> Client<R> {
    /// Makes its calls.
    pub(super) async fn call(mut self) -> Result<(), Violation> {
        let calls = 1 + self.choices.below(self.stage.plan.calls_max);
        for made in 0.. {
            let (stage, choices) = (&self.stage, &mut self.choices);
            let draw = || Call::draw(choices, &stage.plan, &mut stage.oracle());
            let call = stage.next_call(self.life, self.number, || (made < calls).then(draw));
            let Some(call) = call else { break };
            self.stage.oracle().count();
            self.make(call).await?;
        }
        Ok(())
    }

    async fn make(&self, call: Call) -> Result<(), Violation> {
        match call {
            Call::Start { saga, definition, steps, waits, how } => {
                self.start(Started { saga, definition, steps }, waits, how).await
            }
            Call::Wait { saga, how } => self.wait(saga, how).await,
            Call::Cancel(saga) => self.cancel(saga).await,
            Call::Operate { saga, word } => self.operate(saga, word).await,
            Call::Look(saga) => self.look(saga).await,
            Call::List {} => self.list().await,
            Call::Relay(grace_ms) => self.desk.relay(grace_ms).await,
            Call::Cut { participant, which, ms } => {
                self.stage.watch.reach(Mark::LinkCut);
                self.around.network.cut(&address(participant), which, Duration::from_millis(ms));
                Ok(())
            }
            Call::Dies { participant, death } => {
                self.stage.watch.reach(Mark::ParticipantDied);
                self.around.dies(participant, death);
                Ok(())
            }
            Call::Weather(weather) => {
                weather.happen(&self.runtime, &self.stage.watch).await;
                Ok(())
            }
            // Said at the opening, and too late now.
            Call::Without(_) => Ok(()),
        }
    }

    async fn start(&self, started: Started, waits: bool, how: How) -> Result<(), Violation> {
        let Started { saga, definition, steps } = started;
        let new = NewSaga {
            saga: id_of(saga),
            definition: name_of(definition),
            revision: 1,
            input: input_of(&steps),
            trace_context: None,
        };
        let attempt = self.stage.oracle().start(saga, definition, steps);
        let sagas = self.desk.sagas();
        if waits {
            let Some(answer) = how.wait(sagas.run_encoded(new)).await else { return Ok(()) };
            if answer.is_ok() {
                self.stage.oracle().acknowledge(saga, attempt);
            }
            return self.settled(saga, Some(attempt), answer);
        }
        let Some(answer) = how.wait(sagas.start_encoded(new)).await else { return Ok(()) };
        match answer {
            Ok(()) => {
                self.stage.note(&[21, saga]);
                self.stage.watch.reach(Mark::SagaStarted);
                self.stage.oracle().acknowledge(saga, attempt);
                Ok(())
            }
            Err(error) => self.refused(saga, Some(attempt), &error),
        }
    }

    async fn wait(&self, saga: u64, how: How) -> Result<(), Violation> {
        let id = id_of(saga);
        let sagas = self.desk.sagas();
        let known = self.stage.oracle().is_acknowledged(saga);
        let Some(answer) = how.wait(sagas.settled(&id)).await else { return Ok(()) };
        found(saga, known, answer.as_ref().err())?;
        self.settled(saga, None, answer)
    }

    fn settled(
        &self,
        saga: u64,
        attempt: Option<usize>,
        answer: Result<Settled, SagaError>,
    ) -> Result<(), Violation> {
        match answer {
            Ok(Settled::Stuck(steps)) => self.stuck(&id_of(saga), &steps),
            Ok(settled) => {
                let told = Told::of(settled);
                self.stage.note(&[22, saga, told.word()]);
                self.stage.watch.reach(told.mark());
                self.stage.oracle().told(saga, told)
            }
            Err(error) => self.refused(saga, attempt, &error),
        }
    }

    /// Whoever is stuck says where and why.
    fn stuck(&self, saga: &SagaId, steps: &[StuckStep]) -> Result<(), Violation> {
        self.stage.watch.reach(Mark::SagaStuck);
        if steps.is_empty() || steps.iter().any(|step| step.failure.is_none()) {
            return broken("G36", format!("{saga} is stuck without a reason: {steps:?}"));
        }
        Ok(())
    }

    async fn cancel(&self, saga: u64) -> Result<(), Violation> {
        let sagas = self.desk.sagas();
        let known = self.stage.oracle().is_acknowledged(saga);
        let answer = sagas.cancel(&id_of(saga), "client", "changed its mind").await;
        found(saga, known, answer.as_ref().err())?;
        match answer {
            Ok(()) => {
                self.stage.watch.reach(Mark::SagaCancelled);
                self.stage.oracle().cancelled(saga);
                Ok(())
            }
            Err(error) => self.refused(saga, None, &error),
        }
    }

    async fn operate(&self, saga: u64, word: Word) -> Result<(), Violation> {
        let verb = match word {
            Word::Retry => Verb::Retry,
            Word::Skip(step) => Verb::Skip(StepIndex::new(step)),
            Word::Complete => Verb::Complete(Some(Bytes::from_static(b"forced"))),
            Word::Abort => Verb::Abort,
        };
        let reason = self.stage.oracle().speaks(saga, word);
        let operator =
            Operator { verb, principal: "operator".into(), reason: reason.as_str().into() };
        let known = self.stage.oracle().is_acknowledged(saga);
        let answer = self.desk.sagas().operate(&id_of(saga), operator).await;
        found(saga, known, answer.as_ref().err())?;
        match answer {
            Ok(()) => {
                self.stage.watch.reach(match word {
                    Word::Retry => Mark::OperatorRetried,
                    Word::Skip(_) => Mark::OperatorSkipped,
                    Word::Complete | Word::Abort => Mark::OperatorEnded,
                });
                self.stage.oracle().heard(saga, reason);
                Ok(())
            }
            Err(error) => self.refused(saga, None, &error),
        }
    }

    async fn look(&self, saga: u64) -> Result<(), Violation> {
        let known = self.stage.oracle().is_acknowledged(saga);
        let told = self.stage.oracle().was_told(saga);
        match self.desk.sagas().status(&id_of(saga)).await {
            Ok(status) => {
                self.stage.note(&[23, saga, u64::from(status.stuck)]);
                oracle::looked(saga, told.as_ref(), &status)
            }
            Err(error) => {
                found(saga, known, Some(&error))?;
                self.refused(saga, None, &error)
            }
        }
    }

    async fn list(&self) -> Result<(), Violation> {
        match self.desk.sagas().stuck().await {
            Ok(stuck) => {
                self.stage.oracle().stuck_ones(stuck.iter().map(|(saga, _)| saga));
                stuck.iter().try_for_each(|(saga, steps)| self.stuck(saga, steps))
            }
            Err(error) => self.refused(0, None, &error),
        }
    }

    /// Judges an error: each has to have a reason.
    fn refused(
        &self,
        saga: u64,
        attempt: Option<usize>,
        error: &SagaError,
    ) -> Result<(), Violation> {
        self.stage.disk.with(|disk| disk.remark(&format!("{error:?}")));
        let excused = match error {
            SagaError::Conflict(_) => {
                self.stage.watch.reach(Mark::StartConflict);
                return self.stage.oracle().conflicted(saga, attempt);
            }
            SagaError::Refused(_) | SagaError::NotFound(_) => true,
            SagaError::Waiting { .. } => {
                self.stage.watch.reach(Mark::SagaWaiting);
                self.desk.without.is_some()
            }
            SagaError::UnknownDefinition { .. } => self.desk.without.is_some(),
            SagaError::Closing
            | SagaError::Fenced
            | SagaError::Unknown
            | SagaError::Append(_)
            | SagaError::Read(_) => self.stage.oracle().was_relayed() || self.stage.troubled(),
            _ => false,
        };
        if excused { Ok(()) } else { broken("G41", format!("saga {saga}: {error}")) }
    }
}

/// What was acknowledged is there.
fn found(saga: u64, known: bool, error: Option<&SagaError>) -> Result<(), Violation> {
    match error {
        Some(SagaError::NotFound(_)) if known => {
            broken("G41", format!("saga {saga} was started, and is not found"))
        }
        _ => Ok(()),
    }
}
