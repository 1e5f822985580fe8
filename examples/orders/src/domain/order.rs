//! An order: its states, what leads from one to the next, and what has happened to it.
//!
//! Who makes it happen is a saga's business. The invariant it guards: there is one way from events
//! to a state, [`OrderState::after`], and what it does not know is refused, not skipped.

use super::{Document, DocumentNo, Impossible, Money, Placed};
use sagalog::WallTime;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What happened to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// It came in.
    Placed(Placed),
    /// It keeps the shop's rules.
    Accepted(Accepted),
    /// It does not.
    Rejected(Rejected),
    /// Its pieces are set aside.
    Reserved(Reserved),
    /// It is paid.
    Paid(Paid),
    /// It is with the carrier.
    Shipped(Shipped),
    /// Its customer knows.
    Completed(Completed),
    /// On the way back: nothing is with the carrier, and nothing will be.
    ShipmentStopped(Attempted),
    /// On the way back: what was paid, if anything, is paid back.
    PaymentReturned(Attempted),
    /// On the way back: what was set aside, if anything, is on the shelf again.
    StockReleased(Attempted),
    /// It ended without a sale.
    Cancelled(Cancelled),
    /// Pieces of it came back later.
    LinesReturned(LinesReturned),
}

sagalog::domain_events! {
    OrderEvent {
        Placed(Placed) = "OrderPlaced" version 1,
        Accepted(Accepted) = "OrderAccepted" version 1,
        Rejected(Rejected) = "OrderRejected" version 1,
        Reserved(Reserved) = "StockReserved" version 1,
        Paid(Paid) = "PaymentTaken" version 1,
        Shipped(Shipped) = "OrderShipped" version 1,
        Completed(Completed) = "OrderCompleted" version 1,
        ShipmentStopped(Attempted) = "ShipmentStopped" version 1,
        PaymentReturned(Attempted) = "PaymentReturned" version 1,
        StockReleased(Attempted) = "StockReleased" version 1,
        Cancelled(Cancelled) = "OrderCancelled" version 1,
        LinesReturned(LinesReturned) = "LinesReturned" version 1,
    }
}

/// See [`OrderEvent::Accepted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// What is to be paid.
    pub total: Money,
}

/// See [`OrderEvent::Rejected`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Which rule it breaks.
    pub reason: String,
}

/// See [`OrderEvent::Reserved`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// How many pieces.
    pub pieces: u64,
    /// Which attempt it took, from 1.
    pub attempt: u32,
}

/// See [`OrderEvent::Paid`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// How much.
    pub amount: Money,
    /// What the payment service calls it.
    pub receipt: String,
    /// Which attempt it took, from 1.
    pub attempt: u32,
}

/// See [`OrderEvent::Shipped`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    /// What the carrier calls it.
    pub parcel: String,
    /// Which attempt it took, from 1.
    pub attempt: u32,
}

/// See [`OrderEvent::Completed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// Which attempt it took, from 1.
    pub attempt: u32,
}

/// Something was undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempted {
    /// Which attempt it took, from 1.
    pub attempt: u32,
}

/// See [`OrderEvent::Cancelled`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// Why.
    pub cause: String,
}

/// See [`OrderEvent::LinesReturned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesReturned {
    /// By which return.
    pub by: DocumentNo,
    /// Of which lines of the order how many pieces.
    pub parts: Vec<PartReturned>,
}

/// A part of a line that came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartReturned {
    /// Which line of the order, counted from 0.
    pub line: usize,
    /// How many pieces.
    pub pieces: u32,
}

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderState {
    /// It came in.
    Placed,
    /// It keeps the rules.
    Accepted,
    /// Its pieces are set aside.
    Reserved,
    /// It is paid.
    Paid,
    /// It is with the carrier.
    Shipped,
    /// Its customer knows. Final.
    Completed,
    /// It breaks a rule. Final.
    Rejected,
    /// It ended without a sale, and nothing of it is left. Final.
    Cancelled,
}

impl OrderState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Placed,
        Self::Accepted,
        Self::Reserved,
        Self::Paid,
        Self::Shipped,
        Self::Completed,
        Self::Rejected,
        Self::Cancelled,
    ];

    /// Where an order begins.
    ///
    /// # Errors
    /// [`Impossible`] if it does not begin so.
    pub fn first(event: &OrderEvent) -> Result<Self, Impossible> {
        match event {
            OrderEvent::Placed(_) => Ok(Self::Placed),
            other => Err(Impossible { state: "nothing", event: other.name() }),
        }
    }

    /// Where the event leads from here. On the way back each step leads to where its own action
    /// began; it may come although that action never ended, since nobody may know.
    ///
    /// # Errors
    /// [`Impossible`] if it cannot happen here.
    #[expect(clippy::match_same_arms, reason = "a table, with a row for each way")]
    // tidy: table
    pub fn after(self, event: &OrderEvent) -> Result<Self, Impossible> {
        use OrderEvent as E;
        match (self, event) {
            (Self::Placed, E::Accepted(_)) => Ok(Self::Accepted),
            (Self::Placed, E::Rejected(_)) => Ok(Self::Rejected),
            (Self::Accepted, E::Reserved(_)) => Ok(Self::Reserved),
            (Self::Reserved, E::Paid(_)) => Ok(Self::Paid),
            (Self::Paid, E::Shipped(_)) => Ok(Self::Shipped),
            (Self::Shipped, E::Completed(_)) => Ok(Self::Completed),
            (Self::Paid, E::ShipmentStopped(_)) => Ok(Self::Paid),
            (Self::Paid | Self::Reserved, E::PaymentReturned(_)) => Ok(Self::Reserved),
            (Self::Reserved | Self::Accepted, E::StockReleased(_)) => Ok(Self::Accepted),
            (Self::Accepted, E::Cancelled(_)) => Ok(Self::Cancelled),
            (Self::Completed, E::LinesReturned(_)) => Ok(Self::Completed),
            (
                state,
                E::Placed(_)
                | E::Accepted(_)
                | E::Rejected(_)
                | E::Reserved(_)
                | E::Paid(_)
                | E::Shipped(_)
                | E::Completed(_)
                | E::ShipmentStopped(_)
                | E::PaymentReturned(_)
                | E::StockReleased(_)
                | E::Cancelled(_)
                | E::LinesReturned(_),
            ) => Err(Impossible { state: state.name(), event: event.name() }),
        }
    }

    /// Whether nothing more is done about it by itself.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Rejected | Self::Cancelled => true,
            Self::Placed | Self::Accepted | Self::Reserved | Self::Paid | Self::Shipped => false,
        }
    }

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Accepted => "accepted",
            Self::Reserved => "reserved",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }
}

