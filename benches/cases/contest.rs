//! Our figures and those of others, taken in turns and put side by side.
//!
//! Does not measure. The invariant: a ratio is the median over rounds of ours to theirs, both of
//! the same round, and each side goes first in some of the rounds.

use super::peers::{Engine, Peers};
use crate::support::{
    Failure, median,
    output::{Fields, Value},
};

/// What the rounds came to.
#[derive(Default)]
pub(crate) struct Contest {
    pub(crate) ours: Vec<f64>,
    theirs: Vec<(Engine, Vec<f64>)>,
}

impl Contest {
    /// Lets ours and every peer's take turns for `rounds` rounds.
    pub(crate) fn hold(
        rounds: usize,
        peers: &Peers,
        mut ours: impl FnMut() -> Result<f64, Failure>,
        mut theirs: impl FnMut(Engine) -> Result<f64, Failure>,
    ) -> Result<Self, Failure> {
        let engines = peers.engines();
        let mut contest = Self {
            ours: Vec::new(),
            theirs: engines.iter().map(|engine| (*engine, Vec::new())).collect(),
        };
        for round in 0..rounds {
            let sides = engines.len() + 1;
            for turn in 0..sides {
                // The last side is ours.
                match contest.theirs.get_mut((round + turn) % sides) {
                    Some((engine, figures)) => figures.push(theirs(*engine)?),
                    None => contest.ours.push(ours()?),
                }
            }
        }
        Ok(contest)
    }

    /// Our median.
    pub(crate) fn median(&self) -> f64 {
        median(&self.ours)
    }

    /// For every peer its median, in the unit of ours, and ours to theirs.
    pub(crate) fn fields(&self) -> Fields {
        let mut fields = Vec::new();
        for (engine, figures) in &self.theirs {
            let pairs = self.ours.iter().zip(figures);
            let ratios: Vec<f64> = pairs.map(|(mine, other)| mine / other.max(1e-9)).collect();
            fields.push((engine.figure, Value::Number(median(figures))));
            fields.push((engine.ratio, Value::Number(median(&ratios))));
        }
        fields
    }
}
