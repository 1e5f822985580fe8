//! Whether the books say what the documents say.
//!
//! Only for a shop at rest: with everything settled. Each complaint names the document.

use super::{Books, Documents};
use crate::{
    domain::{
        Document, DocumentNo, Money, Order, OrderState, Return, ReturnState, WriteOff,
        WriteOffState,
    },
    services::entries::{RELEASED, RESERVED},
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything in which documents and books disagree, in sentences; nothing if they agree.
pub fn judge(documents: &Documents, books: &Books) -> Vec<String> {
    let mut judge = Judge { books, complaints: Vec::new() };
    for (number, order) in &documents.orders {
        judge.order(number, order);
    }
    for (number, returned) in &documents.returns {
        judge.returned(number, returned);
    }
    for (number, write_off) in &documents.write_offs {
        judge.write_off(number, write_off);
    }
    judge.refunds(documents);
    judge.shelves();
    judge.strangers(documents);
    judge.complaints
}

struct Judge<'a> {
    books: &'a Books,
    complaints: Vec<String>,
}

/// By product, how many pieces; nothing where there are none.
type Pieces = BTreeMap<String, i64>;

impl Judge<'_> {
    fn check(&mut self, holds: bool, complaint: impl FnOnce() -> String) {
        if !holds {
            self.complaints.push(complaint());
        }
    }

    fn order(&mut self, number: &DocumentNo, order: &Order) {
        let name = number.as_str();
        let payment = self.books.payments.get(name).cloned().unwrap_or_default();
        let (sent, stopped) = self.books.parcels.get(name).copied().unwrap_or_default();
        let letters = self.books.letters.get(name).copied().unwrap_or_default();
        let key = format!("{}/0/reserve", Order::name(number));
        let moved = without_zeros(self.books.moved(&key));
        let state = order.state;
        self.check(state.is_final(), || {
            format!("order {name} is {}, which is no end", state.name())
        });
        let (sold, total) = (state == OrderState::Completed, order.placed.total());
        let (charged, paid_back) = (&payment.charged, &payment.paid_back);
        let paid = if sold {
            *charged == [total] && paid_back.is_empty()
        } else {
            charged.len() <= 1 && charged == paid_back
        };
        self.check(paid, || {
            format!(
                "order {name} is {} over {total}: charged {charged:?}, paid back {paid_back:?}",
                state.name()
            )
        });
        let parcels = if sold { (sent, stopped) == (1, 0) } else { sent <= 1 && sent == stopped };
        self.check(parcels, || {
            format!("order {name} is {}: {sent} parcels sent, {stopped} stopped", state.name())
        });
        self.check(letters == u32::from(sold), || {
            format!("order {name} is {}: {letters} letters", state.name())
        });
        let taken = if sold { taken_by(order) } else { Pieces::new() };
        self.check(moved == taken, || {
            format!(
                "order {name} is {}: of its pieces {moved:?} moved, not {taken:?}",
                state.name()
            )
        });
        self.moved_once(&key);
    }

    /// Under one key pieces of a product are taken once, and put back once at most.
    fn moved_once(&mut self, key: &str) {
        let Some(products) = self.books.moves.get(key) else { return };
        for (product, moves) in products {
            for name in [RESERVED, RELEASED] {
                let times = moves.iter().filter(|(what, _)| what == name).count();
                self.check(times <= 1, || format!("{key}: {product} was {name} {times} times"));
            }
        }
    }

    fn returned(&mut self, number: &DocumentNo, returned: &Return) {
        let name = number.as_str();
        let state = returned.state;
        self.check(state == ReturnState::Completed, || {
            format!("return {name} is {}, which is no end", state.name())
        });
        let Some(matching) = &returned.matching else { return };
        let credits = self.books.credits.get(name).cloned().unwrap_or_default();
        let owed: Vec<Money> =
            [matching.credit()].into_iter().filter(|m| m.is_positive()).collect();
        self.check(credits == owed, || {
            format!("return {name}: credited {credits:?}, not {owed:?}")
        });
        let promised: Money = returned.placed.lines.iter().map(crate::domain::Line::amount).sum();
        self.check(matching.refund() + matching.credit() == promised, || {
            format!("return {name}: of {promised} not all is given back")
        });
        let mut back = Pieces::new();
        for matched in &matching.matched {
            let line = returned.placed.lines.get(matched.line);
            if let Some(line) = line.filter(|line| !line.product.is_service()) {
                *back.entry(line.product.to_string()).or_default() += i64::from(matched.pieces);
            }
        }
        let moved = self.books.moved(&format!("{}/0/restock", Return::name(number)));
        self.check(moved == back, || format!("return {name}: {moved:?} came back, not {back:?}"));
        let letters = self.books.letters.get(name).copied().unwrap_or_default();
        self.check(letters == 1, || format!("return {name}: {letters} letters"));
    }

    fn write_off(&mut self, number: &DocumentNo, write_off: &WriteOff) {
        let (name, state) = (number.as_str(), write_off.state);
        let ended = matches!(state, WriteOffState::WrittenOff | WriteOffState::Cancelled);
        self.check(ended, || format!("write-off {name} is {}, which is no end", state.name()));
        let mut lost = Pieces::new();
        if state == WriteOffState::WrittenOff {
            for (product, pieces) in &write_off.placed.lines {
                *lost.entry(product.to_string()).or_default() -= i64::from(*pieces);
            }
        }
        let moved = self.books.moved(&format!("{}/0/take-off", WriteOff::name(number)));
        self.check(moved == lost, || format!("write-off {name}: {moved:?} lost, not {lost:?}"));
    }

    /// Each refund of an order is one that a return owes, once, and no more than was paid.
    fn refunds(&mut self, documents: &Documents) {
        let mut owed: BTreeMap<&str, BTreeMap<String, Money>> = BTreeMap::new();
        for (number, returned) in &documents.returns {
            let key = format!("{}/0/refund", Return::name(number));
            for matched in returned.matching.iter().flat_map(|matching| &matching.matched) {
                if matched.refund.is_positive() {
                    let of_order = owed.entry(matched.order.as_str()).or_default();
                    *of_order.entry(key.clone()).or_default() += matched.refund;
                }
            }
        }
        for (order, account) in &self.books.payments {
            let given = &account.refunded;
            let owed = owed.remove(order.as_str()).unwrap_or_default();
            let once: BTreeMap<_, _> =
                owed.into_iter().map(|(key, amount)| (key, vec![amount])).collect();
            let all: Money = given.values().flatten().copied().sum();
            let paid: Money = account.charged.iter().copied().sum();
            if *given != once || all > paid {
                let complaint = format!("order {order}: refunded {given:?}, owed {once:?}");
                self.complaints.push(complaint);
            }
        }
        for (order, lost) in owed {
            self.complaints.push(format!("order {order}: owed {lost:?}, and nothing refunded"));
        }
    }

    fn shelves(&mut self) {
        for (product, shelf) in &self.books.shelves {
            let there = i64::try_from(shelf.on_hand).unwrap_or(i64::MAX);
            if shelf.opened + shelf.changed != there {
                let complaint = format!("shelf {product}: {shelf:?} does not add up");
                self.complaints.push(complaint);
            }
        }
    }

    /// Entries under keys and names of nobody.
    fn strangers(&mut self, documents: &Documents) {
        let order_keys = documents.orders.keys().map(|n| format!("{}/0/reserve", Order::name(n)));
        let return_keys =
            documents.returns.keys().map(|n| format!("{}/0/restock", Return::name(n)));
        let off_keys =
            documents.write_offs.keys().map(|n| format!("{}/0/take-off", WriteOff::name(n)));
        let known: BTreeSet<String> = order_keys.chain(return_keys).chain(off_keys).collect();
        let stranger = |name: &&String| {
            let number = DocumentNo::parse(name);
            !number.is_ok_and(|number| documents.orders.contains_key(&number))
        };
        let unheard_of = |name: &&String| {
            let number = DocumentNo::parse(name);
            let returned = number.is_ok_and(|number| documents.returns.contains_key(&number));
            !returned && stranger(name)
        };
        let strange: Vec<String> = self
            .books
            .moves
            .keys()
            .filter(|key| !known.contains(*key))
            .chain(self.books.payments.keys().filter(stranger))
            .chain(self.books.parcels.keys().filter(stranger))
            .chain(self.books.letters.keys().filter(unheard_of))
            .chain(self.books.credits.keys().filter(unheard_of))
            .cloned()
            .collect();
        let complaint = |name| format!("the books know {name}, and no document does");
        self.complaints.extend(strange.into_iter().map(complaint));
    }
}

fn without_zeros(mut moved: Pieces) -> Pieces {
    moved.retain(|_, pieces| *pieces != 0);
    moved
}

/// What a sold order has taken from the shelves.
fn taken_by(order: &Order) -> Pieces {
    let mut taken = Pieces::new();
    for line in order.placed.goods() {
        *taken.entry(line.product.to_string()).or_default() -= i64::from(line.quantity.get());
    }
    taken
}
