//! What stands in the way of a saga: what was asked for, the executor, or the store.

use super::{AppendError, CorruptionReport, ReadError};
use crate::{
    ids::Position,
    names::{DefinitionName, SagaId},
    saga::{JournalFault, Refusal, VerbRefused},
};
use std::{error::Error, fmt, io, sync::Arc};

/// Why something about a saga was not done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SagaError {
    /// No definition of this name and revision was registered when the sagas were opened. Register
    /// it.
    UnknownDefinition {
        /// Its name.
        name: DefinitionName,
        /// Its revision.
        revision: u32,
    },
    /// Two definitions of one name and revision were given. Raise the revision of one.
    DuplicateDefinition {
        /// Their name.
        name: DefinitionName,
        /// Their revision.
        revision: u32,
    },
    /// The store knows another graph under this name and revision: sagas that began with it could
    /// not go on. Raise the revision, and keep the old one registered while its sagas run.
    DefinitionChanged {
        /// Its name.
        name: DefinitionName,
        /// Its revision.
        revision: u32,
    },
    /// A saga of this name was started with another input, or of another definition. Nothing was
    /// started. Choose another name.
    Conflict(SagaId),
    /// There is no saga of this name.
    NotFound(SagaId),
    /// The saga waits for a definition, or for a newer version of this program; nobody works on it.
    Waiting {
        /// The saga.
        saga: SagaId,
        /// What it waits for.
        reason: WaitReason,
    },
    /// A cancellation or an operator's word is not accepted. Nothing has changed.
    Refused(VerbRefused),
    /// The input or the trace context of a saga, or what an operator gave, is larger than the store
    /// takes. Nothing was stored.
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The bytes that are allowed.
        limit: usize,
    },
    /// An input or an output does not go through the definition's codec; the text says why.
    Codec(Arc<str>),
    /// The executor is being closed. Nothing was done; ask the next one.
    Closing,
    /// Another executor has taken over the store. Ask that one.
    Fenced,
    /// The executor ended while the call was under way: it may or may not have been done. Open the
    /// sagas again; starting the same saga again joins the first one.
    Unknown,
    /// The store does not take appends; the source says why, and what to do. What was asked for was
    /// not done. A saga that had begun before goes on once the store takes appends again.
    Append(AppendError),
    /// The store cannot be read.
    Read(ReadError),
    /// A journal is none: damaged, or written by another program. A person has to look.
    Journal {
        /// The saga.
        saga: SagaId,
        /// What is wrong with it.
        fault: JournalFault,
    },
    /// A journal cannot have come about by the rules. A person has to look.
    Impossible {
        /// The saga.
        saga: SagaId,
        /// Which record, counted from 0.
        record: usize,
        /// Why not.
        refusal: Refusal,
    },
    /// A request to the process that executes sagas cannot be made, or its answer not be read. It
    /// may be done or not.
    Request(Arc<io::Error>),
    /// The runtime cannot start the executor, for example because there is no tokio runtime around
    /// the call.
    Spawn(Arc<io::Error>),
}

/// What a saga that nobody works on waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// For its definition to be registered.
    Definition {
        /// Its name.
        name: DefinitionName,
        /// Its revision.
        revision: u32,
    },
    /// For the graph that it began with: what is registered under its name and revision is another.
    Graph {
        /// Its name.
        name: DefinitionName,
        /// Its revision.
        revision: u32,
    },
    /// For a program that reads its journal.
    Journal(JournalFault),
    /// For a person: its journal cannot have come about by the rules.
    Impossible {
        /// Which record, counted from 0.
        record: usize,
        /// Why not.
        refusal: Refusal,
    },
    /// For a program that decodes the commit in which a part of its journal stands.
    Undecodable {
        /// Where the commit begins.
        position: Position,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// For a person: a part of its journal is damaged.
    Damaged(Box<CorruptionReport>),
    /// For a person: somebody else wrote to its journal.
    Foreign,
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Definition { name, revision } => {
                write!(f, "revision {revision} of definition {name} is not registered")
            }
            Self::Graph { name, revision } => {
                write!(f, "revision {revision} of definition {name} is registered with other steps")
            }
            Self::Journal(fault) => write!(f, "its journal cannot be read: {fault}"),
            Self::Impossible { record, refusal } => {
                write!(f, "record {record} of its journal cannot stand there: {refusal}")
            }
            Self::Undecodable { position, reason } => {
                write!(f, "the commit at position {position}, with a part of its journal, is no ")?;
                write!(f, "append of events: {reason}")
            }
            Self::Damaged(report) => write!(f, "its journal is damaged: {report}"),
            Self::Foreign => f.write_str("another program wrote to its journal"),
        }
    }
}

impl fmt::Display for SagaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDefinition { name, revision } => {
                write!(f, "revision {revision} of definition {name} is not registered")
            }
            Self::DuplicateDefinition { name, revision } => {
                write!(f, "revision {revision} of definition {name} is registered twice")
            }
            Self::DefinitionChanged { name, revision } => write!(
                f,
                "the store knows revision {revision} of definition {name} with other steps; raise \
                 the revision"
            ),
            Self::Conflict(saga) => {
                write!(f, "saga {saga} was started with another input or definition")
            }
            Self::NotFound(saga) => write!(f, "there is no saga {saga}"),
            Self::Waiting { saga, reason } => write!(f, "nobody works on saga {saga}: {reason}"),
            Self::Refused(refused) => refused.fmt(f),
            Self::TooLarge { bytes, limit } => {
                write!(f, "it has {bytes} bytes, the limit is {limit}; nothing was stored")
            }
            Self::Codec(reason) => f.write_str(reason),
            Self::Closing => f.write_str("the executor of sagas is being closed"),
            Self::Fenced => f.write_str("another executor has taken over the sagas of this store"),
            Self::Unknown => f.write_str(
                "the executor of sagas ended: the call may or may not have been done; open again",
            ),
            Self::Append(error) => error.fmt(f),
            Self::Read(error) => error.fmt(f),
            Self::Journal { saga, fault } => write!(f, "the journal of saga {saga}: {fault}"),
            Self::Impossible { saga, record, refusal } => {
                write!(f, "the journal of saga {saga} is refused at record {record}: {refusal}")
            }
            Self::Request(error) => {
                write!(f, "the process that executes sagas cannot be asked: {error}")
            }
            Self::Spawn(error) => write!(f, "the executor of sagas cannot be started: {error}"),
        }
    }
}

impl Error for SagaError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Append(error) => Some(error),
            Self::Read(error) => Some(error),
            Self::Refused(refused) => Some(refused),
            Self::Journal { fault, .. } => Some(fault),
            Self::Impossible { refusal, .. } => Some(refusal),
            Self::Request(error) | Self::Spawn(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

impl From<ReadError> for SagaError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}
