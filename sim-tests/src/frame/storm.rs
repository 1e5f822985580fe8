//! What the network does to calls.
//!
//! It carries nothing. The invariant it guards: what becomes of a delivery is asked of the
//! director, by a name that stays the same when other decisions go.

use super::{Lived, Sky, Stage, Suite, one_of};
use crate::marks::Mark;
use sagalog::runtime::{Address, Call, CallKind, Runtime};
use sagalog_testkit::{
    Choices, Seeded,
    net::{Journey, Journeys, Passage},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// How long a message may be under way, in milliseconds: longer than any attempt.
const LATE_MS: [u64; 5] = [1, 20, 100, 700, 3_000];

/// What becomes of the calls of one life.
pub(crate) struct Storm<S: Suite> {
    stage: Stage<S>,
    life: u32,
    /// How often the life has opened its store before: deliveries are counted anew each time.
    opening: u32,
    /// How much happens, of thirty-two.
    strength: u64,
    drawn: Mutex<(Seeded, BTreeMap<String, u32>)>,
    /// Nothing happens any more.
    over: bool,
}

impl<S: Suite> Journeys for Storm<S> {
    fn of(&self, _: &Address, call: &Call) -> Journey {
        if self.over {
            return Journey::default();
        }
        let kind = match call.kind {
            CallKind::Action => "action",
            CallKind::Compensation => "compensation",
        };
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let (choices, deliveries) = &mut *drawn;
        let name = format!("{} {kind}", call.key);
        let nth = deliveries.entry(name.clone()).or_default();
        *nth += 1;
        let name = match self.opening {
            0 => format!("{name} {nth}"),
            opening => format!("{name} {nth} reopened {opening}"),
        };
        let journey = self.stage.journey(self.life, &name, || draw(choices, self.strength));
        self.notice(&journey);
        journey
    }
}

impl<S: Suite> Storm<S> {
    /// A storm of this strength in a life.
    pub(crate) fn new(life: &Lived<S, impl Runtime + Sky>, strength: u64, choices: Seeded) -> Self {
        let (stage, drawn) = (life.stage.clone(), Mutex::new((choices, BTreeMap::new())));
        let (opening, over) = (life.opening, life.facts.healed);
        Self { stage, life: life.number, opening, strength, drawn, over }
    }

    fn notice(&self, journey: &Journey) {
        let seen = [
            (journey.request.lost, Mark::RequestLost),
            (journey.request.ms > 0, Mark::RequestLate),
            (journey.copy.is_some(), Mark::RequestTwice),
            (journey.answer.lost, Mark::AnswerLost),
            (journey.answer.ms > 0, Mark::AnswerLate),
        ];
        for (seen, mark) in seen {
            if seen {
                self.stage.watch.reach(mark);
            }
        }
    }
}

fn draw(choices: &mut Seeded, storm: u64) -> Journey {
    let mut happens = || choices.below(32) < storm;
    let (request, copy, answer) = (happens(), happens(), happens());
    let passage = |happens: bool, choices: &mut Seeded| match (happens, choices.below(2)) {
        (false, _) => Passage::default(),
        (true, 0) => Passage { lost: true, ms: 0 },
        (true, _) => Passage { lost: false, ms: *one_of(choices, &LATE_MS) },
    };
    let late = Passage { lost: false, ms: *one_of(choices, &LATE_MS) };
    Journey {
        request: passage(request, choices),
        copy: copy.then_some(late),
        answer: passage(answer, choices),
    }
}
