//! Tables, and the parts of the page that are nothing else: stock, cancellations, what is left
//! over.
//!
//! Nothing is left out of a table: what is long scrolls in its own box. The invariant it guards:
//! each cell is named by its column and its row, for those who hear the page as well.

use super::{
    html::Node,
    numbers::{counted, grouped, share, signed},
};
use crate::{domain::Money, report::Report};

/// A column is of words or of numbers.
pub(super) enum Column {
    Words(&'static str),
    Numbers(&'static str),
}

impl Column {
    fn cell(&self, name: &'static str) -> Node {
        Node::new(name).class(match self {
            Self::Words(_) => "",
            Self::Numbers(_) => "number",
        })
    }
}

/// A table in a box that it may be wider and, where `class` says so, longer than.
pub(super) fn table(
    caption: &str,
    class: &'static str,
    columns: &[Column],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Node {
    let head = columns.iter().map(|column| match column {
        Column::Words(name) | Column::Numbers(name) => {
            column.cell("th").with("scope", "col").text(name)
        }
    });
    let body = rows.into_iter().map(|cells| {
        let cells = columns.iter().zip(cells).enumerate().map(|(at, (column, text))| {
            let cell =
                if at == 0 { column.cell("th").with("scope", "row") } else { column.cell("td") };
            cell.text(text)
        });
        Node::new("tr").children(cells)
    });
    let table = Node::new("table")
        .child(Node::new("caption").class("hidden").text(caption))
        .child(Node::new("thead").child(Node::new("tr").children(head)))
        .child(Node::new("tbody").children(body));
    let node = Node::new("div").class(class).with("role", "region").with("aria-label", caption);
    node.with("tabindex", 0).child(table)
}

/// Something that is shown on demand, and always on paper.
pub(super) fn details(summary: &str, inside: Node) -> Node {
    Node::new("details").child(Node::new("summary").text(summary)).child(inside)
}

pub(super) fn heading(text: &str) -> Node {
    Node::new("h3").text(text)
}

pub(super) fn note(text: impl std::fmt::Display) -> Node {
    Node::new("p").class("note").text(text)
}

/// Instead of what is not there.
pub(super) fn none(text: &str) -> Node {
    Node::new("p").class("none").text(text)
}

pub(super) fn card() -> Node {
    Node::new("div").class("card")
}

/// A part of the page with its heading.
pub(super) fn section(id: &'static str, title: &str, lead: &str) -> Node {
    let section = Node::new("section").with("id", id).child(Node::new("h2").text(title));
    if lead.is_empty() { section } else { section.child(Node::new("p").class("lead").text(lead)) }
}

/// What happened on the shelves.
pub(super) fn stock(report: &Report) -> Node {
    let pair = Node::new("div").class("pair").child(movements(report)).child(most_moved(report));
    section("stock", "Stock", "In pieces, from the inventory’s own book.").child(pair)
}

fn movements(report: &Report) -> Node {
    let stock = &report.stock;
    let rows = [
        ("there at the beginning", stock.opened),
        ("set aside for orders", -stock.reserved),
        ("put back, because orders came to nothing", stock.released),
        ("came back with returns", stock.restocked),
        ("written off", -stock.taken_off),
    ];
    let mut rows: Vec<Vec<String>> =
        rows.iter().map(|(name, pieces)| vec![(*name).to_owned(), signed(*pieces)]).collect();
    let on_hand = signed(stock.on_hand);
    rows.push(vec!["there now".to_owned(), on_hand.trim_start_matches('+').to_owned()]);
    let columns = [Column::Words("Movement"), Column::Numbers("Pieces")];
    let products = counted(stock.products, "product was", "products were");
    card()
        .child(heading("Movements"))
        .child(table("Stock movements", "scroll sum", &columns, rows))
        .child(note(format!("{products} ever moved.")))
}

fn most_moved(report: &Report) -> Node {
    let card = card().child(heading("Most moved products"));
    let rows = &report.stock.most_moved;
    if rows.is_empty() {
        return card.child(none("Nothing has left the shelves."));
    }
    let columns =
        [Column::Words("Product"), Column::Numbers("Change"), Column::Numbers("There now")];
    let rows = rows.iter().map(|row| {
        vec![row.product.clone(), signed(row.left.saturating_neg()), grouped(row.on_hand)]
    });
    card.child(table("Most moved products", "scroll", &columns, rows))
}

/// What came to nothing: lines that are no orders, and returns that nothing was found for.
pub(super) fn left_over(report: &Report) -> Node {
    let lead = "Lines that were not taken in, and parts of returns for which there is no order in \
                this file; these were credited.";
    section("left-over", "Left over", lead).child(rejected(report)).child(returns(report))
}

fn returns(report: &Report) -> Node {
    let unresolved = &report.unresolved_returns;
    let card = card().child(heading("Unresolved returns"));
    if unresolved.is_empty() {
        return card.child(none("No return is without its order."));
    }
    let credit: Money = unresolved.iter().map(|part| part.credit_pence).sum();
    let summary = format!(
        "{}, {credit} credited",
        counted(unresolved.len() as u64, "unresolved part", "unresolved parts"),
    );
    let columns = [
        Column::Numbers("Line"),
        Column::Words("Return"),
        Column::Words("Product"),
        Column::Numbers("Pieces"),
        Column::Numbers("Credit"),
    ];
    let rows = unresolved.iter().map(|part| {
        let (by, product) = (part.by.clone(), part.product.clone());
        let (line, pieces) = (grouped(part.line), grouped(part.pieces.into()));
        vec![line, by, product, pieces, part.credit_pence.to_string()]
    });
    let table = table("Unresolved returns", "scroll tall", &columns, rows);
    card.child(details(&summary, table))
}

fn rejected(report: &Report) -> Node {
    let card = card().child(heading("Rejected lines, by reason"));
    if report.rejected.is_empty() {
        return card.child(none("No line was rejected."));
    }
    let columns =
        [Column::Words("Reason"), Column::Numbers("Lines"), Column::Words("First of them")];
    let rows = report.rejected.iter().map(|row| {
        let mut first: Vec<String> = row.first_lines.iter().copied().map(grouped).collect();
        if row.count > first.len() as u64 {
            first.push("…".to_owned());
        }
        vec![row.reason.clone(), grouped(row.count), first.join(" · ")]
    });
    card.child(table("Rejected lines by reason", "scroll", &columns, rows))
}

/// Why orders were cancelled.
pub(super) fn cancelled(report: &Report) -> Node {
    let card = card().child(heading("Why orders were cancelled"));
    if report.cancelled_because.is_empty() {
        return card.child(none("No order was cancelled."));
    }
    let all: u64 = report.cancelled_because.values().sum();
    let mut reasons: Vec<(&String, &u64)> = report.cancelled_because.iter().collect();
    reasons.sort_by_key(|(_, orders)| std::cmp::Reverse(**orders));
    let columns = [Column::Words("Cause"), Column::Numbers("Orders"), Column::Numbers("Share")];
    let rows = reasons
        .into_iter()
        .map(|(cause, orders)| vec![cause.clone(), grouped(*orders), share(*orders, all)]);
    card.child(table("Why orders were cancelled", "scroll", &columns, rows))
}
