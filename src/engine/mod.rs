//! The async shell: performs what `log` decides, owns the tasks, the queues and who waits.
//!
//! The only folder that names both worlds, the pure machines and the runtime's doors. Reading
//! order: [`log`] (the handle), `shared` (how a commit gets in), `writer` (how it becomes durable),
//! `keeper` (what happens behind), `open` and `recover` (how a log comes back), `reader`; then what
//! looks from outside: `view`, `read_only`, [`inspect`]. [`openings`] is where all of it is
//! compiled for a runtime.

mod blocking;
mod claim;
mod directory;
mod files;
mod index;
pub mod inspect;
mod keeper;
pub(crate) mod log;
pub(crate) mod open;
pub(crate) mod openings;
pub(crate) mod pending;
mod procedures;
mod race;
pub(crate) mod read_only;
pub(crate) mod reader;
mod recover;
pub(crate) mod report;
pub(crate) mod sagas;
mod scan;
mod shared;
pub(crate) mod store;
pub(crate) mod survey;
mod unreadable;
mod view;
mod writer;
