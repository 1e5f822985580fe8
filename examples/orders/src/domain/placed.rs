//! An order as it was placed: who wants what, at which price.
//!
//! Nothing happens to it here. The invariant it guards: what it costs follows from its lines and
//! its discount alone.

use super::{CustomerNo, Discount, LocalTime, Money, Quantity, StockCode};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One line of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which line of its file it is, counted from 1: what stands earlier has a lower number.
    pub at: u64,
    /// What.
    pub product: StockCode,
    /// What it is called; may be empty.
    pub description: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one.
    pub price: Money,
}

impl Line {
    /// What the line comes to.
    ///
    /// # Panics
    /// If it is more than a line may come to, which is checked where lines are made.
    pub fn amount(&self) -> Money {
        self.price.times(self.quantity).expect("whoever made the line has checked its amount")
    }
}

/// Who ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Known by a number, unless it is a guest.
    pub number: Option<CustomerNo>,
    /// Where parcels go, if the document says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Recipient>,
}

/// A name and an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Who.
    pub name: String,
    /// Street and number.
    pub street: String,
    /// Postcode and town.
    pub town: String,
}

/// How an order is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentMethod {
    /// By invoice.
    #[default]
    Invoice,
    /// By card.
    Card,
    /// By direct debit.
    DirectDebit,
    /// By an account elsewhere.
    Wallet,
}

impl fmt::Display for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invoice => "invoice",
            Self::Card => "card",
            Self::DirectDebit => "direct debit",
            Self::Wallet => "wallet",
        })
    }
}

/// An order as it was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Who ordered.
    pub customer: Customer,
    /// Where to.
    pub country: String,
    /// When, by the shop's clock.
    pub ordered_at: LocalTime,
    /// How it is paid.
    pub payment: PaymentMethod,
    /// What. Empty if no line of the document could be sold.
    pub lines: Vec<Line>,
    /// What is taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
}

impl Placed {
    /// What it costs.
    pub fn total(&self) -> Money {
        let whole: Money = self.lines.iter().map(Line::amount).sum();
        whole - self.discount.as_ref().map_or(Money::ZERO, |discount| discount.amount(&self.lines))
    }

    /// What was paid for one piece of a line: its price less its share of what is taken off,
    /// rounded to the whole penny below, so that all pieces together are not more than the order
    /// cost.
    ///
    /// # Panics
    /// Never: no piece costs more than its price.
    pub fn paid_each(&self, line: &Line) -> Money {
        let whole: Money = self.lines.iter().map(Line::amount).sum();
        if self.discount.is_none() || !whole.is_positive() {
            return line.price;
        }
        let [price, total, whole] =
            [line.price, self.total(), whole].map(|money| i128::from(money.as_pence()));
        let paid = i64::try_from((price * total).div_euclid(whole));
        Money::pence(paid.expect("no more than its price")).min(line.price)
    }

    /// The lines of what has to be on a shelf.
    pub fn goods(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| !line.product.is_service())
    }

    /// How many pieces there are to be sent.
    pub fn pieces(&self) -> u64 {
        self.goods().map(|line| u64::from(line.quantity.get())).sum()
    }

    /// Why the shop does not take the order, if it does not.
    pub fn objection(&self) -> Option<&'static str> {
        if self.lines.is_empty() {
            return Some("no line of it can be sold");
        }
        (!self.total().is_positive()).then_some("there is nothing to pay")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_paid_for_all_pieces_than_the_order_cost() {
        let line = |at, pieces, pence| Line {
            at,
            product: StockCode::parse("A").expect("a code"),
            description: String::new(),
            quantity: Quantity::try_new(pieces).expect("a quantity"),
            price: Money::pence(pence),
        };
        let placed = |discount| Placed {
            customer: Customer::default(),
            country: String::new(),
            ordered_at: LocalTime::try_new((2010, 12, 1), (8, 26)).expect("a moment"),
            payment: PaymentMethod::Invoice,
            lines: vec![line(1, 3, 333), line(2, 7, 101), line(3, 1, 0)],
            discount,
        };
        let paid = |placed: &Placed| -> Vec<i64> {
            placed.lines.iter().map(|line| placed.paid_each(line).as_pence()).collect()
        };
        assert_eq!(paid(&placed(None)), [333, 101, 0]);
        for percent in 0..=100 {
            let placed = placed(Some(Discount::Percentage(percent)));
            let all: i64 =
                paid(&placed).iter().zip([3, 7, 1]).map(|(each, pieces)| each * pieces).sum();
            assert!(all <= placed.total().as_pence(), "{percent} %: {all}");
        }
    }
}
