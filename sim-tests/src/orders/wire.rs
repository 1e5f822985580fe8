//! The shop's way to its services, with somebody who sees what is answered.
//!
//! It changes nothing. The invariant it guards: an answer is seen in the step in which it arrives.

use super::Orders as Suite;
use crate::{frame::Stage, marks::Mark};
use sagalog::runtime::{Address, Answer, Call, CallError, CallKind, Runtime, Transport};
use sagalog_testkit::net::SimTransport;

/// The network, watched.
pub(super) struct Wire<R> {
    pub(super) stage: Stage<Suite>,
    pub(super) network: SimTransport<R>,
}

impl<R: Runtime> Transport for Wire<R> {
    async fn call(&self, to: &Address, call: Call) -> Result<Answer, CallError> {
        let (key, kind) = (call.key.as_str().to_owned(), call.kind);
        let answer = self.network.call(to, call).await;
        let watch = &self.stage.watch;
        watch.reach(match &answer {
            Ok(Answer::Refused(_)) => Mark::CallRefused,
            Ok(Answer::Busy(_)) => Mark::CallBusy,
            Ok(Answer::Fenced { .. }) => Mark::CallFenced,
            Ok(Answer::Compensated) if kind == CallKind::Action => Mark::CallTooLate,
            Ok(Answer::Done(_) | Answer::Compensated) => Mark::CallDone,
            Err(CallError::NotDelivered(_)) => Mark::CallNotDelivered,
            Err(CallError::Unknown(_)) => Mark::CallUnknown,
        });
        if kind == CallKind::Action && key.ends_with("/charge") {
            match &answer {
                Err(CallError::Unknown(_)) => self.stage.oracle().charge_unknown(key),
                Ok(Answer::Done(_)) if self.stage.oracle().was_unknown(&key) => {
                    watch.reach(Mark::ChargeUnknown);
                }
                _ => {}
            }
        }
        answer
    }
}
