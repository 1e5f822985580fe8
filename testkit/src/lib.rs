//! Seeded worlds for Sagalog: a disk that fails on purpose, and a runtime without real time.
//!
//! It is not a mock: the engine under test is the one that ships, told to run on [`World`]'s
//! runtime in place of real files and threads. [`SimDisk`] is the disk alone, a plain struct;
//! [`SimDiskHandle`] is its door to the engine's traits; [`World`] adds tasks, clocks and crashes;
//! [`net`] is a network between machines of a world.
//!
//! The invariant it guards: one seed, one history. Nothing here reads a clock, starts a thread,
//! touches a file, or iterates in an order that differs between two runs, so the [trace
//! hash](SimDisk::trace_hash) of two runs of one seed is the same.
//!
//! ```
//! use sagalog::runtime::{Disk, File, OpenMode, Runtime};
//! use sagalog_testkit::World;
//!
//! let world = World::new(42);
//! let disk = world.runtime().disk();
//! world.block_on(async {
//!     let file = disk.open("greeting", OpenMode::Create).await?;
//!     file.write_at(b"hello", 0).await?;
//!     file.sync_data().await
//! })?;
//! world.power_failure(); // The content was synced, but its name in the directory was not.
//! # Ok::<(), std::io::Error>(())
//! ```

mod choices;
pub mod disk;
mod door;
mod example;
pub mod fuzz;
mod harm;
mod machine;
pub mod model;
pub mod net;
pub mod saga;
mod world;

pub use choices::{Choices, Seeded};
pub use disk::{
    Fate, Fault, FaultKind, FaultPlan, Halt, Operation, PowerLoss, SimDisk, Trigger, Unit,
};
pub use door::{Pace, SharedDisk, SimDiskHandle, SimFile, SimLock};
pub use example::with_orders;
pub use harm::{Harm, HarmKind};
pub use machine::{Machine, segment_name};
pub use world::{Order, Schedule, Stop, VirtualPace, VirtualRuntime, World, yield_now};
