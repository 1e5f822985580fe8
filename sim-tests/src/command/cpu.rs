//! What the processor has spent on this process so far.
//!
//! madsim answers libc's clocks and knows none of these, so that the kernel's own books are read
//! instead. The invariant it guards: where they cannot be read there is no figure, never a guess.

use std::{fs, time::Duration};

/// Ticks per second in the kernel's books, on every platform that Linux runs on.
const TICKS_PER_SECOND: u64 = 100;

/// The time spent by all threads, finished ones included.
#[expect(clippy::disallowed_methods, reason = "the kernel's books are a file")]
pub(super) fn spent() -> Option<Duration> {
    parse(&fs::read_to_string("/proc/self/stat").ok()?)
}

fn parse(stat: &str) -> Option<Duration> {
    // The second field is the program's name in parentheses and may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "42 (a (sim) b) R 1 2 3 4 5 6 7 8 9 10 250 31 0 0 20 0 1 0\n";
        assert_eq!(parse(stat), Some(Duration::from_millis(2810)));
        assert_eq!(parse("42 (sim) R 1"), None);
        assert_eq!(parse(""), None);
    }
}
