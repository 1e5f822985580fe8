//! Days and moments, computed by hand.
//!
//! No clock, no time zone and no calendar but ours. The invariant it guards: a page says the same
//! wherever and whenever it is made.

use super::numbers::duration;

const NANOS: u64 = 1_000_000_000;
const DAY_SECONDS: u64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A day of our calendar, from the year 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    year: u64,
    month: usize,
    day: u64,
}

impl Date {
    /// Reads `2011-12-09`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let numeric = part.bytes().all(|byte| byte.is_ascii_digit());
            numeric.then(|| part.parse::<u64>().ok()).flatten()
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let month = usize::try_from(month).ok()?;
        let found = Self { year, month, day };
        let there = year >= 1 && Self::of(found.number()) == found;
        ((1..=12).contains(&month) && there && parts.next().is_none()).then_some(found)
    }

    /// The day with this number.
    fn of(number: u64) -> Self {
        // Years that begin in March end with the day that some of them lack.
        let (era, of_era) = (number / 146_097, number % 146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let march = (5 * of_year + 2) / 153;
        let month = if march < 10 { march + 3 } else { march - 9 };
        Self {
            year: era * 400 + year + u64::from(month <= 2),
            month: usize::try_from(month).expect("there are twelve of them"),
            day: of_year - (153 * march + 2) / 5 + 1,
        }
    }

    /// Its number, counted from the first of March of the year 0.
    pub(super) fn number(self) -> u64 {
        let month = self.month as u64;
        let year = self.year.saturating_sub(u64::from(month <= 2));
        let march = if month > 2 { month - 3 } else { month + 9 };
        let of_year = (153 * march + 2) / 5 + self.day.saturating_sub(1);
        let (era, of_era) = (year / 400, year % 400);
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year
    }

    /// The day of the month.
    pub(super) const fn of_month(self) -> u64 {
        self.day
    }

    /// The month, with its year.
    pub(super) fn month(self) -> String {
        let name = MONTHS.get(self.month.saturating_sub(1)).copied().unwrap_or_default();
        format!("{name} {}", self.year)
    }
}

/// A moment in UTC, to the millisecond.
pub(super) fn utc(unix_nanos: u64) -> String {
    /// The number of the first of January 1970.
    const EPOCH: u64 = 719_468;
    let (seconds, millis) = (unix_nanos / NANOS, unix_nanos % NANOS / 1_000_000);
    let Date { year, month, day } = Date::of(EPOCH + seconds / DAY_SECONDS);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// How long after the first moment another one is; clocks that were set may give an earlier one.
pub(super) fn since(first: u64, at: u64) -> String {
    match at.checked_sub(first) {
        Some(later) => format!("+{}", duration(later)),
        None => format!("−{}", duration(first - at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_and_named() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(951_782_400_000_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(utc(1_321_009_871_012_999_999), "2011-11-11T11:11:11.012Z");
        assert_eq!(utc(u64::MAX), "2554-07-21T23:34:33.709Z");
        let day = |text| Date::parse(text).expect("a day");
        assert_eq!(day("2011-01-01").number() - day("2010-12-31").number(), 1);
        assert_eq!(day("2000-03-01").number() - day("2000-02-28").number(), 2);
        assert_eq!(
            (day("2010-12-09").of_month(), day("2010-12-09").month()),
            (9, "Dec 2010".into())
        );
        for text in
            ["", "2010-2-1", "2011-02-29", "2010-13-01", "2010-00-01", "0000-01-01", "today"]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_told_from_the_first_one() {
        assert_eq!(since(5, 1_230_005), "+1.23 ms");
        assert_eq!(since(2000, 500), "−1.5 µs");
        assert_eq!(since(7, 7), "+0 µs");
    }
}
