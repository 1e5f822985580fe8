//! One order's history: when, what and why.
//!
//! Times are told from the first event, so that the eye need not subtract. The invariant it guards:
//! an attempt that failed looks different from a change of the order, in shape and not only in
//! colour.

use super::{
    html::Node,
    moments::{since, utc},
    numbers::{Linear, duration, grouped},
    plot::{Plot, grid, heading, legend, rule, sign},
    tables::{Column, card, none, note, section, table},
};
use crate::report::{Entry, Report};

/// How tall an entry's row is, and where in it its mark is.
const ROW: u64 = 42;
const LINE: u64 = 28;

const DOT: &str = "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0Z";
const CROSS: &str = "M-5 -5L5 5M-5 5L5 -5";

/// The history of the order that is shown.
pub(super) fn history(report: &Report) -> Node {
    let entries = &report.example_history;
    let Some(first) = entries.first() else {
        let section = section("order", "One order", "");
        return section.child(card().child(none("There is no order to tell of.")));
    };
    let title = format!("One order: {}", report.example);
    let section = section("order", &title, "The most eventful one, as it is on record.");
    let begun = Node::new("time").with("datetime", utc(first.at_unix_nanos));
    let begun = begun.text(utc(first.at_unix_nanos).replace('T', " ").replace('Z', " UTC"));
    let plot = card()
        .child(note("Times are from its first event, at ").child(begun))
        .child(meaning())
        .child(timeline(&report.example, first, entries));
    section.child(plot).child(card().child(causes(first, entries)))
}

fn meaning() -> Node {
    legend(&[
        ("dot", DOT, "an event of the order"),
        ("cross", CROSS, "an attempt that did not succeed"),
        ("wait", "M-8 0H8", "the time since the line above"),
    ])
}

fn timeline(example: &str, first: &Entry, entries: &[Entry]) -> Node {
    let at = |entry: &Entry| entry.at_unix_nanos;
    let begin = entries.iter().map(at).min().unwrap_or(0);
    let end = entries.iter().map(at).max().unwrap_or(0);
    // An axis of a nanosecond would say more than the clock knows.
    let scale = Linear::over((end - begin).max(1_000_000), 3);
    let rows: u64 = entries.iter().map(|_| ROW).sum();
    let mut plot = Plot::new("timeline", format!("Timeline of order {example}"), rows + 22);
    for mark in grid(&ticks(scale), rows + 4, rows + 18) {
        plot.mark(mark);
    }
    let (mut top, mut before) = (0, 0.0);
    for (order, entry) in (1..).zip(entries) {
        let when = since(at(first), at(entry));
        let x = scale.at(at(entry) - begin);
        plot.fact(format!("{when}: {}{}", entry.what, known(entry.state)));
        plot.mark(row(order, entry, &when, top, [before, x]));
        (top, before) = (top + ROW, x);
    }
    plot.node("plot rows")
}

fn ticks(scale: Linear) -> Vec<(f64, String)> {
    let text = |tick: u64| if tick == 0 { "0".to_owned() } else { format!("+{}", duration(tick)) };
    scale.ticks().map(|tick| (scale.at(tick), text(tick))).collect()
}

fn row(order: u64, entry: &Entry, when: &str, top: u64, [before, x]: [f64; 2]) -> Node {
    let y = top + LINE;
    let (class, path) = match entry.state {
        Some(_) => ("dot", DOT),
        None => ("cross", CROSS),
    };
    let title = format!("{when}: {}{}. {}", entry.what, known(entry.state), entry.cause);
    Node::new("g")
        .child(Node::new("title").text(title))
        .children(heading(&format!("{order}  {}", entry.what), when, "", top + 15))
        .child(rule("axis", 0.0, 100.0, y))
        .child(rule("wait", before.min(x), before.max(x), y))
        .child(sign(class, x, y, path))
}

fn known(state: Option<&'static str>) -> String {
    state.map(|state| format!(", now {state}")).unwrap_or_default()
}

fn causes(first: &Entry, entries: &[Entry]) -> Node {
    let columns = [
        Column::Numbers("No."),
        Column::Numbers("When"),
        Column::Words("What"),
        Column::Words("State then"),
        Column::Words("Why"),
    ];
    let rows = (1..).zip(entries).map(|(order, entry)| {
        let when = since(first.at_unix_nanos, entry.at_unix_nanos);
        let mark = if entry.state.is_some() { "●" } else { "✕" };
        let what = format!("{mark}\u{a0}{}", entry.what);
        let state = entry.state.unwrap_or("as before").to_owned();
        vec![grouped(order), when, what, state, entry.cause.clone()]
    });
    table("What happened to the order, and why", "scroll story", &columns, rows)
}
