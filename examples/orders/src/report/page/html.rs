//! Elements of HTML and SVG.
//!
//! Not a parser and not a template: an element is built from the outside in and written once. The
//! invariant it guards: text and attributes are escaped where they enter and every element is
//! closed, so that nothing in a report can become markup.

use std::fmt::Display;

/// Elements that have no content and no end tag.
const VOID: [&str; 2] = ["meta", "br"];

/// An element with all that is in it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    name: &'static str,
    attributes: String,
    inner: String,
}

impl Node {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: String::new(), inner: String::new() }
    }

    /// The one text that is not escaped, since in `style` nothing is unescaped either. It can only
    /// be a constant.
    pub(super) fn style(css: &'static str) -> Self {
        Self { inner: css.to_owned(), ..Self::new("style") }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self.attributes.push_str("=\"");
        self.attributes.push_str(&escaped(&value));
        self.attributes.push('"');
        self
    }

    pub(super) fn class(self, class: &'static str) -> Self {
        if class.is_empty() { self } else { self.with("class", class) }
    }

    pub(super) fn text(mut self, text: impl Display) -> Self {
        self.inner.push_str(&escaped(&text));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        child.end(&mut self.inner);
        self
    }

    pub(super) fn children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    /// Writes it behind `out`.
    pub(super) fn end(self, out: &mut String) {
        let Self { name, attributes, inner } = self;
        for part in ["<", name, &attributes, ">"] {
            out.push_str(part);
        }
        if !VOID.contains(&name) {
            for part in [&inner, "</", name, ">"] {
                out.push_str(part);
            }
        }
    }
}

/// As text that means itself, between tags and between double quotes. Control characters have no
/// place in a page and show as what they are: damage.
fn escaped(text: &impl Display) -> String {
    let mut out = String::new();
    for symbol in text.to_string().chars() {
        match symbol {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(' '),
            control if control.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            other => out.push(other),
        }
    }
    out
}
