//! What all plots have in common: the frame, the words for those who cannot see it, the rows.
//!
//! Lengths across are in percent and all others in pixels, so a plot is as wide as its place and
//! its letters are as large as the page's, on a telephone too. The invariant it guards: what a plot
//! shows, its description says in numbers.

use super::html::Node;

/// How many letters have room side by side, on a telephone and in half a page.
const LETTERS_NARROW: usize = 41;
const LETTERS_WIDE: usize = 62;

/// A picture with a name and the words for it.
pub(super) struct Plot {
    id: &'static str,
    title: String,
    facts: Vec<String>,
    height: u64,
    marks: Vec<Node>,
}

impl Plot {
    pub(super) fn new(id: &'static str, title: impl Into<String>, height: u64) -> Self {
        Self { id, title: title.into(), facts: Vec::new(), height, marks: Vec::new() }
    }

    /// What it shows, in numbers.
    pub(super) fn fact(&mut self, fact: String) {
        self.facts.push(fact);
    }

    pub(super) fn mark(&mut self, mark: Node) {
        self.marks.push(mark);
    }

    pub(super) fn node(self, class: &'static str) -> Node {
        let (title, desc) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        Node::new("svg")
            .class(class)
            .with("role", "img")
            .with("width", "100%")
            .with("height", self.height)
            .with("aria-labelledby", format!("{title} {desc}"))
            .child(Node::new("title").with("id", title).text(self.title))
            .child(Node::new("desc").with("id", desc).text(self.facts.join("; ")))
            .children(self.marks)
    }
}

/// A row of bars: a name, a figure, and how long its bar is in percent.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) figure: String,
    /// What is added to the figure where there is room.
    pub(super) more: String,
    pub(super) length: f64,
    pub(super) class: &'static str,
}

/// How tall a row is.
const ROW: u64 = 38;

/// Names and figures with bars below them. Ticks are places in percent with what they say.
pub(super) fn bars(id: &'static str, title: &str, bars: &[Bar], ticks: &[(f64, String)]) -> Node {
    let rows: u64 = bars.iter().map(|_| ROW).sum();
    let axis = if ticks.is_empty() { 0 } else { 18 };
    let mut plot = Plot::new(id, title, rows + axis);
    for mark in grid(ticks, rows, rows + 14) {
        plot.mark(mark);
    }
    let mut top = 0;
    for bar in bars {
        plot.fact(format!("{}: {}{}", bar.name, bar.figure, bar.more));
        plot.mark(row(bar, top));
        top += ROW;
    }
    plot.node("plot rows")
}

fn row(bar: &Bar, top: u64) -> Node {
    let whole = Node::new("title").text(format!("{}: {}{}", bar.name, bar.figure, bar.more));
    let track = rect("track", (0.0, top + 21), (100.0, 8)).with("rx", 2);
    // What is not nothing can be seen.
    let seen = if bar.length > 0.0 { bar.length.max(0.4) } else { 0.0 };
    let length = rect(bar.class, (0.0, top + 21), (seen, 8)).with("rx", 2);
    Node::new("g")
        .child(whole)
        .children(heading(&bar.name, &bar.figure, &bar.more, top + 14))
        .child(track)
        .child(length)
}

/// A name on the left, a figure on the right. What of the name has no room beside the figure on a
/// telephone is shown on wider screens, and what has none there is in the row's own title.
pub(super) fn heading(name: &str, figure: &str, more: &str, y: u64) -> [Node; 2] {
    let letters = |text: &str| text.chars().count();
    let narrow = LETTERS_NARROW.saturating_sub(letters(figure));
    let wide = LETTERS_WIDE.saturating_sub(letters(figure) + letters(more));
    let part = |class, text: &str| Node::new("tspan").class(class).text(text);
    let mut left = label("name", 0.0, y, "");
    if letters(name) <= narrow {
        left = left.text(name);
    } else {
        let first: String = name.chars().take(narrow).collect();
        let second: String = name.chars().skip(narrow).take(wide.saturating_sub(narrow)).collect();
        let cut = if letters(name) > wide.max(narrow) { "…" } else { "" };
        left = left.text(first).child(part("less", "…"));
        left = left.child(part("more", &format!("{second}{cut}")));
    }
    let right = label("figure", 100.0, y, figure).with("text-anchor", "end");
    [left, right.child(part("more soft", more))]
}

/// Lines across all rows, with what they stand for below them.
pub(super) fn grid(ticks: &[(f64, String)], bottom: u64, text: u64) -> Vec<Node> {
    let mut marks = Vec::new();
    for (at, what) in ticks {
        let line = Node::new("line").class("grid").with("x1", percent(*at)).with("y1", 0);
        marks.push(line.with("x2", percent(*at)).with("y2", bottom));
        marks.push(label("tick", *at, text, what).with("text-anchor", anchor(*at)));
    }
    marks
}

/// On which side of its place a text is, so that it stays within the plot.
pub(super) fn anchor(at: f64) -> &'static str {
    match at {
        ..5.0 => "start",
        95.0.. => "end",
        _ => "middle",
    }
}

pub(super) fn label(class: &'static str, x: f64, y: u64, text: &str) -> Node {
    Node::new("text").class(class).with("x", percent(x)).with("y", y).text(text)
}

/// A rectangle at a place, in percent and pixels, of a size in the same.
pub(super) fn rect(class: &'static str, at: (f64, u64), size: (f64, u64)) -> Node {
    Node::new("rect")
        .class(class)
        .with("x", percent(at.0))
        .with("y", at.1)
        .with("width", percent(size.0))
        .with("height", size.1)
}

/// A horizontal line.
pub(super) fn rule(class: &'static str, from: f64, to: f64, y: u64) -> Node {
    let line = Node::new("line").class(class).with("x1", percent(from)).with("y1", y);
    line.with("x2", percent(to)).with("y2", y)
}

/// A sign around a place: only a picture within the picture has a centre in percent and a shape in
/// pixels.
pub(super) fn sign(class: &'static str, x: f64, y: u64, path: &'static str) -> Node {
    let shape = Node::new("path").class(class).with("d", path);
    Node::new("svg").with("x", percent(x)).with("y", y).with("overflow", "visible").child(shape)
}

/// What signs mean: the class and the path of each, and its words.
pub(super) fn legend(signs: &[(&'static str, &'static str, &str)]) -> Node {
    let entry = |(class, path, text): &(&'static str, &'static str, &str)| {
        let svg = Node::new("svg").with("width", 16).with("height", 16);
        let svg = svg.with("viewBox", "-8 -8 16 16").with("aria-hidden", "true");
        let shape = Node::new("path").class(class).with("d", path);
        Node::new("li").child(svg.child(shape)).text(text)
    };
    Node::new("ul").class("legend").children(signs.iter().map(entry))
}

pub(super) fn percent(at: f64) -> String {
    format!("{:.2}%", at.clamp(0.0, 100.0))
}
