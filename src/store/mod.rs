//! The event store on top of the log: streams, guards, keys, and what its index looks like. Pure:
//! no clock, no files, no tasks.
//!
//! An append becomes a [`draft`], is [decided](decide) on against the [`state`], and stands in the
//! log as a [`body`] with its stamp. The index is one sorted space of [`term`]s. Most terms lead
//! to [`posting`]s, the places of events in the log; some lead to a value. The [`memory`] tables
//! hold what no run of the index covers yet.
//!
//! Reading order: [`body`], [`draft`], [`term`], [`posting`], [`memory`], [`state`], [`decide`].

#![warn(clippy::as_conversions, clippy::indexing_slicing)]
#![expect(dead_code, reason = "the engine, which uses all of this, is not wired yet")]

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod decide;
pub(crate) mod draft;
pub(crate) mod fault;
pub(crate) mod mark;
pub(crate) mod memory;
pub(crate) mod posting;
pub(crate) mod state;
pub(crate) mod term;
pub(crate) mod varint;

#[cfg(test)]
mod random;
#[cfg(test)]
mod sample;
