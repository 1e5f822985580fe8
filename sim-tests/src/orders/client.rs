//! A client: takes documents in, starts their sagas, gives up now and then, and tells the oracle
//! what it was told.
//!
//! It does not know what is right. The invariant it guards: an answer goes to the oracle in the
//! step in which it arrives, so that a life that is cut short leaves what its callers knew.

use super::{
    Orders as Suite,
    call::Call,
    desk::Desk,
    oracle::{Found, look_up},
    paper::Numbered,
    services::{Services, service},
};
use crate::{
    frame::{How, Neighbours, Sky, Stage},
    marks::Mark,
    report::{Violation, broken},
};
use ::orders::sagas::{BookError, take_in};
use sagalog::{AppendError, CommandKey, SagaError, Settled};
use sagalog_testkit::{Choices, Seeded};
use std::{sync::Arc, time::Duration};

pub(super) struct Client<R> {
    pub(super) stage: Stage<Suite>,
    pub(super) life: u32,
    pub(super) number: u32,
    pub(super) choices: Seeded,
    pub(super) runtime: R,
    pub(super) desk: Arc<Desk<R>>,
    pub(super) around: Neighbours<R, Services>,
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
            Call::TakeIn { papers, only, how } => self.take_in(papers, only, how).await,
            Call::Start { document, how } => self.start(document, how).await,
            Call::Wait { document, how } => self.wait(document, how).await,
            Call::Cancel(document) => self.cancel(document).await,
            Call::Look(document) => self.look(document).await,
            Call::Relay(grace_ms) => self.desk.relay(grace_ms).await,
            Call::Cut { service: number, which, ms } => {
                self.stage.watch.reach(Mark::LinkCut);
                let to = service(number).address();
                self.around.network.cut(&to, which, Duration::from_millis(ms));
                Ok(())
            }
            Call::Dies { service, death } => {
                self.stage.watch.reach(Mark::ParticipantDied);
                self.around.dies(service, death);
                Ok(())
            }
            Call::Weather(weather) => {
                weather.happen(&self.runtime, &self.stage.watch).await;
                Ok(())
            }
        }
    }

    async fn take_in(&self, papers: Vec<Numbered>, only: bool, how: How) -> Result<(), Violation> {
        let Some(first) = papers.first().map(|numbered| numbered.number) else { return Ok(()) };
        match self.stage.oracle().asks(&papers) {
            Some(true) => self.stage.watch.reach(Mark::TakenInAgain),
            Some(false) => {}
            None => return Ok(()),
        }
        let store = &self.desk.store;
        let key = CommandKey::parse(&format!("batch-{first}")).expect("a short name");
        let documents = papers.iter().map(|Numbered { number, paper }| paper.first(*number, store));
        let documents = documents.collect::<Result<_, _>>().expect("documents are plain data");
        let Some(answer) = how.wait(take_in(store, key, documents)).await else { return Ok(()) };
        match answer {
            Ok(()) => {
                self.stage.note(&[31, first]);
                self.stage.oracle().taken_in(&papers);
            }
            Err(BookError::Append(
                error @ (AppendError::Conflict(_)
                | AppendError::PartlyCommitted { .. }
                | AppendError::KeyReused { .. }),
            )) => {
                return broken("G50", format!("documents {first}… are not taken in: {error}"));
            }
            Err(error) => {
                self.stage.disk.with(|disk| disk.remark(&format!("{error:?}")));
                return if self.stage.troubled() {
                    Ok(())
                } else {
                    broken("G41", format!("documents {first}… are not taken in: {error}"))
                };
            }
        }
        if !only {
            for Numbered { number, .. } in papers {
                self.start(number, How::Patiently).await?;
            }
        }
        Ok(())
    }

    async fn start(&self, document: u64, how: How) -> Result<(), Violation> {
        // Whoever starts a saga knows that its document is there.
        let Some(paper) = self.stage.oracle().starts(document, &self.stage.watch) else {
            return Ok(());
        };
        let new = self.desk.saga(document, &paper);
        let sagas = self.desk.sagas();
        let Some(answer) = how.wait(sagas.start_encoded(new)).await else { return Ok(()) };
        match answer {
            Ok(()) => {
                self.stage.note(&[32, document]);
                self.stage.watch.reach(Mark::SagaStarted);
                self.stage.oracle().started(document);
                Ok(())
            }
            Err(error) => self.refused(document, &error),
        }
    }

    async fn wait(&self, document: u64, how: How) -> Result<(), Violation> {
        let Some(paper) = self.stage.oracle().paper(document) else { return Ok(()) };
        let known = self.stage.oracle().was_started(document);
        let sagas = self.desk.sagas();
        let id = paper.saga(document);
        let Some(answer) = how.wait(sagas.settled(&id)).await else { return Ok(()) };
        match answer {
            Ok(Settled::Stuck(_)) => {
                self.stage.watch.reach(Mark::SagaStuck);
                Ok(())
            }
            Ok(settled) => self.stage.oracle().told(document, &settled, &self.stage),
            Err(error) => {
                found(document, known, &error)?;
                self.refused(document, &error)
            }
        }
    }

    /// Only orders are cancelled.
    async fn cancel(&self, document: u64) -> Result<(), Violation> {
        let Some(paper) = self.stage.oracle().cancels(document) else { return Ok(()) };
        let known = self.stage.oracle().was_started(document);
        let sagas = self.desk.sagas();
        let answer =
            sagas.cancel(&paper.saga(document), "customer", "does not want it any more").await;
        match answer {
            Ok(()) => {
                self.stage.note(&[33, document]);
                self.stage.watch.reach(Mark::SagaCancelled);
                Ok(())
            }
            Err(error) => {
                found(document, known, &error)?;
                self.refused(document, &error)
            }
        }
    }

    async fn look(&self, document: u64) -> Result<(), Violation> {
        let Some(paper) = self.stage.oracle().paper(document) else { return Ok(()) };
        let known = self.stage.oracle().was_taken_in(document);
        match look_up(&self.desk.store, document, &paper).await {
            Ok(Found::Nothing) if known => {
                broken("G50", format!("document {document} was taken in, and is not there"))
            }
            Ok(_) => Ok(()),
            Err(BookError::Read(_)) if self.stage.troubled() => Ok(()),
            Err(error) => broken("G50", format!("document {document}: {error}")),
        }
    }

    /// Judges an error: each has to have a reason.
    fn refused(&self, document: u64, error: &SagaError) -> Result<(), Violation> {
        self.stage.disk.with(|disk| disk.remark(&format!("{error:?}")));
        let excused = match error {
            SagaError::Refused(_) | SagaError::NotFound(_) => true,
            SagaError::Closing
            | SagaError::Fenced
            | SagaError::Unknown
            | SagaError::Append(_)
            | SagaError::Read(_) => self.stage.oracle().was_relayed() || self.stage.troubled(),
            _ => false,
        };
        if excused { Ok(()) } else { broken("G41", format!("document {document}: {error}")) }
    }
}

/// What was acknowledged is there.
fn found(document: u64, known: bool, error: &SagaError) -> Result<(), Violation> {
    match error {
        SagaError::NotFound(_) if known => {
            broken("G41", format!("the saga of document {document} was started, and is not found"))
        }
        _ => Ok(()),
    }
}
