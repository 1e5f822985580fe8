//! Sagas on a store, as users meet them: on a simulated machine that can be crashed anywhere.
//!
//! Not the rules of sagas, which are tried in `src/saga`, and not random worlds, which are
//! `cargo sim saga`. Each test is named after what it defends.

mod crashes;
mod descriptors;
mod durable;
mod economy;
mod errors;
mod kit;
mod model;
mod outcomes;
mod ownership;
mod participant;
mod patience;
mod refused;
mod requests;
mod shop;
mod transactional;
mod values;
