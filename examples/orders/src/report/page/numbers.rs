//! Numbers as people read them, and the scales on which they are drawn.
//!
//! All but the last step, a place in percent of a width, is computed in integers. The invariant it
//! guards: a scale of bars begins at nothing, so that a bar twice as long is twice as much.

use crate::domain::Money;

/// With a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// With its sign, if there is something to sign.
pub(super) fn signed(number: i64) -> String {
    let sign = match number {
        ..0 => "−",
        0 => "",
        1.. => "+",
    };
    format!("{sign}{}", grouped(number.unsigned_abs()))
}

/// So many of a thing.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A part in percent of the whole; all and nothing only if it is all or nothing.
pub(super) fn share(part: u64, whole: u64) -> String {
    let (part, whole) = (u128::from(part), u128::from(whole));
    if whole == 0 {
        return "–".to_owned();
    }
    let permille = (part * 1000 + whole / 2) / whole;
    match permille {
        0 if part > 0 => "< 0.1%".to_owned(),
        1000 if part < whole => "> 99.9%".to_owned(),
        _ => format!("{}.{}%", permille / 10, permille % 10),
    }
}

/// A duration with three digits and its unit.
pub(super) fn duration(nanos: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000, "s"), (1_000_000, "ms"), (1000, "µs"), (1, "ns")];
    let seconds = nanos / 1_000_000_000;
    if seconds >= 3600 {
        return format!("{} h {} min", grouped(seconds / 3600), seconds / 60 % 60);
    }
    if seconds >= 100 {
        return format!("{} min {} s", seconds / 60, seconds % 60);
    }
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| nanos >= *unit).unwrap_or((1000, "µs"));
    let digits: usize = match nanos / unit {
        0..10 => 2,
        10..100 => 1,
        _ => 0,
    };
    let scaled = match digits {
        2 => nanos.saturating_mul(100),
        1 => nanos.saturating_mul(10),
        _ => nanos,
    };
    let rounded = scaled.saturating_add(unit / 2) / unit;
    let (whole, rest) = match digits {
        2 => (rounded / 100, format!(".{:02}", rounded % 100)),
        1 => (rounded / 10, format!(".{}", rounded % 10)),
        _ => (rounded, String::new()),
    };
    format!("{}{} {name}", grouped(whole), rest.trim_end_matches('0').trim_end_matches('.'))
}

/// A duration in microseconds.
pub(super) fn micros(micros: u64) -> String {
    duration(micros.saturating_mul(1000))
}

/// A round amount for an axis.
pub(super) fn round_amount(pence: u64) -> String {
    let pounds = pence / 100;
    match pounds {
        0 if pence > 0 => format!("{pence}p"),
        1_000_000.. if pounds.is_multiple_of(1_000_000) => {
            format!("£{}m", grouped(pounds / 1_000_000))
        }
        1000.. if pounds.is_multiple_of(1000) => format!("£{}k", grouped(pounds / 1000)),
        _ => format!("£{}", grouped(pounds)),
    }
}

/// What can be drawn of an amount: a shop that gave back more than it took has no bar.
pub(super) fn pence(amount: Money) -> u64 {
    u64::try_from(amount.as_pence()).unwrap_or(0)
}

/// A number as a place.
#[expect(clippy::cast_precision_loss, reason = "a place on a screen has four digits")]
pub(super) const fn float(number: u64) -> f64 {
    number as f64
}

/// From nothing to a round number, in equal steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear {
    step: u64,
    end: u64,
}

impl Linear {
    /// One that has room for `max` with about so many steps.
    pub(super) fn over(max: u64, steps: u64) -> Self {
        let step = Self::step(max, steps);
        Self { step, end: max.div_ceil(step).max(1).saturating_mul(step) }
    }

    /// The smallest of 1, 2, 5, 10, … with which so many steps are enough.
    fn step(max: u64, steps: u64) -> u64 {
        let mut decade = 1_u64;
        loop {
            let tried = [1, 2, 5].map(|factor| decade.saturating_mul(factor));
            let enough = |step: &u64| step.saturating_mul(steps) >= max;
            if let Some(step) = tried.into_iter().find(enough) {
                return step;
            }
            decade = decade.saturating_mul(10);
        }
    }

