//! The saga of every case: reserve, charge, ship, each with a body that does nothing.
//!
//! Judges nothing. The invariant: every step is `Keyed` and stored before the next one begins, as
//! it is where the bodies call somebody.

use super::turn::Path;
use crate::support::Failure;
use sagalog::{
    definition::{Definition, Outcome, Saga, step_fn},
    saga::{self, Effect, Retry},
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Longer than any run.
const LONG: Duration = Duration::from_secs(3600);

/// What a saga is started with.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) customer: String,
    pub(crate) cents: u64,
}

impl Order {
    pub(crate) fn usual() -> Self {
        Self { customer: "customer-17".to_owned(), cents: 1250 }
    }
}

/// What becomes of an attempt to charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// It is done at once.
    Done,
    /// It never ends.
    Hangs,
    /// It is to be tried again in an hour.
    Later,
}

/// How many attempts to charge were begun.
#[derive(Clone, Default)]
pub(crate) struct Charged(Arc<AtomicU64>);

impl Charged {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The definition for `path`, named after it.
pub(crate) fn definition(
    path: Path,
    charge: Charge,
    charged: &Charged,
) -> Result<Definition<Order, u64>, Failure> {
    let charged = Arc::clone(&charged.0);
    let reserving = step_fn(Effect::Keyed, |_cx, cents: u64| async move { Outcome::Done(cents) });
    let charging = step_fn(Effect::Keyed, move |_cx, cents: u64| {
        charged.fetch_add(1, Ordering::Relaxed);
        async move {
            match charge {
                Charge::Done => Outcome::Done(cents),
                Charge::Hangs => std::future::pending().await,
                Charge::Later => Outcome::Retry(saga::Failure::failed("later"), Some(LONG)),
            }
        }
    });
    let shipping = step_fn(Effect::Keyed, move |_cx, parcel: u64| async move {
        match path {
            Path::Ok => Outcome::Done(parcel),
            Path::Fail => Outcome::rejected("no carrier"),
        }
    });

    let mut saga = Saga::<Order>::define(path.name(), 1);
    let reserve = saga
        .step("reserve", reserving)
        .compensation_fn(|_cx, _cents, _reserved| async { Outcome::Done(()) })
        .takes(|order, ()| order.cents);
    let charge = saga
        .step("charge", charging)
        .after(reserve)
        .compensation_fn(|_cx, _cents, _receipt| async { Outcome::Done(()) })
        .retry(Retry::fixed(LONG))
        .timeout(LONG)
        .takes(|_order, reserved| reserved);
    let ship = saga
        .step("ship", shipping)
        .after(charge)
        .compensation_fn(|_cx, _parcel, _shipped| async { Outcome::Done(()) })
        .takes(|_order, receipt| receipt);
    Ok(saga.returns(ship).build()?)
}
