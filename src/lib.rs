//! Sagalog: an embeddable event store in one directory, crash-proof and simulated. One writer, no
//! server: an append is acknowledged when it would survive a power failure.
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let dir = tempfile::tempdir()?;
//! use sagalog::{Append, EventType, ExpectedRevision, NewEvent, Options, Read, Store, StreamId};
//!
//! let (store, _) = Store::open(dir.path(), Options::default()).await?;
//! let order = StreamId::parse("order-17")?;
//! let placed = NewEvent::new(EventType::parse("OrderPlaced")?, r#"{"total_cents":1250}"#);
//! let append = Append::new()
//!     .expect(order.clone(), ExpectedRevision::NoStream)
//!     .event(order.clone(), placed);
//! store.append(append).await?; // durable from here on
//!
//! for event in store.read(Read::stream(order)).collect().await? {
//!     println!("{} {}", event.revision(), event.event_type());
//! }
//! store.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to begin
//!
//! * **An event store:** [`Store`]. An [`Append`] writes [`NewEvent`]s to any number of streams,
//!   all or none, under guards on revisions and queries; a [`CommandKey`] makes its repetition
//!   harmless. A [`Read`] asks for a stream, a category, a [`Query`] or everything, in either
//!   direction, also as it was. [`ReadOnlyStore`] reads beside the writer.
//! * **Events of your own types:** [`codec`] turns an enum into payloads and back, and leads old
//!   payloads to what the program knows today.
//! * **Sagas:** [`definition`] says what they do, [`Sagas`] executes them, [`SagaReader`] looks at
//!   them, [`saga`] is the kernel behind: graphs of steps that end completed, compensated or
//!   visibly stuck, whatever crashes.
//! * **A service that sagas call:** [`participant`] does what it is asked once, however often it is
//!   asked.
//! * **A bare log** of opaque commits, without streams and without an index: [`Log`].
//! * **Looking at a directory** without opening it for writing: [`inspect`], and the `sagalog`
//!   command.
//! * **A runtime of your own,** or a simulated one: [`runtime`].
//!
//! # What an error says
//!
//! Each enum of [`error`] answers one question: may I try again, do I have to read and decide
//! anew, reopen, or call a person. Only [`AppendError::Unknown`] leaves open whether something was
//! stored, and [`Store::resolve`] then tells.
//!
//! The promises, each with the checker that defends it, are in `docs/GUARANTEES.md` of the
//! repository, the bytes in `docs/FORMAT.md`.

// The README's examples have to compile and run, those of the guides to compile.
#![cfg_attr(all(doctest, feature = "tokio", feature = "json"), doc = include_str!("../README.md"))]
#![cfg_attr(
    all(doctest, feature = "tokio", feature = "json"),
    doc = include_str!("../docs/QUICK_START.md"),
    doc = include_str!("../docs/OPERATING.md")
)]

pub mod append;
pub mod codec;
pub mod commit;
pub mod definition;
mod engine;
pub mod error;
pub mod event;
pub mod ids;
pub mod limits;
pub mod log;
pub mod names;
pub mod options;
pub mod participant;
pub mod query;
pub mod read;
pub mod runtime;
pub mod saga;
mod store;
mod time;

// For who uses the event store.
pub use append::{Append, Committed, ExpectedRevision, Guard};
pub use engine::store::{
    Events, Health, HealthReason, ReadOnlyStore, ReadOnlyStoreStats, Store, StoreStats, StreamInfo,
    Streams,
};
pub use error::{Actual, AppendError, FailedGuard};
pub use event::{
    ContentType, ContentTypeError, CustomCode, EventId, EventIdError, NewEvent, RecordedEvent,
};
pub use ids::{FencingToken, Revision};
pub use names::{
    CommandKey, ConsumerId, DefinitionName, EffectKey, EventType, FenceName, NameError, Operation,
    SagaId, StepName, StreamId, Tag,
};
pub use query::{Query, QueryError, QueryItem};
pub use read::Read;
pub use time::WallTime;

// For who runs sagas.
pub use engine::sagas::{
    Explanation, ListedSaga, NewSaga, PossibleVerb, SagaHandle, SagaOptions, SagaOutcome,
    SagaReader, SagaStats, SagaStatus, SagaTurn, SagaTurns, Sagas, Settled, StepStatus, StuckStep,
    Told, TurnKind, Wait,
};
pub use error::{SagaError, WaitReason};

// For both.
pub use engine::{report::RecoveryReport, survey::OpenWarning};
pub use error::{CorruptionReport, Displaced, LogError, OpenError, ReadError};
pub use ids::{Position, StoreId};
pub use options::Options;

// For who uses the log alone, or looks at its files.
pub use commit::{Appended, Commit, RecordedCommit};
pub use engine::{
    inspect,
    log::{Log, LogStats},
    read_only::{ReadOnlyLog, ReadOnlyReader, ReadOnlyStats},
    reader::LogReader,
};
pub use error::CommitError;
pub use ids::{Epoch, SegmentId, Sequence};

// Whoever brings a runtime finds all else in `runtime`.
pub use engine::openings::{EngineRuntime, Openings};
