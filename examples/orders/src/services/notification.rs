//! The notification service: letters to customers.

use super::{
    entries::{Letter, WRITTEN},
    entry, request, stream, unknown,
};
use crate::ports::{Notify, Request};
use bytes::Bytes;
use sagalog::{
    participant::{Books, Business, Busy, Decision, Effect},
    runtime::Call,
};

/// The notification service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notification;

impl Business for Notification {
    async fn act(&self, call: &Call, _books: &Books<'_>) -> Result<Decision, Busy> {
        if call.operation.as_str() != Notify::OPERATION {
            return Ok(unknown(call));
        }
        let Notify { about, text } = request(call)?;
        let letter = Letter { key: call.key.to_string(), text };
        let effect = Effect::new("").event(stream("letter", &about), entry(WRITTEN, &letter));
        Ok(Decision::Effect(effect))
    }

    /// A letter that was written stays written; nobody asks for this.
    async fn compensate(
        &self,
        _call: &Call,
        _reply: &Bytes,
        _books: &Books<'_>,
    ) -> Result<Effect, Busy> {
        Ok(Effect::new(""))
    }
}
