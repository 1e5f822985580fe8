//! Turns on their way to the disk.
//!
//! Turns of many sagas that come about together share an append. The invariant it guards: each turn
//! goes where its saga's last one stands and under this executor's fence, so that of two executors
//! one is refused by the store itself.

use super::{
    live::{Live, Proposal},
    names,
};
use crate::{
    append::{Append, Committed, Guard},
    engine::store::Store,
    error::AppendError,
    ids::{FencingToken, Position},
    limits::{APPEND_EVENTS_MAX, APPEND_GUARDS_MAX},
    names::StreamId,
};
use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// How many appends of turns are under way before further turns gather in the next one: one is
/// written while the next one waits for the writer. With more of them each is smaller, and the work
/// of an append is done more often.
const UNDER_WAY_MAX: usize = 2;

/// How many turns share an append at most.
const TURNS_MAX: usize = 512;

/// How many bytes of inputs and outputs share an append at most, about.
const TURNS_BYTES_MAX: usize = 256 << 10;

/// With so many guards an append takes no further turn: a step's events bring guards along.
const GUARDS_FULL: usize = APPEND_GUARDS_MAX / 2;
/// Likewise with so many events.
const EVENTS_FULL: usize = APPEND_EVENTS_MAX / 2;

type Storing = Pin<Box<dyn Future<Output = Result<Committed, AppendError>> + Send>>;

/// Where a turn stands in its append.
#[derive(Clone, Copy, Debug)]
pub(super) struct TurnAt {
    pub(super) slot: usize,
    /// The guard of its journal.
    pub(super) guard: usize,
    /// How many events stand in front of it.
    pub(super) event: u64,
}

/// What an append is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// Turns of sagas.
    Turns(Vec<TurnAt>),
    /// The list of unfinished sagas.
    Checkpoint,
}

/// An append that is under way.
struct Submitted {
    storing: Storing,
    purpose: Purpose,
    /// What was durable when it was submitted: it stands behind.
    head: Position,
}

/// An append that was answered.
pub(super) struct Answered {
    pub(super) answer: Result<Committed, AppendError>,
    pub(super) purpose: Purpose,
}

/// The appends of an executor.
pub(super) struct Commits {
    store: Store,
    token: FencingToken,
    submitted: Vec<Submitted>,
    open: Option<Open>,
}

/// An append that still takes turns.
struct Open {
    append: Append,
    turns: Vec<TurnAt>,
    /// The streams to which events go along with results.
    streams: BTreeSet<StreamId>,
    bytes: usize,
}

impl Open {
    fn is_full(&self) -> bool {
        self.turns.len() >= TURNS_MAX
            || self.bytes >= TURNS_BYTES_MAX
            || self.append.guards.len() >= GUARDS_FULL
            || self.append.writes.len() >= EVENTS_FULL
    }

    /// Whether a turn is sure of the end of a stream that another turn of the append writes to.
    fn is_not_seen_by(&self, proposal: &Proposal) -> bool {
        let is_written = |stream: &StreamId| self.streams.contains(stream);
        proposal.staged.iter().any(|(_, staged)| staged.has_not_seen(is_written))
    }
}

impl Commits {
    pub(super) fn new(store: Store, token: FencingToken) -> Self {
        Self { store, token, submitted: Vec::new(), open: None }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.submitted.is_empty() && self.open.is_none()
    }

    /// Everything in front of this position was answered.
    pub(super) fn accounted(&self) -> Position {
        let heads = self.submitted.iter().map(|submitted| submitted.head);
        heads.min().unwrap_or_else(|| self.store.head())
    }

    /// Adds the turn that `live` proposes.
    pub(super) fn add(&mut self, slot: usize, live: &Live) {
        let proposal = live.proposal.as_deref().expect("the caller has just proposed");
        let mut event = names::turn_event(&proposal.records, &proposal.state);
        if let Some(id) = proposal.event {
            event = event.id(id);
        }
        let mut bytes = event.payload.len();
        let apart = |open: &Open| open.is_full() || open.is_not_seen_by(proposal);
        if proposal.alone || self.open.as_ref().is_some_and(apart) {
            self.submit_open();
        }
        let token = self.token;
        let open = self.open.get_or_insert_with(|| Open {
            append: Append::new().fence(names::fence(), token),
            turns: Vec::new(),
            streams: BTreeSet::new(),
            bytes: 0,
        });
        let guard = open.append.guards.len();
        let before = open.append.writes.len() as u64;
        let mut append = std::mem::take(&mut open.append)
            .expect(live.stream.clone(), live.expected())
            .event(live.stream.clone(), event);
        for (_, staged) in &proposal.staged {
            for (stream, expected) in &staged.guards {
                append =
                    append.guard(Guard::Stream { stream: stream.clone(), expected: *expected });
            }
            for (stream, event) in &staged.events {
                bytes += event.payload.len();
                open.streams.insert(stream.clone());
                append = append.event(stream.clone(), event.clone());
            }
        }
        open.append = append;
        open.turns.push(TurnAt { slot, guard, event: before });
        open.bytes += bytes;
        if proposal.alone {
            self.submit_open();
        }
    }

    /// Submits what has gathered, unless enough is under way.
    pub(super) fn submit_gathered(&mut self) {
        if self.submitted.len() < UNDER_WAY_MAX {
            self.submit_open();
        }
    }

    fn submit_open(&mut self) {
        if let Some(open) = self.open.take() {
            self.submit(open.append, Purpose::Turns(open.turns));
        }
    }

    pub(super) fn submit(&mut self, append: Append, purpose: Purpose) {
        let (store, head) = (self.store.clone(), self.store.head());
        let storing = Box::pin(async move { store.append(append).await });
        self.submitted.push(Submitted { storing, purpose, head });
    }

    /// The answers that are there, in the order in which their appends were submitted.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, answered: &mut Vec<Answered>) {
        let mut at = 0;
        while let Some(submitted) = self.submitted.get_mut(at) {
            match submitted.storing.as_mut().poll(cx) {
                Poll::Ready(answer) => {
                    let Submitted { purpose, .. } = self.submitted.remove(at);
                    answered.push(Answered { answer, purpose });
                }
                Poll::Pending => at += 1,
            }
        }
    }
}
