//! The report for a terminal.
//!
//! The invariant it guards: it says in words what the other forms say, and nothing else.

use super::{Entry, Report, Sales};
use crate::domain::Money;
use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
};

/// How many countries, days and the like are shown.
const ROWS: usize = 12;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} lines", self.source, self.lines)?;
        states(f, "orders", &self.orders)?;
        states(f, "returns", &self.returns)?;
        states(f, "write-offs", &self.write_offs)?;
        if self.unfinished > 0 {
            writeln!(f, "unfinished    {}", self.unfinished)?;
        }
        if !self.stuck.is_empty() {
            writeln!(f, "stuck         {}", self.stuck.join(", "))?;
        }
        self.money(f)?;
        sales(f, "revenue by country", &self.by_country)?;
        sales(f, "revenue by day", &self.by_day)?;
        self.shelves(f)?;
        self.attempts(f)?;
        self.misfits(f)?;
        match &self.audit {
            None => writeln!(f, "\naudit: not before everything is settled"),
            Some(complaints) if complaints.is_empty() => {
                writeln!(f, "\naudit: the services' books agree with every document")
            }
            Some(complaints) => {
                writeln!(f, "\naudit: {} complaints", complaints.len())?;
                complaints.iter().try_for_each(|complaint| writeln!(f, "  {complaint}"))
            }
        }
    }
}

impl Report {
    fn money(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        let rows = [
            ("revenue", totals.revenue_pence, "of completed orders"),
            ("discounts", totals.discounts_pence, "taken off before"),
            ("refunded", totals.refunded_pence, "for lines that were sold here"),
            ("credited", totals.credited_pence, "for the rest of the returns"),
            ("cancelled", totals.cancelled_pence, "what cancelled orders would have come to"),
        ];
        writeln!(f)?;
        let told =
            rows.iter().filter(|(name, amount, _)| *amount != Money::ZERO || *name == "revenue");
        for (name, amount, what) in told {
            writeln!(f, "{name:<10} {amount:>14}   {what}")?;
        }
        for (cause, orders) in &self.cancelled_because {
            writeln!(f, "  {orders:>4} orders because {cause}")?;
        }
        Ok(())
    }

    fn shelves(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let stock = &self.stock;
        writeln!(f, "\nstock of {} products, in pieces", stock.products)?;
        let rows = [
            ("at first", stock.opened),
            ("reserved", -stock.reserved),
            ("released", stock.released),
            ("restocked", stock.restocked),
            ("taken off", -stock.taken_off),
            ("on hand", stock.on_hand),
        ];
        rows.iter().try_for_each(|(name, pieces)| writeln!(f, "  {name:<10} {pieces:>14}"))
    }

    fn attempts(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (retries, ambiguous) = (self.retries, self.ambiguous);
        writeln!(
            f,
            "\n{retries} retries, {ambiguous} ambiguous outcomes, {} compensations",
            self.compensations,
        )?;
        writeln!(f, "  slowest steps           p50 ms    p99 ms    max ms  retries  compensated")?;
        for step in self.steps.iter().take(ROWS) {
            let name = format!("{} {}", step.saga, step.step);
            let [p50, p99, max] = [step.p50_us, step.p99_us, step.max_us].map(milliseconds);
            let (retries, compensated) = (step.retries, step.compensated);
            writeln!(f, "  {name:<20} {p50:>9} {p99:>9} {max:>9} {retries:>8} {compensated:>12}")?;
        }
        Ok(())
    }

    fn misfits(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let unresolved = &self.unresolved_returns;
        let credit: Money = unresolved.iter().map(|rest| rest.credit_pence).sum();
        let what = "parts of returns without an order in this file";
        writeln!(f, "\n{} {what}, {credit} credited", unresolved.len())?;
        for rest in unresolved.iter().take(ROWS) {
            let (by, line, product, pieces) = (&rest.by, rest.line, &rest.product, rest.pieces);
            let credit = rest.credit_pence;
            writeln!(f, "  {by}, line {line}: {pieces} of {product}, {credit}")?;
        }
        if let Some(more) = unresolved.len().checked_sub(ROWS).filter(|more| *more > 0) {
            writeln!(f, "  and {more} more")?;
        }
        let all: u64 = self.rejected.iter().map(|rejected| rejected.count).sum();
        writeln!(f, "\n{all} rejected lines")?;
        for rejected in &self.rejected {
            let lines: Vec<String> = rejected.first_lines.iter().map(u64::to_string).collect();
            let more = if rejected.count > lines.len() as u64 { ", …" } else { "" };
            let (count, reason, lines) = (rejected.count, &rejected.reason, lines.join(", "));
            writeln!(f, "  {count:>5}  {reason}: line {lines}{more}")?;
        }
        Ok(())
    }
}

fn states(f: &mut Formatter<'_>, what: &str, states: &BTreeMap<&str, u64>) -> fmt::Result {
    let all: u64 = states.values().sum();
    let each: Vec<String> =
        states.iter().map(|(state, number)| format!("{number} {state}")).collect();
    writeln!(f, "{what:<10} {all:>6}   {}", each.join(", "))
}

fn sales(f: &mut Formatter<'_>, what: &str, sales: &[Sales]) -> fmt::Result {
    writeln!(f, "\n{what}")?;
    for row in sales.iter().take(ROWS) {
        let (name, orders, revenue) = (&row.name, row.orders, row.revenue_pence);
        writeln!(f, "  {name:<20} {orders:>6} orders {revenue:>14}")?;
    }
    if let Some(rest) = sales.get(ROWS..).filter(|rest| !rest.is_empty()) {
        let orders: u64 = rest.iter().map(|row| row.orders).sum();
        let revenue: Money = rest.iter().map(|row| row.revenue_pence).sum();
        let name = format!("{} more", rest.len());
        writeln!(f, "  {name:<20} {orders:>6} orders {revenue:>14}")?;
    }
    Ok(())
}

/// Microseconds as milliseconds with two digits.
fn milliseconds(micros: u64) -> String {
    format!("{}.{:02}", micros / 1000, micros % 1000 / 10)
}

/// A history, a line an entry, with the time since its beginning.
pub(crate) fn history(entries: &[Entry]) -> String {
    let first = entries.first().map_or(0, |entry| entry.at_unix_nanos);
    let line = |entry: &Entry| {
        let after = milliseconds(entry.at_unix_nanos.saturating_sub(first) / 1000);
        let Entry { what, cause, state, .. } = entry;
        let mark = if state.is_some() { "->" } else { "  " };
        format!("  +{after:>9} ms  {mark} {what:<24} {cause}\n")
    };
    entries.iter().map(line).collect()
}
