//! The oracle: what callers asked for and were told, and whether that goes together with the shop's
//! documents and the services' books.
//!
//! It sees histories, never a saga at work. The invariant it guards: what it holds against a run
//! was seen from outside: an answer, a document, an entry in somebody's books.

mod end;
mod ledger;
mod seen;

pub(super) use seen::{Found, Seen, look_up};

use self::end::End;
use super::{
    Orders as Suite,
    paper::{Numbered, Paper, document_no},
    plan::Plan,
};
use crate::{
    frame::Stage,
    marks::{Mark, Watch},
    report::{Violation, broken},
};
use ::orders::{
    audit,
    domain::{OrderState, ReturnState, WriteOffState},
};
use sagalog::{Settled, saga::Cause};
use sagalog_testkit::{Choices, Seeded};
use std::collections::{BTreeMap, BTreeSet};

/// What callers know of a document.
#[derive(Debug)]
struct Known {
    paper: Paper,
    /// Which batch it came with.
    batch: u64,
    taken_in: bool,
    /// Somebody asked for its saga; it was acknowledged.
    asked: bool,
    started: bool,
    told: Option<End>,
}

/// Sees everything, and judges.
#[derive(Debug)]
pub struct Oracle {
    documents: BTreeMap<u64, Known>,
    batches: BTreeMap<u64, Vec<Numbered>>,
    /// Keys of charges of which somebody did not know whether they had happened.
    unknown: BTreeSet<String>,
    opening_stock: u64,
    numbers: u64,
    calls: u64,
    relayed: bool,
}

impl Oracle {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            documents: BTreeMap::new(),
            batches: BTreeMap::new(),
            unknown: BTreeSet::new(),
            opening_stock: plan.conditions.opening_stock,
            numbers: 0,
            calls: 0,
            relayed: false,
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn count(&mut self) {
        self.calls += 1;
    }

    /// A life has opened its store.
    pub(super) fn begins(&mut self) {
        self.relayed = false;
    }

    /// An executor of this life is taken over from.
    pub(super) fn relayed(&mut self) {
        self.relayed = true;
    }

    pub(super) fn was_relayed(&self) -> bool {
        self.relayed
    }

    pub(super) fn new_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A document, now and then one that nobody has.
    pub(super) fn draw_document(&self, choices: &mut Seeded) -> u64 {
        1 + choices.below(self.numbers + 1)
    }

    /// Documents that were to come in together: rather some of which nobody knows whether they did.
    pub(super) fn draw_batch(&self, choices: &mut Seeded) -> Option<Vec<Numbered>> {
        let open = |batch: &&Vec<Numbered>| {
            batch.iter().any(|numbered| !self.was_taken_in(numbered.number))
        };
        let mut batches: Vec<_> = self.batches.values().filter(open).collect();
        if batches.is_empty() {
            batches = self.batches.values().collect();
        }
        let at = usize::try_from(choices.below(batches.len() as u64)).ok()?;
        batches.get(at).map(|batch| (*batch).clone())
    }

    /// All orders that were ever to come in.
    pub(super) fn orders(&self) -> Vec<Paper> {
        let papers = self.documents.values().map(|known| &known.paper);
        papers.filter(|paper| matches!(paper, Paper::Order { .. })).cloned().collect()
    }

    /// All documents.
    pub(super) fn papers(&self) -> BTreeMap<u64, Paper> {
        self.documents.iter().map(|(number, known)| (*number, known.paper.clone())).collect()
    }

    pub(super) fn paper(&self, document: u64) -> Option<Paper> {
        self.documents.get(&document).map(|known| known.paper.clone())
    }

    /// Somebody wants documents taken in. Whether they were asked for before; `None` if others had
    /// the numbers, which nobody draws.
    pub(super) fn asks(&mut self, papers: &[Numbered]) -> Option<bool> {
        let batch = papers.first()?.number;
        if let Some(before) = self.batches.get(&batch) {
            return (before == papers).then_some(true);
        }
        if papers.iter().any(|numbered| self.documents.contains_key(&numbered.number)) {
            return None;
        }
        self.batches.insert(batch, papers.to_vec());
        for Numbered { number, paper } in papers {
            let (paper, told) = (paper.clone(), None);
            let known = Known { paper, batch, taken_in: false, asked: false, started: false, told };
            self.documents.insert(*number, known);
            self.numbers = self.numbers.max(*number);
        }
        Some(false)
    }

