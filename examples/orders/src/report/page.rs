//! The report as one self-contained page.
//!
//! No script, no font, no picture from elsewhere: it can be mailed, kept and printed. The invariant
//! it guards: the same report gives the same bytes, and nothing in a report can become markup.

mod history;
mod html;
mod moments;
mod numbers;
mod plot;
mod sales;
mod states;
mod steps;
mod tables;
#[cfg(test)]
mod tests;

use super::Report;
use html::Node;
use numbers::{counted, grouped};
use tables::section;

/// Parts of the page, as its head names them.
const PARTS: [(&str, &str); 5] = [
    ("#orders", "Orders"),
    ("#steps", "Steps"),
    ("#order", "One order"),
    ("#stock", "Stock"),
    ("#left-over", "Left over"),
];

/// The page: a whole HTML document.
///
/// ```
/// let page = orders::report::page(&orders::report::Report::default());
/// assert!(page.starts_with("<!doctype html>") && orders::report::is_page(&page));
/// ```
pub fn page(report: &Report) -> String {
    let html = Node::new("html").with("lang", "en").child(head(report)).child(body(report));
    let mut page = "<!doctype html>\n".to_owned();
    html.end(&mut page);
    page
}

/// Whether a text begins like a page of this program, of which an earlier one may be replaced.
pub fn is_page(text: &str) -> bool {
    text.starts_with("<!doctype html>") && text.contains(GENERATOR)
}

/// Who made the page.
const GENERATOR: &str = "sagalog orders";

fn head(report: &Report) -> Node {
    let meta = |name, content| Node::new("meta").with("name", name).with("content", content);
    Node::new("head")
        .child(Node::new("meta").with("charset", "utf-8"))
        .child(meta("generator", GENERATOR))
        .child(meta("viewport", "width=device-width, initial-scale=1"))
        .child(meta("color-scheme", "light dark"))
        .child(Node::new("title").text(format!("Orders: {}", report.source)))
        .child(Node::style(include_str!("page/style.css")))
}

fn body(report: &Report) -> Node {
    let states = Node::new("div").child(states::states(report)).child(tables::cancelled(report));
    let pair = Node::new("div").class("pair").child(sales::countries(report)).child(states);
    let orders = section("orders", "Orders", "Revenue is that of completed orders.")
        .child(sales::days(report))
        .child(pair);
    let main = Node::new("main")
        .child(verdict(report))
        .child(figures(report))
        .child(orders)
        .child(steps::steps(report))
        .child(history::history(report))
        .child(tables::stock(report))
        .child(tables::left_over(report));
    let footer = "Told by the reference application of Sagalog from what is on record: \
                  the shop’s documents, the journals of its sagas, the books of its services.";
    let footer = Node::new("footer").child(Node::new("p").text(footer));
    Node::new("body").child(title(report)).child(main).child(footer)
}

fn title(report: &Report) -> Node {
    let orders = match report.orders_in_all() {
        0 => "No orders yet".to_owned(),
        1 => "What became of one order".to_owned(),
        many => format!("What became of {} orders", grouped(many)),
    };
    let source = if report.source.is_empty() { "no source yet" } else { &report.source };
    let lines = format!(" · {} read", counted(report.lines, "line", "lines"));
    let links = PARTS.map(|(to, name)| Node::new("a").with("href", to).text(name));
    Node::new("header")
        .child(Node::new("p").class("eyebrow").text("Sagalog · orders"))
        .child(Node::new("h1").text(orders))
        .child(Node::new("p").class("source").child(Node::new("b").text(source)).text(lines))
        .child(Node::new("nav").with("aria-label", "Parts of the page").children(links))
}

/// What the audit says, and what there is to wait for or to do.
fn verdict(report: &Report) -> Node {
    let frame = |class, mark, sentence: &str| {
        let mark = Node::new("span").class("mark").with("aria-hidden", "true").text(mark);
        let sentence = Node::new("p").child(mark).child(Node::new("b").text(sentence));
        Node::new("section").class(class).with("aria-label", "Audit").child(sentence)
    };
    let mut node = match &report.audit {
        None => frame("verdict wait", "○", "Not audited before everything is settled."),
        Some(complaints) if complaints.is_empty() => {
            frame("verdict good", "✓", "The services’ books agree with every document.")
        }
        Some(complaints) => {
            let many = counted(complaints.len() as u64, "complaint", "complaints");
            let sentence = format!("The audit has {many}.");
            let items = complaints.iter().map(|complaint| Node::new("li").text(complaint));
            let list = Node::new("ul").class("tall").with("tabindex", 0).children(items);
            frame("verdict bad", "!", &sentence).child(list)
        }
    };
    if report.unfinished > 0 {
        let many = counted(report.unfinished, "document is", "documents are");
        node = node.child(Node::new("p").text(format!("{many} not at an end yet.")));
    }
    if !report.stuck.is_empty() {
        let many = counted(report.stuck.len() as u64, "saga waits", "sagas wait");
        let names = report.stuck.join(", ");
        node = node.child(Node::new("p").text(format!("{many} for an operator: {names}.")));
    }
    node
}

/// The key figures, each with what it is of.
fn figures(report: &Report) -> Node {
    let totals = &report.totals;
    let completed = report.orders.get("completed").copied().unwrap_or(0);
    let rejected: u64 = report.rejected.iter().map(|rejected| rejected.count).sum();
    let back = totals.refunded_pence + totals.credited_pence;
    let parts = format!("{} refunded, {} credited", totals.refunded_pence, totals.credited_pence);
    let orders = format!("of {}", counted(report.orders_in_all(), "order", "orders"));
    let lines = format!("of {}", counted(report.lines, "line", "lines"));
    let figures = [
        ("Orders completed", grouped(completed), orders),
        (
            "Revenue",
            totals.revenue_pence.to_string(),
            format!("after {} of discounts", totals.discounts_pence),
        ),
        ("Refunds and credits", back.to_string(), parts),
        (
            "Cancelled",
            totals.cancelled_pence.to_string(),
            "what cancelled orders would have come to".to_owned(),
        ),
        ("Retries", grouped(report.retries), "attempts that were made again".to_owned()),
        (
            "Ambiguous outcomes",
            grouped(report.ambiguous),
            "nobody knew whether there was an effect".to_owned(),
        ),
        (
            "Compensations",
            grouped(report.compensations),
            "steps answered with their opposite".to_owned(),
        ),
        ("Rejected lines", grouped(rejected), lines),
    ];
    Node::new("dl").class("figures").children(figures.map(figure))
}

fn figure((name, value, of): (&str, String, String)) -> Node {
    Node::new("div")
        .child(Node::new("dt").text(name))
        .child(Node::new("dd").class("value").text(value))
        .child(Node::new("dd").class("of").text(of))
}
