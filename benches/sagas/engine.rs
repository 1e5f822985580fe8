//! The store with its sagas, as a service would open it, and how sagas are started in it.
//!
//! Takes no times. The invariant: the defaults apply wherever a case does not say otherwise.

use super::{
    counted::{Counted, Syncs},
    order::{self, Charge, Charged, Order},
    turn::Path,
};
use crate::support::Failure;
use sagalog::{
    Options, SagaId, SagaOptions, SagaOutcome, SagaStats, Sagas, Settled, Store,
    definition::Definition, runtime::tokio::TokioRuntime,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// How many sagas are being started at a time where only their number matters.
const STARTERS: u64 = 256;
/// How long a closing waits for attempts.
const GRACE: Duration = Duration::from_millis(100);

/// The store, before anybody works on its sagas.
pub(crate) struct Opened {
    runtime: Counted<TokioRuntime>,
    pub(crate) syncs: Syncs,
    pub(crate) store: Store,
}

/// A store and its sagas. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Engine {
    sagas: Sagas,
    pub(crate) charged: Charged,
    ok: Definition<Order, u64>,
    fail: Definition<Order, u64>,
    /// The number of the next saga.
    next: Arc<AtomicU64>,
}

impl Opened {
    pub(crate) async fn open(dir: &std::path::Path) -> Result<Self, Failure> {
        let syncs = Syncs::default();
        let runtime = Counted::new(TokioRuntime::create(dir)?, syncs.clone());
        let (store, _) = Store::open_with(&runtime, Options::default()).await?;
        Ok(Self { runtime, syncs, store })
    }

    /// Takes over the sagas; every charge goes as `charge` says, and `attempts_max` of them at a
    /// time if that is given.
    pub(crate) async fn take_over(
        &self,
        charge: Charge,
        attempts_max: Option<usize>,
    ) -> Result<Engine, Failure> {
        let options = SagaOptions::default();
        let options = attempts_max.map_or(options.clone(), |most| options.attempts_max(most));
        let charged = Charged::default();
        let ok = order::definition(Path::Ok, charge, &charged)?;
        let fail = order::definition(Path::Fail, charge, &charged)?;
        let definitions = [ok.code(), fail.code()];
        let sagas = Sagas::open_with(&self.runtime, &self.store, definitions, options).await?;
        Ok(Engine { sagas, charged, ok, fail, next: Arc::default() })
    }
}

/// The name of the saga with this number.
fn name(number: u64) -> Result<SagaId, Failure> {
    Ok(SagaId::parse(&format!("order-{number:010}"))?)
}

impl Engine {
    /// Starts a new saga and waits for its end, which has to be that of `path`.
    pub(crate) async fn run(&self, path: Path) -> Result<(), Failure> {
        let saga = name(self.next.fetch_add(1, Ordering::Relaxed))?;
        let definition = match path {
            Path::Ok => &self.ok,
            Path::Fail => &self.fail,
        };
        let outcome = self.sagas.run(definition, saga, &Order::usual()).await?;
        match (path, outcome) {
            (Path::Ok, SagaOutcome::Completed(_)) | (Path::Fail, SagaOutcome::Aborted { .. }) => {
                Ok(())
            }
            (_, other) => Err(format!("a saga of path {} came to {other:?}", path.name()).into()),
        }
    }

    /// Starts sagas, many at a time, until there are `total`, and waits until all have begun.
    pub(crate) async fn begin_up_to(&self, total: u64) -> Result<(), Failure> {
        self.each_up_to(total, |engine, saga| async move {
            engine.sagas.start(&engine.ok, saga, &Order::usual()).await?;
            Ok(())
        })
        .await
    }

    /// Starts sagas, many at a time, until there are `total`, and waits until all have ended.
    pub(crate) async fn complete_up_to(&self, total: u64) -> Result<(), Failure> {
        self.each_up_to(total, |engine, saga| async move {
            engine.sagas.run(&engine.ok, saga, &Order::usual()).await?;
            Ok(())
        })
        .await
    }

    async fn each_up_to<S, F>(&self, total: u64, start: S) -> Result<(), Failure>
    where
        S: Fn(Self, SagaId) -> F + Clone + Send + 'static,
        F: Future<Output = Result<(), Failure>> + Send,
    {
        let last = Arc::clone(&self.next);
        let mut starters = JoinSet::new();
        for _ in 0..STARTERS {
            let (engine, start, next) = (self.clone(), start.clone(), Arc::clone(&last));
            starters.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        return Ok::<_, Failure>(());
                    }
                    start(engine.clone(), name(number)?).await?;
                }
            });
        }
        while let Some(ended) = starters.join_next().await {
            ended??;
        }
        // Each starter has taken a number that it did not use.
        last.store(total, Ordering::Relaxed);
        Ok(())
    }

    /// Whether all of the first `total` sagas completed.
    pub(crate) async fn all_completed(&self, total: u64) -> Result<bool, Failure> {
        for number in 0..total {
            if !matches!(self.sagas.settled(&name(number)?).await?, Settled::Completed(_)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) async fn stats(&self) -> Result<SagaStats, Failure> {
        Ok(self.sagas.stats().await?)
    }

    pub(crate) async fn close(self, opened: Opened) -> Result<(), Failure> {
        self.sagas.close(GRACE).await?;
        Ok(opened.store.close().await?)
    }
}
