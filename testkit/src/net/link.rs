//! What a network may do to one call, and what a link lets through.
//!
//! Plain data and no time but what it is told. The invariant it guards: a link that is cut lets
//! nothing pass in that direction, however long something was under way.

use sagalog::runtime::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What becomes of one call on its way. The default: nothing happens to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "plain data that whoever decides has to fill in")]
pub struct Journey {
    /// Of the request.
    #[serde(skip_serializing_if = "is_plain")]
    pub request: Passage,
    /// Of another copy of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<Passage>,
    /// Of each answer.
    #[serde(skip_serializing_if = "is_plain")]
    pub answer: Passage,
}

/// How one message gets through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "plain data that whoever decides has to fill in")]
pub struct Passage {
    /// It never arrives.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// How many milliseconds it takes.
    #[serde(skip_serializing_if = "is_zero")]
    pub ms: u64,
}

fn is_plain(passage: &Passage) -> bool {
    *passage == Passage::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

impl Passage {
    pub(super) const fn time(self) -> Duration {
        Duration::from_millis(self.ms)
    }
}

/// Which direction of a link is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a link has two directions")]
pub enum Cut {
    /// Requests do not arrive.
    Requests,
    /// Answers do not arrive.
    Answers,
    /// Nothing arrives.
    Both,
}

/// Until when each direction is cut.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    requests: Moment,
    answers: Moment,
}

impl Link {
    pub(super) fn cut(&mut self, which: Cut, until: Moment) {
        if matches!(which, Cut::Requests | Cut::Both) {
            self.requests = self.requests.max(until);
        }
        if matches!(which, Cut::Answers | Cut::Both) {
            self.answers = self.answers.max(until);
        }
    }

    pub(super) fn request_passes(self, now: Moment) -> bool {
        self.requests <= now
    }

    pub(super) fn answer_passes(self, now: Moment) -> bool {
        self.answers <= now
    }
}