    /// They were.
    pub(super) fn taken_in(&mut self, papers: &[Numbered]) {
        for Numbered { number, .. } in papers {
            if let Some(known) = self.documents.get_mut(number) {
                known.taken_in = true;
            }
        }
    }

    pub(super) fn was_taken_in(&self, document: u64) -> bool {
        self.documents.get(&document).is_some_and(|known| known.taken_in)
    }

    /// Somebody wants to start the saga of a document, if it was taken in.
    pub(super) fn starts(&mut self, document: u64, watch: &Watch) -> Option<Paper> {
        let known = self.documents.get_mut(&document).filter(|known| known.taken_in)?;
        known.asked = true;
        let paper = known.paper.clone();
        if let Paper::Return { customer: whose @ Some(_), .. } = &paper {
            let runs = |known: &Known| {
                let of_it =
                    matches!(&known.paper, Paper::Order { customer, .. } if customer == whose);
                of_it && known.started && known.told.is_none()
            };
            if self.documents.values().any(runs) {
                watch.reach(Mark::ReturnBesideOrder);
            }
        }
        Some(paper)
    }

    pub(super) fn started(&mut self, document: u64) {
        if let Some(known) = self.documents.get_mut(&document) {
            (known.asked, known.started) = (true, true);
        }
    }

    /// Whether somebody has ever asked for a document's saga.
    pub(super) fn was_asked_for(&self, document: u64) -> bool {
        self.documents.get(&document).is_some_and(|known| known.asked)
    }

    pub(super) fn was_started(&self, document: u64) -> bool {
        self.documents.get(&document).is_some_and(|known| known.started)
    }

    /// Somebody wants to cancel a document, if it is an order.
    pub(super) fn cancels(&self, document: u64) -> Option<Paper> {
        self.paper(document).filter(|paper| matches!(paper, Paper::Order { .. }))
    }

    /// Nobody knows whether a charge has happened.
    pub(super) fn charge_unknown(&mut self, key: String) {
        self.unknown.insert(key);
    }

    pub(super) fn was_unknown(&self, key: &str) -> bool {
        self.unknown.contains(key)
    }

