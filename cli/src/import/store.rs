//! The second pass of an import: what is not stored yet is appended, in the order of the lines.
//!
//! One commit is on its way at a time: the store may take what is appended side by side in any
//! order, and the events have to stand in that of their lines. While it waits for its sync, the
//! next lines are read. A portion is left out if its key is known, and so are the lines at the
//! beginning of a portion whose ids are: there the file ended when it was imported before.

use super::{
    Watch,
    plan::Plan,
    portion::{Portion, Portions},
};
use crate::{
    failure::{CANNOT_RUN, Failure},
    writing::Choices,
};
use sagalog::{Append, AppendError, Committed, HealthReason, Position, Store};
use std::{
    future::poll_fn,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};

/// What an import has done.
pub(super) struct Stored {
    pub(super) events: u64,
    pub(super) commits: u64,
    pub(super) head: Position,
}

/// Makes the store if there is none, and stores what is missing of the file.
pub(super) async fn store(
    dir: &Path,
    choices: Choices,
    plan: &Plan,
    watch: &mut Watch,
) -> Result<Stored, Failure> {
    let store = choices.open(dir, true).await?;
    let imported = {
        let mut import = Import::new(dir, &plan.file, &store);
        let appended = import.append_all(plan, watch).await;
        // Whatever has happened: how much was stored is known when the last one has its answer.
        import.settle().await;
        let stored = (import.events, import.commits);
        appended.and(import.outcome()).map(|()| stored)
    };
    let head = store.head();
    let closed = store.close().await;
    let (events, commits) = imported?;
    closed.map_err(|error| Failure::about(dir, &error, CANNOT_RUN))?;
    Ok(Stored { events, commits, head })
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Committed, AppendError>> + 'a>>;

/// A commit on its way.
struct Waiting<'a> {
    answer: Answer<'a>,
    events: u64,
    /// The number of its last line.
    last: u64,
}

struct Import<'a> {
    dir: &'a Path,
    file: &'a Path,
    store: &'a Store,
    waiting: Option<Waiting<'a>>,
    events: u64,
    commits: u64,
    refused: Option<Refused>,
}

/// What stops an import.
enum Refused {
    /// The store, at this line.
    Append(AppendError, u64),
    /// The file is not the one that was checked, behind this line.
    Changed(u64),
    /// The user interrupted the import behind this line.
    Interrupted(u64),
}

impl<'a> Import<'a> {
    fn new(dir: &'a Path, file: &'a Path, store: &'a Store) -> Self {
        Self { dir, file, store, waiting: None, events: 0, commits: 0, refused: None }
    }

    async fn append_all(&mut self, plan: &Plan, watch: &mut Watch) -> Result<(), Failure> {
        let mut portions = Portions::of(self.file, plan.commit_bytes_max)?;
        let mut bad = 0;
        let mut done = 0;
        for name in &plan.portions {
            if watch.interrupt.has_come() {
                self.refused = Some(Refused::Interrupted(done));
                break;
            }
            let portion = portions.next(&mut |_| bad += 1)?;
            let Some(portion) = portion.filter(|portion| portion.name == *name && bad == 0) else {
                self.refused = Some(Refused::Changed(done));
                break;
            };
            done = portion.last;
            self.append(portion).await?;
            if self.refused.is_some() {
                break;
            }
            watch.bar.tell(plan.bytes + portions.consumed(), 2 * plan.bytes);
        }
        Ok(())
    }

    async fn append(&mut self, portion: Portion) -> Result<(), Failure> {
        let key = portion.key();
        let resolved = self.store.resolve(&key).await;
        if resolved.map_err(|error| Failure::read(self.dir, &error))?.is_some() {
            return Ok(());
        }
        let known = self.known(&portion).await?;
        let (last, mut append, mut events) = (portion.last, Append::new().key(key), 0);
        for (_, stream, event) in portion.events.into_iter().skip(known) {
            append = append.event(stream, event);
            events += 1;
        }
        self.settle().await;
        if events > 0 && self.refused.is_none() {
            let answer: Answer<'_> = Box::pin(self.store.append(append));
            self.waiting = Some(Waiting { answer, events, last });
            // It is on its way once it was polled.
            poll_fn(|context| {
                let _ = self.poll(context);
                Poll::Ready(())
            })
            .await;
        }
        Ok(())
    }

    /// How many events at the beginning of a portion are stored already.
    async fn known(&self, portion: &Portion) -> Result<usize, Failure> {
        for (at, (id, _, _)) in portion.events.iter().enumerate() {
            let event = self.store.event(*id).await;
            if event.map_err(|error| Failure::read(self.dir, &error))?.is_none() {
                return Ok(at);
            }
        }
        Ok(portion.events.len())
    }

    /// Waits until nothing is on its way.
    async fn settle(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(waiting) = &mut self.waiting else { return Poll::Ready(()) };
        let Poll::Ready(answer) = waiting.answer.as_mut().poll(context) else {
            return Poll::Pending;
        };
        match answer {
            Ok(_) => {
                self.events += waiting.events;
                self.commits += 1;
            }
            // Whatever else stopped it, this is why not all of it is stored.
            Err(error) => self.refused = Some(Refused::Append(error, waiting.last)),
        }
        self.waiting = None;
        Poll::Ready(())
    }

    fn outcome(&self) -> Result<(), Failure> {
        let (dir, file, events) = (self.dir.display(), self.file.display(), self.events);
        Err(Failure::cannot_run(match &self.refused {
            None => return Ok(()),
            Some(Refused::Append(error, line)) => format!(
                "{dir}: the import stopped behind {events} new events, with the commit up to line \
                 {line} of {file}: {error}{}; the same command goes on from there",
                self.why(error)
            ),
            Some(Refused::Changed(line)) => format!(
                "{file}: it has changed behind line {line} while it was read, {events} events \
                 were stored now; the same command checks it anew and goes on from there"
            ),
            Some(Refused::Interrupted(line)) => format!(
                "{dir}: interrupted behind line {line} of {file}, {events} events were stored now; \
                 the same command goes on from there"
            ),
        }))
    }
    /// Names what was removed or replaced, if the outcome of the append is unknown for that reason.
    fn why(&self, error: &AppendError) -> String {
        let displaced = |reason| match reason {
            HealthReason::Displaced(displaced) => Some(format!(" ({displaced})")),
            _ => None,
        };
        let mut reasons = self.store.health().reasons.into_iter();
        let why = error.is_unknown_outcome().then(|| reasons.find_map(displaced));
        why.flatten().unwrap_or_default()
    }
}
