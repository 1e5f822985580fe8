//! Returns: which earlier lines they are about, and what is paid back.
//!
//! The invariant it guards: of no line more comes back than was sold, and every piece of a return
//! is either matched or named as unmatched; nothing of it is dropped.

use super::{CustomerNo, Document, DocumentNo, Impossible, Line, LocalTime, Money, Quantity};
use sagalog::WallTime;
use serde::{Deserialize, Serialize};

/// A return as it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnPlaced {
    /// Whose; of a guest nothing can be matched.
    pub customer: Option<CustomerNo>,
    /// Where from.
    pub country: String,
    /// When, by the shop's clock.
    pub returned_at: LocalTime,
    /// What, with the price that is paid back for a piece.
    pub lines: Vec<Line>,
}

/// What happened to a return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReturnEvent {
    /// It came in.
    Placed(ReturnPlaced),
    /// Its lines were compared with what was sold.
    Matched(Matching),
    /// What is owed is paid back.
    Refunded(Refunded),
    /// What was matched is on the shelf again.
    Restocked(Restocked),
    /// The customer knows.
    Completed(ReturnCompleted),
}

sagalog::domain_events! {
    ReturnEvent {
        Placed(ReturnPlaced) = "ReturnPlaced" version 1,
        Matched(Matching) = "ReturnMatched" version 1,
        Refunded(Refunded) = "ReturnRefunded" version 1,
        Restocked(Restocked) = "ReturnRestocked" version 1,
        Completed(ReturnCompleted) = "ReturnCompleted" version 1,
    }
}

/// See [`ReturnEvent::Refunded`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    /// Against payments of orders.
    pub refunded: Money,
    /// Without one.
    pub credited: Money,
    /// Which attempt it took, from 1.
    pub attempt: u32,
}

/// See [`ReturnEvent::Restocked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restocked {
    /// How many pieces.
    pub pieces: u64,
    /// Which attempt it took, from 1.
    pub attempt: u32,
}

/// See [`ReturnEvent::Completed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnCompleted {
    /// Which attempt it took, from 1.
    pub attempt: u32,
}

/// Where a return is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnState {
    /// It came in.
    Placed,
    /// Its lines were compared with what was sold.
    Matched,
    /// What is owed is paid back.
    Refunded,
    /// What was matched is on the shelf again.
    Restocked,
    /// The customer knows. Final.
    Completed,
}

impl ReturnState {
    /// Where the event leads, from `before` or from nothing.
    ///
    /// # Errors
    /// [`Impossible`] if it cannot happen here.
    pub fn after(before: Option<Self>, event: &ReturnEvent) -> Result<Self, Impossible> {
        use ReturnEvent as E;
        match (before, event) {
            (None, E::Placed(_)) => Ok(Self::Placed),
            (Some(Self::Placed), E::Matched(_)) => Ok(Self::Matched),
            (Some(Self::Matched), E::Refunded(_)) => Ok(Self::Refunded),
            (Some(Self::Refunded), E::Restocked(_)) => Ok(Self::Restocked),
            (Some(Self::Restocked), E::Completed(_)) => Ok(Self::Completed),
            (
                state,
                E::Placed(_) | E::Matched(_) | E::Refunded(_) | E::Restocked(_) | E::Completed(_),
            ) => {
                Err(Impossible { state: state.map_or("nothing", Self::name), event: event.name() })
            }
        }
    }

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Matched => "matched",
            Self::Refunded => "refunded",
            Self::Restocked => "restocked",
            Self::Completed => "completed",
        }
    }
}

impl ReturnEvent {
    /// In words.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Placed(_) => "placed",
            Self::Matched(_) => "matched",
            Self::Refunded(_) => "refunded",
            Self::Restocked(_) => "restocked",
            Self::Completed(_) => "completed",
        }
    }
}

/// A return, made of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// As it came in.
    pub placed: ReturnPlaced,
    /// Where it is.
    pub state: ReturnState,
    /// What was found, once it is known.
    pub matching: Option<Matching>,
}

impl Document for Return {
    type Event = ReturnEvent;
    const KIND: &'static str = "return";

    fn begin(_: WallTime, event: ReturnEvent) -> Result<Self, Impossible> {
        let state = ReturnState::after(None, &event)?;
        match event {
            ReturnEvent::Placed(placed) => Ok(Self { placed, state, matching: None }),
            other => Err(Impossible { state: "nothing", event: other.name() }),
        }
    }

    fn is_final(&self) -> bool {
        self.state == ReturnState::Completed
    }

    fn apply(&mut self, _: WallTime, event: ReturnEvent) -> Result<(), Impossible> {
        self.state = ReturnState::after(Some(self.state), &event)?;
        if let ReturnEvent::Matched(matching) = event {
            self.matching = Some(matching);
        }
        Ok(())
    }
}

/// What the lines of a return are about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matching {
    /// Pieces that were sold before.
    pub matched: Vec<Matched>,
    /// Pieces that were not: a return without an order in this file.
    pub unmatched: Vec<Unmatched>,
}

