//! Who asks: puts a request into the directory of a store that another process has open, and waits
//! for the answer.
//!
//! It needs neither the lock nor the store. The invariant it guards: whoever asked is told that it
//! is done only if it is, and that nothing was done only if nothing will be.

use super::{
    ANSWER_TEXT_BYTES_MAX, Answer, Request, Stage, check_size, draw_id,
    file::{Content, decode, encode_request},
    read_whole,
};
use crate::{
    engine::{
        openings::EngineRuntime,
        procedures::{create_anew, write_all},
        sagas::Sagas,
    },
    error::SagaError,
    event::EventId,
    names::SagaId,
    runtime::{Disk, File, Moment, OpenMode, Runtime},
    saga::Intervention,
};
use std::{io, sync::Arc, time::Duration};

/// How often one looks for the answer.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How much longer the answer is waited for if the request cannot be withdrawn any more.
const LONGER: Duration = Duration::from_secs(2);

/// No answer is larger, a request may be.
const ANSWER_BYTES_MAX: usize = ANSWER_TEXT_BYTES_MAX + 64;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever asks has to tell these apart")]
pub enum Told {
    /// It is done, and durable.
    Done,
    /// Nothing was done; the text says why.
    NotDone(String),
    /// Nothing was done: no executor took it in time, and it was withdrawn.
    NotTaken,
    /// It was taken and not answered in time. It may be done or not, also later.
    NoAnswer,
}

impl Sagas {
    /// Cancels a saga, or does to a stuck one what an operator wants, by way of the process that
    /// has the store in the directory of `runtime` open and executes its sagas. Gives up after
    /// `wait`, or, if the request cannot be withdrawn any more, two seconds later.
    ///
    /// # Errors
    /// The directory cannot be written to or read, or the output is too large.
    ///
    /// # Cancel safety
    /// After a dropped future it may or may not be done, also later.
    pub async fn intervene_beside<R: EngineRuntime>(
        runtime: &R,
        saga: &SagaId,
        intervention: Intervention,
        wait: Duration,
    ) -> Result<Told, SagaError> {
        (R::openings().intervene_beside)(runtime, saga, intervention, wait).await
    }

    pub(in crate::engine) async fn intervene_on<R: Runtime>(
        runtime: &R,
        saga: &SagaId,
        intervention: Intervention,
        wait: Duration,
    ) -> Result<Told, SagaError> {
        check_size(&intervention)?;
        let request = Request { saga: saga.clone(), intervention };
        let asking = Asking { runtime, disk: runtime.disk(), since: runtime.now(), wait };
        let told = asking.until_told(&request).await;
        told.map_err(|error| SagaError::Request(Arc::new(error)))
    }
}

struct Asking<'a, R: Runtime> {
    runtime: &'a R,
    disk: R::Disk,
    since: Moment,
    wait: Duration,
}

impl<R: Runtime> Asking<'_, R> {
    async fn until_told(&self, request: &Request) -> io::Result<Told> {
        loop {
            let id = draw_id(self.runtime);
            self.put(id, request).await?;
            match self.answer(id).await? {
                Ok(Answer::Done) => return Ok(Told::Done),
                Ok(Answer::NotDone(text)) => return Ok(Told::NotDone(text)),
                Ok(Answer::Again) if self.is_over(Duration::ZERO) => return Ok(Told::NotTaken),
                Ok(Answer::Again) => {}
                Err(told) => return Ok(told),
            }
        }
    }

    fn is_over(&self, longer: Duration) -> bool {
        self.runtime.now().since(self.since) >= self.wait.saturating_add(longer)
    }

    async fn put(&self, id: EventId, request: &Request) -> io::Result<()> {
        let draft = Stage::Draft.name(id);
        let file = create_anew(&self.disk, &draft).await?;
        write_all(&file, &encode_request(request), 0).await?;
        file.sync_data().await?;
        self.disk.rename(&draft, &Stage::Waiting.name(id)).await?;
        self.disk.sync_dir().await
    }

    /// The answer, or what is to be told without one.
    async fn answer(&self, id: EventId) -> io::Result<Result<Answer, Told>> {
        let mut withdrawn = false;
        loop {
            if let Some(answer) = self.look(id).await? {
                return Ok(Ok(answer));
            }
            if self.is_over(Duration::ZERO) && !withdrawn {
                withdrawn = true;
                if self.withdraw(id).await? {
                    return Ok(Err(Told::NotTaken));
                }
            }
            if self.is_over(LONGER) {
                return Ok(Err(Told::NoAnswer));
            }
            self.runtime.sleep(LOOK_EVERY).await;
        }
    }

    /// Whether nobody had taken it, and nobody can any more.
    async fn withdraw(&self, id: EventId) -> io::Result<bool> {
        match self.disk.remove(&Stage::Waiting.name(id)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| true),
        }
    }

    /// Takes the answer away, if it is there.
    async fn look(&self, id: EventId) -> io::Result<Option<Answer>> {
        let name = Stage::Taken.name(id);
        let file = match self.disk.open(&name, OpenMode::Read).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let Some(bytes) = read_whole(&file, ANSWER_BYTES_MAX).await? else { return Ok(None) };
        match decode(bytes) {
            Ok(Content::Answer(answer)) => {
                // Before anybody hears of it: a power failure must not bring the request back.
                self.disk.sync_dir().await?;
                self.disk.remove(&name).await?;
                Ok(Some(answer))
            }
            Ok(Content::Request(_)) => Ok(None),
            Err(fault) => Err(io::Error::new(io::ErrorKind::InvalidData, fault)),
        }
    }
}
