//! What the wall clock showed while a call was under way.
//!
//! It reads no clock; callers say what theirs showed. The invariant it guards: a span holds all
//! that a clock may have shown in it, also if it jumped, so that what lies outside was made up.

use sagalog::runtime::WallTime;

/// All that a wall clock showed during a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    earliest: WallTime,
    latest: WallTime,
}

impl Span {
    /// A while that begins.
    pub(super) fn at(wall: WallTime) -> Self {
        Self { earliest: wall, latest: wall }
    }

    /// The clock showed this as well.
    pub(super) fn widen(&mut self, wall: WallTime) {
        self.earliest = self.earliest.min(wall);
        self.latest = self.latest.max(wall);
    }

    /// Whether a commit of this while may be recorded at `time`, behind one of time `before`: no
    /// commit is recorded earlier than the one before it.
    pub(super) fn explains(self, time: WallTime, before: WallTime) -> bool {
        self.earliest.max(before) <= time && time <= self.latest.max(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_one_that_was_shown_or_that_of_the_commit_before() {
        let wall = WallTime::from_unix_nanos;
        let mut span = Span::at(wall(50));
        span.widen(wall(70));
        span.widen(wall(40));
        for (time, before, explained) in [
            (39, 0, false),
            (40, 0, true),
            (70, 70, true),
            (71, 0, false),
            (60, 55, true),
            (50, 55, false),
            (90, 90, true),
            (80, 90, false),
            (91, 90, false),
        ] {
            assert_eq!(span.explains(wall(time), wall(before)), explained, "{time} {before}");
        }
    }
}
