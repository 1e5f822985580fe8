//! Moments and durations for people.

use crate::time;
use sagalog::WallTime;
use std::time::{Duration, SystemTime};

/// A moment as RFC 3339 writes it.
pub(super) fn print(moment: WallTime) -> String {
    time::print(moment.as_unix_nanos())
}

/// From one moment to a later one; zero if it is not later.
pub(super) fn between(earlier: WallTime, later: WallTime) -> Duration {
    Duration::from_nanos(later.as_unix_nanos().saturating_sub(earlier.as_unix_nanos()))
}

pub(super) fn now() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime::from_unix_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A duration in its two largest units.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if seconds == 0 {
        let micros = duration.as_micros();
        return format!("{}.{:03} ms", micros / 1000, micros % 1000);
    }
    if minutes == 0 {
        return format!("{seconds}.{:03} s", duration.subsec_millis());
    }
    if hours == 0 {
        return format!("{minutes} min {} s", seconds % 60);
    }
    if days == 0 {
        return format!("{hours} h {} min", minutes % 60);
    }
    format!("{days} d {} h", hours % 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let table = [
            (0, "0.000 ms"),
            (1_234_567, "1.234 ms"),
            (1_500_000_000, "1.500 s"),
            (59_999_000_000, "59.999 s"),
            (61_000_000_000, "1 min 1 s"),
            (3_660_000_000_000, "1 h 1 min"),
            (90_000_000_000_000, "1 d 1 h"),
        ];
        for (nanos, text) in table {
            assert_eq!(duration(Duration::from_nanos(nanos)), text);
        }
    }
}
