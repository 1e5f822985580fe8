//! The event store: what its index looks like, as bytes and decisions. Pure: no clock, no files,
//! no tasks.
//!
//! The index is one sorted space of [`term`]s. Most terms lead to [`posting`]s, the places of
//! events in the log; some lead to a value. It is cut into [`run`]s, immutable files that each
//! cover a piece of the log and are now and then put together ([`merge`]).
//!
//! Everything here is derived from the log. Whatever is wrong with a run is a [`fault::RunFault`],
//! and the answer to it is always the same: the run is built again.
//!
//! Reading order: [`term`], [`posting`], [`page`], [`payload`], [`filter`], [`run`], [`walk`],
//! [`merge`]. The bytes are drawn in `docs/FORMAT.md`.

#![warn(clippy::as_conversions, clippy::indexing_slicing)]
#![cfg_attr(
    not(test),
    expect(dead_code, reason = "the engine's index, which uses all of this, is not wired yet")
)]

pub(crate) mod fault;
pub(crate) mod filter;
pub(crate) mod merge;
pub(crate) mod page;
pub(crate) mod payload;
pub(crate) mod posting;
pub(crate) mod run;
pub(crate) mod run_name;
pub(crate) mod term;
pub(crate) mod varint;
pub(crate) mod walk;

#[cfg(test)]
mod random;
