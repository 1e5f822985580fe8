//! Where the engine is compiled for a runtime: once, in the crate that implements the runtime.
//!
//! The engine is generic over its runtime, so a call of a generic opening compiles all of it into
//! the crate that calls: into each test binary and each user's program (11 s of processor time in
//! the test profile, 39 s in release). [`Openings`] holds pointers to the openings instead. Who
//! makes the `static` compiles the engine, who only calls through it does not. Nothing is decided
//! here.

use super::{
    inspect::{CheckReport, OnProgress, check_on},
    log::Log,
    read_only::ReadOnlyLog,
    report::RecoveryReport,
    sagas::{SagaOptions, Sagas, Told},
    store::{ReadOnlyStore, Store},
};
use crate::{
    definition::Code,
    error::{OpenError, SagaError},
    names::SagaId,
    options::Options,
    runtime::Runtime,
    saga::Intervention,
};
use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

/// A [`Runtime`] that stores can be opened on.
///
/// ```ignore
/// impl EngineRuntime for MyRuntime {
///     fn openings() -> &'static Openings<Self> {
///         static OPENINGS: Openings<MyRuntime> = Openings::new(); // the engine is compiled here
///         &OPENINGS
///     }
/// }
/// ```
///
/// A generic runtime cannot have a `static` and uses `const { &Openings::new() }`.
pub trait EngineRuntime: Runtime {
    /// The openings, compiled for this runtime.
    fn openings() -> &'static Openings<Self>;
}

/// A future that is compiled where the [`Openings`] are.
type Opening<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

type OpenWith<R, T> = for<'a> fn(&'a R, Options) -> Opening<'a, (T, RecoveryReport), OpenError>;
type OpenReadOnly<R, T> = for<'a> fn(&'a R) -> Opening<'a, T, OpenError>;
type OpenSagas<R> =
    for<'a> fn(&'a R, &'a Store, Vec<Arc<dyn Code>>, SagaOptions) -> Opening<'a, Sagas, SagaError>;
type Intervene<R> =
    for<'a> fn(&'a R, &'a SagaId, Intervention, Duration) -> Opening<'a, Told, SagaError>;
type Check<R> = for<'a> fn(&'a R, OnProgress<'a>) -> Opening<'a, CheckReport, OpenError>;

/// Every way into the engine, compiled for the runtime `R`. See [`EngineRuntime`].
pub struct Openings<R> {
    pub(super) log: OpenWith<R, Log>,
    pub(super) log_read_only: OpenReadOnly<R, ReadOnlyLog>,
    pub(super) store: OpenWith<R, Store>,
    pub(super) store_read_only: OpenReadOnly<R, ReadOnlyStore>,
    pub(super) sagas: OpenSagas<R>,
    pub(super) intervene_beside: Intervene<R>,
    pub(super) check: Check<R>,
}

impl<R: Runtime> Openings<R> {
    /// Compiles the engine for `R`. Meant for a `static` beside the runtime.
    #[expect(clippy::new_without_default, reason = "a `static` cannot call `default`")]
    pub const fn new() -> Self {
        Self {
            log: |runtime, options| Box::pin(Log::open_on(runtime, options)),
            log_read_only: |runtime| Box::pin(ReadOnlyLog::open_on(runtime)),
            store: |runtime, options| Box::pin(Store::open_on(runtime, options)),
            store_read_only: |runtime| Box::pin(ReadOnlyStore::open_on(runtime)),
            sagas: |runtime, store, definitions, options| {
                Box::pin(Sagas::open_on(runtime, store, definitions, options))
            },
            intervene_beside: |runtime, saga, intervention, wait| {
                Box::pin(Sagas::intervene_on(runtime, saga, intervention, wait))
            },
            check: |runtime, progress| Box::pin(check_on(runtime, progress)),
        }
    }
}

impl<R> fmt::Debug for Openings<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Openings").finish_non_exhaustive()
    }
}

#[cfg(feature = "tokio")]
impl EngineRuntime for crate::runtime::tokio::TokioRuntime {
    fn openings() -> &'static Openings<Self> {
        static OPENINGS: Openings<crate::runtime::tokio::TokioRuntime> = Openings::new();
        &OPENINGS
    }
}
