//! Sagalog: an embeddable, crash-proof log, and on it an event store and a saga engine.

// The README's example has to compile and run.
#![cfg_attr(all(doctest, feature = "tokio"), doc = include_str!("../README.md"))]

pub mod append;
pub mod codec;
pub mod commit;
mod engine;
pub mod error;
pub mod event;
pub mod ids;
pub mod limits;
pub mod log;
pub mod names;
pub mod options;
pub mod query;
pub mod read;
pub mod runtime;
mod store;

pub use append::{Append, Committed, ExpectedRevision, Guard};
pub use commit::{Appended, Commit, RecordedCommit};
pub use engine::{
    inspect,
    log::{Log, LogStats},
    read_only::{ReadOnlyLog, ReadOnlyReader, ReadOnlyStats},
    reader::LogReader,
    report::RecoveryReport,
    store::{Events, Health, HealthReason, ReadOnlyStore, Store, StoreStats, StreamInfo, Streams},
    survey::OpenWarning,
};
pub use error::{
    Actual, AppendError, CommitError, CorruptionReport, FailedGuard, LogError, OpenError, ReadError,
};
pub use event::{ContentType, EventId, NewEvent, RecordedEvent};
pub use ids::{Epoch, FencingToken, Position, Revision, SegmentId, Sequence, StoreId};
pub use names::{CommandKey, ConsumerId, EventType, FenceName, NameError, StreamId, Tag};
pub use options::Options;
pub use query::{Query, QueryError, QueryItem};
pub use read::Read;
