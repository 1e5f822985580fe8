//! The words of a decision: what it asks, what it is told, and what comes out.
//!
//! Plain data.

use crate::{
    append::Guard,
    error::{Actual, AppendError, FailedGuard},
    event::EventId,
    ids::{FencingToken, Position, Revision},
    names::{CommandKey, FenceName, StreamId},
    store::{
        answer::{KeyAnswer, Original},
        body::Stamp,
    },
};
use std::collections::BTreeMap;

/// A question to the index and the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lookup {
    /// The revision of the last event of a stream.
    Head(StreamId),
    /// What the append with this key came to.
    Key(CommandKey),
    /// The highest token of a fence.
    Fence(FenceName),
    /// The newest event behind `after` that matches the query of a guard, events of system
    /// streams left out.
    NewestMatch {
        /// Which guard of the append, counted from 0.
        guard: usize,
        /// The guard's last position that was seen.
        after: Option<Position>,
    },
    /// Some consecutive events of a stream. All of them exist, below what memory holds.
    Stored {
        /// Which stream.
        stream: StreamId,
        /// The revision of the first of them.
        from: Revision,
        /// How many.
        events: u32,
    },
}

/// An event that was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredEvent {
    pub(crate) id: EventId,
    pub(crate) position: Position,
    /// The first position of its commit.
    pub(crate) commit_first: Position,
    /// How many positions its commit takes.
    pub(crate) commit_positions: u32,
}

/// The answer to a [`Lookup`], by the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Head(Option<Revision>),
    Key(Option<KeyAnswer>),
    Fence(Option<FencingToken>),
    Match(Option<Position>),
    /// The events in order, as many as were asked for.
    Stored(Vec<StoredEvent>),
}

impl Fact {
    /// The shell answered another question than the one that was asked.
    pub(super) fn is_no_answer_to(&self, question: &str) -> ! {
        panic!("{self:?} does not answer the question for {question}")
    }
}

/// What was looked up for one append.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// All facts but [`Fact::Stored`] speak of the log below this position, and of nothing beyond.
    /// They count as long as memory holds everything from there on.
    pub(crate) through: Position,
    pub(crate) known: BTreeMap<Lookup, Fact>,
}

/// What is to become of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Write it, with this stamp.
    Commit(Stamp),
    /// It is a pure check, and all guards hold in the log below this position.
    Check { at: Position },
    /// It is answered with what it came to when it was first committed, as soon as that is
    /// durable.
    Replay(Original),
    /// It is refused.
    Refuse(Refusal),
    /// This has to be looked up first: ascending, nothing twice, never empty.
    Need(Vec<Lookup>),
}

/// Why an append is refused: see [`AppendError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Guards that do not hold, by their numbers, and what each met.
    Conflict(Vec<(usize, Actual)>),
    PartlyCommitted {
        stream: StreamId,
        revision: Revision,
    },
    KeyReused {
        key: CommandKey,
        first: Position,
    },
    Fenced {
        fence: FenceName,
        current: FencingToken,
    },
}

impl Refusal {
    /// What the caller is told of an append with these guards.
    pub(crate) fn error(self, guards: &[Guard]) -> AppendError {
        match self {
            Self::Conflict(failed) => {
                let told = failed.into_iter().filter_map(|(guard, actual)| {
                    let expected = guards.get(guard)?.clone();
                    Some(FailedGuard { guard, expected, actual })
                });
                AppendError::Conflict(told.collect())
            }
            Self::PartlyCommitted { stream, revision } => {
                AppendError::PartlyCommitted { stream, revision }
            }
            Self::KeyReused { key, first } => AppendError::KeyReused { key, first },
            Self::Fenced { fence, current } => AppendError::Fenced { fence, current },
        }
    }
}
