//! A report as plain data.
//!
//! Amounts are in pence, times in microseconds or in nanoseconds since 1970; names say which.

use crate::domain::Money;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the shop has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Where the orders came from.
    pub source: String,
    /// How many lines came in.
    pub lines: u64,
    /// How many orders are in each state, by the state's name.
    pub orders: BTreeMap<&'static str, u64>,
    /// How many returns are in each state.
    pub returns: BTreeMap<&'static str, u64>,
    /// How many write-offs are in each state.
    pub write_offs: BTreeMap<&'static str, u64>,
    /// Documents that are not at an end, or did not come in yet.
    pub unfinished: u64,
    /// Sagas that wait for an operator, by name.
    pub stuck: Vec<String>,
    /// What was sold and given back.
    pub totals: Totals,
    /// By country, the largest first.
    pub by_country: Vec<Sales>,
    /// By day, in order.
    pub by_day: Vec<Sales>,
    /// What happened on the shelves.
    pub stock: Stock,
    /// What the steps of all sagas took, the slowest first.
    pub steps: Vec<StepFacts>,
    /// Attempts that were made again.
    pub retries: u64,
    /// Attempts of which nobody knew whether they had an effect.
    pub ambiguous: u64,
    /// Steps that were compensated.
    pub compensations: u64,
    /// Parts of returns without an order in this file.
    pub unresolved_returns: Vec<UnresolvedReturn>,
    /// Rejected lines by reason, the most frequent first.
    pub rejected: Vec<RejectedLines>,
    /// Why orders were cancelled, with how many of them.
    pub cancelled_because: BTreeMap<String, u64>,
    /// The number of the order whose history is shown: the most eventful one.
    pub example: String,
    /// Its history.
    pub example_history: Vec<Entry>,
    /// In what documents and books disagree; `None` while something is unfinished.
    pub audit: Option<Vec<String>>,
}

/// Sums of money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// What completed orders were paid with.
    pub revenue_pence: Money,
    /// What was taken off them.
    pub discounts_pence: Money,
    /// What was given back for returned lines.
    pub refunded_pence: Money,
    /// What was credited for returns beyond that.
    pub credited_pence: Money,
    /// What cancelled orders would have come to.
    pub cancelled_pence: Money,
}

/// Completed orders of a day or a country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sales {
    /// Which.
    pub name: String,
    /// How many.
    pub orders: u64,
    /// What they came to.
    pub revenue_pence: Money,
}

/// Pieces on the shelves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stock {
    /// How many products were ever moved.
    pub products: u64,
    /// Of these, what was there at the beginning.
    pub opened: i64,
    /// Set aside for orders.
    pub reserved: i64,
    /// Put back, because orders came to nothing.
    pub released: i64,
    /// Came back with returns.
    pub restocked: i64,
    /// Written off.
    pub taken_off: i64,
    /// What is there now.
    pub on_hand: i64,
    /// The products of which most left, the most first.
    pub most_moved: Vec<StockRow>,
}

/// One product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StockRow {
    /// Which.
    pub product: String,
    /// By how many pieces there are fewer than at the beginning.
    pub left: i64,
    /// How many there are.
    pub on_hand: u64,
}

/// One step of one kind of saga.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StepFacts {
    /// Of which saga.
    pub saga: String,
    /// Which.
    pub step: String,
    /// How often it was done.
    pub done: u64,
    /// Attempts that were made again.
    pub retries: u64,
    /// Attempts of which nobody knew whether they had an effect.
    pub ambiguous: u64,
    /// How often it was compensated.
    pub compensated: u64,
    /// How long it took from being due to being done, with all attempts: the median.
    pub p50_us: u64,
    /// Of a hundred, the slowest but one.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
    /// How many took how long, in classes that double: up to 1 ms, 2 ms, 4 ms, …
    pub histogram: Vec<u64>,
}

/// A part of a return that nothing was found for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnresolvedReturn {
    /// Which return.
    pub by: String,
    /// Which line of the file.
    pub line: u64,
    /// What.
    pub product: String,
    /// How many pieces.
    pub pieces: u32,
    /// What was credited.
    pub credit_pence: Money,
}

/// Lines that break the same rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedLines {
    /// Which rule.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first_lines: Vec<u64>,
}

/// One entry of a document's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, in nanoseconds since 1970 (UTC).
    pub at_unix_nanos: u64,
    /// What: an event of the document, or an attempt that failed.
    pub what: String,
    /// Why.
    pub cause: String,
    /// Where the document was then; nothing if that did not change.
    pub state: Option<&'static str>,
}

impl Report {
    /// How many orders there are.
    pub fn orders_in_all(&self) -> u64 {
        self.orders.values().sum()
    }
}
