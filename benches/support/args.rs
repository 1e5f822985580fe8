//! Command line arguments: `--name value`, `--name=value` and plain `--name`.
//!
//! Knows no benchmark. The invariant: an argument that nobody asked for is refused, never
//! ignored, except `--bench`, which `cargo bench` adds on its own.

use super::Failure;
use std::{collections::BTreeMap, str::FromStr};

/// The arguments of one run, by name.
pub(crate) struct Args(BTreeMap<&'static str, String>);

impl Args {
    /// Parses `given`; `flags` stand alone, `keys` take a value.
    pub(crate) fn parse(
        given: impl Iterator<Item = String>,
        flags: &[&'static str],
        keys: &[&'static str],
    ) -> Result<Self, Failure> {
        let mut found = BTreeMap::new();
        let mut given = given.filter(|arg| arg != "--bench");
        while let Some(arg) = given.next() {
            let (name, attached) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            if let Some(flag) = flags.iter().find(|flag| **flag == name) {
                found.insert(*flag, String::new());
            } else if let Some(key) = keys.iter().find(|key| **key == name) {
                let value = attached.or_else(|| given.next());
                let value = value.ok_or_else(|| format!("{key} takes a value"))?;
                found.insert(*key, value);
            } else {
                let known: Vec<&str> = flags.iter().chain(keys).copied().collect();
                return Err(format!("{name} is unknown; there are {}", known.join(", ")).into());
            }
        }
        Ok(Self(found))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The number given for `name`, from `least` to `most`.
    pub(crate) fn number<T>(&self, name: &str, least: T, most: T) -> Result<Option<T>, Failure>
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        parse_bounded(name, text, least, most).map(Some)
    }

    /// The numbers given for `name`, separated by commas.
    pub(crate) fn numbers(
        &self,
        name: &str,
        least: usize,
        most: usize,
    ) -> Result<Option<Vec<usize>>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let parse = |part| parse_bounded(name, part, least, most);
        text.split(',').map(parse).collect::<Result<_, _>>().map(Some)
    }
}

fn parse_bounded<T>(name: &str, text: &str, least: T, most: T) -> Result<T, Failure>
where
    T: FromStr + PartialOrd + std::fmt::Display + Copy,
{
    match text.parse::<T>() {
        Ok(value) if value >= least && value <= most => Ok(value),
        _ => Err(format!("{name} takes a number from {least} to {most}, not `{text}`").into()),
    }
}
