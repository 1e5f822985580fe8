//! What the network does to calls.
//!
//! It carries nothing. The invariant it guards: what becomes of a delivery is asked of the
//! director, by a name that stays the same when other decisions go.

use super::Saga as Suite;
use crate::{
    frame::{Stage, one_of},
    marks::Mark,
};
use sagalog::runtime::{Address, Call, CallKind};
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
pub(super) struct Storm {
    pub(super) stage: Stage<Suite>,
    pub(super) life: u32,
    pub(super) drawn: Mutex<(Seeded, BTreeMap<String, u32>)>,
    /// Nothing happens any more.
    pub(super) over: bool,
}

impl Journeys for Storm {
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
        let name = format!("{name} {nth}");
        let storm = self.stage.plan.storm;
        let journey = self.stage.journey(self.life, &name, || draw(choices, storm));
        self.notice(&journey);
        journey
    }
}

impl Storm {
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
