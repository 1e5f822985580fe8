//! Lines of `key=value` words, in which a measuring process tells what it found.
//!
//! Not a format of ours: the binary of the peers writes it, and our own child processes do the
//! same, so that one parser serves both.

use super::Failure;

/// One line, as its numbers by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words(Vec<(String, f64)>);

impl Words {
    /// The words of `line` that are numbers; others are left out.
    pub(crate) fn parse(line: &str) -> Self {
        let pairs = line.split_whitespace().filter_map(|word| word.split_once('='));
        let numbers = pairs.filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?)));
        Self(numbers.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, key: &str, number: f64) {
        self.0.push((key.to_owned(), number));
    }

    /// The number called `key`.
    pub(crate) fn number(&self, key: &str) -> Result<f64, Failure> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, number)| *number).ok_or_else(|| format!("no `{key}` was told").into())
    }

    pub(crate) fn line(&self) -> String {
        let words: Vec<String> =
            self.0.iter().map(|(key, number)| format!("{key}={number}")).collect();
        words.join(" ")
    }
}
