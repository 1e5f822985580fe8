//! Who serves requests: a task beside the executor that looks into the directory now and then.
//!
//! It decides nothing about sagas; the executor is told as by any handle. The invariant it guards:
//! a request is told to the executor only by the life that took it. What an earlier life has left
//! is looked up: either its turn is in the journal, or it is not and will not be.

use super::{
    Answer, REQUEST_BYTES_MAX, Request, Stage,
    file::{Content, decode, encode_answer},
    read_whole,
};
use crate::{
    engine::{
        procedures::{create_anew, write_all},
        race::race,
        sagas::{SagaTurn, Sagas, executor::Call},
        store::Store,
    },
    error::SagaError,
    event::EventId,
    runtime::{Disk, File, Moment, OpenMode, Runtime},
};
use std::{collections::BTreeMap, io, time::Duration};
use tokio::sync::{mpsc, watch};

/// How long a file that nobody comes back for is left in the directory.
const KEPT: Duration = Duration::from_secs(600);

/// Serves requests for as long as there is an executor.
pub(in crate::engine::sagas) struct Desk<R: Runtime> {
    runtime: R,
    disk: R::Disk,
    every: Duration,
    /// It does not keep the executor from ending.
    calls: mpsc::WeakSender<Call>,
    store: Store,
    ends: watch::Receiver<Option<SagaError>>,
    /// It has not looked into the directory yet: what it finds was asked of an earlier life.
    fresh: bool,
    /// Files that wait for whoever asked, and since when they do.
    kept: BTreeMap<String, Moment>,
    failing: bool,
}

impl<R: Runtime> Desk<R> {
    pub(in crate::engine::sagas) fn new(runtime: &R, sagas: &Sagas, every: Duration) -> Self {
        Self {
            runtime: runtime.clone(),
            disk: runtime.disk(),
            every,
            calls: sagas.calls.downgrade(),
            store: sagas.store.clone(),
            ends: sagas.ends.clone(),
            fresh: true,
            kept: BTreeMap::new(),
            failing: false,
        }
    }

    /// Serves until the executor has ended.
    pub(in crate::engine::sagas) async fn run(mut self) {
        while let Some(calls) = self.calls.upgrade() {
            let sagas = Sagas { calls, store: self.store.clone(), ends: self.ends.clone() };
            let looked = self.look(&sagas).await;
            drop(sagas);
            if let Err(error) = &looked
                && !self.failing
            {
                tracing::warn!(%error, "requests of operators cannot be served");
            }
            self.failing = looked.is_err();
            let mut ends = self.ends.clone();
            let over = async move {
                // An executor that is gone has ended as well.
                let _ = ends.wait_for(Option::is_some).await;
            };
            if race(over, self.runtime.sleep(self.every)).await.is_ok() {
                return;
            }
        }
    }

    /// Serves what has come.
    async fn look(&mut self, sagas: &Sagas) -> io::Result<()> {
        let names = self.disk.list().await?;
        self.kept.retain(|name, _| names.binary_search(name).is_ok());
        let mut looked = Ok(());
        for name in names {
            let Some((id, stage)) = Stage::parse(&name) else { continue };
            // One that cannot be served does not keep the others waiting.
            let served = match stage {
                Stage::Waiting if self.fresh => self.settle_waiting(id).await,
                Stage::Waiting => self.serve(sagas, id).await,
                Stage::Taken if !self.kept.contains_key(&name) => self.settle(id).await,
                Stage::Taken | Stage::Draft | Stage::AnswerDraft => self.keep(name).await,
            };
            looked = looked.and(served);
        }
        self.fresh &= looked.is_err();
        looked
    }

    /// Whether the request is this desk's now: who asked may withdraw it first.
    async fn take(&self, id: EventId) -> io::Result<bool> {
        match self.disk.rename(&Stage::Waiting.name(id), &Stage::Taken.name(id)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            renamed => renamed.map(|()| true),
        }
    }

    async fn serve(&mut self, sagas: &Sagas, id: EventId) -> io::Result<()> {
        if !self.take(id).await? {
            return Ok(());
        }
        let answer = match self.read(id).await? {
            Ok(Content::Request(Request { saga, intervention })) => {
                match sagas.tell(&saga, intervention, Some(id)).await {
                    Ok(()) => Answer::Done,
                    // What came of it is found out by the next executor.
                    Err(_) if self.ends.borrow().is_some() => return Ok(()),
                    Err(error) => Answer::NotDone(error.to_string()),
                }
            }
            Ok(Content::Answer(_)) => Answer::NotDone("the file is no request".into()),
            Err(fault) => Answer::NotDone(fault),
        };
        self.answer(id, &answer).await
    }

    async fn settle_waiting(&mut self, id: EventId) -> io::Result<()> {
        if self.take(id).await? { self.settle(id).await } else { Ok(()) }
    }

    /// Finds out what became of a request that an earlier life has taken, or could have.
    async fn settle(&mut self, id: EventId) -> io::Result<()> {
        let answer = match self.read(id).await? {
            Ok(Content::Request(request)) => match self.was_done(id, &request).await? {
                true => Answer::Done,
                false => Answer::Again,
            },
            Ok(Content::Answer(_)) => return self.keep(Stage::Taken.name(id)).await,
            Err(fault) => Answer::NotDone(fault),
        };
        self.answer(id, &answer).await
    }

    /// Whether the turn that carries the id of a request also holds it: the executor may have
    /// refused it in the same turn.
    async fn was_done(&self, id: EventId, request: &Request) -> io::Result<bool> {
        let Some(event) = self.store.event(id).await.map_err(io::Error::other)? else {
            return Ok(false);
        };
        let turn = SagaTurn::decode(&event).map_err(io::Error::other)?;
        let wish = request.intervention.wish();
        Ok(turn.is_some_and(|turn| turn.saga == request.saga && turn.records.contains(&wish)))
    }

    async fn read(&self, id: EventId) -> io::Result<Result<Content, String>> {
        let file = self.disk.open(&Stage::Taken.name(id), OpenMode::Read).await?;
        Ok(match read_whole(&file, REQUEST_BYTES_MAX).await? {
            Some(bytes) => decode(bytes),
            None => Err("the request is too large".into()),
        })
    }

    /// Puts the answer in the place of the request.
    async fn answer(&mut self, id: EventId, answer: &Answer) -> io::Result<()> {
        let draft = Stage::AnswerDraft.name(id);
        let file = create_anew(&self.disk, &draft).await?;
        write_all(&file, &encode_answer(answer), 0).await?;
        file.sync_data().await?;
        let name = Stage::Taken.name(id);
        self.disk.rename(&draft, &name).await?;
        self.disk.sync_dir().await?;
        self.kept.insert(name, self.runtime.now());
        Ok(())
    }

    /// Leaves a file for whoever asked, for a while.
    async fn keep(&mut self, name: String) -> io::Result<()> {
        let now = self.runtime.now();
        let since = *self.kept.entry(name.clone()).or_insert(now);
        if now.since(since) < KEPT {
            return Ok(());
        }
        match self.disk.remove(&name).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
