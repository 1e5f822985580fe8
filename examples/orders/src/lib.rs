//! Sagalog's reference application: a shop's orders, from a file to parcels, through any crash.
//!
//! A library, so that the program and the simulator run the same logic; the program around it is
//! thin. Reading order: [`domain`] (what an order is), [`ports`] (what the services around the shop
//! are asked), [`sagas`] (what the shop does about an order), [`services`] (what the others do
//! about a call), [`audit`] (what stands in their books). With the feature `program`: `intake`
//! (where orders come from), `loopback` (how calls get to services), `shop` (all of it at work),
//! `report`.
//!
//! The invariant it guards: money and goods move by sagas and by services that know keys, and by
//! nothing else; so whatever crashes, no order is charged twice and no piece is lost.

pub mod audit;
pub mod domain;
#[cfg(feature = "program")]
pub mod intake;
pub mod loopback;
pub mod ports;
#[cfg(feature = "program")]
pub mod report;
pub mod sagas;
pub mod services;
#[cfg(feature = "program")]
pub mod shop;
