//! Results as JSON, one object a line, or as an aligned table.
//!
//! Not a JSON library: names and words are ours, so nothing needs escaping.

use std::io::Write as _;

/// One value of a result.
#[derive(Clone)]
pub(crate) enum Value {
    Word(String),
    Count(u64),
    Number(f64),
    Missing,
}

impl From<Option<f64>> for Value {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Missing, Self::Number)
    }
}

impl Value {
    fn json(&self) -> String {
        match self {
            Self::Word(word) => format!("\"{word}\""),
            Self::Count(count) => count.to_string(),
            Self::Number(number) if number.is_finite() => format!("{number:.3}"),
            Self::Number(_) | Self::Missing => "null".to_owned(),
        }
    }

    fn plain(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Count(count) => count.to_string(),
            Self::Number(number) if number.abs() >= 100.0 => format!("{number:.0}"),
            Self::Number(number) if number.is_finite() => format!("{number:.2}"),
            Self::Number(_) | Self::Missing => "-".to_owned(),
        }
    }
}

/// The named values of one result, in order.
pub(crate) type Fields = Vec<(&'static str, Value)>;

/// Prints results as they come.
pub(crate) struct Output {
    json: bool,
    head: Vec<&'static str>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, head: Vec::new() }
    }

    pub(crate) fn row(&mut self, fields: &Fields) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            let parts: Vec<String> =
                fields.iter().map(|(name, value)| format!("\"{name}\":{}", value.json())).collect();
            writeln!(out, "{{{}}}", parts.join(","))?;
            return out.flush();
        }
        let names: Vec<&'static str> = fields.iter().map(|(name, _)| *name).collect();
        if names != self.head {
            let head: Vec<String> = names
                .iter()
                .map(|name| format!("{name:>width$}", width = width_of(name)))
                .collect();
            writeln!(out, "{}", head.join(" "))?;
            self.head = names;
        }
        let cells: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{:>width$}", value.plain(), width = width_of(name)))
            .collect();
        writeln!(out, "{}", cells.join(" "))?;
        out.flush()
    }
}

fn width_of(name: &str) -> usize {
    // The first column of a table holds words.
    if matches!(name, "what" | "case") { 20 } else { name.len().max(9) }
}
