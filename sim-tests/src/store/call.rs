//! What the clients of a store do, as data.
//!
//! It is not how they do it. The invariant it guards: a call says everything that was drawn for
//! it, so that it is the same call whoever decided it.

use super::{Plan, oracle::Oracle};
use crate::frame::{How, Weather};
use sagalog_testkit::{
    Choices, Seeded,
    model::{Draw, PlainAppend, PlainEvent, PlainRead, Question},
};
use serde::{Deserialize, Serialize};

/// Of each event of an append that is too large.
const EVENT_BYTES: usize = 256;

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum Call {
    /// Appends.
    Append {
        /// What.
        append: PlainAppend,
        /// How the caller waits.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Asks.
    Ask {
        /// What.
        question: Question,
        /// How the caller waits.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Reads, and lets others run between any two events.
    ReadSlowly {
        /// What.
        read: PlainRead,
        /// How many turns it gives to others, at most, between two events.
        turns: u64,
        /// After how many polls each wait for an event is given up and begun anew; 0 is never.
        #[serde(default, skip_serializing_if = "is_zero")]
        drops: u64,
    },
    /// Asks for the head.
    Head {},
    /// Another process opens the store for reading only, asks, refreshes and asks again.
    Beside(Vec<Question>),
    /// Another process begins to open the store for reading only, and later to refresh what it
    /// sees, and gives up after so many polls.
    BesideBriefly(u64),
    /// Something that does not concern the store.
    Weather(Weather),
}

impl Call {
    /// Draws what a client does next, who knows what the oracle guesses to be stored.
    pub(super) fn draw(choices: &mut Seeded, plan: &Plan, oracle: &Oracle) -> Self {
        let past = oracle.guess().now();
        let kind = choices.below(128);
        let cancels = plan.surroundings.cancels;
        match kind {
            0..=75 => {
                let append = draw_append(choices, plan, oracle);
                Self::Append { append, how: How::draw(choices, cancels) }
            }
            76..=107 => {
                let question = Draw::new(choices, plan.alphabet, past).question();
                Self::Ask { question, how: How::draw_patience(choices, cancels) }
            }
            108..=115 => {
                let read = Draw::new(choices, plan.alphabet, past).read();
                let drops = if cancels { choices.below(4) } else { 0 };
                Self::ReadSlowly { read, turns: choices.below(4), drops }
            }
            116..=122 => Self::Head {},
            123 if cancels => Self::BesideBriefly(1 + choices.below(64)),
            123 => Self::Append { append: too_large(choices, plan), how: How::Patiently },
            124 => {
                let mut question = || Draw::new(choices, plan.alphabet, past).question();
                Self::Beside(vec![question(), question()])
            }
            _ => Self::Weather(Weather::draw(choices, &plan.surroundings)),
        }
    }

    /// Simpler calls, simplest first.
    pub(super) fn simpler(&self) -> Vec<Self> {
        match self {
            Self::Append { append, how } => {
                let mut simpler: Vec<Self> = simpler_appends(append)
                    .into_iter()
                    .map(|append| Self::Append { append, how: *how })
                    .collect();
                if !how.is_patient() {
                    let (append, how) = (append.clone(), How::Patiently);
                    simpler.push(Self::Append { append, how });
                }
                simpler
            }
            Self::Ask { question, how } if !how.is_patient() => {
                vec![Self::Ask { question: question.clone(), how: How::Patiently }]
            }
            Self::ReadSlowly { read, turns, drops } if turns + drops > 0 => {
                vec![Self::ReadSlowly { read: read.clone(), turns: 0, drops: 0 }]
            }
            Self::Ask { .. }
            | Self::ReadSlowly { .. }
            | Self::Head {}
            | Self::Beside(_)
            | Self::BesideBriefly(_)
            | Self::Weather(_) => Vec::new(),
        }
    }
}

/// The append without one of its parts.
fn simpler_appends(append: &PlainAppend) -> Vec<PlainAppend> {
    let mut simpler = Vec::new();
    let mut with = |change: &dyn Fn(&mut PlainAppend)| {
        let mut changed = append.clone();
        change(&mut changed);
        if changed != *append {
            simpler.push(changed);
        }
    };
    with(&|append| append.guards.clear());
    with(&|append| append.key = None);
    with(&|append| append.checkpoint = None);
    with(&|append| append.fence = None);
    with(&|append| append.writes.truncate(1));
    with(&|append| append.writes.iter_mut().for_each(|(_, event)| event.payload.clear()));
    with(&|append| append.writes.iter_mut().for_each(|(_, event)| event.tags.clear()));
    // An append without events is found again by its key.
    simpler.retain(|simpler| !simpler.writes.is_empty() || simpler.key == append.key);
    simpler
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An append that fits in no group.
fn too_large(choices: &mut Seeded, plan: &Plan) -> PlainAppend {
    let payload = || vec![b'l'; EVENT_BYTES];
    let events = usize::try_from(plan.group_bytes_max + choices.below(4096)).unwrap_or(0);
    let event = || ("large".to_owned(), PlainEvent::new("A", payload()));
    let writes = (0..=events / EVENT_BYTES).map(|_| event()).collect();
    PlainAppend { writes, ..PlainAppend::default() }
}

/// Whether it fits in no group, whatever is added to what its caller gave.
pub(super) fn is_too_large(append: &PlainAppend, plan: &Plan) -> bool {
    let bytes: usize = append.writes.iter().map(|(_, event)| event.payload.len()).sum();
    bytes as u64 > plan.group_bytes_max
}

/// A third of the appends repeat a call of which nobody knows what became.
fn draw_append(choices: &mut Seeded, plan: &Plan, oracle: &Oracle) -> PlainAppend {
    let open = oracle.open_calls();
    if !open.is_empty() && choices.below(3) == 0 {
        let at = usize::try_from(choices.below(open.len() as u64)).unwrap_or(0);
        return oracle.given(open[at]);
    }
    let mut append = Draw::new(choices, plan.alphabet, oracle.guess().now()).append();
    tame(choices, plan, &mut append);
    append
}

/// An append without events is found again by its key: it gets one that nobody else uses, or an
/// event.
fn tame(choices: &mut Seeded, plan: &Plan, append: &mut PlainAppend) {
    let stores = append.key.is_some() || append.checkpoint.is_some() || append.fence.is_some();
    if !append.writes.is_empty() || !stores {
        return;
    }
    if plan.keeps_keys() {
        append.key.get_or_insert_with(|| format!("bare {}", choices.bits()));
    } else {
        append.writes.push(("a-1".to_owned(), PlainEvent::new("A", [])));
    }
}
