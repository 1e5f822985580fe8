//! The shop at work: its store, its sagas, the services around it, and the documents that come in.
//!
//! It decides nothing about an order. The invariant it guards: a document is in the store before
//! its saga begins, and a return begins when everything that its customer did before is settled, so
//! what it finds does not depend on who was faster.

mod intake_log;
mod open;
mod run;

pub use intake_log::{IntakeLog, IntakeRecord};
pub use open::{Shop, ShopError, ShopOptions, Stage};
pub use run::{Progress, Stuck};
