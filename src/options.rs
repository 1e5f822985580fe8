//! What an operator may choose. Parsed once, valid ever after.
//!
//! Some of it is the store's and kept in its superblock: an opening that does not name it goes on
//! with what the store has, so that a tool which knows nothing of a service's choices does not
//! overrule them. The rest belongs to the process that opens.

use crate::{
    error::OpenError,
    limits::{GROUP_BYTES_MAX, GROUP_BYTES_MIN, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN},
    log::{fields::u64_from, pipeline::PipelineLimits, segment, superblock::Chosen},
};

/// How a log is opened. What is not said is as the store has it: the sizes of segments and commits,
/// how many segments are prepared and how long command keys are kept stay as they were chosen when
/// the store was made, or at the last opening that chose anew. A store that is made takes the
/// defaults, which suit a service on a server's disk.
///
/// ```
/// let options = sagalog::Options::default().segment_bytes(16 << 20).group_bytes_max(1 << 20);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    create: bool,
    among_others: bool,
    segment_bytes: Option<u64>,
    group_bytes_max: Option<u64>,
    queue_bytes_max: u64,
    prepared_segments: Option<usize>,
    key_horizon_events: Option<u64>,
    cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            create: true,
            among_others: false,
            segment_bytes: None,
            group_bytes_max: None,
            queue_bytes_max: 8 << 20,
            prepared_segments: None,
            key_horizon_events: None,
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

    /// Whether to make a store also in a directory that holds something else (default: no). A
    /// directory with files in it and no store is mostly a wrong path.
    #[must_use]
    pub fn among_others(mut self, among_others: bool) -> Self {
        self.among_others = among_others;
        self
    }

    /// The size that segments grow to, in bytes (64 MiB in a store that is made without this). A
    /// store begins with smaller ones, so that an empty store takes little space. Kept in the
    /// store.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = Some(bytes);
        self
    }

    /// The largest group, and so the largest commit, in bytes (4 MiB in a store that is made
    /// without this; at most 8 MiB). Kept in the store.
    #[must_use]
    pub fn group_bytes_max(mut self, bytes: u64) -> Self {
        self.group_bytes_max = Some(bytes);
        self
    }

    /// How many bytes of commits may wait for their acknowledgement (default 8 MiB). Beyond it
    /// `append` waits and `try_append` says `Overloaded`.
    #[must_use]
    pub fn queue_bytes_max(mut self, bytes: u64) -> Self {
        self.queue_bytes_max = bytes;
        self
    }

    /// How many segments are kept prepared ahead of the active one (1 in a store that is made
    /// without this). Kept in the store.
    #[must_use]
    pub fn prepared_segments(mut self, count: usize) -> Self {
        self.prepared_segments = Some(count);
        self
    }

    /// For how many positions a command key is kept (100 million in a store that is made without
    /// this). A key that was used longer ago counts as fresh. Kept in the store.
    #[must_use]
    pub fn key_horizon_events(mut self, events: u64) -> Self {
        self.key_horizon_events = Some(events);
        self
    }

    /// How much memory the pages of the index may take, in bytes (default 64 MiB).
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Whether a store is made where there is none.
    pub(crate) fn creates(&self) -> bool {
        self.create
    }

    /// Refuses what no store could be opened with, before anything is made.
    #[cfg(feature = "tokio")]
    pub(crate) fn check_alone(&self) -> Result<(), OpenError> {
        let widest = Chosen {
            segment_bytes: SEGMENT_BYTES_MAX,
            group_bytes_max: GROUP_BYTES_MIN,
            ..Chosen::default()
        };
        self.of(widest).map(drop)
    }

    /// What they come to for a store that is made.
    pub(crate) fn for_new_store(&self) -> Result<Settings, OpenError> {
        self.of(Chosen::default())
    }

    /// What they come to for a store for which this was chosen before.
    pub(crate) fn of(&self, before: Chosen) -> Result<Settings, OpenError> {
        let prepared_segments = self.prepared_segments.map(u64_from);
        let chosen = Chosen {
            segment_bytes: self.segment_bytes.unwrap_or(before.segment_bytes),
            group_bytes_max: self.group_bytes_max.unwrap_or(before.group_bytes_max),
            key_horizon_events: self.key_horizon_events.unwrap_or(before.key_horizon_events),
            prepared_segments: prepared_segments.unwrap_or(before.prepared_segments),
        };
        self.check(chosen)?;
        Ok(Settings {
            among_others: self.among_others,
            chosen,
            cache_bytes: self.cache_bytes,
            limits: PipelineLimits {
                group_bytes_max: chosen.group_bytes_max,
                queue_bytes_max: self.queue_bytes_max,
            },
        })
    }

    fn check(&self, chosen: Chosen) -> Result<(), OpenError> {
        let refuse = |reason: String| Err(OpenError::Options(reason));
        let Chosen { segment_bytes, group_bytes_max, .. } = chosen;
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&segment_bytes)
            || !segment_bytes.is_power_of_two()
        {
            return refuse(format!(
                "segment_bytes is {segment_bytes}; it has to be a power of two from \
                 {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}"
            ));
        }
        if !(GROUP_BYTES_MIN..=GROUP_BYTES_MAX).contains(&group_bytes_max) {
            return refuse(format!(
                "group_bytes_max is {group_bytes_max}; it has to be from {GROUP_BYTES_MIN} to \
                 {GROUP_BYTES_MAX}"
            ));
        }
        if segment::bytes_min_for(group_bytes_max) > segment_bytes {
            return refuse(format!(
                "segment_bytes {segment_bytes} is too small for group_bytes_max \
                 {group_bytes_max}; it takes at least twice as much (what is not given is the \
                 store's)"
            ));
        }
        if self.queue_bytes_max == 0 || chosen.prepared_segments == 0 {
            return refuse("queue_bytes_max and prepared_segments have to be at least 1".into());
        }
        Ok(())
    }
}

/// Valid options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) among_others: bool,
    /// What is kept in the store.
    pub(crate) chosen: Chosen,
    pub(crate) cache_bytes: usize,
    pub(crate) limits: PipelineLimits,
}
