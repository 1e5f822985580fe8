//! The shipping service: parcels.

use super::{
    Conditions,
    entries::{Parcel, SENT, STOPPED},
    entry, request, stream, unknown,
};
use crate::ports::{Request, Ship};
use bytes::Bytes;
use sagalog::{
    participant::{Books, Business, Busy, Decision, Effect},
    runtime::Call,
};

/// The shipping service.
#[derive(Clone, Copy, Debug)]
pub struct Shipping(Conditions);

impl Shipping {
    /// A shipping service under these conditions.
    pub const fn new(conditions: Conditions) -> Self {
        Self(conditions)
    }
}

impl Business for Shipping {
    async fn act(&self, call: &Call, _books: &Books<'_>) -> Result<Decision, Busy> {
        if call.operation.as_str() != Ship::OPERATION {
            return Ok(unknown(call));
        }
        let ship: Ship = request(call)?;
        if self.0.draws("undeliverable", &ship.order, self.0.undeliverable_per_mille) {
            let refusal = format!("no carrier finds the address in {}", ship.country);
            return Ok(Decision::Refused(refusal.into()));
        }
        let sent = parcel(call, &ship);
        let effect = Effect::new(format!("T-{}", ship.order));
        Ok(Decision::Effect(effect.event(stream("parcel", &ship.order), entry(SENT, &sent))))
    }

    async fn compensate(
        &self,
        call: &Call,
        _reply: &Bytes,
        _books: &Books<'_>,
    ) -> Result<Effect, Busy> {
        let ship: Ship = request(call)?;
        let stopped = parcel(call, &ship);
        Ok(Effect::new("").event(stream("parcel", &ship.order), entry(STOPPED, &stopped)))
    }
}

fn parcel(call: &Call, ship: &Ship) -> Parcel {
    Parcel { key: call.key.to_string(), order: ship.order.clone(), pieces: ship.pieces }
}
