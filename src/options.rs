//! What an operator may choose. Parsed once, valid ever after.

use crate::{
    error::OpenError,
    limits::{GROUP_BYTES_MAX, KEY_HORIZON_EVENTS, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN},
    log::{pipeline::PipelineLimits, segment},
};

/// How a log is opened. The defaults suit a service on a server's disk.
///
/// ```
/// let options = sagalog::Options::default().segment_bytes(16 << 20).group_bytes_max(1 << 20);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    create: bool,
    segment_bytes: u64,
    group_bytes_max: u64,
    queue_bytes_max: u64,
    prepared_segments: usize,
    key_horizon_events: u64,
    cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            create: true,
            segment_bytes: 64 << 20,
            group_bytes_max: 4 << 20,
            queue_bytes_max: 8 << 20,
            prepared_segments: 1,
            key_horizon_events: KEY_HORIZON_EVENTS,
            cache_bytes: 64 << 20,
        }
    }
}

impl Options {
    /// Whether to make a store where there is none (default: yes).
    #[must_use]
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// The size that segments grow to, in bytes (default 64 MiB). A store begins with smaller
    /// ones, so that an empty store takes little space.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// The largest group, and so the largest commit, in bytes (default 4 MiB, at most 8 MiB).
    #[must_use]
    pub fn group_bytes_max(mut self, bytes: u64) -> Self {
        self.group_bytes_max = bytes;
        self
    }

    /// How many bytes of commits may wait for their acknowledgement (default 8 MiB). Beyond it
    /// `append` waits and `try_append` says `Overloaded`.
    #[must_use]
    pub fn queue_bytes_max(mut self, bytes: u64) -> Self {
        self.queue_bytes_max = bytes;
        self
    }

    /// How many segments are kept prepared ahead of the active one (default 1).
    #[must_use]
    pub fn prepared_segments(mut self, count: usize) -> Self {
        self.prepared_segments = count;
        self
    }

    /// For how many positions a command key is kept (default 100 million). A key that was used
    /// longer ago counts as fresh.
    #[must_use]
    pub fn key_horizon_events(mut self, events: u64) -> Self {
        self.key_horizon_events = events;
        self
    }

    /// How much memory the pages of the index may take, in bytes (default 64 MiB).
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    pub(crate) fn parse(&self) -> Result<Settings, OpenError> {
        let refuse = |reason: String| Err(OpenError::Options(reason));
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes)
            || !self.segment_bytes.is_power_of_two()
        {
            return refuse(format!(
                "segment_bytes is {}; it has to be a power of two from {SEGMENT_BYTES_MIN} to \
                 {SEGMENT_BYTES_MAX}",
                self.segment_bytes
            ));
        }
        if !(1024..=GROUP_BYTES_MAX).contains(&self.group_bytes_max) {
            return refuse(format!(
                "group_bytes_max is {}; it has to be from 1024 to {GROUP_BYTES_MAX}",
                self.group_bytes_max
            ));
        }
        if segment::bytes_min_for(self.group_bytes_max) > self.segment_bytes {
            return refuse(format!(
                "segment_bytes {} is too small for group_bytes_max {}; it takes at least twice \
                 as much",
                self.segment_bytes, self.group_bytes_max
            ));
        }
        if self.queue_bytes_max == 0 || self.prepared_segments == 0 {
            return refuse("queue_bytes_max and prepared_segments have to be at least 1".into());
        }
        Ok(Settings {
            create: self.create,
            segment_bytes: self.segment_bytes,
            prepared_segments: self.prepared_segments,
            key_horizon_events: self.key_horizon_events,
            cache_bytes: self.cache_bytes,
            limits: PipelineLimits {
                group_bytes_max: self.group_bytes_max,
                queue_bytes_max: self.queue_bytes_max,
            },
        })
    }
}

/// Valid options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) create: bool,
    pub(crate) segment_bytes: u64,
    pub(crate) prepared_segments: usize,
    pub(crate) key_horizon_events: u64,
    pub(crate) cache_bytes: usize,
    pub(crate) limits: PipelineLimits,
}
