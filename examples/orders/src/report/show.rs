//! One document, whole: what it is, what happened to it, and why.

use super::{
    Entry,
    collect::{history, open},
    text,
};
use crate::{
    audit::Documents,
    domain::{Document, DocumentNo, Line, Order, Return, WriteOff},
    shop::{ShopError, Stage},
};
use serde::Serialize;
use std::{
    fmt::{self, Display, Formatter},
    path::Path,
};

/// A document as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// What it is: the name of its stream and its saga.
    pub name: String,
    /// Where it is.
    pub state: &'static str,
    /// Its lines, in words.
    pub lines: Vec<String>,
    /// What can be said of it besides, in words.
    pub facts: Vec<String>,
    /// What happened to it.
    pub history: Vec<Entry>,
}

impl Shown {
    /// The documents of this number: an order, a return, a write-off, or more than one of these.
    ///
    /// # Errors
    /// [`ShopError::NoShop`] if there is no shop in the directory.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn all(data: &Path, number: &DocumentNo) -> Result<Vec<Self>, ShopError> {
        let store = open(data, Stage::Shop).await?;
        let documents = Documents::read(&store).await?;
        let mut shown = Vec::new();
        if let Some(order) = documents.orders.get(number) {
            shown.push(Self::order(number, order, history(&store, number, order).await?));
        }
        if let Some(returned) = documents.returns.get(number) {
            shown.push(Self::returned(number, returned));
        }
        if let Some(write_off) = documents.write_offs.get(number) {
            shown.push(Self::write_off(number, write_off));
        }
        Ok(shown)
    }

    fn order(number: &DocumentNo, order: &Order, history: Vec<Entry>) -> Self {
        let placed = &order.placed;
        let mut facts = vec![
            match &placed.customer.number {
                Some(customer) => format!("customer {customer}, {}", placed.country),
                None => format!("a guest, {}", placed.country),
            },
            format!("{} by {}", placed.total(), placed.payment),
        ];
        if let Some(to) = &placed.customer.recipient {
            facts.push(format!("to {}, {}, {}", to.name, to.street, to.town));
        }
        facts.extend(placed.discount.as_ref().map(ToString::to_string));
        let back = order.returned.iter().map(|pieces| u64::from(*pieces)).sum::<u64>();
        if back > 0 {
            facts.push(format!("{back} pieces came back"));
        }
        let lines = placed.lines.iter().map(line).collect();
        Self { name: Order::name(number), state: order.state.name(), lines, facts, history }
    }

    fn returned(number: &DocumentNo, returned: &Return) -> Self {
        let placed = &returned.placed;
        let mut facts = vec![match &placed.customer {
            Some(customer) => format!("customer {customer}, {}", placed.country),
            None => format!("a guest, {}", placed.country),
        }];
        for matched in returned.matching.iter().flat_map(|matching| &matching.matched) {
            let (pieces, order, refund) = (matched.pieces, &matched.order, matched.refund);
            facts.push(format!("{pieces} pieces of order {order}, {refund} refunded"));
        }
        for rest in returned.matching.iter().flat_map(|matching| &matching.unmatched) {
            let (pieces, credit) = (rest.pieces, rest.credit);
            facts.push(format!("{pieces} pieces without an order in this file, {credit} credited"));
        }
        let lines = placed.lines.iter().map(line).collect();
        let (name, history) = (Return::name(number), Vec::new());
        Self { name, state: returned.state.name(), lines, facts, history }
    }

    fn write_off(number: &DocumentNo, write_off: &WriteOff) -> Self {
        let lines = write_off.placed.lines.iter();
        let lines = lines.map(|(product, pieces)| format!("{pieces} x {product}")).collect();
        let (name, facts, history) = (WriteOff::name(number), Vec::new(), Vec::new());
        Self { name, state: write_off.state.name(), lines, facts, history }
    }
}

fn line(line: &Line) -> String {
    let Line { at, product, description, quantity, price } = line;
    let amount = line.amount();
    format!("{quantity} x {product} {description}, {price} each: {amount} (line {at})")
}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.state)?;
        self.facts.iter().try_for_each(|fact| writeln!(f, "  {fact}"))?;
        self.lines.iter().try_for_each(|line| writeln!(f, "    {line}"))?;
        f.write_str(&text::history(&self.history))
    }
}
