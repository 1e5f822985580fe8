//! The definitions that this executor has, and the graphs of all that the store has ever seen.
//!
//! Not the rules of a definition. The invariant it guards: under one name and revision there is one
//! graph, for ever.

use super::{names, read::Books};
use crate::{
    append::{Append, ExpectedRevision},
    definition::Code,
    engine::store::Store,
    error::{AppendError, ReadError, SagaError, saga::WaitReason},
    ids::{FencingToken, Revision},
    names::DefinitionName,
    read::Read,
    saga::{Begun, Plan, decode_plan, encode_plan},
};
use std::{collections::BTreeMap, sync::Arc};

type Key = (DefinitionName, u32);

/// The graphs of all definitions that a store knows.
#[derive(Debug, Default)]
pub(crate) struct Graphs {
    plans: BTreeMap<Key, Arc<Plan>>,
    last: Option<Revision>,
}

impl Graphs {
    pub(crate) async fn read(books: &Books) -> Result<Self, SagaError> {
        let mut graphs = Self::default();
        let mut events = books.read(Read::stream(names::definitions()));
        loop {
            let event = match events.next().await {
                Ok(Some(event)) => event,
                Ok(None) | Err(ReadError::StreamNotFound(_)) => return Ok(graphs),
                Err(ReadError::Undecodable { position, reason }) => {
                    tracing::warn!(%position, reason, "definitions of sagas are passed over");
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            graphs.last = Some(event.revision());
            // A graph that cannot be read, say of a newer program, is as one that is not there:
            // sagas that began with it wait, and the others go on.
            let plan = match decode_plan(&event.payload()) {
                Ok(plan) => plan,
                Err(fault) => {
                    let position = event.position();
                    tracing::warn!(%position, %fault, "a definition of sagas cannot be read");
                    continue;
                }
            };
            graphs.plans.insert((plan.name().clone(), plan.revision()), Arc::new(plan));
        }
    }

    /// The newest revision of a definition.
    pub(crate) fn newest(&self, name: &DefinitionName) -> Option<u32> {
        let revisions = (name.clone(), 0)..=(name.clone(), u32::MAX);
        self.plans.range(revisions).next_back().map(|((_, revision), _)| *revision)
    }

    /// The graph that a saga began with.
    pub(crate) fn of(&self, begun: &Begun) -> Option<&Arc<Plan>> {
        let plan = self.plans.get(&(begun.definition.clone(), begun.revision))?;
        (plan.fingerprint() == begun.fingerprint).then_some(plan)
    }
}

/// The definitions that can be executed.
pub(super) struct Registry {
    codes: BTreeMap<Key, Arc<dyn Code>>,
}

impl Registry {
    pub(super) fn try_new(
        definitions: impl IntoIterator<Item = Arc<dyn Code>>,
    ) -> Result<Self, SagaError> {
        let mut codes = BTreeMap::new();
        for code in definitions {
            let (name, revision) = (code.plan().name().clone(), code.plan().revision());
            if codes.insert((name.clone(), revision), code).is_some() {
                return Err(SagaError::DuplicateDefinition { name, revision });
            }
        }
        Ok(Self { codes })
    }

    /// Stores the graphs that the store does not know yet, and refuses those that have changed.
    pub(super) async fn register(
        &self,
        store: &Store,
        graphs: &mut Graphs,
        token: FencingToken,
    ) -> Result<(), SagaError> {
        for (key, code) in &self.codes {
            let plan = code.plan();
            if let Some(known) = graphs.plans.get(key) {
                if known.fingerprint() != plan.fingerprint() {
                    let (name, revision) = key.clone();
                    return Err(SagaError::DefinitionChanged { name, revision });
                }
                continue;
            }
            let expected = graphs.last.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
            let append = Append::new()
                .fence(names::fence(), token)
                .expect(names::definitions(), expected)
                .event(names::definitions(), names::definition_event(encode_plan(plan)));
            let committed = store.append(append).await.map_err(refused)?;
            graphs.last = committed.revision(&names::definitions());
            graphs.plans.insert(key.clone(), Arc::clone(plan));
        }
        Ok(())
    }

    pub(super) fn code(&self, name: &DefinitionName, revision: u32) -> Option<&Arc<dyn Code>> {
        self.codes.get(&(name.clone(), revision))
    }

    /// The code that a saga began with.
    pub(super) fn code_of(&self, begun: &Begun) -> Result<&Arc<dyn Code>, WaitReason> {
        let (name, revision) = (begun.definition.clone(), begun.revision);
        match self.code(&name, revision) {
            None => Err(WaitReason::Definition { name, revision }),
            Some(code) if code.plan().fingerprint() != begun.fingerprint => {
                Err(WaitReason::Graph { name, revision })
            }
            Some(code) => Ok(code),
        }
    }
}

pub(super) fn refused(error: AppendError) -> SagaError {
    match error {
        AppendError::Fenced { .. } => SagaError::Fenced,
        AppendError::Unknown { .. } => SagaError::Unknown,
        other => SagaError::Append(other),
    }
}