    /// Where it ends.
    pub(super) const fn end(self) -> u64 {
        self.end
    }

    /// Where a number lies, in percent.
    pub(super) fn at(self, number: u64) -> f64 {
        float(number) / float(self.end) * 100.0
    }

    /// Where its steps are.
    pub(super) fn ticks(self) -> impl Iterator<Item = u64> {
        (0..=self.end / self.step).map(move |at| at * self.step)
    }
}

/// Powers of ten at equal distances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decades {
    low: u64,
    high: u64,
}

impl Decades {
    /// One that has room for everything between `min`, at least 1, and `max`.
    pub(super) fn over(min: u64, max: u64) -> Self {
        let mut low = 1_u64;
        while low.saturating_mul(10) <= min && low < u64::MAX / 100 {
            low *= 10;
        }
        let mut high = low * 10;
        while high < max {
            high = high.saturating_mul(10);
        }
        Self { low, high }
    }

    /// Where it ends.
    pub(super) const fn high(self) -> u64 {
        self.high
    }

    /// Where a number lies, in percent; what is below the first decade lies at its beginning.
    pub(super) fn at(self, number: u64) -> f64 {
        let log = |number: u64| float(number.max(self.low)).ln();
        (log(number) - log(self.low)) / (log(self.high) - log(self.low)) * 100.0
    }

    /// Where its decades begin.
    pub(super) fn ticks(self) -> Vec<u64> {
        let next = |tick: &u64| tick.checked_mul(10).filter(|next| *next <= self.high);
        std::iter::successors(Some(self.low), next).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!((grouped(0), grouped(1_234_567)), ("0".into(), "1,234,567".into()));
        assert_eq!(
            (signed(-1234), signed(0), signed(5)),
            ("−1,234".into(), "0".into(), "+5".into())
        );
        assert_eq!((counted(1, "order", "orders")), "1 order");
        let shares = [(0, 0), (0, 9), (1, 5000), (1020, 1052), (4999, 5000), (7, 7)];
        let shown = ["–", "0.0%", "< 0.1%", "97.0%", "> 99.9%", "100.0%"];
        assert_eq!(shares.map(|(part, whole)| share(part, whole)), shown);
        let amounts = [0, 50, 20_000, 200_000, 500_000_000];
        assert_eq!(amounts.map(round_amount), ["£0", "50p", "£200", "£2k", "£5m"]);
    }

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let nanos = [0, 999, 1500, 1_234_567, 12_000_000, 45_678_900, 850_000_000, 2_000_000_000];
        let shown = ["0 µs", "999 ns", "1.5 µs", "1.23 ms", "12 ms", "45.7 ms", "850 ms", "2 s"];
        assert_eq!(nanos.map(duration), shown);
        assert_eq!(duration(3_725_000_000_000), "1 h 2 min");
        assert_eq!(duration(125_000_000_000), "2 min 5 s");
        assert!(duration(u64::MAX).ends_with("min"));
    }

    #[test]
    fn scales_end_at_round_numbers() {
        for (max, end) in [(0, 1), (1, 1), (7, 8), (930, 1000), (48_100_000, 60_000_000)] {
            assert_eq!(Linear::over(max, 4).end(), end, "{max}");
        }
        assert_eq!(Linear::over(930, 5).ticks().collect::<Vec<_>>(), [0, 200, 400, 600, 800, 1000]);
        assert!(Linear::over(u64::MAX, 4).at(u64::MAX) <= 100.0);
        let decades = Decades::over(150, 40_000);
        assert_eq!(decades.ticks(), [100, 1000, 10_000, 100_000]);
        assert_eq!((decades.at(3), decades.at(100_000)), (0.0, 100.0));
        assert_eq!(Decades::over(0, 0).ticks(), [1, 10]);
        assert!(Decades::over(u64::MAX, u64::MAX).at(u64::MAX) <= 100.0);
    }
}
