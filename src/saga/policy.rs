//! When to try again: arithmetic only.
//!
//! The invariant it guards: a delay lies in `[min, computed]`, where `computed` is
//! `min * factor^n` and at most the cap, whatever is drawn and however often was tried.

use core::time::Duration; // A length of time, not a clock.

/// How often a step is attempted, and how long it is waited in between.
///
/// ```
/// use sagalog::saga::Retry;
/// use std::time::Duration;
///
/// let retry = Retry::exponential(Duration::from_millis(50), Duration::from_secs(10)).attempts(8);
/// assert_eq!(retry.delay(1, 0), Duration::from_millis(50));
/// assert!(retry.delay(7, u64::MAX) <= Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    attempts_max: Option<u32>,
    delay_min: Duration,
    delay_max: Duration,
    factor: u32,
}

impl Default for Retry {
    /// Five attempts, 100 ms and twice as much each time, 30 s at most.
    fn default() -> Self {
        Self::exponential(Duration::from_millis(100), Duration::from_secs(30)).attempts(5)
    }
}

impl Retry {
    /// One attempt.
    pub const fn never() -> Self {
        Self {
            attempts_max: Some(1),
            delay_min: Duration::ZERO,
            delay_max: Duration::ZERO,
            factor: 1,
        }
    }

    /// Twice the delay after each attempt, from `delay_min` to `delay_max`; without a bound on
    /// attempts.
    pub const fn exponential(delay_min: Duration, delay_max: Duration) -> Self {
        Self { attempts_max: None, delay_min, delay_max, factor: 2 }
    }

    /// The same delay after each attempt; without a bound on attempts.
    pub const fn fixed(delay: Duration) -> Self {
        Self { attempts_max: None, delay_min: delay, delay_max: delay, factor: 1 }
    }

    /// How compensations are tried unless the definition says otherwise: 20 attempts, 100 ms and
    /// twice as much each time, 5 minutes at most; more than an hour in all.
    pub const fn for_compensation() -> Self {
        Self::exponential(Duration::from_millis(100), Duration::from_secs(300)).attempts(20)
    }

    /// How many executions in all, the first included; 0 counts as 1.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts_max = Some(if attempts == 0 { 1 } else { attempts });
        self
    }

    /// By how much the delay grows after each attempt; 0 counts as 1.
    #[must_use]
    pub const fn factor(mut self, factor: u32) -> Self {
        self.factor = if factor == 0 { 1 } else { factor };
        self
    }

    /// How many executions in all; `None` without a bound.
    pub const fn attempts_max(&self) -> Option<u32> {
        self.attempts_max
    }

    /// Whether another attempt is left after `failures` of them.
    pub fn allows_another(&self, failures: u32) -> bool {
        self.attempts_max.is_none_or(|max| failures < max)
    }

    /// How long to wait after the `failures`-th failure (from 1): from the minimum to the computed
    /// delay, by `drawn`, of which every value is equally likely.
    pub fn delay(&self, failures: u32, drawn: u64) -> Duration {
        let computed = self.computed(failures);
        let spread = computed.saturating_sub(self.delay_min).as_nanos();
        // Both factors have at most 64 and 94 bits' worth of room in 128: a spread is bounded by
        // the cap, which is cut to 64 bits of nanoseconds here.
        let spread = u64::try_from(spread).unwrap_or(u64::MAX);
        let jitter = (u128::from(spread) * u128::from(drawn)) >> 64;
        self.delay_min.min(computed) + Duration::from_nanos(u64::try_from(jitter).unwrap_or(0))
    }

    /// As long as somebody asks for, within the bounds of this policy.
    #[must_use]
    pub fn clamp(&self, asked: Duration) -> Duration {
        asked.clamp(self.delay_min, self.delay_max.max(self.delay_min))
    }

    fn computed(&self, failures: u32) -> Duration {
        let cap = self.delay_max.max(self.delay_min);
        let exponent = failures.saturating_sub(1);
        match self.factor.checked_pow(exponent) {
            Some(times) => self.delay_min.checked_mul(times).map_or(cap, |delay| delay.min(cap)),
            None => cap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_lies_between_the_minimum_and_what_is_computed() {
        let (min, max) = (Duration::from_millis(50), Duration::from_secs(10));
        let retry = Retry::exponential(min, max);
        for failures in (1..100).chain([u32::MAX]) {
            let computed = retry.computed(failures);
            assert!(computed <= max);
            for drawn in [0, 1, u64::MAX / 2, u64::MAX] {
                let delay = retry.delay(failures, drawn);
                assert!(min <= delay && delay <= computed, "{failures} {drawn} {delay:?}");
            }
        }
        assert_eq!(retry.computed(3), Duration::from_millis(200));
        assert_eq!(retry.computed(u32::MAX), max);
    }

    #[test]
    fn attempts_count_the_first_one() {
        let retry = Retry::never();
        assert!(!retry.allows_another(1));
        let twice = Retry::default().attempts(2);
        assert!(twice.allows_another(1) && !twice.allows_another(2));
        assert!(Retry::fixed(Duration::ZERO).allows_another(u32::MAX));
    }
}
