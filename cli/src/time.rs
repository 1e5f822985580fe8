//! Moments as RFC 3339 writes them, to and from nanoseconds since 1970.
//!
//! Knows no zones beyond the offset that stands in the text, and no clock. The invariant: what
//! [`print`] writes, [`parse`] reads back as the same moment.

use std::fmt;

const NANOS_A_SECOND: i128 = 1_000_000_000;
const FRACTION_DIGITS_MAX: usize = 9;

/// Why a text is no moment that a store can keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeError {
    /// It is not written as RFC 3339 demands.
    Form,
    /// It is, but there is no such day, hour, minute, second or offset.
    Calendar,
    /// It has more than nine digits behind the second.
    TooFine,
    /// It lies before 1970 or behind the year 2554.
    OutOfRange,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "it is not written like 2012-02-29T09:30:00.25+01:00 (RFC 3339)",
            Self::Calendar => "there is no such day, hour, minute, second or offset",
            Self::TooFine => "it is finer than a nanosecond",
            Self::OutOfRange => "it lies outside of the years 1970 to 2554",
        })
    }
}

impl std::error::Error for TimeError {}

/// Nanoseconds from 1970 to the moment that `text` names, with any offset. A leap second counts as
/// the second behind it.
pub(crate) fn parse(text: &str) -> Result<u64, TimeError> {
    let mut rest = Cursor(text.as_bytes());
    let year = rest.number(4)?;
    rest.sign(b"-")?;
    let month = rest.number(2)?;
    rest.sign(b"-")?;
    let day = rest.number(2)?;
    rest.sign(b"Tt ")?;
    let hour = rest.number(2)?;
    rest.sign(b":")?;
    let minute = rest.number(2)?;
    rest.sign(b":")?;
    let second = rest.number(2)?;
    let nanos = rest.fraction()?;
    let offset_minutes = rest.offset()?;
    let known = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !known {
        return Err(TimeError::Calendar);
    }
    let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    let nanos =
        (i128::from(minutes) * 60 + i128::from(second)) * NANOS_A_SECOND + i128::from(nanos);
    u64::try_from(nanos).map_err(|_| TimeError::OutOfRange)
}

/// The moment in UTC, with as many digits behind the second as it takes.
pub(crate) fn print(nanos: u64) -> String {
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let mut text = format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    if fraction > 0 {
        let digits = format!(".{fraction:09}");
        text.push_str(digits.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// What is left of a text.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn sign(&mut self, allowed: &[u8]) -> Result<u8, TimeError> {
        let (first, rest) = self.0.split_first().ok_or(TimeError::Form)?;
        self.0 = rest;
        if allowed.contains(first) { Ok(*first) } else { Err(TimeError::Form) }
    }

    fn number(&mut self, digits: usize) -> Result<i64, TimeError> {
        let mut number = 0;
        for _ in 0..digits {
            number = number * 10 + i64::from(self.sign(b"0123456789")? - b'0');
        }
        Ok(number)
    }

    /// Nanoseconds, if a point follows.
    fn fraction(&mut self) -> Result<i64, TimeError> {
        let Some(digits) = self.0.strip_prefix(b".") else {
            return Ok(0);
        };
        self.0 = digits;
        let count = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
        if count == 0 {
            return Err(TimeError::Form);
        }
        if count > FRACTION_DIGITS_MAX {
            return Err(TimeError::TooFine);
        }
        let given = self.number(count)?;
        Ok((count..FRACTION_DIGITS_MAX).fold(given, |nanos, _| nanos * 10))
    }

    /// Minutes that the text is ahead of UTC; nothing may follow.
    fn offset(&mut self) -> Result<i64, TimeError> {
        let sign = self.sign(b"Zz+-")?;
        let mut minutes = 0;
        if matches!(sign, b'+' | b'-') {
            let hours = self.number(2)?;
            self.sign(b":")?;
            let beyond = self.number(2)?;
            if hours > 23 || beyond > 59 {
                return Err(TimeError::Calendar);
            }
            minutes = hours * 60 + beyond;
        }
        match (self.0, sign) {
            ([], b'-') => Ok(-minutes),
            ([], _) => Ok(minutes),
            _ => Err(TimeError::Form),
        }
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, counted in eras of 400 years that begin in March, so
/// that the leap day is the last one of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day; the way back from [`days_since_1970`].
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_any_offset() {
        let table = [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T23:59:59-00:01", 59_000_000_000),
            ("2011-10-01T00:38:44.546000+02:00", 1_317_422_324_546_000_000),
            ("2012-02-29t09:30:00.000000001z", 1_330_507_800_000_000_001),
            ("2000-03-01 00:00:00+00:00", 951_868_800_000_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
            ("2554-07-21T23:34:33.709551615Z", u64::MAX),
        ];
        for (text, nanos) in table {
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        let table = [
            ("", TimeError::Form),
            ("2012-02-29", TimeError::Form),
            ("2012-02-29T09:30:00", TimeError::Form),
            ("2012-2-29T09:30:00Z", TimeError::Form),
            ("2012-02-29T09:30:00.Z", TimeError::Form),
            ("2012-02-29T09:30:00+0100", TimeError::Form),
            ("2012-02-29T09:30:00Z ", TimeError::Form),
            ("2012-02-29T09:30:00ä", TimeError::Form),
            ("2011-02-29T09:30:00Z", TimeError::Calendar),
            ("1900-02-29T09:30:00Z", TimeError::Calendar),
            ("2012-13-01T09:30:00Z", TimeError::Calendar),
            ("2012-04-31T09:30:00Z", TimeError::Calendar),
            ("2012-04-00T09:30:00Z", TimeError::Calendar),
            ("2012-02-29T24:00:00Z", TimeError::Calendar),
            ("2012-02-29T09:60:00Z", TimeError::Calendar),
            ("2012-02-29T09:30:61Z", TimeError::Calendar),
            ("2012-02-29T09:30:00+24:00", TimeError::Calendar),
            ("2012-02-29T09:30:00.1234567890Z", TimeError::TooFine),
            ("1969-12-31T23:59:59Z", TimeError::OutOfRange),
            ("2554-07-21T23:34:33.709551616Z", TimeError::OutOfRange),
        ];
        for (text, error) in table {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_500_000_000, "2000-02-28T23:59:59.5Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
            (1_317_422_324_546_000_000, "2011-09-30T22:38:44.546Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
        ];
        for (nanos, text) in table {
            assert_eq!(print(nanos), text);
        }
        // Every day there is, and a moment within it.
        for day in 0..=u64::MAX / 86_400_000_000_000 {
            let nanos = (day * 86_400_000_000_000).saturating_add(day * 1_234_567);
            assert_eq!(parse(&print(nanos)), Ok(nanos), "{}", print(nanos));
        }
    }
}
