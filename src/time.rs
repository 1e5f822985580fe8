//! The wall clock's readings, as they are stored with events.
//!
//! A number with a unit and nothing else: nobody reads a clock here. That is the runtime's.

/// A reading of the wall clock, in nanoseconds since 1970-01-01T00:00:00Z. It may jump either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WallTime(u64);

impl WallTime {
    /// The wall time `nanos` after the Unix epoch.
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_unix_nanos(self) -> u64 {
        self.0
    }
}
