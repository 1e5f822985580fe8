//! The time that sagas live by: the wall clock's, made to run forward only.
//!
//! Due moments have to survive a restart, so they are wall time; yet the wall clock jumps. Within a
//! life this clock follows the monotonic one, and it begins no earlier than the newest event of the
//! store: whatever was recorded lies in its past.

use crate::{
    runtime::{Clock, Moment},
    time::WallTime,
};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(super) struct SagaClock {
    wall: WallTime,
    moment: Moment,
}

impl SagaClock {
    pub(super) fn begin(runtime: &impl Clock, recorded: Option<WallTime>) -> Self {
        let shown = runtime.wall().of_clock();
        let wall = recorded.map_or(shown, |recorded| recorded.max(shown));
        Self { wall, moment: runtime.now() }
    }

    pub(super) fn now(&self, runtime: &impl Clock) -> WallTime {
        let elapsed = runtime.now().since(self.moment).as_nanos();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        WallTime::from_unix_nanos(self.wall.as_unix_nanos().saturating_add(elapsed))
    }

    /// How long from `now` to `later`.
    pub(super) fn until(now: WallTime, later: WallTime) -> Duration {
        Duration::from_nanos(later.as_unix_nanos().saturating_sub(now.as_unix_nanos()))
    }
}