/// Pieces of a return's line that were sold with a line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// Which line of the return, counted from 0.
    pub line: usize,
    /// Which order.
    pub order: DocumentNo,
    /// Which line of the order, counted from 0.
    pub order_line: usize,
    /// How many pieces.
    pub pieces: u32,
    /// What is refunded: no more than was paid for these pieces.
    pub refund: Money,
    /// What the return promises beyond that.
    pub credit: Money,
}

/// Pieces of a return's line that no line of an order is known for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmatched {
    /// Which line of the return, counted from 0.
    pub line: usize,
    /// How many pieces.
    pub pieces: u32,
    /// What is credited.
    pub credit: Money,
}

/// What of a line that was sold has not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sold {
    /// Of which order.
    pub order: DocumentNo,
    /// Which line of it, counted from 0.
    pub order_line: usize,
    /// The line.
    pub line: Line,
    /// How many pieces of it are left.
    pub left: u32,
}

impl Matching {
    /// Matches each line to the latest ones of its product that have pieces left and stand before
    /// the whole return, wherever in the file its own lines stand.
    pub fn of(lines: &[Line], mut sold: Vec<Sold>) -> Self {
        let begins = lines.iter().map(|line| line.at).min().unwrap_or_default();
        sold.sort_by_key(|sold| std::cmp::Reverse(sold.line.at));
        let mut matching = Self::default();
        for (number, line) in lines.iter().enumerate() {
            let mut open = line.quantity.get();
            let fits = |sold: &&mut Sold| {
                sold.line.product == line.product && sold.line.at < begins && sold.left > 0
            };
            for sold in sold.iter_mut().filter(fits) {
                let pieces = open.min(sold.left);
                if pieces == 0 {
                    break;
                }
                sold.left -= pieces;
                open -= pieces;
                let (refund, credit) = owed(line, &sold.line, pieces);
                let (order, order_line) = (sold.order.clone(), sold.order_line);
                let found = Matched { line: number, order, order_line, pieces, refund, credit };
                matching.matched.push(found);
            }
            if open > 0 {
                let credit = price_of(line.price, open);
                matching.unmatched.push(Unmatched { line: number, pieces: open, credit });
            }
        }
        matching
    }

    /// What is refunded against payments.
    pub fn refund(&self) -> Money {
        self.matched.iter().map(|matched| matched.refund).sum()
    }

    /// What is credited without one.
    pub fn credit(&self) -> Money {
        let beyond: Money = self.matched.iter().map(|matched| matched.credit).sum();
        beyond + self.unmatched.iter().map(|unmatched| unmatched.credit).sum()
    }
}

/// What is refunded and what is credited for pieces of a line.
fn owed(returned: &Line, sold: &Line, pieces: u32) -> (Money, Money) {
    let promised = price_of(returned.price, pieces);
    let refund = promised.min(price_of(sold.price, pieces));
    (refund, promised - refund)
}

fn price_of(price: Money, pieces: u32) -> Money {
    let pieces = Quantity::try_new(pieces).expect("a part of a line, and not nothing");
    price.times(pieces).expect("a part of a line whose amount was checked")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::StockCode;

    fn line(at: u64, product: &str, pieces: u32, pence: i64) -> Line {
        let product = StockCode::parse(product).expect("a code");
        let quantity = Quantity::try_new(pieces).expect("a quantity");
        Line { at, product, description: String::new(), quantity, price: Money::pence(pence) }
    }

    fn sold(order: &str, line: Line) -> Sold {
        let left = line.quantity.get();
        Sold { order: DocumentNo::parse(order).expect("a number"), order_line: 0, line, left }
    }

    #[test]
    fn the_latest_earlier_lines_come_first_and_the_rest_is_named() {
        let earlier = vec![
            sold("1", line(10, "A", 3, 100)),
            sold("2", line(20, "A", 2, 80)),
            sold("3", line(99, "A", 9, 100)),
            sold("4", line(30, "B", 1, 50)),
        ];
        let returned = [line(50, "A", 4, 100), line(51, "A", 3, 100), line(52, "C", 1, 7)];
        let matching = Matching::of(&returned, earlier);
        let found: Vec<_> = matching
            .matched
            .iter()
            .map(|matched| {
                (matched.line, matched.order.as_str(), matched.pieces, matched.refund.as_pence())
            })
            .collect();
        assert_eq!(found, [(0, "2", 2, 160), (0, "1", 2, 200), (1, "1", 1, 100)]);
        assert_eq!(matching.credit(), Money::pence(40 + 200 + 7), "beyond what was paid, and rest");
        let rest: Vec<_> = matching.unmatched.iter().map(|rest| (rest.line, rest.pieces)).collect();
        assert_eq!(rest, [(1, 2), (2, 1)]);
        let promised: Money = returned.iter().map(Line::amount).sum();
        assert_eq!(matching.refund() + matching.credit(), promised);
    }
}
