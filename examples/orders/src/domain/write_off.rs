//! Write-offs: pieces that left the shelf and were not sold.

use super::{Document, Impossible, LocalTime, StockCode};
use sagalog::WallTime;
use serde::{Deserialize, Serialize};

/// A write-off as it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOffPlaced {
    /// When, by the shop's clock.
    pub written_at: LocalTime,
    /// Of which product how many pieces.
    pub lines: Vec<(StockCode, u32)>,
}

/// What happened to a write-off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOffEvent {
    /// It came in.
    Placed(WriteOffPlaced),
    /// Somebody works on it.
    Accepted(WriteOffAccepted),
    /// The pieces are off the books.
    WrittenOff(WrittenOff),
    /// They are not.
    Cancelled(super::Cancelled),
}

sagalog::domain_events! {
    WriteOffEvent {
        Placed(WriteOffPlaced) = "WriteOffPlaced" version 1,
        Accepted(WriteOffAccepted) = "WriteOffAccepted" version 1,
        WrittenOff(WrittenOff) = "StockWrittenOff" version 1,
        Cancelled(super::Cancelled) = "WriteOffCancelled" version 1,
    }
}

/// See [`WriteOffEvent::Accepted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOffAccepted {}

/// See [`WriteOffEvent::WrittenOff`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenOff {
    /// How many pieces.
    pub pieces: u64,
    /// Which attempt it took, from 1.
    pub attempt: u32,
}

/// Where a write-off is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteOffState {
    /// It came in.
    Placed,
    /// Somebody works on it.
    Accepted,
    /// The pieces are off the books. Final.
    WrittenOff,
    /// They are not. Final.
    Cancelled,
}

impl WriteOffState {
    /// Where the event leads, from `before` or from nothing.
    ///
    /// # Errors
    /// [`Impossible`] if it cannot happen here.
    pub fn after(before: Option<Self>, event: &WriteOffEvent) -> Result<Self, Impossible> {
        use WriteOffEvent as E;
        match (before, event) {
            (None, E::Placed(_)) => Ok(Self::Placed),
            (Some(Self::Placed), E::Accepted(_)) => Ok(Self::Accepted),
            (Some(Self::Accepted), E::WrittenOff(_)) => Ok(Self::WrittenOff),
            (Some(Self::Accepted), E::Cancelled(_)) => Ok(Self::Cancelled),
            (state, E::Placed(_) | E::Accepted(_) | E::WrittenOff(_) | E::Cancelled(_)) => {
                Err(Impossible { state: state.map_or("nothing", Self::name), event: event.name() })
            }
        }
    }

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Accepted => "accepted",
            Self::WrittenOff => "written off",
            Self::Cancelled => "cancelled",
        }
    }
}

impl WriteOffEvent {
    /// In words.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Placed(_) => "placed",
            Self::Accepted(_) => "accepted",
            Self::WrittenOff(_) => "written off",
            Self::Cancelled(_) => "cancelled",
        }
    }
}

/// A write-off, made of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteOff {
    /// As it came in.
    pub placed: WriteOffPlaced,
    /// Where it is.
    pub state: WriteOffState,
}

impl Document for WriteOff {
    type Event = WriteOffEvent;
    const KIND: &'static str = "writeoff";

    fn begin(_: WallTime, event: WriteOffEvent) -> Result<Self, Impossible> {
        let state = WriteOffState::after(None, &event)?;
        match event {
            WriteOffEvent::Placed(placed) => Ok(Self { placed, state }),
            other => Err(Impossible { state: "nothing", event: other.name() }),
        }
    }

    fn is_final(&self) -> bool {
        match self.state {
            WriteOffState::WrittenOff | WriteOffState::Cancelled => true,
            WriteOffState::Placed | WriteOffState::Accepted => false,
        }
    }

    fn apply(&mut self, _: WallTime, event: WriteOffEvent) -> Result<(), Impossible> {
        self.state = WriteOffState::after(Some(self.state), &event)?;
        Ok(())
    }
}
