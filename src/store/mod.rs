//! The event store on top of the log: streams, guards, keys, and what its index looks like. Pure:
//! no clock, no files, no tasks.
//!
//! An append becomes a [`draft`], is [decided](decide) on against the [`state`], and stands in the
//! log as a [`body`] with its stamp. The index is one sorted space of [`term`]s. Most terms lead
//! to [`posting`]s, the places of events in the log; some lead to a value. The [`memory`] tables
//! hold what no run of the index covers yet; [`run`]s are immutable files that each cover a piece
//! of the log and are now and then put together ([`merge`]).
//!
//! Runs and memory are derived from the log. Whatever is wrong with a run is a
//! [`fault::RunFault`], and the answer to it is always the same: the run is built again.
//!
//! Reading order: [`body`], [`draft`], [`term`], [`posting`], [`memory`], [`state`], [`decide`];
//! then [`page`], [`payload`], [`filter`], [`run`], [`walk`], [`merge`]. The bytes are drawn in
//! `docs/FORMAT.md`.

#![warn(clippy::as_conversions, clippy::indexing_slicing)]

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod decide;
pub(crate) mod draft;
pub(crate) mod fault;
pub(crate) mod filter;
pub(crate) mod mark;
pub(crate) mod memory;
pub(crate) mod merge;
pub(crate) mod page;
pub(crate) mod payload;
pub(crate) mod posting;
pub(crate) mod run;
pub(crate) mod run_name;
pub(crate) mod state;
pub(crate) mod term;
pub(crate) mod varint;
pub(crate) mod walk;

#[cfg(test)]
mod random;
#[cfg(test)]
mod sample;
