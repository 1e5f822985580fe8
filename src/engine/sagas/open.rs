//! How an executor takes over the sagas of a store.
//!
//! Its steps stand in one order: raise the fence, and only then read. The invariant it guards: what
//! it goes on with cannot be added to by the executor before it.

use super::{
    Sagas,
    attempts::Attempting,
    clock::SagaClock,
    commits::Commits,
    executor::Executor,
    live::Live,
    names,
    options::SagaOptions,
    read::Books,
    recover::{Found, unfinished},
    registry::{Graphs, Registry, refused},
    requests::Desk,
    stop::Stop,
};
use crate::{
    append::Append,
    definition::Code,
    engine::{openings::EngineRuntime, store::Store},
    error::{AppendError, ReadError, SagaError, saga::WaitReason},
    ids::{FencingToken, Position},
    names::SagaId,
    read::Read,
    runtime::Runtime,
    saga::{Attempts, Begun},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};
use tokio::sync::{mpsc, watch};

impl Sagas {
    /// Takes over the sagas of `store` and executes them on `runtime`, which has to be the one that
    /// the store was opened with. Unfinished sagas go on at once; those whose definition is not
    /// among `definitions` [wait](Sagas::waiting).
    ///
    /// In production it has to be called within a tokio runtime with timers, on which the attempts
    /// then run.
    ///
    /// # Errors
    /// [`SagaError`] says what to do; nothing was executed.
    ///
    /// # Cancel safety
    /// Dropping the future executes nothing, but an executor before this one may be fenced.
    pub async fn open_with<R: EngineRuntime>(
        runtime: &R,
        store: &Store,
        definitions: impl IntoIterator<Item = Arc<dyn Code>>,
        options: SagaOptions,
    ) -> Result<Self, SagaError> {
        let definitions = definitions.into_iter().collect();
        (R::openings().sagas)(runtime, store, definitions, options).await
    }

    pub(in crate::engine) async fn open_on<R: Runtime>(
        runtime: &R,
        store: &Store,
        definitions: Vec<Arc<dyn Code>>,
        options: SagaOptions,
    ) -> Result<Self, SagaError> {
        let registry = Registry::try_new(definitions)?;
        let token = take_over(store).await?;
        let books = Books::Writer(store.clone());
        let mut graphs = Graphs::read(&books).await?;
        registry.register(store, &mut graphs, token).await?;
        let found = unfinished(&books).await?;
        let newest = Read::all().with_system().backward().limit(1);
        let newest = store.read(newest).next().await?.map(|event| event.recorded_at());

        let (ended, endings) = mpsc::unbounded_channel();
        let (calls, called) = mpsc::channel(options.calls_waiting_max);
        let stop = Stop::default();
        let stopped = stop.listener();
        let (end, ends) = watch::channel(None);
        let epoch = token.get();
        let requests_every = options.requests_every;
        let mut executor = Executor {
            runtime: runtime.clone(),
            clock: SagaClock::begin(runtime, newest),
            registry,
            token,
            slots: Vec::new(),
            free: Vec::new(),
            by_id: BTreeMap::new(),
            waiting: BTreeMap::new(),
            queue: VecDeque::new(),
            deferred: VecDeque::new(),
            timers: BTreeSet::new(),
            running: 0,
            commits: Commits::new(store.clone(), token),
            attempting: Attempting::new(runtime.clone(), epoch, ended, stopped),
            ended: endings,
            calls: called,
            stop,
            end,
            alarm: None,
            closing: None,
            turns_since_list: 0,
            listing: false,
            drawn: runtime.random(),
            again: None,
            refused_since: None,
            options,
        };
        for found in found {
            executor.adopt(found);
        }
        runtime.spawn_light(executor.run()).map_err(|error| SagaError::Spawn(Arc::new(error)))?;
        let sagas = Self { calls, store: store.clone(), ends };
        if let Some(every) = requests_every {
            let desk = Desk::new(runtime, &sagas, every);
            runtime
                .spawn("sagalog-desk", desk.run())
                .map_err(|error| SagaError::Spawn(Arc::new(error)))?;
        }
        Ok(sagas)
    }
}

/// Raises the fence above every executor before.
pub(super) async fn take_over(store: &Store) -> Result<FencingToken, SagaError> {
    let mut token = store.fence(&names::fence()).await?.unwrap_or_default().next();
    loop {
        // Equal tokens do not shut each other out, so each is given to one executor: the key tells
        // who was second.
        let append = Append::new().fence(names::fence(), token).key(names::office(token));
        match store.append(append).await {
            Ok(committed) if committed.replayed => token = token.next(),
            Ok(_) => return Ok(token),
            // Somebody else was faster.
            Err(AppendError::Fenced { current, .. }) => token = current.next(),
            Err(error) => return Err(refused(error)),
        }
    }
}

impl<R: Runtime> Executor<R> {
    /// Goes on with a saga that was found unfinished, or notes what it waits for.
    fn adopt(&mut self, found: Found) {
        let Found { id, first, journal } = found;
        match self.revive(&id, first, journal) {
            Ok(live) => {
                let slot = self.insert(live);
                if let Some(live) = &mut self.slots[slot] {
                    live.queued = true;
                }
                self.queue.push_back(slot);
            }
            Err(reason) => {
                tracing::warn!(saga = %id, %reason, "nobody works on a saga");
                self.waiting.insert(id, (reason, first));
            }
        }
    }

    fn revive(
        &self,
        id: &SagaId,
        first: Position,
        journal: Result<super::read::Journal, SagaError>,
    ) -> Result<Live, WaitReason> {
        let journal = journal.map_err(WaitReason::of)?;
        let begun = journal.begun(id).map_err(WaitReason::of)?;
        let code = Arc::clone(self.registry.code_of(begun)?);
        let state = journal.fold(id, code.plan()).map_err(WaitReason::of)?;
        let attempts = Attempts::after_a_crash(code.plan(), &state);
        let mut live = Live::new(id.clone(), names::journal(id), code, state);
        live.attempts = attempts;
        live.revision = Some(journal.revision);
        live.first = first;
        live.turns = journal.turns;
        Ok(live)
    }
}

impl WaitReason {
    /// For the definition that a saga began with.
    pub(super) fn definition(begun: &Begun) -> Self {
        Self::Definition { name: begun.definition.clone(), revision: begun.revision }
    }

    pub(super) fn of(error: SagaError) -> Self {
        match error {
            SagaError::Journal { fault, .. } => Self::Journal(fault),
            SagaError::Impossible { record, refusal, .. } => Self::Impossible { record, refusal },
            SagaError::Read(ReadError::Undecodable { position, reason }) => {
                Self::Undecodable { position, reason }
            }
            SagaError::Read(ReadError::Corrupt(report)) => Self::Damaged(report),
            // Whatever else may be wrong with a journal, it was not this program that wrote it so.
            _ => Self::Foreign,
        }
    }
}
