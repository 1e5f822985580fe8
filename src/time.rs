//! The wall clock's readings, as they are stored with events.
//!
//! A number with a unit and nothing else: nobody reads a clock here. That is the runtime's.

use crate::limits::CLOCK_NANOS_MAX;

/// A moment of wall time, in nanoseconds since 1970-01-01T00:00:00Z: up to July of 2554.
///
/// Any of them can be stored as what a caller says of an event
/// ([`NewEvent::occurred_at`](crate::NewEvent::occurred_at)). What a store records itself comes
/// from its clock, and of a clock it believes less: see [`CLOCK_NANOS_MAX`].
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

    /// What a clock that shows this is taken to show: 1970 if it is beyond [`CLOCK_NANOS_MAX`].
    ///
    /// Recorded time never goes back. Without this one reading of a clock that is out of order
    /// would be the time of every later event, and of all sagas, for ever; one of 1970 is
    /// outweighed by whatever was recorded before.
    pub(crate) fn of_clock(self) -> Self {
        if self.0 > CLOCK_NANOS_MAX { Self::default() } else { self }
    }
}
