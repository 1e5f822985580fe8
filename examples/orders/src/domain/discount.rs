//! What is taken off an order.
//!
//! The invariant it guards: a discount is never more than what it is taken from.

use super::{Line, Money, StockCode};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A discount on an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discount {
    /// So many hundredths of everything.
    Percentage(u8),
    /// This much.
    Fixed(Money),
    /// Of so many pieces of a product that are paid, so many more are free, in each line of it.
    BuyGet {
        /// Which product.
        product: StockCode,
        /// How many are paid.
        buy: u32,
        /// How many more are free.
        free: u32,
    },
}

impl Discount {
    /// What it comes to on these lines.
    pub fn amount(&self, lines: &[Line]) -> Money {
        let whole: Money = lines.iter().map(Line::amount).sum();
        let amount = match self {
            Self::Percentage(percent) => whole.percent((*percent).min(100)),
            Self::Fixed(amount) => *amount,
            Self::BuyGet { product, buy, free } => {
                let of_it = lines.iter().filter(|line| line.product == *product);
                of_it.map(|line| given_away(line, *buy, *free)).sum()
            }
        };
        amount.clamp(Money::ZERO, whole.max(Money::ZERO))
    }
}

/// The price of the pieces of a line that are free.
fn given_away(line: &Line, buy: u32, free: u32) -> Money {
    let (pieces, round) = (u64::from(line.quantity.get()), u64::from(buy) + u64::from(free));
    if round == 0 {
        return Money::ZERO;
    }
    // A last round that is not full is paid first.
    let rest = (pieces % round).saturating_sub(u64::from(buy));
    let pieces = pieces / round * u64::from(free) + rest;
    let pieces = i64::try_from(pieces).unwrap_or(i64::MAX);
    Money::pence(line.price.as_pence().saturating_mul(pieces)).min(line.amount())
}

impl fmt::Display for Discount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentage(percent) => write!(f, "{percent} % off"),
            Self::Fixed(amount) => write!(f, "{amount} off"),
            Self::BuyGet { product, buy, free } => {
                write!(f, "buy {buy} of {product}, get {free} more")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Quantity;

    fn line(product: &str, pieces: u32, pence: i64) -> Line {
        Line {
            at: 2,
            product: StockCode::parse(product).expect("a code"),
            description: String::new(),
            quantity: Quantity::try_new(pieces).expect("a quantity"),
            price: Money::pence(pence),
        }
    }

    #[test]
    fn a_discount_is_what_it_says_and_never_more_than_everything() {
        let lines = [line("A", 7, 100), line("B", 1, 333)];
        let product = StockCode::parse("A").expect("a code");
        let buy_get = |buy, free| Discount::BuyGet { product: product.clone(), buy, free };
        let cases = [
            (Discount::Percentage(10), 103),
            (Discount::Percentage(200), 1033),
            (Discount::Fixed(Money::pence(500)), 500),
            (Discount::Fixed(Money::pence(5_000)), 1033),
            (Discount::Fixed(Money::pence(-5)), 0),
            (buy_get(2, 1), 200),
            (buy_get(5, 1), 100),
            (buy_get(5, 9), 200),
            (buy_get(7, 1), 0),
            (buy_get(0, 1), 700),
            (buy_get(0, 0), 0),
        ];
        for (discount, pence) in cases {
            assert_eq!(discount.amount(&lines), Money::pence(pence), "{discount}");
        }
    }
}
