//! What happens in a life, as data: what clients call, and what befalls others.
//!
//! It is not how they do it. The invariant it guards: a call says everything that was drawn for
//! it, so that it is the same call whoever decided it.

use super::{
    oracle::Oracle,
    paper::{Numbered, Paper},
    plan::Plan,
};
use crate::frame::{Death, How, Weather, one_of};
use ::orders::ports::Service;
use sagalog_testkit::{Choices, Seeded, net::Cut};
use serde::{Deserialize, Serialize};

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum Call {
    /// Takes documents in, together and under one key; and starts their sagas.
    TakeIn {
        /// The documents.
        papers: Vec<Numbered>,
        /// It leaves the sagas to others.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        only: bool,
        /// How.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Starts the saga of a document that was taken in.
    Start {
        /// Which.
        document: u64,
        /// How.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Waits for what a document's saga comes to.
    Wait {
        /// Which.
        document: u64,
        /// How.
        #[serde(default, skip_serializing_if = "How::is_patient")]
        how: How,
    },
    /// Cancels an order.
    Cancel(u64),
    /// Looks a document up.
    Look(u64),
    /// Another executor takes over: after the one before was closed, with so many milliseconds of
    /// grace, or without a word.
    Relay(Option<u64>),
    /// A link is cut.
    Cut {
        /// To which service.
        service: usize,
        /// In which direction.
        which: Cut,
        /// For how many milliseconds.
        ms: u64,
    },
    /// A service dies and comes back.
    Dies {
        /// Which.
        service: usize,
        /// How.
        #[serde(flatten)]
        death: Death,
    },
    /// Something that does not concern the shop.
    Weather(Weather),
}

impl Call {
    /// Draws what a client does next.
    pub(super) fn draw(choices: &mut Seeded, plan: &Plan, oracle: &mut Oracle) -> Self {
        let cancels = plan.surroundings.cancels;
        let service = usize::try_from(choices.below(Service::ALL.len() as u64)).unwrap_or(0);
        match choices.below(64) {
            0..=23 => draw_papers(choices, cancels, oracle),
            24..=28 => {
                let document = oracle.draw_document(choices);
                Self::Start { document, how: How::draw_patience(choices, cancels) }
            }
            29..=38 => {
                let document = oracle.draw_document(choices);
                Self::Wait { document, how: How::draw_patience(choices, cancels) }
            }
            39..=42 => Self::Cancel(oracle.draw_document(choices)),
            43..=45 => Self::Look(oracle.draw_document(choices)),
            46 => {
                let grace = (choices.below(2) == 0).then(|| *one_of(choices, &[0, 20, 5_000]));
                Self::Relay(grace)
            }
            47..=50 if plan.storm > 0 => {
                let which = *one_of(choices, &[Cut::Requests, Cut::Answers, Cut::Both]);
                Self::Cut { service, which, ms: 10 << choices.below(8) }
            }
            51..=55 if plan.storm > 0 => {
                let power = (choices.below(2) == 0).then(|| choices.bits());
                let (after_ops, silent) = (choices.below(12), choices.below(3) == 0);
                let death = Death { after_ops, power, silent, ms: 1 << choices.below(11) };
                Self::Dies { service, death }
            }
            _ => Self::Weather(Weather::draw(choices, &plan.surroundings)),
        }
    }

    /// Simpler calls, simplest first.
    pub(super) fn simpler(&self) -> Vec<Self> {
        match self {
            Self::TakeIn { papers, only, how } => {
                let (only, how) = (*only, *how);
                let mut simpler = Vec::new();
                for (at, Numbered { number, paper }) in papers.iter().enumerate() {
                    if at > 0 {
                        let mut papers = papers.clone();
                        papers.remove(at);
                        simpler.push(Self::TakeIn { papers, only, how });
                    }
                    for paper in paper.shorter() {
                        let mut papers = papers.clone();
                        papers[at] = Numbered { number: *number, paper };
                        simpler.push(Self::TakeIn { papers, only, how });
                    }
                }
                if only || !how.is_patient() {
                    let (papers, how) = (papers.clone(), How::Patiently);
                    simpler.push(Self::TakeIn { papers, only: false, how });
                }
                simpler
            }
            Self::Dies { service, death } if death.power.is_some() || death.silent => {
                let (service, death) = (*service, death.clone());
                vec![Self::Dies { service, death: Death { power: None, silent: false, ..death } }]
            }
            _ => Vec::new(),
        }
    }
}

/// A fifth of them repeats what was taken in before, or perhaps was.
fn draw_papers(choices: &mut Seeded, cancels: bool, oracle: &mut Oracle) -> Call {
    let how = How::draw_patience(choices, cancels);
    let only = choices.below(5) == 0;
    if choices.below(5) == 0
        && let Some(papers) = oracle.draw_batch(choices)
    {
        return Call::TakeIn { papers, only, how };
    }
    let count = 1 + choices.below(3);
    let mut papers = Vec::new();
    for _ in 0..count {
        let mut orders = oracle.orders();
        let here = papers.iter().map(|numbered: &Numbered| numbered.paper.clone());
        orders.extend(here.filter(|paper| matches!(paper, Paper::Order { .. })));
        let paper = Paper::draw(choices, &orders);
        papers.push(Numbered { number: oracle.new_number(), paper });
    }
    Call::TakeIn { papers, only, how }
}
