//! Definitions of sagas: the steps that users write, and how they hang together.
//!
//! Not the executor, and not the rules of sagas: a definition is made into a
//! [`Plan`](crate::saga::Plan), which refuses what is impossible, and into [`Code`], which an
//! executor runs. It stands on the public vocabulary and on [`saga`](crate::saga) alone. The
//! invariant it guards: a step reads the outputs of steps that it comes after, and of no others;
//! otherwise it does not compile.
//!
//! # A whole saga
//! ```
//! # #[cfg(feature = "json")] {
//! use sagalog::{
//!     definition::{Compensation, Definition, Outcome, Saga, Step, StepCx, step_fn},
//!     saga::{Effect, OnStuck, Retry},
//! };
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Order { customer: String, lines: Vec<String>, cents: u64 }
//! #[derive(Serialize, Deserialize)]
//! struct Reservation(u64);
//! #[derive(Serialize, Deserialize)]
//! struct Receipt(u64);
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Shipment(String);
//!
//! struct Reserve; // holds the client of the warehouse
//!
//! impl Step for Reserve {
//!     type In = Vec<String>;
//!     type Out = Reservation;
//!
//!     fn effect(&self) -> Effect {
//!         Effect::Keyed // the warehouse knows `cx.key()`
//!     }
//!
//!     async fn run(&self, cx: StepCx, lines: Vec<String>) -> Outcome<Reservation> {
//!         if lines.is_empty() {
//!             return Outcome::rejected("nothing to reserve");
//!         }
//!         // ask the warehouse, with the key
//!         # let _ = cx.key();
//!         Outcome::Done(Reservation(17))
//!     }
//! }
//!
//! struct Release;
//!
//! impl Compensation<Reserve> for Release {
//!     async fn compensate(
//!         &self,
//!         cx: StepCx,
//!         lines: Vec<String>,
//!         reservation: Option<Reservation>, // `None`: nobody knows whether there is one
//!     ) -> Outcome<()> {
//!         // by the key, which is that of the reservation
//!         # let _ = (cx.key(), lines, reservation);
//!         Outcome::Done(())
//!     }
//! }
//!
//! let check = step_fn(Effect::Pure, |_cx, customer: String| async move {
//!     Outcome::Done(customer.len() as u64)
//! });
//! let pay = step_fn(Effect::Keyed, |_cx, (cents, _score): (u64, u64)| async move {
//!     Outcome::Done(Receipt(cents))
//! });
//! let send = step_fn(Effect::Keyed, |_cx, receipt: u64| async move {
//!     Outcome::Done(Shipment(format!("parcel {receipt}")))
//! });
//!
//! let mut saga = Saga::<Order>::define("order", 3);
//! let reserve = saga
//!     .step("reserve", Reserve)
//!     .compensation(Release)
//!     .retry(Retry::exponential(Duration::from_millis(50), Duration::from_secs(10)).attempts(8))
//!     .takes(|order, ()| order.lines.clone());
//! let fraud = saga.step("fraud", check).takes(|order, ()| order.customer.clone());
//! let charge = saga
//!     .step("charge", pay)
//!     .after((reserve, fraud))
//!     .compensation_fn(|_cx, _input, _receipt| async move { Outcome::Done(()) })
//!     .pivot()
//!     .takes(|order, (_reservation, score)| (order.cents, score));
//! let ship = saga
//!     .step("ship", send)
//!     .after(charge)
//!     .retriable()
//!     .when(|order, _receipt| !order.lines.is_empty())
//!     .takes(|_order, receipt| receipt.0);
//! let order: Definition<Order, Option<Shipment>> = saga
//!     .returns(ship)
//!     .deadline(Duration::from_secs(3600))
//!     .on_stuck(OnStuck::Block)
//!     .build()?;
//! # assert_eq!(order.plan().steps().len(), 4);
//! # }
//! # Ok::<(), sagalog::saga::DefinitionError>(())
//! ```
//!
//! # What does not compile
//! `ship` is not after `reserve`, so it is not given its output:
//!
//! ```compile_fail,E0308
//! # use sagalog::{definition::{Outcome, Saga, StepCx, step_fn}, saga::Effect};
//! # let pure = || step_fn(Effect::Pure, |_cx: StepCx, n: u64| async move { Outcome::Done(n) });
//! # let mut saga = Saga::<u64>::define("order", 1);
//! let reserve = saga.step("reserve", pure()).takes(|order, ()| *order);
//! let charge = saga.step("charge", pure()).takes(|order, ()| *order);
//! let ship = saga.step("ship", pure()).after(charge).takes(|_, (reserved, charged)| reserved);
//! ```
//!
//! With `.after((reserve, charge))` it does:
//!
//! ```
//! # #[cfg(feature = "json")] {
//! # use sagalog::{definition::{Outcome, Saga, StepCx, step_fn}, saga::Effect};
//! # let pure = || step_fn(Effect::Pure, |_cx: StepCx, n: u64| async move { Outcome::Done(n) });
//! # let mut saga = Saga::<u64>::define("order", 1);
//! let reserve = saga.step("reserve", pure()).takes(|order, ()| *order);
//! let charge = saga.step("charge", pure()).takes(|order, ()| *order);
//! let ship =
//!     saga.step("ship", pure()).after((reserve, charge)).takes(|_, (reserved, _)| reserved);
//! # saga.returns(ship).build()?;
//! # }
//! # Ok::<(), sagalog::saga::DefinitionError>(())
//! ```
//!
//! A handle is no value either, so it cannot be read past `after`, and what a conditional step came
//! to is an `Option`:
//!
//! ```compile_fail,E0308
//! # use sagalog::{definition::{Outcome, Saga, StepCx, step_fn}, saga::Effect};
//! # let pure = || step_fn(Effect::Pure, |_cx: StepCx, n: u64| async move { Outcome::Done(n) });
//! # let mut saga = Saga::<u64>::define("order", 1);
//! let gift = saga.step("gift", pure()).when(|order, ()| *order > 5).takes(|order, ()| *order);
//! let ship = saga.step("ship", pure()).after(gift).takes(|_, gift| gift);
//! ```

mod builder;
mod built;
mod code;
mod context;
mod erased;
mod handle;
mod outcome;
mod sources;
mod step;
mod step_builder;

#[cfg(all(test, feature = "json"))]
mod tests;

pub use self::{
    builder::{Returning, Saga, SagaBuilder},
    built::{Definition, OutputError},
    code::{AttemptFuture, Code},
    context::{Staged, StepCx, StepPlace},
    handle::{Handle, Label, OptionalOutput, StepOutput},
    outcome::{Classify, NotDone, Outcome},
    sources::{Past, Sources},
    step::{Compensation, Step, StepFn, step_fn},
    step_builder::StepBuilder,
};
