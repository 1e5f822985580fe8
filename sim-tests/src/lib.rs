//! Seeded worlds on madsim: Sagalog's engine on a disk that fails on purpose.
//!
//! It uses Sagalog's public interface and its runtime traits, nothing private, so users can run
//! their own code in the same worlds. The invariant it guards: one seed, one history, in every
//! process and every build. Built only under `--cfg madsim` (`cargo sim`, `cargo sim-test`).

#[cfg(madsim)]
mod child;
#[cfg(madsim)]
pub mod command;
#[cfg(madsim)]
pub mod disk;
#[cfg(madsim)]
pub mod endpoint;
#[cfg(madsim)]
pub mod frame;
#[cfg(madsim)]
pub mod marks;
#[cfg(madsim)]
pub mod orders;
#[cfg(madsim)]
mod planted;
#[cfg(madsim)]
pub mod report;
#[cfg(madsim)]
pub mod runtime;
#[cfg(madsim)]
pub mod saga;
#[cfg(madsim)]
pub mod script;
#[cfg(madsim)]
pub mod store;
#[cfg(madsim)]
pub mod summary;
