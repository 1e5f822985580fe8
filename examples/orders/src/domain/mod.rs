//! What a shop is about: money, products, orders, returns, write-offs. Pure data and rules.
//!
//! No store, no saga, no service: those use this. The invariant it guards: a document is in one
//! state, and [`OrderState::after`], [`ReturnState::after`] and [`WriteOffState::after`] are the
//! only ways from one to the next.

mod discount;
mod money;
mod names;
mod order;
mod placed;
mod returns;
mod write_off;

pub use discount::Discount;
pub use money::{Money, MoneyError, Quantity, QuantityError};
pub use names::{CustomerNo, DocumentNo, LocalTime, NameError, StockCode};
pub use order::{
    Accepted, Attempted, Cancelled, Completed, LinesReturned, Moment, Order, OrderEvent,
    OrderState, Paid, PartReturned, Rejected, Reserved, Shipped,
};
pub use placed::{Customer, Line, PaymentMethod, Placed, Recipient};
pub use returns::{
    Matched, Matching, Refunded, Restocked, Return, ReturnCompleted, ReturnEvent, ReturnPlaced,
    ReturnState, Sold, Unmatched,
};
pub use write_off::{
    WriteOff, WriteOffAccepted, WriteOffEvent, WriteOffPlaced, WriteOffState, WrittenOff,
};

use sagalog::WallTime;
use std::fmt;

/// Something the shop works on, made of its events.
pub trait Document: Clone + Send + Sync + 'static {
    /// What happens to it.
    type Event: Send + Sync;
    /// What its kind is called: the first part of the names of its streams and sagas.
    const KIND: &'static str;

    /// A document that begins with this event.
    ///
    /// # Errors
    /// [`Impossible`] if it cannot.
    fn begin(at: WallTime, event: Self::Event) -> Result<Self, Impossible>;

    /// The document after one more event.
    ///
    /// # Errors
    /// [`Impossible`] if it cannot happen.
    fn apply(&mut self, at: WallTime, event: Self::Event) -> Result<(), Impossible>;

    /// Whether nothing more is done about it by itself.
    fn is_final(&self) -> bool;

    /// The name of its stream, and of its saga.
    fn name(number: &DocumentNo) -> String {
        format!("{}-{number}", Self::KIND)
    }
}

/// An event that cannot follow the state that it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// Where the document was.
    pub state: &'static str,
    /// What is said to have happened.
    pub event: &'static str,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot follow on {}", self.event, self.state)
    }
}

impl std::error::Error for Impossible {}
