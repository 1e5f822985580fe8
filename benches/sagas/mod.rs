//! The cases of the saga benchmark: what each runs, measures and puts into its rows.
//!
//! Knows sagas by their public interface only. The invariant: every case runs the same saga of
//! three steps, whose bodies do nothing, so that what is measured is the engine.

pub(crate) mod child;
mod counted;
mod engine;
mod floor;
pub(crate) mod lasting;
mod order;
pub(crate) mod peers;
pub(crate) mod scale;
pub(crate) mod speed;
mod turn;

use crate::support::{Failure, output::Fields};
use peers::Peers;
use scale::Scale;
use std::path::PathBuf;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// Sagas a second.
    Speed,
    /// Taking over after a kill.
    Recovery,
    /// Memory of suspended sagas.
    Memory,
    /// What is left of ended ones.
    Ended,
}

const NAMES: [(&str, Case); 4] = [
    ("speed", Case::Speed),
    ("recovery", Case::Recovery),
    ("memory", Case::Memory),
    ("ended", Case::Ended),
];

impl Case {
    pub(crate) fn named(name: &str) -> Result<Self, Failure> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        let names = NAMES.map(|(name, _)| name).join(", ");
        found
            .map(|(_, case)| *case)
            .ok_or_else(|| format!("--case takes {names}, not `{name}`").into())
    }

    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, case)| *case == self).map_or("", |(name, _)| name)
    }
}

/// What every case is given.
pub(crate) struct Run {
    /// An empty directory for whatever it writes.
    pub(crate) dir: PathBuf,
    pub(crate) peers: Peers,
    pub(crate) scale: Scale,
}

/// Takes each row as soon as it is measured, since a case may take minutes.
pub(crate) type Print<'a> = &'a mut dyn FnMut(&Fields) -> Result<(), Failure>;
