//! What the services around the shop are asked, and how a step asks.
//!
//! Data and one function; who answers is not known here. The invariant it guards: what an answer
//! means for the step follows from the answer alone, so a timeout is never a no.

use crate::domain::{DocumentNo, Money, PaymentMethod, Recipient, StockCode};
use bytes::Bytes;
use sagalog::{
    Operation,
    definition::{Outcome, StepCx},
    runtime::{Address, Transport},
    saga::Side,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Has the shelves.
    Inventory,
    /// Takes and returns money.
    Payment,
    /// Hands parcels to the carrier.
    Shipping,
    /// Writes to customers.
    Notification,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Inventory, Self::Payment, Self::Shipping, Self::Notification];

    /// In a word, which is also that of its address and its directory.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Payment => "payment",
            Self::Shipping => "shipping",
            Self::Notification => "notification",
        }
    }

    /// Where it is called.
    ///
    /// # Panics
    /// Never: its name is an address.
    pub fn address(self) -> Address {
        Address::parse(self.name()).expect("a word of ASCII letters is an address")
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a service is asked to do: its operation and its payload.
pub trait Request: Serialize + DeserializeOwned + Send + Sync {
    /// Who is asked.
    const SERVICE: Service;
    /// For what.
    const OPERATION: &'static str;
}

/// Pieces are to be set aside. To compensate it is to put them back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// For which order.
    pub order: DocumentNo,
    /// Of which product how many pieces; each product once.
    pub lines: Vec<(StockCode, u64)>,
}

/// Pieces came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restock {
    /// With which return.
    pub by: DocumentNo,
    /// Of which product how many pieces; each product once.
    pub lines: Vec<(StockCode, u64)>,
}

/// Pieces are lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeOff {
    /// By which write-off.
    pub by: DocumentNo,
    /// Of which product how many pieces; each product once.
    pub lines: Vec<(StockCode, u64)>,
}

/// An order is to be paid. To compensate it is to pay it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Which order.
    pub order: DocumentNo,
    /// How.
    pub method: PaymentMethod,
    /// How much.
    pub amount: Money,
}

/// What a return is worth is to be paid back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Which return.
    pub by: DocumentNo,
    /// Against the payment of which order how much; each order once.
    pub parts: Vec<(DocumentNo, Money)>,
    /// How much without one.
    pub credit: Money,
}

/// A parcel is to be sent. To compensate it is to stop it before it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ship {
    /// For which order.
    pub order: DocumentNo,
    /// Where to.
    pub country: String,
    /// To whom, if that is known here.
    pub recipient: Option<Recipient>,
    /// How many pieces.
    pub pieces: u64,
}

/// A customer is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// About which document.
    pub about: DocumentNo,
    /// What.
    pub text: String,
}

macro_rules! requests {
    ($($request:ident: $service:ident $operation:literal),* $(,)?) => {$(
        impl Request for $request {
            const SERVICE: Service = Service::$service;
            const OPERATION: &'static str = $operation;
        }
    )*};
}

requests! {
    Reserve: Inventory "reserve",
    Restock: Inventory "restock",
    TakeOff: Inventory "take-off",
    Charge: Payment "charge",
    Refund: Payment "refund",
    Ship: Shipping "ship",
    Notify: Notification "notify",
}

/// Asks for the effect of a step, or from its compensation to answer it, under the step's key.
///
/// # Panics
/// Never: the operations above have names.
///
/// # Cancel safety
/// A dropped future may or may not have had the effect.
pub async fn ask<T: Transport, Q: Request>(
    transport: &T,
    cx: &StepCx,
    request: &Q,
) -> Outcome<Bytes> {
    let operation = Operation::parse(Q::OPERATION).expect("an operation's name is a name");
    let payload = match serde_json::to_vec(request) {
        Ok(payload) => payload,
        Err(error) => return Outcome::failed(format!("it cannot be said: {error}")),
    };
    let call = cx.call(operation, payload);
    let answer = transport.call(&Q::SERVICE.address(), call).await;
    match cx.side() {
        Side::Compensation => match Outcome::of_compensation(answer) {
            Outcome::Done(()) => Outcome::Done(Bytes::new()),
            Outcome::Failed(failure) => Outcome::Failed(failure),
            Outcome::Ambiguous(failure) => Outcome::Ambiguous(failure),
            Outcome::Retry(failure, after) => Outcome::Retry(failure, after),
        },
        _ => Outcome::of_answer(answer),
    }
}