    /// Somebody was told how a saga ended.
    pub(super) fn told(
        &mut self,
        document: u64,
        settled: &Settled,
        stage: &Stage<Suite>,
    ) -> Result<(), Violation> {
        let Some(known) = self.documents.get_mut(&document) else {
            return broken("G41", format!("nobody started the saga of document {document}"));
        };
        let Some(end) = End::of(&known.paper, settled) else {
            return broken("G47", format!("document {document} comes to {settled:?}"));
        };
        stage.note(&[34, document, end.word()]);
        stage.watch.reach(match end {
            End::Aborted(Cause::Rejected) => Mark::AbortRejected,
            End::Aborted(Cause::Cancelled) => Mark::AbortCancelled,
            End::Aborted(_) => Mark::AbortFailed,
            _ => Mark::SagaCompleted,
        });
        match known.told.replace(end) {
            Some(before) if before != end => {
                broken("G47", format!("document {document} came to {before:?}, then to {end:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Judges everything: the world is healed, every saga has ended, nothing is under way.
    pub(super) fn judge(&self, seen: &Seen, watch: &Watch) -> Result<(), Violation> {
        let numbers: BTreeSet<String> =
            self.documents.iter().map(|(number, known)| known.paper.stream(*number)).collect();
        if let Some(stranger) = seen.streams.iter().find(|stream| !numbers.contains(*stream)) {
            return broken("G50", format!("nobody took in {stranger}"));
        }
        for (number, known) in &self.documents {
            let found = seen.documents.get(number).unwrap_or(&Found::Nothing);
            let named = |Violation { guarantee, what }| Violation {
                guarantee,
                what: format!("document {number}: {what}; {known:?}, {found:?}"),
            };
            self.judge_document(*number, known, found, seen).map_err(named)?;
        }
        let ended: BTreeMap<u64, (&Paper, &Found)> = (self.documents.iter())
            .filter_map(|(number, known)| Some((*number, (&known.paper, seen.there(*number)?))))
            .collect();
        ledger::judge_money(&ended, &seen.entries)?;
        ledger::judge_stock(&ended, &seen.entries, self.opening_stock)?;
        let complaints = audit::judge(&self.audited(seen), &seen.books);
        if !complaints.is_empty() {
            return broken("G50", complaints.join("; "));
        }
        self.notice(seen, watch);
        Ok(())
    }

    fn judge_document(
        &self,
        number: u64,
        known: &Known,
        found: &Found,
        seen: &Seen,
    ) -> Result<(), Violation> {
        if let Found::Nothing = found {
            if known.taken_in {
                return broken("G50", "it was taken in, and is not there".into());
            }
            let others = self.batches.get(&known.batch).into_iter().flatten();
            let whole = others.map(|other| other.number).all(|other| seen.there(other).is_none());
            return if whole {
                Ok(())
            } else {
                broken("G50", "of its batch others are there".into())
            };
        }
        let same = match found {
            Found::Order(order) => {
                known.paper.placed(number).is_some_and(|placed| order.placed == placed.into())
            }
            Found::Return(it) => Some(&it.placed) == known.paper.returned(number).as_ref(),
            Found::WriteOff(it) => Some(&it.placed) == known.paper.written_off().as_ref(),
            Found::Nothing => false,
        };
        if !same {
            return broken("G50", "it is not what was taken in".into());
        }
        let Some(told) = known.told else {
            return broken("G31", "its saga has not ended".into());
        };
        let objectionable = known.paper.items().is_empty() || known.paper.total() <= 0;
        let agree = match (found, told) {
            (Found::Order(order), End::Sold) => {
                order.state == OrderState::Completed && !objectionable
            }
            (Found::Order(order), End::Rejected) => {
                order.state == OrderState::Rejected && objectionable
            }
            // Whoever cancels an order while it is rejected is told that it was cancelled.
            (Found::Order(order), End::Aborted(cause)) => {
                order.state == OrderState::Cancelled
                    || is_untouched(order.state, told)
                    || order.state == OrderState::Rejected
                        && objectionable
                        && cause == Cause::Cancelled
            }
            (Found::Return(returned), End::Returned(end)) => {
                returned.state == ReturnState::Completed
                    && returned.matching.as_ref().is_some_and(|matching| {
                        matching.matched.len() == end.matched
                            && matching.unmatched.len() == end.unmatched
                    })
            }
            (Found::WriteOff(it), End::WrittenOff) => it.state == WriteOffState::WrittenOff,
            (Found::WriteOff(it), End::Aborted(_)) => it.state == WriteOffState::Cancelled,
            _ => false,
        };
        if agree { Ok(()) } else { broken("G50", format!("its saga came to {told:?}")) }
    }

    /// What the application's own audit looks at: all but orders whose sagas were cancelled before
    /// their first step, so that nothing was left to be done about them, nor to be recorded. Of
    /// these nothing may stand in any books, which is what the audit says of strangers.
    fn audited(&self, seen: &Seen) -> audit::Documents {
        let mut documents = audit::Documents::default();
        for (number, found) in &seen.documents {
            let no = document_no(*number);
            match found {
                Found::Order(order) => {
                    let told = self.documents.get(number).and_then(|known| known.told);
                    if !told.is_some_and(|told| is_untouched(order.state, told)) {
                        documents.orders.insert(no, (**order).clone());
                    }
                }
                Found::Return(it) => drop(documents.returns.insert(no, it.clone())),
                Found::WriteOff(it) => drop(documents.write_offs.insert(no, it.clone())),
                Found::Nothing => {}
            }
        }
        documents
    }

    fn notice(&self, seen: &Seen, watch: &Watch) {
        for (number, known) in &self.documents {
            if let (Some(Found::Order(order)), Some(told)) =
                (seen.documents.get(number), known.told)
                && is_untouched(order.state, told)
            {
                watch.reach(Mark::OrderUntouched);
            }
            match known.told {
                Some(End::Sold) => watch.reach(Mark::OrderSold),
                Some(End::Rejected) => watch.reach(Mark::OrderRejected),
                Some(End::Returned(end)) => {
                    if end.matched > 0 {
                        watch.reach(Mark::ReturnMatched);
                    }
                    if end.unmatched > 0 {
                        watch.reach(Mark::ReturnUnmatched);
                    }
                }
                Some(End::WrittenOff) => watch.reach(Mark::WriteOffDone),
                Some(End::Aborted(_)) => watch.reach(match known.paper {
                    Paper::WriteOff { .. } => Mark::WriteOffCancelled,
                    _ => Mark::OrderCancelled,
                }),
                None => {}
            }
        }
        for entry in &seen.entries {
            match entry.name.as_str() {
                "PaidBack" => watch.reach(Mark::PaidBack),
                "Stopped" => watch.reach(Mark::ParcelStopped),
                _ => {}
            }
        }
    }
}

/// An order whose saga was cancelled before its first step.
fn is_untouched(state: OrderState, told: End) -> bool {
    state == OrderState::Placed && told == End::Aborted(Cause::Cancelled)
}
