//! The services around the shop, each with books of its own: what they decide about a call.
//!
//! They are [businesses](sagalog::participant::Business) of the participant kit and know neither
//! sagas nor each other. The invariant it guards: everything that a service has done is an event of
//! its books, so that [`audit`](crate::audit) can tell without asking anybody.

pub mod entries;

mod inventory;
mod notification;
mod payment;
mod shipping;

pub use inventory::Inventory;
pub use notification::Notification;
pub use payment::Payment;
pub use shipping::Shipping;

use crate::{domain::DocumentNo, ports::Request};
use sagalog::{
    EventType, NewEvent, StreamId,
    participant::{Busy, Decision},
    runtime::Call,
};
use serde::{Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What the world around the shop is like: how often a bank or a carrier says no. Who is refused
/// follows from the seed and the order, so it is the same however often it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// From which who is refused follows.
    pub seed: u64,
    /// Of a thousand orders so many are not paid.
    pub declined_per_mille: u32,
    /// Of a thousand orders so many cannot be delivered.
    pub undeliverable_per_mille: u32,
    /// How many pieces of each product are on the shelf before anything happens.
    pub opening_stock: u64,
}

impl Conditions {
    /// Nobody says no, and the shelves are full.
    pub fn fair(seed: u64) -> Self {
        let (declined_per_mille, undeliverable_per_mille) = (0, 0);
        Self { seed, declined_per_mille, undeliverable_per_mille, opening_stock: 100_000 }
    }

    /// Whether this order is one of so many in a thousand, for this question.
    fn draws(&self, question: &str, order: &DocumentNo, per_mille: u32) -> bool {
        let drawn = xxh3_64_with_seed(format!("{question} {order}").as_bytes(), self.seed);
        drawn % 1000 < u64::from(per_mille)
    }
}

/// The request that a call carries.
fn request<Q: Request>(call: &Call) -> Result<Q, Busy> {
    serde_json::from_slice(&call.payload).map_err(Busy::new)
}

/// A call that this service does not know is refused for good: asking again changes nothing.
fn unknown(call: &Call) -> Decision {
    Decision::Refused(format!("there is no operation {}", call.operation).into())
}

/// An entry of the books.
fn entry<E: Serialize + DeserializeOwned>(name: &'static str, entry: &E) -> NewEvent {
    let payload = serde_json::to_vec(entry).expect("an entry is plain data");
    let name = EventType::parse(name).expect("an entry's name is a name");
    NewEvent::new(name, payload).content_type(sagalog::ContentType::Json)
}

/// A stream of the books.
fn stream(kind: &str, of: impl std::fmt::Display) -> StreamId {
    StreamId::parse(&format!("{kind}-{of}")).expect("documents and products are parts of names")
}
