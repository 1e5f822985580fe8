//! The order of tasks within one life: drawn and noted, or read from a script.
//!
//! It knows no task. The invariant it guards: what it does not deviate in is first in, first out,
//! so that a deviation less is a simpler order.

use sagalog_testkit::{Choices, Schedule, Seeded};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How often another task than the first one is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suites' own vocabulary")]
pub enum Disorder {
    /// Never.
    #[default]
    None,
    /// Once in sixteen turns.
    Rare,
    /// Each of the ready ones is as likely.
    Full,
}

/// Deviations: at the `turn`-th time that several tasks are ready, this one runs.
pub(crate) type Deviations = BTreeMap<u64, usize>;

enum Source {
    Drawn(Seeded, Disorder),
    Read(Deviations),
}

/// The order of one life.
pub(crate) struct Turns {
    source: Source,
    turn: u64,
    noted: Option<Arc<Mutex<Deviations>>>,
}

impl Turns {
    /// An order that is drawn, and noted if somebody wants to know it.
    pub(crate) fn drawn(
        choices: Seeded,
        disorder: Disorder,
        noted: Option<Arc<Mutex<Deviations>>>,
    ) -> Self {
        Self { source: Source::Drawn(choices, disorder), turn: 0, noted }
    }

    /// An order that is first in, first out but for `deviations`.
    pub(crate) fn read(deviations: Deviations) -> Self {
        Self { source: Source::Read(deviations), turn: 0, noted: None }
    }
}

impl Schedule for Turns {
    fn choose(&mut self, ready: usize) -> usize {
        self.turn += 1;
        let task = match &mut self.source {
            Source::Read(deviations) => deviations.get(&self.turn).copied().unwrap_or(0),
            Source::Drawn(_, Disorder::None) => 0,
            Source::Drawn(choices, disorder) => {
                let deviates = *disorder == Disorder::Full || choices.below(16) == 0;
                let task = if deviates { choices.below(ready as u64) } else { 0 };
                usize::try_from(task).unwrap_or(0)
            }
        };
        let task = task.min(ready - 1);
        if let Some(noted) = &self.noted
            && task > 0
        {
            noted.lock().unwrap_or_else(PoisonError::into_inner).insert(self.turn, task);
        }
        task
    }

    /// Always the same number: who gets these turns is what varies.
    fn turns(&mut self, turns_max: u64) -> u64 {
        turns_max.min(1)
    }
}
