//! Money and pieces, counted once more: by other rules than the application's audit, from what was
//! taken in and where documents ended.
//!
//! It asks neither the application's sums nor its keys. The invariant it guards: nothing appears
//! and nothing vanishes; what every service has moved together is what documents say was sold, came
//! back, or was lost.

use super::seen::{Entry, Found};
use crate::{
    orders::paper::{PRODUCTS, Paper, number_of},
    report::{Violation, broken},
};
use ::orders::domain::{OrderState, WriteOffState};
use std::collections::BTreeMap;

/// Documents that are there, by number.
type Ended<'a> = BTreeMap<u64, (&'a Paper, &'a Found)>;

fn is_sold(found: &Found) -> bool {
    matches!(found, Found::Order(order) if order.state == OrderState::Completed)
}

/// What became of one order's payment, in pence.
#[derive(Clone, Debug, Default)]
struct Payment {
    charges: Vec<i64>,
    paid_back: Vec<i64>,
    refunded: i64,
}

/// An order is charged once, and of that no more is given back; all together is what was sold less
/// what came back.
pub(super) fn judge_money(ended: &Ended<'_>, entries: &[Entry]) -> Result<(), Violation> {
    let mut payments: BTreeMap<&str, Payment> = BTreeMap::new();
    let mut credited = 0;
    for entry in entries {
        let amount = entry.number("amount");
        match (entry.kind.as_str(), entry.name.as_str()) {
            ("payment", "Charged") => {
                payments.entry(&entry.about).or_default().charges.push(amount);
            }
            ("payment", "PaidBack") => {
                payments.entry(&entry.about).or_default().paid_back.push(amount);
            }
            ("payment", "Refunded") => payments.entry(&entry.about).or_default().refunded += amount,
            ("credit", "Credited") => credited += amount,
            ("payment" | "credit", name) => {
                return broken("G48", format!("{name} moves money, and nobody knows how"));
            }
            _ => {}
        }
    }
    let mut balance = -credited;
    for (order, payment) in &payments {
        let Payment { charges, paid_back, refunded } = payment;
        if charges.len() > 1 || paid_back.len() > 1 {
            return broken("G48", format!("order {order} is charged twice, or back: {payment:?}"));
        }
        let (taken, given) = (charges.iter().sum::<i64>(), paid_back.iter().sum::<i64>());
        if given + refunded > taken || *refunded < 0 {
            return broken("G48", format!("order {order} is given back too much: {payment:?}"));
        }
        let sold = number_of(order).and_then(|number| ended.get(&number));
        let owed = match sold {
            Some((paper, found)) if is_sold(found) => paper.total(),
            _ => 0,
        };
        if taken - given != owed {
            return broken("G48", format!("order {order} owes {owed} pence: {payment:?}"));
        }
        balance += taken - given - refunded;
    }
    let sold: i64 = ended.values().filter(|it| is_sold(it.1)).map(|it| it.0.total()).sum();
    let back = ended.values().filter(|it| matches!(it.0, Paper::Return { .. }));
    let back: i64 = back.map(|it| it.0.total()).sum();
    if balance == sold - back {
        return Ok(());
    }
    let what =
        format!("{balance} pence are kept, of {sold} that were sold and {back} that came back");
    broken("G48", what)
}

/// A shelf has what it had before and what has changed, never less than nothing; and all changes
/// together are what documents say.
pub(super) fn judge_stock(
    ended: &Ended<'_>,
    entries: &[Entry],
    opening_stock: u64,
) -> Result<(), Violation> {
    let mut left = moved_by_documents(ended)?;
    let mut shelves: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == "shelf") {
        let shelf = entry.about.as_str();
        let (change, on_hand) = (entry.number("change"), entry.number("on_hand"));
        let before = shelves.get(shelf).copied();
        let opens = entry.name == "Opened";
        if opens != before.is_none() || opens && u64::try_from(change) != Ok(opening_stock) {
            return broken("G49", format!("shelf {shelf} is not opened once and first: {entry:?}"));
        }
        let after = before.unwrap_or(0) + change;
        if after != on_hand || after < 0 {
            return broken("G49", format!("shelf {shelf} has {after} pieces: {entry:?}"));
        }
        shelves.insert(shelf, after);
    }
    for (shelf, after) in shelves {
        let opened = i64::try_from(opening_stock).unwrap_or(i64::MAX);
        let said = left.remove(shelf).unwrap_or(0);
        if opened + said != after {
            let what = format!("shelf {shelf} has {after} pieces, not {opened} and {said}");
            return broken("G49", what);
        }
    }
    match left.into_iter().find(|(_, pieces)| *pieces != 0) {
        Some((shelf, pieces)) => {
            broken("G49", format!("{pieces} of {shelf} moved, and its shelf knows nothing"))
        }
        None => Ok(()),
    }
}

/// By product, by how much documents say that its shelf has changed. Of no line more comes back
/// than was sold with it.
fn moved_by_documents(ended: &Ended<'_>) -> Result<BTreeMap<&'static str, i64>, Violation> {
    let mut moved: BTreeMap<&str, i64> = BTreeMap::new();
    let mut back: BTreeMap<(u64, usize), u32> = BTreeMap::new();
    for (number, (paper, found)) in ended {
        let sign = match found {
            _ if is_sold(found) => -1,
            Found::WriteOff(it) if it.state == WriteOffState::WrittenOff => -1,
            Found::Return(returned) => {
                for matched in returned.matching.iter().flat_map(|it| &it.matched) {
                    let order = number_of(matched.order.as_str()).unwrap_or(0);
                    let item = paper.items().get(matched.line);
                    let sold = ended.get(&order).filter(|it| is_sold(it.1)).map(|it| it.0);
                    let sold = sold.and_then(|paper| paper.items().get(matched.order_line));
                    let (Some(item), Some(sold)) = (item, sold) else {
                        return broken(
                            "G49",
                            format!("return {number} is of nothing: {matched:?}"),
                        );
                    };
                    let all = back.entry((order, matched.order_line)).or_default();
                    *all += matched.pieces;
                    if *all > sold.pieces || item.product != sold.product {
                        return broken("G49", format!("return {number} is of more: {matched:?}"));
                    }
                    if item.is_goods() {
                        *moved.entry(PRODUCTS[item.product]).or_default() +=
                            i64::from(matched.pieces);
                    }
                }
                continue;
            }
            _ => continue,
        };
        for item in paper.items().iter().filter(|item| item.is_goods()) {
            *moved.entry(PRODUCTS[item.product]).or_default() += sign * i64::from(item.pieces);
        }
    }
    Ok(moved)
}
