//! The saga of an order: validate, reserve, charge, ship, notify.
//!
//! Shipping is the point of no return. What the shop's rules refuse ends early, as rejected; what a
//! service refuses is compensated and ends as cancelled. The invariant it guards: at every end the
//! order's stream says what the services' books say.

use super::{
    Around, Found, by_product,
    steps::{after_effect, answer, step, then},
};
use crate::{
    domain::{
        Accepted, Attempted, Cancelled, Completed, DocumentNo, Money, Order, OrderEvent,
        OrderState, Paid, PaymentMethod, Rejected, Reserved, Shipped,
    },
    ports::{Charge, Notify, Reserve, Ship, ask},
};
use sagalog::{
    SagaReader,
    definition::{Definition, Outcome, Saga, StepCx},
    runtime::Transport,
    saga::{DefinitionError, Effect, Phase},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the saga of an order is started with. Its lines stand in its stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Which order.
    pub order: DocumentNo,
    /// How it is paid.
    pub method: PaymentMethod,
    /// How much.
    pub total: Money,
}

/// What an order comes to that is not cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderEnd {
    /// It is on its way, and paid.
    Sold,
    /// It breaks a rule.
    Rejected(String),
}

/// What validation comes to: why the order is not taken, if it is not.
type Verdict = Option<String>;

/// Its steps, in order.
pub(super) const STEPS: [&str; 5] = ["validate", "reserve", "charge", "ship", "notify"];

pub(super) fn definition<T: Transport>(
    around: &Arc<Around<T>>,
) -> Result<Definition<OrderRequest, OrderEnd>, DefinitionError> {
    let patience = &around.patience;
    let mut saga = Saga::<OrderRequest>::define("order", 1);
    let validate = saga
        .step(STEPS[0], step(around, Effect::Transactional, validate))
        .compensation_fn(answer(around, cancel))
        .retry(patience.until_done())
        .compensation_retry(patience.until_done())
        .takes(|request, ()| request.clone());
    let reserve = saga
        .step(STEPS[1], step(around, Effect::Keyed, reserve))
        .after(validate)
        .compensation_fn(answer(around, release))
        .retry(patience.bounded())
        .compensation_retry(patience.until_done())
        .timeout(patience.timeout)
        .takes(|request, _| request.clone());
    let charge = saga
        .step(STEPS[2], step(around, Effect::Keyed, charge))
        .after(reserve)
        .compensation_fn(answer(around, pay_back))
        .retry(patience.bounded())
        .compensation_retry(patience.until_done())
        .timeout(patience.timeout)
        .takes(|request, ()| request.clone());
    let ship = saga
        .step(STEPS[3], step(around, Effect::Keyed, ship))
        .after(charge)
        .compensation_fn(answer(around, stop_shipment))
        .pivot()
        .retry(patience.bounded())
        .compensation_retry(patience.until_done())
        .timeout(patience.timeout)
        .takes(|request, ()| request.clone());
    let notify = saga
        .step(STEPS[4], step(around, Effect::Keyed, notify))
        .after(ship)
        .retriable()
        .retry(patience.until_done())
        .timeout(patience.timeout)
        .takes(|request, ()| request.clone());
    saga.returns(notify).ends_early(validate, |_, verdict| verdict.map(OrderEnd::Rejected)).build()
}

/// The order, or what the attempt comes to without it.
macro_rules! found {
    ($around:expr, $cx:expr, $request:expr) => {
        match $around.orders.recall(&$cx, &$request.order).await {
            Ok(found) => found,
            Err(error) => return error.outcome(),
        }
    };
}

async fn validate<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: OrderRequest,
) -> Outcome<Verdict> {
    let order = found!(around, cx, request);
    let objection = order.document.placed.objection().map(str::to_owned);
    let event = match &objection {
        None => OrderEvent::Accepted(Accepted { total: request.total }),
        Some(reason) => OrderEvent::Rejected(Rejected { reason: reason.clone() }),
    };
    leave(&around, &cx, &order, event, objection)
}

async fn cancel<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: OrderRequest,
) -> Outcome<()> {
    let order = found!(around, cx, request);
    // It was cancelled while it was rejected: then that is on record, and nothing is to be
    // answered.
    if order.document.state == OrderState::Rejected {
        return Outcome::Done(());
    }
    let status = SagaReader::from(around.orders.store()).status(cx.saga()).await;
    let cause = match status.map(|status| status.phase) {
        Ok(Phase::Aborting { cause, reason }) => format!("{cause}: {reason}"),
        Ok(_) => "it was aborted".to_owned(),
        Err(error) => return Outcome::retry(error.to_string()),
    };
    leave(&around, &cx, &order, OrderEvent::Cancelled(Cancelled { cause }), ())
}

