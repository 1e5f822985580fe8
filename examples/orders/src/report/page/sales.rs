//! What was sold: by day, and by country.
//!
//! Bars begin at nothing and are never on a logarithmic scale, on which their length would say
//! nothing. The invariant it guards: where one country would press all others flat, these are drawn
//! again on a scale of their own, and the page says how much larger that is.

use super::{
    html::Node,
    moments::Date,
    numbers::{Linear, counted, float, grouped, pence, round_amount, share},
    plot::{Bar, Plot, bars, label, percent, rect, rule},
    tables::{Column, card, details, heading, none, note, table},
};
use crate::{
    domain::Money,
    report::{Report, Sales},
};

/// By how much the first country must be ahead of the second to be drawn apart.
const AHEAD: u64 = 4;

/// How tall the bars of days may be, what is above them, and where they stand.
const TALL: u64 = 170;
const ABOVE: u64 = 24;
const FOOT: u64 = ABOVE + TALL;

/// Fewer days than these do not fill the width.
const SLOTS_MIN: u64 = 7;
/// So many labels have room on a telephone.
const LABELS: u64 = 12;

/// Revenue by day.
pub(super) fn days(report: &Report) -> Node {
    let days = &report.by_day;
    let card = card().child(heading("Revenue by day"));
    if days.is_empty() {
        return card.child(none("No order has been completed."));
    }
    let columns = [Column::Words("Day"), Column::Numbers("Orders"), Column::Numbers("Revenue")];
    let numbers = table("Revenue by day", "scroll tall", &columns, cells(days));
    card.child(columns_of(days)).child(details("The numbers", numbers))
}

fn cells(sales: &[Sales]) -> impl Iterator<Item = Vec<String>> {
    let row = |sales: &Sales| {
        vec![sales.name.clone(), grouped(sales.orders), sales.revenue_pence.to_string()]
    };
    sales.iter().map(row)
}

fn columns_of(days: &[Sales]) -> Node {
    let most = days.iter().map(|day| pence(day.revenue_pence)).max().unwrap_or(0);
    let scale = Linear::over(most, 4);
    let mut plot = Plot::new("days", "Revenue by day", FOOT + 36);
    for tick in scale.ticks() {
        let y = FOOT - scaled(tick, scale);
        plot.mark(rule("grid", 0.0, 100.0, y));
        let text = Node::new("text").class("tick").with("x", -8).with("y", y + 4);
        plot.mark(text.with("text-anchor", "end").text(round_amount(tick)));
    }
    let places = Places::of(days);
    for (day, at) in days.iter().zip(&places.at) {
        let (orders, revenue) = (counted(day.orders, "order", "orders"), day.revenue_pence);
        let fact = format!("{}: {revenue}, {orders}", day.name);
        let (left, width, gap) = (places.left(*at), places.width(), places.gap());
        let height = scaled(pence(revenue), scale);
        let bar = rect("bar", (left + gap, FOOT - height), (width - 2.0 * gap, height));
        let all = rect("sense", (left, 0), (width, FOOT));
        plot.mark(Node::new("g").child(Node::new("title").text(&fact)).child(bar).child(all));
        plot.fact(fact);
    }
    if let Some(mark) = peak(days, &places, scale) {
        plot.mark(mark);
    }
    for mark in places.labels(days) {
        plot.mark(mark);
    }
    Node::new("div").class("beside").child(plot.node("plot"))
}

/// What the best day came to, above its bar.
fn peak(days: &[Sales], places: &Places, scale: Linear) -> Option<Node> {
    let (best, at) = days.iter().zip(&places.at).rev().max_by_key(|(day, _)| day.revenue_pence)?;
    let most = pence(best.revenue_pence);
    let middle = places.middle(*at);
    let (x, anchor) = match middle {
        ..12.0 => (places.left(*at) + places.gap(), "start"),
        88.0.. => (100.0, "end"),
        _ => (middle, "middle"),
    };
    let text = label("figure", x, FOOT - scaled(most, scale) - 7, &best.revenue_pence.to_string());
    (most > 0).then(|| text.with("text-anchor", anchor))
}

/// A height in whole pixels; what is not nothing can be seen.
fn scaled(number: u64, scale: Linear) -> u64 {
    let wide = u128::from(number) * u128::from(TALL) / u128::from(scale.end());
    u64::try_from(wide).unwrap_or(TALL).max(u64::from(number > 0))
}

/// Where days are: at their dates, so that a day without a sale is a gap, if all names are dates.
struct Places {
    /// The slot of each.
    at: Vec<u64>,
    /// How many slots there are.
    slots: u64,
    /// Which days they are.
    dates: Option<Vec<Date>>,
}

impl Places {
    fn of(days: &[Sales]) -> Self {
        let count = days.len() as u64;
        let dates: Option<Vec<Date>> = days.iter().map(|day| Date::parse(&day.name)).collect();
        let numbers: Vec<u64> = dates.iter().flatten().map(|day| day.number()).collect();
        let first = numbers.iter().min().copied().unwrap_or(0);
        let span = numbers.iter().max().map_or(count, |last| last - first + 1);
        // A stray date would press all others together.
        if dates.is_some() && span <= 4 * count + 30 {
            let slots = span.max(SLOTS_MIN);
            let before = (slots - span) / 2;
            let at = numbers.iter().map(|number| number - first + before).collect();
            return Self { at, slots, dates };
        }
        let slots = count.max(SLOTS_MIN);
        let before = (slots - count) / 2;
        Self { at: (before..before + count).collect(), slots, dates: None }
    }

    fn width(&self) -> f64 {
        100.0 / float(self.slots)
    }