impl OrderEvent {
    /// In words.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Placed(_) => "placed",
            Self::Accepted(_) => "accepted",
            Self::Rejected(_) => "rejected",
            Self::Reserved(_) => "reserved",
            Self::Paid(_) => "paid",
            Self::Shipped(_) => "shipped",
            Self::Completed(_) => "completed",
            Self::ShipmentStopped(_) => "shipment stopped",
            Self::PaymentReturned(_) => "payment returned",
            Self::StockReleased(_) => "stock released",
            Self::Cancelled(_) => "cancelled",
            Self::LinesReturned(_) => "lines returned",
        }
    }

    /// What brought it about, for people.
    pub fn cause(&self) -> String {
        let tried = |attempt: u32| match attempt {
            0 | 1 => String::new(),
            more => format!(", at attempt {more}"),
        };
        match self {
            Self::Placed(placed) => {
                let (lines, total) = (placed.lines.len(), placed.total());
                format!("ordered {}: {lines} lines, {total}", placed.ordered_at)
            }
            Self::Accepted(accepted) => format!("it keeps the rules; {} to pay", accepted.total),
            Self::Rejected(rejected) => rejected.reason.clone(),
            Self::Reserved(reserved) => {
                format!("inventory set {} pieces aside{}", reserved.pieces, tried(reserved.attempt))
            }
            Self::Paid(paid) => {
                format!("{} taken, receipt {}{}", paid.amount, paid.receipt, tried(paid.attempt))
            }
            Self::Shipped(shipped) => {
                format!("parcel {} with the carrier{}", shipped.parcel, tried(shipped.attempt))
            }
            Self::Completed(done) => format!("the customer was told{}", tried(done.attempt)),
            Self::ShipmentStopped(undone) => {
                format!("the carrier has nothing and takes nothing{}", tried(undone.attempt))
            }
            Self::PaymentReturned(undone) => {
                format!("whatever was paid is paid back{}", tried(undone.attempt))
            }
            Self::StockReleased(undone) => {
                format!("whatever was set aside is back on the shelf{}", tried(undone.attempt))
            }
            Self::Cancelled(cancelled) => cancelled.cause.clone(),
            Self::LinesReturned(returned) => {
                let pieces: u64 = returned.parts.iter().map(|part| u64::from(part.pieces)).sum();
                format!("{pieces} pieces came back with {}", returned.by)
            }
        }
    }
}

/// One entry of an order's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When it was recorded.
    pub at: WallTime,
    /// What happened.
    pub event: Arc<OrderEvent>,
    /// Where that led.
    pub state: OrderState,
}

/// An order, made of its events. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// As it was placed.
    pub placed: Arc<Placed>,
    /// Where it is.
    pub state: OrderState,
    /// How many pieces of each line have come back.
    pub returned: Vec<u32>,
    /// Everything that happened, in order.
    pub history: Vec<Moment>,
}

impl Document for Order {
    type Event = OrderEvent;
    const KIND: &'static str = "order";

    fn begin(at: WallTime, event: OrderEvent) -> Result<Self, Impossible> {
        let state = OrderState::first(&event)?;
        let OrderEvent::Placed(placed) = event.clone() else {
            return Err(Impossible { state: "nothing", event: event.name() });
        };
        let returned = vec![0; placed.lines.len()];
        let history = vec![Moment { at, event: Arc::new(event), state }];
        Ok(Self { placed: Arc::new(placed), state, returned, history })
    }

    fn is_final(&self) -> bool {
        self.state.is_final()
    }

    fn apply(&mut self, at: WallTime, event: OrderEvent) -> Result<(), Impossible> {
        let state = self.state.after(&event)?;
        if let OrderEvent::LinesReturned(returned) = &event {
            for part in &returned.parts {
                self.come_back(part, &event)?;
            }
        }
        self.state = state;
        self.history.push(Moment { at, event: Arc::new(event), state });
        Ok(())
    }
}

impl Order {
    /// How many pieces of a line have not come back.
    pub fn left(&self, line: usize) -> u32 {
        let sold = self.placed.lines.get(line).map_or(0, |line| line.quantity.get());
        sold.saturating_sub(self.returned.get(line).copied().unwrap_or(0))
    }

    fn come_back(&mut self, part: &PartReturned, event: &OrderEvent) -> Result<(), Impossible> {
        if part.pieces > self.left(part.line) {
            return Err(Impossible { state: "fewer pieces", event: event.name() });
        }
        self.returned[part.line] += part.pieces;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
