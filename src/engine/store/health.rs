//! What a store tells of itself: what it holds, and whether it can do its work.
//!
//! Looks only, also whether the store's files are still in place; nothing here waits for a device.

use super::Store;
use crate::{engine::index::indexer::index_bytes, error::Displaced, ids::Position};
use std::fmt;

/// What a store has done and holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// The position behind the last durable event.
    pub head: Position,
    /// The lowest position that is kept.
    pub floor: Position,
    /// How many segments were started and are kept.
    pub segments: usize,
    /// How many segments are prepared ahead.
    pub prepared_segments: usize,
    /// How many files the index has.
    pub runs: usize,
    /// Bytes of the index's files.
    pub index_bytes: u64,
    /// About how many bytes of memory the index of the log's tail takes.
    pub memory_bytes: usize,
    /// Bytes of the index's pages that are held in memory.
    pub cache_bytes: usize,
    /// Whether a write or sync failed: the store only reads until it is reopened.
    pub poisoned: bool,
}

/// Whether a store can do its work, and what is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether appends are taken.
    pub writable: bool,
    /// What is in the way, or will be.
    pub reasons: Vec<HealthReason>,
}

/// Something that is in the way of a store, or will be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthReason {
    /// A write or sync failed. Reopen the store.
    Poisoned,
    /// Files of the store, or its directory, were taken away while it was open.
    Displaced(Displaced),
    /// The store was closed.
    Closed,
    /// The next segment could not be prepared: appends stop when the present one is full.
    Unprepared(String),
    /// The index could not be written: appends stop when memory is full.
    Unindexed(String),
    /// What an append depends on could not be read: such appends are refused.
    Unreadable(String),
}

impl fmt::Display for HealthReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned => f.write_str("a write or sync failed; reopen the store"),
            Self::Displaced(displaced) => displaced.fmt(f),
            Self::Closed => f.write_str("the store was closed"),
            Self::Unprepared(error) => write!(f, "the next segment cannot be prepared: {error}"),
            Self::Unindexed(error) => write!(f, "the index cannot be written: {error}"),
            Self::Unreadable(error) => {
                write!(f, "what appends depend on cannot be read: {error}")
            }
        }
    }
}

impl Store {
    /// What the store holds.
    ///
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let stats = store.stats();
    /// assert_eq!(stats.head, Position::new(2));
    /// println!("{} bytes of index in {} files", stats.index_bytes, stats.runs);
    /// # Ok(()) });
    /// ```
    pub fn stats(&self) -> StoreStats {
        let log = self.log.stats();
        let index = &self.reader().index;
        let (runs, memory_bytes) = {
            let tables = index.tables();
            (tables.runs.len(), tables.state.memory_bytes())
        };
        StoreStats {
            head: log.head,
            floor: log.floor,
            segments: log.segments,
            prepared_segments: log.prepared_segments,
            runs,
            index_bytes: index_bytes(index),
            memory_bytes,
            cache_bytes: index.cache_bytes(),
            poisoned: log.poisoned,
        }
    }

    /// Whether the store can do its work.
    ///
    /// ```
    /// # use sagalog::*;
    /// # sagalog_testkit::with_orders(async |store| {
    /// let health = store.health();
    /// for reason in &health.reasons {
    ///     eprintln!("{reason}");
    /// }
    /// assert!(health.writable);
    /// # Ok(()) });
    /// ```
    pub fn health(&self) -> Health {
        self.log.look_in_place();
        let shared = &self.appender.shared;
        let mut reasons = Vec::new();
        let ended = shared.is_poisoned() || shared.is_closing();
        if shared.is_poisoned() {
            let displaced = shared.displaced().map(HealthReason::Displaced);
            reasons.push(displaced.unwrap_or(HealthReason::Poisoned));
        } else if shared.is_closing() {
            reasons.push(HealthReason::Closed);
        }
        let core = shared.core_or_poisoned();
        let unprepared = core.unprepared.as_ref().map(ToString::to_string);
        let unindexed = core.unindexed.as_ref().map(ToString::to_string);
        drop(core);
        reasons.extend(unprepared.map(HealthReason::Unprepared));
        reasons.extend(unindexed.map(HealthReason::Unindexed));
        reasons.extend(shared.unread().map(HealthReason::Unreadable));
        Health { writable: !ended, reasons }
    }
}