    fn left(&self, at: u64) -> f64 {
        float(at) * self.width()
    }

    /// What is left free on each side of a bar; a year of days leaves no room for it.
    fn gap(&self) -> f64 {
        if self.slots > 7 * LABELS { 0.0 } else { self.width() * 0.14 }
    }

    fn middle(&self, at: u64) -> f64 {
        self.left(at) + self.width() / 2.0
    }

    fn labels(&self, days: &[Sales]) -> Vec<Node> {
        let mut marks = Vec::new();
        let Some(dates) = &self.dates else {
            let every = self.slots.div_ceil(LABELS / 3);
            for (day, at) in days.iter().zip(&self.at) {
                if at.is_multiple_of(every) {
                    marks.push(self.label("tick", *at, FOOT + 16, &day.name));
                }
            }
            return marks;
        };
        if self.slots <= 5 * LABELS {
            let every = self.slots.div_ceil(LABELS);
            for (date, at) in dates.iter().zip(&self.at) {
                let class = if at.is_multiple_of(every) { "tick" } else { "tick more" };
                marks.push(self.label(class, *at, FOOT + 16, &date.of_month().to_string()));
            }
        }
        marks.extend(self.months(dates));
        marks
    }

    /// Each month at its first day, unless the next one begins too soon; on a telephone only those
    /// that are far enough from the one before and from the end.
    fn months(&self, dates: &[Date]) -> Vec<Node> {
        let mut begin: Vec<(u64, String)> = Vec::new();
        for (date, at) in dates.iter().zip(&self.at) {
            if begin.last().is_none_or(|(_, month)| *month != date.month()) {
                begin.push((*at, date.month()));
            }
        }
        let next = begin.iter().skip(1).map(|(at, _)| *at).chain([u64::MAX]);
        let near = self.slots.div_ceil(16);
        let mut far_from: Option<u64> = None;
        let mut marks = Vec::new();
        for ((at, month), _) in begin.iter().zip(next).filter(|((at, _), next)| next - at >= near) {
            let x = self.left(*at);
            let far = far_from.is_none_or(|from| at - from >= self.slots * 6 / 25) && x <= 76.0;
            far_from = if far { Some(*at) } else { far_from };
            if x <= 93.0 {
                let class = if far { "tick" } else { "tick more" };
                marks.push(label(class, x + self.gap(), FOOT + 32, month));
            }
        }
        marks
    }

    fn label(&self, class: &'static str, at: u64, y: u64, text: &str) -> Node {
        Node::new("text")
            .class(class)
            .with("x", percent(self.middle(at)))
            .with("y", y)
            .with("text-anchor", "middle")
            .text(text)
    }
}

/// Revenue by country.
pub(super) fn countries(report: &Report) -> Node {
    let countries = &report.by_country;
    let card = card().child(heading("Revenue by country"));
    let Some((first, rest)) = countries.split_first() else {
        return card.child(none("No order has been completed."));
    };
    let next = rest.first().map_or(0, |sales| pence(sales.revenue_pence));
    let ahead = rest.len() > 1 && pence(first.revenue_pence) / AHEAD > next;
    let card = if ahead {
        apart(card, first, rest)
    } else {
        let scale = Linear::over(pence(first.revenue_pence), 4);
        card.child(bars("countries", "Revenue by country", &rows(countries, scale), &ticks(scale)))
    };
    let columns = [Column::Words("Country"), Column::Numbers("Orders"), Column::Numbers("Revenue")];
    let numbers = table("Revenue by country", "scroll tall", &columns, cells(countries));
    card.child(details("The numbers", numbers))
}

/// The first country beside all others together; then these one by one, on a larger scale.
fn apart(card: Node, first: &Sales, rest: &[Sales]) -> Node {
    let revenue_pence: Money = rest.iter().map(|sales| sales.revenue_pence).sum();
    let others = Sales {
        name: counted(rest.len() as u64, "other country", "other countries"),
        orders: rest.iter().map(|sales| sales.orders).sum(),
        revenue_pence,
    };
    let most = pence(first.revenue_pence).max(pence(revenue_pence));
    let wide = Linear::over(most, 4);
    let close = Linear::over(rest.first().map_or(0, |sales| pence(sales.revenue_pence)), 4);
    let part = share(pence(first.revenue_pence), pence(first.revenue_pence + revenue_pence));
    let together = [first.clone(), others];
    let title = format!("Revenue of {} and of all other countries", first.name);
    let larger = larger(wide.end(), close.end());
    card.child(note(format!("{} is {part} of the revenue.", first.name)))
        .child(bars("countries", &title, &rows(&together, wide), &ticks(wide)))
        .child(heading("The other countries"))
        .child(note(format!("On their own scale: lengths are drawn {larger} × as large.")))
        .child(bars("others", "Revenue of the other countries", &rows(rest, close), &ticks(close)))
}

fn larger(wide: u64, close: u64) -> String {
    let about = if wide.is_multiple_of(close) { "" } else { "about " };
    format!("{about}{}", grouped(wide.saturating_add(close / 2) / close))
}

fn rows(sales: &[Sales], scale: Linear) -> Vec<Bar> {
    let row = |sales: &Sales| Bar {
        name: sales.name.clone(),
        figure: sales.revenue_pence.to_string(),
        more: format!(" · {}", counted(sales.orders, "order", "orders")),
        length: scale.at(pence(sales.revenue_pence)),
        class: "bar",
    };
    sales.iter().map(row).collect()
}

fn ticks(scale: Linear) -> Vec<(f64, String)> {
    scale.ticks().map(|tick| (scale.at(tick), round_amount(tick))).collect()
}
