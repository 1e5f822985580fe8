//! Seeded worlds for Sagalog: a disk that fails on purpose.
//!
//! It is not a mock: the engine under test is the one that ships, told to run on a simulated disk
//! in place of real files. [`SimDisk`] is the disk alone, a plain struct; [`SimDiskHandle`] is its
//! door to the engine's traits.
//!
//! The invariant it guards: one seed, one history. Nothing here reads a clock, starts a thread,
//! touches a file, or iterates in an order that differs between two runs, so the [trace
//! hash](SimDisk::trace_hash) of two runs of one seed is the same.

mod choices;
pub mod disk;
mod door;

pub use choices::{Choices, Seeded};
pub use disk::{Fault, FaultKind, FaultPlan, Operation, PowerLoss, SimDisk, Trigger};
pub use door::{Pace, SharedDisk, SimDiskHandle, SimFile, SimLock};
