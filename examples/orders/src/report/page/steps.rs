//! How long the steps of sagas took.
//!
//! From being due to being done, with every attempt and every wait between them. The invariant it
//! guards: dot, diamond and tick are the three numbers of the report, on one scale for all steps.

use super::{
    html::Node,
    numbers::{Decades, float, grouped, micros},
    plot::{Plot, grid, heading as name_and_figure, legend, rule, sign},
    tables::{Column, card, heading, none, note, section, table},
};
use crate::report::{Report, StepFacts};

/// How tall a step's row is, and where in it the scale lies.
const ROW: u64 = 62;
const LINE: u64 = 46;
/// How tall its histogram may be.
const TALL: f64 = 20.0;

const DOT: &str = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z";
const DIAMOND: &str = "M0 -6L6 0L0 6L-6 0Z";
const TICK: &str = "M0 -7V7";

/// The plot of the steps, and their table.
pub(super) fn steps(report: &Report) -> Node {
    let lead = "From being due to being done, with every attempt and every wait. \
                The step with the slowest hundredth comes first.";
    let section = section("steps", "Steps", lead);
    if report.steps.is_empty() {
        return section.child(card().child(none("No step has been done.")));
    }
    let plot = card()
        .child(heading("How long they took"))
        .child(meaning())
        .child(whiskers(report))
        .child(note("At the right: median · 99% · slowest."));
    section
        .child(plot)
        .child(card().child(heading("How often they were tried")).child(counts(report)))
}

fn meaning() -> Node {
    legend(&[
        ("dot", DOT, "median"),
        ("diamond", DIAMOND, "99 of 100 are within"),
        ("end", TICK, "slowest"),
        ("class", "M-7 7V2H-2V-5H3V4H7V7Z", "how many took how long"),
    ])
}

fn whiskers(report: &Report) -> Node {
    let done = || report.steps.iter().filter(|step| step.done > 0);
    let min = done().map(|step| step.p50_us).min().unwrap_or(0);
    let max = done().map(|step| step.max_us).max().unwrap_or(0);
    let scale = Decades::over(min, max);
    let rows: u64 = done().map(|_| ROW).sum();
    let mut plot = Plot::new("took", "How long each step took: median, 99%, slowest", rows + 22);
    for mark in grid(&ticks(scale), rows + 4, rows + 18) {
        plot.mark(mark);
    }
    let mut top = 0;
    for step in done() {
        let [p50, p99, max] = [step.p50_us, step.p99_us, step.max_us].map(micros);
        let name = format!("{}: {}", step.saga, step.step);
        plot.fact(format!("{name}: median {p50}, 99% within {p99}, slowest {max}"));
        plot.mark(whisker(step, &name, top, scale));
        top += ROW;
    }
    plot.node("plot rows")
}

/// Of many decades only every other one has a label.
fn ticks(scale: Decades) -> Vec<(f64, String)> {
    let ticks = scale.ticks();
    let every = ticks.len().div_ceil(7);
    let text = |(order, tick): (usize, &u64)| {
        let text = if order.is_multiple_of(every) { micros(*tick) } else { String::new() };
        (scale.at(*tick), text)
    };
    ticks.iter().enumerate().map(text).collect()
}

fn whisker(step: &StepFacts, name: &str, top: u64, scale: Decades) -> Node {
    let [p50, p99, max] = [step.p50_us, step.p99_us, step.max_us].map(micros);
    let title = format!("{name}: median {p50}, 99% within {p99}, slowest {max}");
    let [x50, x99, end] = [step.p50_us, step.p99_us, step.max_us].map(|at| scale.at(at));
    let y = top + LINE;
    let figure = format!("{p50} · {p99} · {max}");
    Node::new("g")
        .child(Node::new("title").text(title))
        .children(name_and_figure(name, &figure, "", top + 16))
        .children(histogram(&step.histogram, y, scale))
        .child(rule("axis", 0.0, 100.0, y))
        .child(rule("whisker", x50, end, y))
        .child(sign("end", end, y, TICK))
        .child(sign("diamond", x99, y, DIAMOND))
        .child(sign("dot", x50, y, DOT))
}

/// Classes that double, up to a millisecond and so on; the last one has no end.
fn histogram(classes: &[u64], foot: u64, scale: Decades) -> Vec<Node> {
    let most = classes.iter().max().copied().unwrap_or(0);
    let mut marks = Vec::new();
    let (mut from, mut to) = (0, 1000_u64);
    for (order, number) in classes.iter().enumerate() {
        let last = order + 1 == classes.len();
        let end = if last { to.max(scale.high()) } else { to };
        let (left, right) = (scale.at(from), scale.at(end).min(100.0));
        if *number > 0 && right > left {
            let height = (float(*number) / float(most) * TALL).max(1.0);
            let class = Node::new("rect").class("class").with("x", format!("{left:.2}%"));
            let class = class.with("y", format!("{:.1}", float(foot) - height));
            let class = class.with("width", format!("{:.2}%", right - left));
            marks.push(class.with("height", format!("{height:.1}")));
        }
        (from, to) = (to, to.saturating_mul(2));
    }
    marks
}

fn counts(report: &Report) -> Node {
    let columns = [
        Column::Words("Step"),
        Column::Numbers("Done"),
        Column::Numbers("Retries"),
        Column::Numbers("Ambiguous"),
        Column::Numbers("Compensated"),
        Column::Numbers("Median"),
        Column::Numbers("99%"),
        Column::Numbers("Slowest"),
    ];
    let rows = report.steps.iter().map(|step| {
        let mut row = vec![format!("{}: {}", step.saga, step.step)];
        row.extend([step.done, step.retries, step.ambiguous, step.compensated].map(grouped));
        let took = [step.p50_us, step.p99_us, step.max_us];
        row.extend(took.map(|us| if step.done > 0 { micros(us) } else { "–".to_owned() }));
        row
    });
    let words = note("Ambiguous: nobody knew whether the attempt had had an effect.");
    Node::new("div").child(table("Steps", "scroll brief", &columns, rows)).child(words)
}
