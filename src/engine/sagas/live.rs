//! One saga in memory: its state, its attempts, and who waits for it.
//!
//! It decides and performs nothing. The invariant it guards: `state` is the journal as far as it is
//! durable, folded; what is not durable yet is in `proposal`, and nobody sees it.

use super::{SagaStatus, Settled, StuckStep};
use crate::{
    append::ExpectedRevision,
    definition::{Code, Staged},
    error::SagaError,
    event::EventId,
    ids::{Position, Revision},
    names::{SagaId, StreamId},
    saga::{Attempts, Ending, Failure, Input, Plan, Record, State, StepIndex, VerbRefused},
    time::WallTime,
};
use std::sync::Arc;
use tokio::sync::oneshot;

pub(super) type Reply<T> = oneshot::Sender<Result<T, SagaError>>;

/// How a start was answered.
#[derive(Debug)]
pub(super) enum Started {
    /// It is durable, or was before.
    Here,
    /// There is a journal of this name already, of a saga that ended.
    Elsewhere,
}

/// Whoever wants to start something else under a name that is taken by a saga whose beginning is
/// not durable: until it is, nobody may be told so.
pub(super) enum Rival {
    Start(Reply<Started>),
    Run(Reply<Option<Settled>>),
}

impl Rival {
    /// Sends it to the journal, which tells whose the name is.
    pub(super) fn look(self) {
        match self {
            Self::Start(reply) => drop(reply.send(Ok(Started::Elsewhere))),
            Self::Run(reply) => drop(reply.send(Ok(None))),
        }
    }
}

/// A turn whose records are on their way to the disk.
pub(super) struct Proposal {
    pub(super) inputs: Vec<Input>,
    pub(super) records: Vec<Record>,
    pub(super) state: State,
    pub(super) answers: Vec<Result<(), VerbRefused>>,
    pub(super) replies: Vec<Reply<()>>,
    /// The id of its event, if who asked for it wants to find it again.
    pub(super) event: Option<EventId>,
    /// What rides in the same append, by the step that left it.
    pub(super) staged: Vec<(StepIndex, Staged)>,
    /// Stored by itself, because a larger append would be too large.
    pub(super) alone: bool,
}

pub(super) struct Live {
    pub(super) id: SagaId,
    pub(super) stream: StreamId,
    pub(super) code: Arc<dyn Code>,
    pub(super) state: State,
    pub(super) attempts: Attempts,
    /// Its last turn; none while its beginning is not durable.
    pub(super) revision: Option<Revision>,
    /// The position of its first turn.
    pub(super) first: Position,
    pub(super) turns: u32,
    pub(super) inbox: Vec<Input>,
    /// Who wants to know what became of the cancellations and verbs in the inbox, in their order.
    pub(super) replies: Vec<Reply<()>>,
    /// The id of the turn that answers them, if one of them has to be found again.
    pub(super) event: Option<EventId>,
    /// What attempts that were done leave to be stored with their results.
    pub(super) staged: Vec<(StepIndex, Staged)>,
    pub(super) proposal: Option<Box<Proposal>>,
    pub(super) starters: Vec<Reply<Started>>,
    pub(super) waiters: Vec<Reply<Option<Settled>>>,
    /// Whether it is in the line of those whose attempts have no room.
    pub(super) deferred: bool,
    pub(super) rivals: Vec<Rival>,
    /// Whether it is in the line of those to be looked at.
    pub(super) queued: bool,
    pub(super) wake_at: Option<WallTime>,
}

impl Live {
    pub(super) fn new(id: SagaId, stream: StreamId, code: Arc<dyn Code>, state: State) -> Self {
        Self {
            id,
            stream,
            code,
            state,
            attempts: Attempts::default(),
            revision: None,
            first: Position::default(),
            turns: 0,
            inbox: Vec::new(),
            replies: Vec::new(),
            event: None,
            staged: Vec::new(),
            proposal: None,
            starters: Vec::new(),
            waiters: Vec::new(),
            deferred: false,
            rivals: Vec::new(),
            queued: false,
            wake_at: None,
        }
    }

    /// Keeps what an attempt leaves to be stored with its result, and says how it ended: only what
    /// was done brings its events along. If another step of this turn writes to a stream of whose
    /// end it is sure, it is done and not on record, so it is asked again.
    pub(super) fn stage(&mut self, step: StepIndex, staged: Staged, ending: Ending) -> Ending {
        if staged.events.is_empty() || !matches!(ending, Ending::Done { .. }) {
            return ending;
        }
        let events = || self.staged.iter().flat_map(|(_, staged)| &staged.events);
        if staged.has_not_seen(|stream| events().any(|(written, _)| written == stream)) {
            return Ending::Ambiguous(Failure::failed("a step beside it writes to its stream"));
        }
        self.staged.push((step, staged));
        ending
    }

    pub(super) fn plan(&self) -> &Arc<Plan> {
        self.code.plan()
    }

    /// Where its next turn has to stand.
    pub(super) fn expected(&self) -> ExpectedRevision {
        self.revision.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact)
    }

    /// What it came to, if it ended or is stuck.
    pub(super) fn settled(&self) -> Option<Settled> {
        Settled::of(self.plan(), &self.state)
    }

    /// Tells what it came to, now or when it does.
    pub(super) fn wait(&mut self, reply: Reply<Option<Settled>>) {
        if let Some(settled) = self.settled() {
            let _ = reply.send(Ok(Some(settled)));
            return;
        }
        // Who has given up waiting is not kept.
        self.waiters.retain(|waiter| !waiter.is_closed());
        self.waiters.push(reply);
    }

    pub(super) fn status(&self) -> SagaStatus {
        SagaStatus::of(&self.id, self.plan(), &self.state)
    }

    pub(super) fn stuck(&self) -> Vec<StuckStep> {
        StuckStep::all_of(self.plan(), &self.state)
    }
}
