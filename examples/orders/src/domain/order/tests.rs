//! Every event in every state: what leads where is this list, and nothing else does.

use super::*;
use crate::domain::{Customer, LocalTime, PaymentMethod};

fn placed() -> OrderEvent {
    OrderEvent::Placed(Placed {
        customer: Customer::default(),
        country: "Norway".into(),
        ordered_at: LocalTime::try_new((2010, 12, 1), (8, 26)).expect("a moment"),
        payment: PaymentMethod::Card,
        lines: Vec::new(),
        discount: None,
    })
}

fn events() -> Vec<OrderEvent> {
    let undone = Attempted { attempt: 1 };
    vec![
        placed(),
        OrderEvent::Accepted(Accepted { total: Money::ZERO }),
        OrderEvent::Rejected(Rejected { reason: String::new() }),
        OrderEvent::Reserved(Reserved { pieces: 1, attempt: 1 }),
        OrderEvent::Paid(Paid { amount: Money::ZERO, receipt: String::new(), attempt: 1 }),
        OrderEvent::Shipped(Shipped { parcel: String::new(), attempt: 1 }),
        OrderEvent::Completed(Completed { attempt: 1 }),
        OrderEvent::ShipmentStopped(undone.clone()),
        OrderEvent::PaymentReturned(undone.clone()),
        OrderEvent::StockReleased(undone),
        OrderEvent::Cancelled(Cancelled { cause: String::new() }),
        OrderEvent::LinesReturned(LinesReturned {
            by: DocumentNo::parse("C1").expect("a number"),
            parts: Vec::new(),
        }),
    ]
}

#[test]
fn only_these_lead_anywhere() {
    let lawful = [
        ("placed", "accepted", "accepted"),
        ("placed", "rejected", "rejected"),
        ("accepted", "reserved", "reserved"),
        ("reserved", "paid", "paid"),
        ("paid", "shipped", "shipped"),
        ("shipped", "completed", "completed"),
        ("paid", "shipment stopped", "paid"),
        ("paid", "payment returned", "reserved"),
        ("reserved", "payment returned", "reserved"),
        ("reserved", "stock released", "accepted"),
        ("accepted", "stock released", "accepted"),
        ("accepted", "cancelled", "cancelled"),
        ("completed", "lines returned", "completed"),
    ];
    for state in OrderState::ALL {
        for event in events() {
            let known = |(from, what, _): &&(&str, &str, &str)| {
                (*from, *what) == (state.name(), event.name())
            };
            let expected = lawful.iter().find(known).map(|(.., to)| *to);
            let found = state.after(&event).ok().map(OrderState::name);
            assert_eq!(found, expected, "{} while {}", event.name(), state.name());
        }
    }
    assert_eq!(OrderState::first(&placed()), Ok(OrderState::Placed));
    assert!(events().iter().skip(1).all(|event| OrderState::first(event).is_err()));
}
