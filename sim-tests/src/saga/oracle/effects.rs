//! What stands in the books, against what the journal says became of each step.
//!
//! It reads no journal. The invariant it guards: an effect is judged by the event that the business
//! wrote, wherever it is: at a participant, or beside the sagas.

use super::story::{Became, Fate};
use crate::{
    report::{Violation, broken},
    saga::{
        business::Entry,
        shape::{EffectShape, Shape},
    },
};

/// Judges the effects of a saga. `attempted` says whether a step was ever attempted in a round.
pub(super) fn judge(
    saga: u64,
    shape: &Shape,
    fate: &Fate,
    attempted: &dyn Fn(u16, u32) -> bool,
    (books, here): (&[Entry], &[Entry]),
) -> Result<(), Violation> {
    for (at, step) in shape.steps.iter().enumerate() {
        if step.effect == EffectShape::Pure {
            continue;
        }
        let number = u16::try_from(at).expect("few steps");
        let rounds = fate.rounds.get(&number).copied().unwrap_or(0);
        for round in 0..=rounds {
            let key = format!("saga-{saga}/{round}/s{at}");
            let entries = if step.effect == EffectShape::Transactional { here } else { books };
            let entries: Vec<&Entry> = entries.iter().filter(|entry| entry.key == key).collect();
            let became = fate.steps.get(&(number, round)).cloned().unwrap_or_default();
            let effect = Effect::of(&key, &entries)?;
            let seen = Seen {
                key: &key,
                compensated: step.compensated,
                attempted: attempted(number, round),
                last: round == rounds,
                transactional: step.effect == EffectShape::Transactional,
            };
            seen.judge(&became, effect, fate)?;
            seen.judge_reads(&entries, (number, round), shape, fate)?;
        }
    }
    Ok(())
}

/// What stands on record for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    None,
    Stands,
    Answered,
}

impl Effect {
    fn of(key: &str, entries: &[&Entry]) -> Result<Self, Violation> {
        let kinds: Vec<bool> = entries.iter().map(|entry| entry.undone).collect();
        match kinds[..] {
            [] => Ok(Self::None),
            [false] => Ok(Self::Stands),
            [false, true] => Ok(Self::Answered),
            _ => broken("G42", format!("the effects of {key}: {entries:?}")),
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Seen<'a> {
    key: &'a str,
    compensated: bool,
    attempted: bool,
    /// No round came after this one.
    last: bool,
    transactional: bool,
}

impl Seen<'_> {
    fn judge(&self, became: &Became, effect: Effect, fate: &Fate) -> Result<(), Violation> {
        let key = self.key;
        let guarantee = if self.transactional { "G29" } else { "G32" };
        let stands = effect == Effect::Stands;
        let right = match became {
            Became::Done(_) if fate.forced || !self.last => true,
            // What needs no compensation stands; what needs one was judged by the journal.
            Became::Done(_) => stands,
            // Left out by its condition, or by an operator who saw to it.
            Became::Skipped => !stands || self.attempted,
            Became::Vague | Became::Left => true,
            Became::Open if !self.attempted => effect == Effect::None,
            Became::Open if fate.forced || !self.compensated => true,
            Became::Compensated | Became::Failed | Became::Withdrawn | Became::Open => !stands,
        };
        if right {
            return Ok(());
        }
        broken(guarantee, format!("{key} became {became:?}, and its effect is {effect:?}"))
    }

    /// What was done read what the journal says, and came to what the journal says.
    fn judge_reads(
        &self,
        entries: &[&Entry],
        (step, round): (u16, u32),
        shape: &Shape,
        fate: &Fate,
    ) -> Result<(), Violation> {
        let Some(done) = entries.iter().find(|entry| !entry.undone) else { return Ok(()) };
        if let Some(output) = fate.outputs.get(&(step, round))
            && *output != done.delivery
        {
            let what = format!("{}: its journal has another output: {output:?}", done.delivery);
            return broken("G29", what);
        }
        for (after, read) in &done.reads {
            // What lies before a savepoint keeps its round.
            let of = |round: u32| fate.outputs.get(&(*after, round));
            let known = (0..=round).any(|round| of(round).is_some_and(|output| output == read));
            if !known && shape.steps[usize::from(step)].after.contains(after) {
                let what = format!("{} read {read:?}, which is in no journal", self.key);
                return broken("G29", what);
            }
        }
        Ok(())
    }
}
