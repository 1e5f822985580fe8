//! Sagalog: an embeddable, crash-proof log, and on it an event store and a saga engine.

// The README's example has to compile and run.
#![cfg_attr(all(doctest, feature = "tokio"), doc = include_str!("../README.md"))]

pub mod commit;
mod engine;
pub mod error;
pub mod ids;
pub mod limits;
pub mod log;
pub mod options;
pub mod runtime;
mod store;

pub use commit::{Appended, Commit, RecordedCommit};
pub use engine::{
    inspect,
    log::{Log, LogStats},
    read_only::{ReadOnlyLog, ReadOnlyReader, ReadOnlyStats},
    reader::LogReader,
    report::RecoveryReport,
    survey::OpenWarning,
};
pub use error::{AppendError, CorruptionReport, LogError, OpenError, ReadError};
pub use ids::{Epoch, Position, SegmentId, Sequence, StoreId};
pub use options::Options;
