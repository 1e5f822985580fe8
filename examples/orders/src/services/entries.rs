//! What stands in the services' books, entry by entry.
//!
//! Nothing is decided here. The invariant it guards: each entry says under which key it was made,
//! so that whoever reads can count effects for each key.

use crate::domain::{DocumentNo, Money};
use serde::{Deserialize, Serialize};

/// Entries of the stream of a product, `shelf-CODE`. Each says how many pieces there are then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// Under which key; none for what was there at the beginning.
    pub key: Option<String>,
    /// By how many pieces it changed.
    pub change: i64,
    /// How many there are now.
    pub on_hand: u64,
}

/// Names of [`Shelf`] entries: what was there at the beginning.
pub const OPENED: &str = "Opened";
/// Set aside for an order.
pub const RESERVED: &str = "Reserved";
/// Put back.
pub const RELEASED: &str = "Released";
/// Came back with a return.
pub const RESTOCKED: &str = "Restocked";
/// Lost.
pub const TAKEN_OFF: &str = "TakenOff";

/// Entries of the stream of an order's payment, `payment-ORDER`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Under which key.
    pub key: String,
    /// How much.
    pub amount: Money,
}

/// Names of [`Payment`] entries: taken from the customer.
pub const CHARGED: &str = "Charged";
/// All of it given back, because the order came to nothing.
pub const PAID_BACK: &str = "PaidBack";
/// A part of it given back, with a return.
pub const REFUNDED: &str = "Refunded";
/// In the stream `credit-RETURN`: given without a payment.
pub const CREDITED: &str = "Credited";

/// Entries of the stream of an order's parcel, `parcel-ORDER`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Under which key.
    pub key: String,
    /// Which order.
    pub order: DocumentNo,
    /// How many pieces.
    pub pieces: u64,
}

/// Names of [`Parcel`] entries: with the carrier.
pub const SENT: &str = "Sent";
/// Stopped before it left.
pub const STOPPED: &str = "Stopped";

/// Entries of the stream of letters about a document, `letter-DOCUMENT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Under which key.
    pub key: String,
    /// What it says.
    pub text: String,
}

/// The name of [`Letter`] entries.
pub const WRITTEN: &str = "Written";
