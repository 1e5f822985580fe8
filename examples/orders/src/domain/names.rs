//! What things of a shop are called: documents, products, customers, and when something was.
//!
//! The invariant it guards: a name that was read can be part of a stream's name, a saga's and a
//! key's, whatever file it came from.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// The longest name.
const NAME_MAX: usize = 24;

/// A text is no name of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError(&'static str);

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NameError {}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $known:expr, $sentence:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a name.
            ///
            /// # Errors
            /// [`NameError`] is a sentence about what a name has.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let known: fn(u8) -> bool = $known;
                let bounded = (1..=NAME_MAX).contains(&text.len());
                if bounded && text.trim() == text && text.bytes().all(known) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError($sentence))
                }
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// The number of an invoice, which is that of the order, the return or the write-off that it
    /// is about: `536365`, `C536379`.
    DocumentNo,
    |byte| byte.is_ascii_alphanumeric(),
    "an invoice number has 1 to 24 ASCII letters and digits"
);

name!(
    /// What is sold: `85123A`, `POST`.
    StockCode,
    |byte| byte.is_ascii_alphanumeric() || b" -_.".contains(&byte),
    "a stock code has 1 to 24 ASCII letters, digits, spaces, dots, dashes and underscores"
);

name!(
    /// A customer: `17850`.
    CustomerNo,
    |byte| byte.is_ascii_alphanumeric(),
    "a customer number has 1 to 24 ASCII letters and digits"
);

/// What a shop charges for without having it on a shelf.
const SERVICES: [&str; 12] = [
    "POST",
    "DOT",
    "M",
    "C2",
    "D",
    "S",
    "B",
    "CRUK",
    "PADS",
    "AMAZONFEE",
    "BANK CHARGES",
    "CARRIAGE",
];

impl StockCode {
    /// Whether it is postage, a fee, a discount or the like: nothing of it is in stock.
    pub fn is_service(&self) -> bool {
        SERVICES.contains(&self.as_str())
    }
}

/// A moment on the shop's own clock, to the minute, as it stands on invoices: `2010-12-01 08:26`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalTime(String);

impl LocalTime {
    /// The moment; nothing if there is no such day or minute.
    pub fn try_new(
        (year, month, day): (u32, u32, u32),
        (hour, minute): (u32, u32),
    ) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        let known = (1970..=2554).contains(&year) && (1..=days).contains(&day);
        (known && hour < 24 && minute < 60)
            .then(|| Self(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")))
    }

    /// The day: `2010-12-01`.
    pub fn day(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_parts_of_names() {
        for text in ["536365", "C536379"] {
            assert!(DocumentNo::parse(text).is_ok());
        }
        for text in ["", "53/65", "5 3", "ä", "5\n", &"5".repeat(25)] {
            assert!(DocumentNo::parse(text).is_err(), "{text:?}");
        }
        let code = |text| StockCode::parse(text).expect("a code");
        assert!(code("BANK CHARGES").is_service() && !code("85123A").is_service());
        assert!(StockCode::parse(" M").is_err());
    }

    #[test]
    fn a_moment_is_on_the_calendar() {
        let at = |year, month, day| LocalTime::try_new((year, month, day), (8, 26));
        assert_eq!(
            at(2010, 12, 1).map(|time| time.to_string()).as_deref(),
            Some("2010-12-01 08:26")
        );
        assert!(at(2012, 2, 29).is_some() && at(2000, 2, 29).is_some());
        assert!(
            at(2010, 2, 29).is_none() && at(2100, 2, 29).is_none() && at(2010, 13, 1).is_none()
        );
        assert!(LocalTime::try_new((2010, 12, 1), (24, 0)).is_none());
    }
}
