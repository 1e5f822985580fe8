//! What a saga's steps will meet, said by its input: so that a saga does the same whoever executes
//! it, and a script says why it does.
//!
//! It performs nothing. The invariant it guards: what a step says of its effect is true. One that
//! fails for good without asking its participant never asks it in any attempt.

use super::shape::{EffectShape, StepShape};
use sagalog_testkit::{Choices, Seeded};
use serde::{Deserialize, Serialize};

/// Of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "the suite's own vocabulary")]
pub struct Conduct {
    /// Its action.
    #[serde(skip_serializing_if = "Manner::is_plain")]
    pub act: Manner,
    /// Its compensation.
    #[serde(skip_serializing_if = "Manner::is_plain")]
    pub undo: Manner,
    /// Its condition does not hold.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// Its output ends the saga.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ends: bool,
}

/// How one side of a step goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum Manner {
    /// It does what it is for.
    #[default]
    Plain,
    /// It is refused by who decides about it: a business no.
    Refused,
    /// It fails for good before anything is asked: its first so many attempts.
    Fails(u32),
    /// Who decides about it has no time for its first so many attempts.
    Busy(u32),
    /// Its first so many attempts end before anything is asked.
    Retries(u32),
    /// Its first so many attempts panic when all is done.
    Panics(u32),
    /// Its first so many attempts never end.
    Hangs(u32),
    /// Its first so many attempts do not know what became of them.
    Vague(u32),
}

impl Manner {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// What happens in this attempt.
    pub(super) const fn in_attempt(self, attempt: u32) -> Self {
        match self {
            Self::Fails(first)
            | Self::Busy(first)
            | Self::Retries(first)
            | Self::Panics(first)
            | Self::Hangs(first)
            | Self::Vague(first)
                if attempt > first =>
            {
                Self::Plain
            }
            other => other,
        }
    }

    fn draw(choices: &mut Seeded) -> Self {
        let first = 1 + u32::try_from(choices.below(4)).unwrap_or(0);
        match choices.below(12) {
            0 => Self::Fails(first),
            1 | 2 => Self::Busy(first),
            3 | 4 => Self::Retries(first),
            5 => Self::Panics(first),
            6 => Self::Hangs(first),
            7 => Self::Vague(first),
            _ => Self::Plain,
        }
    }
}

impl Conduct {
    /// Draws what a step of this shape meets; nothing much in most seeds' sagas.
    pub(super) fn draw(choices: &mut Seeded, step: &StepShape, trouble: u64) -> Self {
        let mut conduct = Self { skipped: choices.below(3) == 0, ..Self::default() };
        conduct.ends = choices.below(3) == 0;
        if choices.below(16) < trouble {
            conduct.act = Manner::draw(choices);
        }
        if choices.below(16) < trouble {
            conduct.undo = Manner::draw(choices);
        }
        if choices.below(16) < trouble && !step.retriable {
            conduct.act = Manner::Refused;
        }
        conduct.tame(step)
    }

    /// Who fails for good in one attempt would not in another: steps that are tried until they are
    /// done are stuck for some attempts; all others fail for ever.
    fn tame(mut self, step: &StepShape) -> Self {
        if let Manner::Fails(_) = self.act
            && !step.retriable
        {
            self.act = Manner::Fails(u32::MAX);
        }
        // Nobody tries again what had its effect and may not be repeated; there is no key.
        if step.effect == EffectShape::Pure {
            self.undo = Manner::Plain;
        }
        self
    }

    /// Simpler ones.
    pub(super) fn simpler(&self) -> Option<Self> {
        let plain = Self { skipped: self.skipped, ends: self.ends, ..Self::default() };
        (plain != *self).then_some(plain)
    }
}
