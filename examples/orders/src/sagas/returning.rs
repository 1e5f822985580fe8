//! The saga of a return: match, refund, restock, notify.
//!
//! Which earlier lines a return is about is decided once, in the append that marks them as come
//! back; that is its point of no return, since what is owed then is owed. The invariant it guards:
//! of no line more comes back than was sold, however many returns ask at once.

use super::{
    Around, BookError, Found, by_product,
    steps::{after_effect, step, then},
};
use crate::{
    domain::{
        DocumentNo, Line, LinesReturned, Matching, Order, OrderEvent, OrderState, PartReturned,
        Refunded, Restocked, Return, ReturnCompleted, ReturnEvent, Sold,
    },
    ports::{Notify, Refund, Restock, ask},
};
use sagalog::{
    definition::{Definition, Outcome, Saga, StepCx},
    runtime::Transport,
    saga::{DefinitionError, Effect},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// What the saga of a return is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnRequest {
    /// Which return.
    pub by: DocumentNo,
}

/// What a return comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnEnd {
    /// How many parts of it were sold here.
    pub matched: usize,
    /// How many were not: a return without an order in this file.
    pub unmatched: usize,
}

/// Its steps, in order.
pub(super) const STEPS: [&str; 4] = ["match", "refund", "restock", "notify"];

pub(super) fn definition<T: Transport>(
    around: &Arc<Around<T>>,
) -> Result<Definition<ReturnRequest, ReturnEnd>, DefinitionError> {
    let patience = &around.patience;
    let mut saga = Saga::<ReturnRequest>::define("return", 1);
    let matched = saga
        .step(STEPS[0], step(around, Effect::Transactional, find_lines))
        .needs_no_compensation()
        .pivot()
        .retry(patience.until_done())
        .takes(|request, ()| request.clone());
    let refund = saga
        .step(STEPS[1], step(around, Effect::Keyed, refund))
        .after(matched)
        .retriable()
        .retry(patience.until_done())
        .timeout(patience.timeout)
        .takes(|request, ()| request.clone());
    let restock = saga
        .step(STEPS[2], step(around, Effect::Keyed, restock))
        .after(refund)
        .retriable()
        .retry(patience.until_done())
        .timeout(patience.timeout)
        .takes(|request, ()| request.clone());
    let notify = saga
        .step(STEPS[3], step(around, Effect::Keyed, notify))
        .after(restock)
        .retriable()
        .retry(patience.until_done())
        .timeout(patience.timeout)
        .takes(|request, ()| request.clone());
    saga.returns(notify).build()
}

/// The return, or what the attempt comes to without it.
macro_rules! found {
    ($around:expr, $cx:expr, $request:expr) => {
        match $around.returns.recall(&$cx, &$request.by).await {
            Ok(found) => found,
            Err(error) => return error.outcome(),
        }
    };
}

async fn find_lines<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: ReturnRequest,
) -> Outcome<()> {
    match matched(&around, &cx, &request).await {
        Ok(()) => Outcome::Done(()),
        // Nothing was done yet: whoever was faster has changed an order, so it is found anew.
        Err(error) => error.outcome(),
    }
}

async fn matched<T: Transport>(
    around: &Around<T>,
    cx: &StepCx,
    request: &ReturnRequest,
) -> Result<(), BookError> {
    let returned = around.returns.find(&request.by).await?;
    let orders = sold_to(around, &returned.document).await?;
    let sold = orders.values().flat_map(still_sold).collect();
    let matching = Matching::of(&returned.document.placed.lines, sold);
    for (number, order) in &orders {
        let of_it = matching.matched.iter().filter(|matched| matched.order == *number);
        let part = |line, pieces| PartReturned { line, pieces };
        let parts: Vec<_> = of_it.map(|found| part(found.order_line, found.pieces)).collect();
        if !parts.is_empty() {
            let event = OrderEvent::LinesReturned(LinesReturned { by: request.by.clone(), parts });
            around.orders.leave(cx, order, event)?;
        }
    }
    around.returns.leave(cx, &returned, ReturnEvent::Matched(matching))
}

/// The orders that a return can be about: its customer's, which were sold to the end.
async fn sold_to<T: Transport>(
    around: &Around<T>,
    returned: &Return,
) -> Result<BTreeMap<DocumentNo, Found<Order>>, BookError> {
    let mut orders = BTreeMap::new();
    let Some(customer) = &returned.placed.customer else { return Ok(orders) };
    for number in around.orders.of_customer(customer).await? {
        let order = around.orders.find(&number).await?;
        if order.document.state == OrderState::Completed {
            orders.insert(number, order);
        }
    }
    Ok(orders)
}

fn still_sold(order: &Found<Order>) -> Vec<Sold> {
    let placed = &order.document.placed;
    let lines = placed.lines.iter().enumerate();
    let sold = lines.map(|(at, line)| Sold {
        order: order.number.clone(),
        order_line: at,
        line: Line { price: placed.paid_each(line), ..line.clone() },
        left: order.document.left(at),
    });
    sold.collect()
}

/// What was found, which is on record once the first step is done.
fn found_before(returned: &Found<Return>) -> Matching {
    returned.document.matching.clone().unwrap_or_default()
}

async fn refund<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: ReturnRequest,
) -> Outcome<()> {
    let returned = found!(around, cx, request);
    let matching = found_before(&returned);
    let mut parts = BTreeMap::new();
    for matched in matching.matched.iter().filter(|matched| matched.refund.is_positive()) {
        *parts.entry(matched.order.clone()).or_default() += matched.refund;
    }
    let (by, credit) = (request.by.clone(), matching.credit());
    let order = Refund { by, parts: parts.into_iter().collect(), credit };
    let outcome = ask(&around.transport, &cx, &order).await;
    then(outcome, |_| {
        let (refunded, credited, attempt) = (matching.refund(), credit, cx.attempt());
        let event = ReturnEvent::Refunded(Refunded { refunded, credited, attempt });
        after_effect(around.returns.leave(&cx, &returned, event), ())
    })
}

async fn restock<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: ReturnRequest,
) -> Outcome<()> {
    let returned = found!(around, cx, request);
    let matching = found_before(&returned);
    let came_back = matching.matched.iter().filter_map(|matched| {
        let line = returned.document.placed.lines.get(matched.line)?;
        (!line.product.is_service()).then_some((&line.product, u64::from(matched.pieces)))
    });
    let order = Restock { by: request.by.clone(), lines: by_product(came_back) };
    let pieces = order.lines.iter().map(|(_, pieces)| pieces).sum();
    let outcome = ask(&around.transport, &cx, &order).await;
    then(outcome, |_| {
        let event = ReturnEvent::Restocked(Restocked { pieces, attempt: cx.attempt() });
        after_effect(around.returns.leave(&cx, &returned, event), ())
    })
}

async fn notify<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: ReturnRequest,
) -> Outcome<ReturnEnd> {
    let returned = found!(around, cx, request);
    let matching = found_before(&returned);
    let owed = matching.refund() + matching.credit();
    let text = format!("For your return {} you are given back {owed}.", request.by);
    let letter = Notify { about: request.by.clone(), text };
    let outcome = ask(&around.transport, &cx, &letter).await;
    then(outcome, |_| {
        let event = ReturnEvent::Completed(ReturnCompleted { attempt: cx.attempt() });
        let (matched, unmatched) = (matching.matched.len(), matching.unmatched.len());
        let left = around.returns.leave(&cx, &returned, event);
        after_effect(left, ReturnEnd { matched, unmatched })
    })
}
