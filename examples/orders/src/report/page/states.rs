//! Where documents have come to.
//!
//! The invariant it guards: each kind of document is measured against its own number, so the shares
//! of one kind are the whole.

use super::{
    html::Node,
    numbers::{counted, float, grouped, share},
    plot::{Bar, bars},
    tables::{card, heading, none, note},
};
use crate::report::Report;
use std::collections::BTreeMap;

/// The states of orders, returns and write-offs.
pub(super) fn states(report: &Report) -> Node {
    let kinds = [
        ("Orders", ["order", "orders"], "orders", &report.orders),
        ("Returns", ["return", "returns"], "returned", &report.returns),
        ("Write-offs", ["write-off", "write-offs"], "written", &report.write_offs),
    ];
    kinds.into_iter().fold(card(), |card, (title, [one, many], id, states)| {
        let all: u64 = states.values().sum();
        let card = card.child(heading(title));
        if all == 0 {
            return card.child(none(&format!("There are no {many}.")));
        }
        let told = format!("{} in all.", counted(all, one, many));
        let ticks = [(0.0, "0%"), (50.0, "50%"), (100.0, "100%")];
        let ticks = ticks.map(|(at, what)| (at, what.to_owned()));
        let title = format!("States of {many}");
        card.child(note(told)).child(bars(id, &title, &rows(states, all), &ticks))
    })
}

fn rows(states: &BTreeMap<&'static str, u64>, all: u64) -> Vec<Bar> {
    let mut states: Vec<(&&str, &u64)> = states.iter().collect();
    states.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    let row = |(state, number): (&&'static str, &u64)| Bar {
        name: (*state).to_owned(),
        figure: grouped(*number),
        more: format!(" · {}", share(*number, all)),
        length: float(*number) / float(all) * 100.0,
        class: class(state),
    };
    states.into_iter().map(row).collect()
}

/// What a state says of the document: all is well, it came to nothing, it was not taken, or it is
/// on its way.
fn class(state: &str) -> &'static str {
    match state {
        "completed" | "written off" => "bar good",
        "cancelled" => "bar warn",
        "rejected" => "bar bad",
        _ => "bar open",
    }
}
