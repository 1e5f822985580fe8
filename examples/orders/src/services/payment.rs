//! The payment service: what was taken from whom, and what was given back.
//!
//! The invariant it guards: of a payment no more is given back than was taken.

use super::{
    Conditions,
    entries::{CHARGED, CREDITED, PAID_BACK, Payment as Entry, REFUNDED},
    entry, request, stream, unknown,
};
use crate::{
    domain::{DocumentNo, Money},
    ports::{Charge, Refund, Request},
};
use bytes::Bytes;
use sagalog::{
    ExpectedRevision,
    participant::{Books, Business, Busy, Decision, Effect},
    runtime::Call,
};

/// The payment service.
#[derive(Clone, Copy, Debug)]
pub struct Payment(Conditions);

impl Payment {
    /// A payment service under these conditions.
    pub const fn new(conditions: Conditions) -> Self {
        Self(conditions)
    }

    fn charge(&self, call: &Call, charge: &Charge) -> Decision {
        if self.0.draws("declined", &charge.order, self.0.declined_per_mille) {
            return Decision::Refused(format!("the {} was declined", charge.method).into());
        }
        let (key, amount) = (call.key.to_string(), charge.amount);
        // One order is paid once, whatever keys it is asked under: that is somebody else's promise
        // to keep and ours not to make worse, so it is not guarded here.
        let receipt = format!("P-{}", charge.order);
        let entry = entry(CHARGED, &Entry { key, amount });
        Decision::Effect(Effect::new(receipt).event(stream("payment", &charge.order), entry))
    }
}

/// What is left of an order's payment, and the guard that it has not changed since.
async fn left(order: &DocumentNo, books: &Books<'_>) -> Result<(Money, ExpectedRevision), Busy> {
    let (events, expected) = books.stream(&stream("payment", order)).await?;
    let mut left = Money::ZERO;
    for event in events {
        let entry: Entry = serde_json::from_slice(&event.payload()).map_err(Busy::new)?;
        left += if event.event_type() == CHARGED { entry.amount } else { -entry.amount };
    }
    Ok((left, expected))
}

async fn refund(call: &Call, refund: &Refund, books: &Books<'_>) -> Result<Decision, Busy> {
    let mut effect = Effect::new("");
    for (order, amount) in &refund.parts {
        let (left, expected) = left(order, books).await?;
        if *amount > left {
            let shortage = format!("{left} of order {order} are left, not {amount}");
            return Ok(Decision::Refused(shortage.into()));
        }
        let (key, payment) = (call.key.to_string(), stream("payment", order));
        let given = entry(REFUNDED, &Entry { key, amount: *amount });
        effect = effect.expect(payment.clone(), expected).event(payment, given);
    }
    if refund.credit.is_positive() {
        let (key, amount) = (call.key.to_string(), refund.credit);
        let given = entry(CREDITED, &Entry { key, amount });
        effect = effect.event(stream("credit", &refund.by), given);
    }
    Ok(Decision::Effect(effect))
}

impl Business for Payment {
    async fn act(&self, call: &Call, books: &Books<'_>) -> Result<Decision, Busy> {
        match call.operation.as_str() {
            Charge::OPERATION => Ok(self.charge(call, &request(call)?)),
            Refund::OPERATION => refund(call, &request(call)?, books).await,
            _ => Ok(unknown(call)),
        }
    }

    async fn compensate(
        &self,
        call: &Call,
        _reply: &Bytes,
        _books: &Books<'_>,
    ) -> Result<Effect, Busy> {
        let charge: Charge = request(call)?;
        let (key, amount) = (call.key.to_string(), charge.amount);
        let entry = entry(PAID_BACK, &Entry { key, amount });
        Ok(Effect::new("").event(stream("payment", &charge.order), entry))
    }
}
