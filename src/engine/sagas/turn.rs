//! A turn as everybody may read and subscribe to it.
//!
//! The public face of the category `$saga`; the bytes behind it are internal and may change, this
//! does not. The invariant it guards: an event of another category is no turn, and what cannot be
//! read is an error, never a guess.

use super::names;
use crate::{
    error::SagaError,
    event::RecordedEvent,
    ids::{Position, Revision},
    names::SagaId,
    saga::{Record, decode_turn},
    time::WallTime,
};

/// What happened to a saga at one moment: an event of the category
/// [`SagaTurn::CATEGORY`], which holds the turns of all sagas in the order in which they became
/// durable.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let dir = tempfile::tempdir()?;
/// # let (store, _) = sagalog::Store::open(dir.path(), sagalog::Options::default()).await?;
/// use sagalog::{Position, Read, SagaTurn, TurnKind};
///
/// let from = Position::new(0); // a consumer keeps it as its checkpoint
/// let turns = Read::category(SagaTurn::CATEGORY).with_system().from_position(from);
/// let mut events = store.read(turns);
/// while let Some(event) = events.next().await? {
///     let Some(turn) = SagaTurn::decode(&event)? else { continue };
///     if turn.kind == TurnKind::Stuck {
///         println!("{} waits for an operator", turn.saga);
///     }
/// }
/// # store.close().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SagaTurn {
    /// The saga.
    pub saga: SagaId,
    /// Where in the store it stands.
    pub position: Position,
    /// The number of the turn in the saga's journal, from 0.
    pub revision: Revision,
    /// When it was recorded.
    pub recorded_at: WallTime,
    /// What it means to the saga.
    pub kind: TurnKind,
    /// What happened, in order.
    pub records: Vec<Record>,
}

/// What a turn means to its saga: the type of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TurnKind {
    /// `$SagaBegun`: the saga exists.
    Begun,
    /// `$SagaWent`: it went on.
    Went,
    /// `$SagaStuck`: a step waits for an operator behind this turn.
    Stuck,
    /// `$SagaCheckpointed`: it went on, and its journal begins anew here.
    Checkpointed,
    /// `$SagaEnded`: it is over.
    Ended,
}

impl TurnKind {
    fn of(event_type: &str) -> Option<Self> {
        Some(match event_type {
            names::BEGUN => Self::Begun,
            names::WENT => Self::Went,
            names::STUCK => Self::Stuck,
            names::CHECKPOINTED => Self::Checkpointed,
            names::ENDED => Self::Ended,
            _ => return None,
        })
    }
}

impl SagaTurn {
    /// The category of the journals of all sagas.
    pub const CATEGORY: &'static str = names::JOURNALS;

    /// The turn that an event is; `None` if the event is none.
    ///
    /// # Errors
    /// [`SagaError::Journal`] if a newer version of this program wrote it, or it is damaged.
    pub fn decode(event: &RecordedEvent) -> Result<Option<Self>, SagaError> {
        let turn = names::saga_of(event.stream()).zip(TurnKind::of(event.event_type()));
        let Some((saga, kind)) = turn else { return Ok(None) };
        let records = decode_turn(&event.payload())
            .map_err(|fault| SagaError::Journal { saga: saga.clone(), fault })?;
        Ok(Some(Self {
            saga,
            position: event.position(),
            revision: event.revision(),
            recorded_at: event.recorded_at(),
            kind,
            records,
        }))
    }
}
