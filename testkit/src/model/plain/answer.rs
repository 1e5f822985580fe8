//! What the store says to an append, with open fields.

use sagalog::{Actual, AppendError, Committed};

/// What an append came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "matched whole by oracles")]
pub enum Outcome {
    /// It is durable, now or since its original.
    Committed(PlainCommitted),
    /// These guards did not hold.
    Conflict(Vec<(usize, Actual)>),
    /// Some of it stands there already; the first difference is here.
    PartlyCommitted(String, u64),
    /// The key belongs to other content, stored from here on.
    KeyReused(u64),
    /// The fence has seen this token.
    Fenced(u64),
    /// The query of this guard is not answered.
    Query(usize),
    /// It may be stored or not.
    Unknown,
    /// Any other error: nothing was stored.
    Failed(String),
}

/// The answer to an append that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "compared whole by oracles")]
pub struct PlainCommitted {
    /// Position of its first event, or the head of a check.
    pub first: u64,
    /// How many positions it takes.
    pub positions: u64,
    /// The last revision in each stream, in the order of the streams' first events.
    pub revisions: Vec<(String, u64)>,
    /// Whether it had been stored before.
    pub replayed: bool,
}

impl PlainCommitted {
    /// The position behind its last event.
    pub fn end(&self) -> u64 {
        self.first + self.positions
    }

    /// The answer as to a repetition.
    #[must_use]
    pub fn repeated(self) -> Self {
        Self { replayed: true, ..self }
    }

    /// Whether one of its events is at this position.
    pub fn holds(&self, position: u64) -> bool {
        (self.first..self.end()).contains(&position)
    }
}

impl From<Committed> for PlainCommitted {
    fn from(committed: Committed) -> Self {
        let revisions = committed.revisions.iter();
        Self {
            first: committed.first.get(),
            positions: committed.positions.into(),
            revisions: revisions.map(|(s, last)| (s.as_str().to_owned(), last.get())).collect(),
            replayed: committed.replayed,
        }
    }
}

impl From<Result<Committed, AppendError>> for Outcome {
    fn from(answer: Result<Committed, AppendError>) -> Self {
        match answer {
            Ok(committed) => Self::Committed(committed.into()),
            Err(AppendError::Conflict(failed)) => {
                Self::Conflict(failed.iter().map(|failed| (failed.guard, failed.actual)).collect())
            }
            Err(AppendError::PartlyCommitted { stream, revision }) => {
                Self::PartlyCommitted(stream.as_str().to_owned(), revision.get())
            }
            Err(AppendError::KeyReused { first, .. }) => Self::KeyReused(first.get()),
            Err(AppendError::Fenced { current, .. }) => Self::Fenced(current.get()),
            Err(AppendError::Query { guard, .. }) => Self::Query(guard),
            Err(AppendError::Unknown { .. }) => Self::Unknown,
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}
