//! Seeded worlds: Sagalog's engine on a disk that fails on purpose.
//!
//! It uses Sagalog's public interface and its runtime traits, nothing private, so users can run
//! their own code in the same worlds. The invariant it guards: one seed, one history, in every
//! process and every build. Worlds run on the testkit's executor (`cargo sim`). Built with
//! `--cfg madsim` they run on madsim's, as a cross-check (`cargo sim-madsim`).

mod child;
pub mod command;
pub mod disk;
#[cfg(madsim)]
pub mod endpoint;
pub mod frame;
pub mod marks;
pub mod orders;
mod planted;
pub mod report;
#[cfg(madsim)]
pub mod runtime;
pub mod saga;
pub mod script;
pub mod store;
pub mod summary;
