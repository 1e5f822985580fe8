//! Draws what a power failure does to each unsynced unit.
//!
//! It performs nothing. The invariant it guards: what it draws lies within the plan's settings,
//! and the extremes (all of a file, none of it, a prefix of its changes) come up often.

use std::{mem, sync::Arc};

use super::{
    fate::{Fate, Unit, UnitKind},
    plan::PowerLoss,
};
use crate::choices::Choices;

/// How one file, or the directory, fares as a whole. Independent draws per sector would almost
/// never keep or lose all of a large write, and those are the cases that recovery must tell apart.
#[derive(Clone, Copy, Debug)]
enum Mood {
    KeepsAll,
    LosesAll,
    Mixed,
}

pub(super) struct Judge<'a> {
    settings: PowerLoss,
    choices: &'a mut dyn Choices,
    last: Option<(Arc<str>, Mood)>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(settings: PowerLoss, choices: &'a mut dyn Choices) -> Self {
        Self { settings, choices, last: None }
    }

    pub(super) fn fate(&mut self, unit: &Unit) -> Fate {
        let mood = match &self.last {
            Some((file, mood)) if *file == unit.file => *mood,
            _ => match self.choices.below(5) {
                0 => Mood::KeepsAll,
                1 => Mood::LosesAll,
                _ => Mood::Mixed,
            },
        };
        let fate = match mood {
            Mood::KeepsAll => Fate::Kept,
            Mood::LosesAll => Fate::Dropped,
            Mood::Mixed => self.draw(unit.kind),
        };
        // Without reordering, the first change that does not survive whole is the last.
        let ended = !self.settings.reorder && fate != Fate::Kept;
        self.last = Some((Arc::clone(&unit.file), if ended { Mood::LosesAll } else { mood }));
        fate
    }

    fn draw(&mut self, kind: UnitKind) -> Fate {
        let PowerLoss { keep, drop, tear, garbage, .. } = self.settings;
        let sector = u32::from(kind == UnitKind::Sector);
        let weights = [keep, drop, tear * sector, garbage * sector].map(u64::from);
        let mut draw = self.choices.below(weights.iter().sum());
        let mut chosen = 0;
        while chosen < 3 && draw >= weights[chosen] {
            draw -= weights[chosen];
            chosen += 1;
        }
        match chosen {
            0 => Fate::Kept,
            1 => Fate::Dropped,
            2 => self.draw_tear(),
            _ => Fate::Garbage { seed: self.choices.below(u64::MAX) },
        }
    }

    fn draw_tear(&mut self) -> Fate {
        let mut place = || u16::try_from(self.choices.below(513)).expect("at most 512");
        let (mut from, mut to) = (place(), place());
        if from > to {
            mem::swap(&mut from, &mut to);
        }
        // Half of the tears are prefixes, as a sector is written from its start.
        Fate::Torn { from: if self.choices.below(2) == 0 { 0 } else { from }, to }
    }
}
