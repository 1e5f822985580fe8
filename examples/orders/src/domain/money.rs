//! Amounts in minor units, and numbers of pieces.
//!
//! No currency conversion and no floating point. The invariant it guards: an amount is whole pence,
//! bounded so that the sums of a shop cannot overflow, and is never mixed up with another number.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
};

/// The largest amount of one line, in pence: ten billion pounds. Nine million of them can be added.
const PENCE_MAX: i64 = 1_000_000_000_000;

/// The largest number of pieces in one line.
const PIECES_MAX: u32 = 1_000_000;

/// Pounds sterling, in whole pence.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(i64);

/// A text is no amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyError {
    /// It is no decimal number with at most two digits behind the point.
    NoAmount,
    /// It is beyond ten billion pounds.
    TooMuch,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many pence.
    pub const fn pence(pence: i64) -> Self {
        Self(pence)
    }

    /// In pence.
    pub const fn as_pence(self) -> i64 {
        self.0
    }

    /// Reads pounds with at most two digits behind the point: `27.5`, `-11062.06`, `.85`.
    ///
    /// ```
    /// use orders::domain::Money;
    ///
    /// assert_eq!(Money::parse("27.5"), Ok(Money::pence(2750)));
    /// assert!(Money::parse("27.505").is_err());
    /// ```
    ///
    /// # Errors
    /// [`MoneyError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        let (pounds, pence) = digits.split_once('.').unwrap_or((digits, ""));
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let given = !pounds.is_empty() || !pence.is_empty();
        if !given || !numeric(pounds) || !numeric(pence) || pence.len() > 2 {
            return Err(MoneyError::NoAmount);
        }
        let padded = format!("{pounds}{pence:0<2}");
        let amount: i64 = padded.parse().map_err(|_| MoneyError::TooMuch)?;
        if amount > PENCE_MAX { Err(MoneyError::TooMuch) } else { Ok(Self(sign * amount)) }
    }

    /// The price of so many pieces at this price each.
    ///
    /// # Errors
    /// [`MoneyError::TooMuch`] beyond ten billion pounds.
    pub fn times(self, pieces: Quantity) -> Result<Self, MoneyError> {
        let product = self.0.checked_mul(i64::from(pieces.get()));
        match product {
            Some(pence) if pence.abs() <= PENCE_MAX => Ok(Self(pence)),
            _ => Err(MoneyError::TooMuch),
        }
    }

    /// So many hundredths of it, rounded to the whole penny below.
    #[must_use]
    pub fn percent(self, percent: u8) -> Self {
        Self((self.0 * i64::from(percent)).div_euclid(100))
    }

    /// Whether it is more than nothing.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl Add for Money {
    type Output = Self;

    /// # Panics
    /// Beyond 90 thousand billion pounds, which bounded lines do not come to.
    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("lines are bounded, and so are their numbers"))
    }
}

impl Neg for Money {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pounds, pence) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        let digits = pounds.to_string();
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&format!("{sign}£{grouped}.{pence:02}"))
    }
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAmount => "it is no amount with at most two digits behind the point",
            Self::TooMuch => "it is more than ten billion pounds",
        })
    }
}

impl std::error::Error for MoneyError {}

/// A number of pieces, at least one and at most a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

/// A number is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantityError;

impl Quantity {
    /// So many pieces.
    ///
    /// # Errors
    /// [`QuantityError`] for none, and for more than a million.
    pub fn try_new(pieces: u32) -> Result<Self, QuantityError> {
        if (1..=PIECES_MAX).contains(&pieces) { Ok(Self(pieces)) } else { Err(QuantityError) }
    }

    /// How many.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Quantity {
    type Error = QuantityError;

    fn try_from(pieces: u32) -> Result<Self, QuantityError> {
        Self::try_new(pieces)
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a line has 1 to 1,000,000 pieces")
    }
}

impl std::error::Error for QuantityError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_to_the_penny() {
        let cases = [
            ("2.55", 255, "£2.55"),
            ("27.5", 2750, "£27.50"),
            ("0", 0, "£0.00"),
            (".85", 85, "£0.85"),
            ("-11062.06", -1_106_206, "-£11,062.06"),
            ("13541.33", 1_354_133, "£13,541.33"),
        ];
        for (text, pence, shown) in cases {
            let amount = Money::parse(text).expect("an amount");
            assert_eq!((amount.as_pence(), amount.to_string().as_str()), (pence, shown));
        }
        for text in ["", "-", ".", "1e3", "2.555", "2,50", " 1", "+1", "1.-1", "£1", "١"] {
            assert_eq!(Money::parse(text), Err(MoneyError::NoAmount), "{text:?}");
        }
        for text in ["10000000000.01", "99999999999999999999"] {
            assert_eq!(Money::parse(text), Err(MoneyError::TooMuch), "{text:?}");
        }
    }

    #[test]
    fn a_line_is_bounded() {
        assert_eq!(Quantity::try_new(0), Err(QuantityError));
        assert_eq!(Quantity::try_new(1_000_001), Err(QuantityError));
        let most = Quantity::try_new(1_000_000).expect("a quantity");
        assert_eq!(Money::pence(255).times(most), Ok(Money::pence(255_000_000)));
        assert_eq!(Money::pence(1_000_001).times(most), Err(MoneyError::TooMuch));
        assert_eq!(Money::pence(-3).percent(50), Money::pence(-2));
        assert_eq!(Money::pence(999).percent(10), Money::pence(99));
    }
}