async fn reserve<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: OrderRequest,
) -> Outcome<()> {
    let order = found!(around, cx, request);
    let (pieces, attempt) = (order.document.placed.pieces(), cx.attempt());
    let event = OrderEvent::Reserved(Reserved { pieces, attempt });
    let outcome = ask(&around.transport, &cx, &shelf_of(&order)).await;
    then(outcome, |_| leave(&around, &cx, &order, event, ()))
}

async fn release<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: OrderRequest,
) -> Outcome<()> {
    let order = found!(around, cx, request);
    let event = OrderEvent::StockReleased(Attempted { attempt: cx.attempt() });
    let outcome = ask(&around.transport, &cx, &shelf_of(&order)).await;
    then(outcome, |_| leave(&around, &cx, &order, event, ()))
}

fn shelf_of(order: &Found<Order>) -> Reserve {
    let goods = order.document.placed.goods();
    let lines = by_product(goods.map(|line| (&line.product, u64::from(line.quantity.get()))));
    Reserve { order: order.number.clone(), lines }
}

async fn charge<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: OrderRequest,
) -> Outcome<()> {
    let order = found!(around, cx, request);
    let outcome = ask(&around.transport, &cx, &bill_of(&request)).await;
    then(outcome, |receipt| {
        let receipt = String::from_utf8_lossy(&receipt).into_owned();
        let paid = Paid { amount: request.total, receipt, attempt: cx.attempt() };
        leave(&around, &cx, &order, OrderEvent::Paid(paid), ())
    })
}

async fn pay_back<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: OrderRequest,
) -> Outcome<()> {
    let order = found!(around, cx, request);
    let event = OrderEvent::PaymentReturned(Attempted { attempt: cx.attempt() });
    let outcome = ask(&around.transport, &cx, &bill_of(&request)).await;
    then(outcome, |_| leave(&around, &cx, &order, event, ()))
}

fn bill_of(request: &OrderRequest) -> Charge {
    Charge { order: request.order.clone(), method: request.method, amount: request.total }
}

async fn ship<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: OrderRequest,
) -> Outcome<()> {
    let order = found!(around, cx, request);
    let outcome = ask(&around.transport, &cx, &parcel_of(&order)).await;
    then(outcome, |parcel| {
        let parcel = String::from_utf8_lossy(&parcel).into_owned();
        let shipped = Shipped { parcel, attempt: cx.attempt() };
        leave(&around, &cx, &order, OrderEvent::Shipped(shipped), ())
    })
}

async fn stop_shipment<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: OrderRequest,
) -> Outcome<()> {
    let order = found!(around, cx, request);
    let event = OrderEvent::ShipmentStopped(Attempted { attempt: cx.attempt() });
    let outcome = ask(&around.transport, &cx, &parcel_of(&order)).await;
    then(outcome, |_| leave(&around, &cx, &order, event, ()))
}

fn parcel_of(order: &Found<Order>) -> Ship {
    let placed = &order.document.placed;
    Ship {
        order: order.number.clone(),
        country: placed.country.clone(),
        recipient: placed.customer.recipient.clone(),
        pieces: placed.pieces(),
    }
}

async fn notify<T: Transport>(
    around: Arc<Around<T>>,
    cx: StepCx,
    request: OrderRequest,
) -> Outcome<OrderEnd> {
    let order = found!(around, cx, request);
    let text = format!("Your order {} over {} is on its way.", request.order, request.total);
    let letter = Notify { about: request.order.clone(), text };
    let event = OrderEvent::Completed(Completed { attempt: cx.attempt() });
    let outcome = ask(&around.transport, &cx, &letter).await;
    then(outcome, |_| leave(&around, &cx, &order, event, OrderEnd::Sold))
}

/// Done with `output`, and the event is stored with that, if it can follow.
fn leave<T: Transport, Out>(
    around: &Around<T>,
    cx: &StepCx,
    order: &Found<Order>,
    event: OrderEvent,
    output: Out,
) -> Outcome<Out> {
    after_effect(around.orders.leave(cx, order, event), output)
}
