//! The services around the shop, each on a machine of its own.
//!
//! What they decide is the application's code. The invariant it guards: a service is what it is at
//! its address, whoever asks.

use super::plan::{Plan, options};
use crate::frame::Trade;
use ::orders::{
    ports::Service,
    services::{self, Inventory, Notification, Payment, Shipping},
};
use sagalog::{
    Options, Store,
    participant::Participant,
    runtime::{Address, Answer, Call, Responder, Unanswered},
};

/// All of them, under the conditions of a seed.
#[derive(Clone, Copy, Debug)]
pub struct Services(services::Conditions);

impl Services {
    pub(super) fn new(plan: &Plan) -> Self {
        Self(plan.conditions())
    }
}

/// The service with this number.
pub(super) fn service(number: usize) -> Service {
    Service::ALL[number % Service::ALL.len()]
}

impl Trade for Services {
    fn address(&self, number: usize) -> Address {
        service(number).address()
    }

    fn options(&self) -> Options {
        options()
    }

    async fn answer(&self, number: usize, books: Store, call: Call) -> Result<Answer, Unanswered> {
        let Self(conditions) = *self;
        match service(number) {
            Service::Inventory => {
                Participant::new(books, Inventory::new(conditions)).answer(call).await
            }
            Service::Payment => {
                Participant::new(books, Payment::new(conditions)).answer(call).await
            }
            Service::Shipping => {
                Participant::new(books, Shipping::new(conditions)).answer(call).await
            }
            Service::Notification => Participant::new(books, Notification).answer(call).await,
        }
    }
}
