//! What happens in a life, as data: what clients and operators call, and what befalls others.
//!
//! It is not how they do it. The invariant it guards: a call says everything that was drawn for
//! it, so that it is the same call whoever decided it.

use super::{conduct::Conduct, oracle::Oracle, plan::Plan};
use crate::frame::{Death, How, Weather, one_of};
use sagalog_testkit::{Choices, Seeded, net::Cut};
use serde::{Deserialize, Serialize};

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum Call {
    /// The sagas are opened without one of the definitions.
    Without(usize),
    /// Starts a saga.
    Start {
        /// Its number.
        saga: u64,
        /// Of which definition.
        definition: usize,
        /// What its steps meet.
        steps: Vec<Conduct>,
        /// Waits for what it comes to.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
        /// How.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Waits for what a saga comes to.
    Wait {
        /// Which.
        saga: u64,
        /// How.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Cancels a saga.
    Cancel(u64),
    /// An operator intervenes.
    Operate {
        /// In which saga.
        saga: u64,
        /// What is done.
        word: Word,
    },
    /// Looks where a saga is.
    Look(u64),
    /// Looks which sagas are stuck or wait.
    List {},
    /// Another executor takes over: after the one before was closed, with so many milliseconds of
    /// grace, or without a word.
    Relay(Option<u64>),
    /// A link is cut.
    Cut {
        /// To which participant.
        participant: usize,
        /// In which direction.
        which: Cut,
        /// For how many milliseconds.
        ms: u64,
    },
    /// A participant dies and comes back.
    Dies {
        /// Which.
        participant: usize,
        /// How.
        #[serde(flatten)]
        death: Death,
    },
    /// Something that does not concern sagas.
    Weather(Weather),
}

/// What an operator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum Word {
    /// Try again.
    Retry,
    /// Leave a step.
    Skip(u16),
    /// It is done.
    Complete,
    /// It is over.
    Abort,
}

impl Call {
    /// Draws what a client does next.
    pub(super) fn draw(choices: &mut Seeded, plan: &Plan, oracle: &mut Oracle) -> Self {
        let cancels = plan.surroundings.cancels;
        let participant = below(choices, plan.participants);
        match choices.below(64) {
            0..=25 => draw_start(choices, plan, oracle),
            26..=33 => {
                let saga = draw_saga(choices, oracle);
                Self::Wait { saga, how: How::draw_patience(choices, cancels) }
            }
            34..=36 => Self::Cancel(draw_saga(choices, oracle)),
            37..=42 => {
                let saga = oracle.draw_stuck(choices).unwrap_or_else(|| draw_saga(choices, oracle));
                Self::Operate { saga, word: draw_word(choices) }
            }
            43..=45 => Self::Look(draw_saga(choices, oracle)),
            46 | 47 => Self::List {},
            48 => {
                let grace = (choices.below(2) == 0).then(|| *one_of(choices, &[0, 20, 5_000]));
                Self::Relay(grace)
            }
            49..=51 if plan.storm > 0 => {
                let which = *one_of(choices, &[Cut::Requests, Cut::Answers, Cut::Both]);
                Self::Cut { participant, which, ms: 10 << choices.below(8) }
            }
            52..=54 if plan.storm > 0 => {
                let power = (choices.below(2) == 0).then(|| choices.bits());
                let (after_ops, silent) = (choices.below(12), choices.below(3) == 0);
                let death = Death { after_ops, power, silent, ms: 1 << choices.below(11) };
                Self::Dies { participant, death }
            }
            _ => Self::Weather(Weather::draw(choices, &plan.surroundings)),
        }
    }

    /// Simpler calls, simplest first.
    pub(super) fn simpler(&self) -> Vec<Self> {
        match self {
            Self::Start { saga, definition, steps, waits, how } => {
                let (saga, definition) = (*saga, *definition);
                let mut simpler = Vec::new();
                for (at, step) in steps.iter().enumerate() {
                    if let Some(plain) = step.simpler() {
                        let mut steps = steps.clone();
                        steps[at] = plain;
                        let (waits, how) = (*waits, *how);
                        simpler.push(Self::Start { saga, definition, steps, waits, how });
                    }
                }
                if *waits || !how.is_patient() {
                    let (steps, how) = (steps.clone(), How::Patiently);
                    simpler.push(Self::Start { saga, definition, steps, waits: false, how });
                }
                simpler
            }
            Self::Dies { participant, death } if death.power.is_some() || death.silent => {
                let (participant, death) = (*participant, death.clone());
                vec![Self::Dies {
                    participant,
                    death: Death { power: None, silent: false, ..death },
                }]
            }
            _ => Vec::new(),
        }
    }
}

fn below(choices: &mut Seeded, n: usize) -> usize {
    usize::try_from(choices.below(n as u64)).unwrap_or(0)
}

fn draw_saga(choices: &mut Seeded, oracle: &Oracle) -> u64 {
    // One in a while that was never started.
    choices.below(oracle.numbers() + 1)
}

fn draw_word(choices: &mut Seeded) -> Word {
    match choices.below(8) {
        0..4 => Word::Retry,
        4 | 5 => Word::Skip(u16::try_from(choices.below(6)).unwrap_or(0)),
        6 => Word::Complete,
        _ => Word::Abort,
    }
}

/// A fourth of the starts repeat one, some of them with something else.
fn draw_start(choices: &mut Seeded, plan: &Plan, oracle: &mut Oracle) -> Call {
    let (waits, how) =
        (choices.below(4) == 0, How::draw_patience(choices, plan.surroundings.cancels));
    let definition = below(choices, plan.shapes.len());
    let shape = &plan.shapes[definition];
    let mut draw = |step| Conduct::draw(choices, step, plan.trouble);
    let steps: Vec<Conduct> = shape.steps.iter().map(&mut draw).collect();
    if choices.below(4) == 0 && oracle.numbers() > 0 {
        let saga = choices.below(oracle.numbers());
        if choices.below(3) > 0
            && let Some((definition, steps)) = oracle.first_start(saga)
        {
            return Call::Start { saga, definition, steps, waits, how };
        }
        return Call::Start { saga, definition, steps, waits, how };
    }
    Call::Start { saga: oracle.new_number(), definition, steps, waits, how }
}
