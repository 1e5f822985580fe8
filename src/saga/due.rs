//! What is to be attempted now, and when to ask again.

use super::{
    machine::Attempts,
    plan::Plan,
    state::{Phase, Progress, State},
    vocabulary::{Effect, Side, StepIndex},
};
use crate::time::WallTime;

/// An attempt that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Attempt {
    /// Of which step.
    pub step: StepIndex,
    /// Of its action or its compensation.
    pub side: Side,
    /// Which one, from 1.
    pub attempt: u32,
    /// How often the step was begun anew from a savepoint.
    pub round: u32,
}

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Due {
    /// To be attempted now.
    pub attempts: Vec<Attempt>,
    /// When something else becomes due without an input: a delay ends, or the deadline passes.
    pub wake_at: Option<WallTime>,
}

/// What is due of a saga from which nothing follows any more.
pub fn due(plan: &Plan, state: &State, attempts: &Attempts, now: WallTime) -> Due {
    let mut due = Due::default();
    let waits = plan.indices().filter(|step| !attempts.running.contains(step));
    for step in waits {
        let known = state.step(step);
        if known.stuck.is_some() {
            continue;
        }
        let Some(side) = attemptable(plan, state, attempts, step) else {
            if announceable(plan, state, step) && known.next_at > now {
                due.wake_by(known.next_at);
            }
            continue;
        };
        if known.next_at > now {
            due.wake_by(known.next_at);
            continue;
        }
        let made = match side {
            Side::Action => known.attempts,
            Side::Compensation => known.compensation_attempts,
        };
        due.attempts.push(Attempt { step, side, attempt: made + 1, round: known.round });
    }
    let undecided = matches!(state.phase(), Phase::Running | Phase::Returning(_));
    if let Some(deadline) = state.begun().deadline.filter(|at| undecided && *at > now) {
        due.wake_by(deadline);
    }
    due
}

impl Due {
    fn wake_by(&mut self, at: WallTime) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }
}

/// Whether an attempt of `step` is announced once its moment has come.
fn announceable(plan: &Plan, state: &State, step: StepIndex) -> bool {
    *state.phase() == Phase::Running
        && plan.steps()[step.at()].effect == Effect::AtMostOnce
        && state.is_eligible(plan, step)
}

fn attemptable(plan: &Plan, state: &State, attempts: &Attempts, step: StepIndex) -> Option<Side> {
    if *state.phase() != Phase::Running {
        // What may be under way behind it is waited for, also if it needs no compensation.
        let busy = plan.descendants(step).iter().any(|behind| attempts.running.contains(behind));
        let awaited = state.awaits_compensation(plan, step) && !state.is_held_up(plan, step);
        return (awaited && !busy).then_some(Side::Compensation);
    }
    let once = plan.steps()[step.at()].effect == Effect::AtMostOnce;
    let ready = match &state.step(step).progress {
        // An announced attempt of an earlier life is not made again.
        Progress::Announced => !attempts.have_lost(state, step),
        // One that is waiting for its moment is announced by then.
        Progress::Waiting => state.is_eligible(plan, step) && !once,
        Progress::InFlight
        | Progress::Done(_)
        | Progress::Skipped
        | Progress::Failed
        | Progress::Ambiguous
        | Progress::Withdrawn
        | Progress::Compensated(_)
        | Progress::Waived(_) => false,
    };
    ready.then_some(Side::Action)
}
