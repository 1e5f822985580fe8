//! What follows from a saga's state without another input, one record at a time.
//!
//! Asked again and again until nothing follows, in live execution after each input and in recovery
//! at once, so that a crash between two of them changes nothing.

use super::{
    machine::Scene,
    plan::Plan,
    record::Record,
    state::{Phase, Progress, State},
    vocabulary::{
        Cause, Certainty, Effect, Failure, FailureKind, Output, SagaEnd, Side, StepIndex, StepKind,
    },
};
use std::sync::Arc;

/// The next record that follows, if one does.
pub(super) fn consequence(scene: Scene<'_>, state: &State) -> Option<Record> {
    match state.phase() {
        Phase::Running => forward(scene, state),
        Phase::Returning(_) => given_up(scene, state).or_else(|| back(scene, state)),
        Phase::Aborting { .. } => back(scene, state),
        Phase::Ended(_) => None,
    }
}

fn forward(scene: Scene<'_>, state: &State) -> Option<Record> {
    turned_back(scene, state)
        .or_else(|| given_up(scene, state))
        .or_else(|| completed(state))
        .or_else(|| scene.plan.indices().find_map(|step| of_step(scene, state, step)))
}

/// A step failed for good.
fn turned_back(scene: Scene<'_>, state: &State) -> Option<Record> {
    let gave_up = |step: &StepIndex| {
        matches!(state.step(*step).progress, Progress::Failed | Progress::Ambiguous)
    };
    let failed = scene.plan.indices().find(gave_up)?;
    let failure = state.step(failed).last_failure.as_ref();
    let reason: Arc<str> = failure.map_or_else(|| "unknown".into(), |f| f.reason.clone());
    if state.cancel_asked().is_none()
        && let Some(savepoint) = savepoint(scene.plan, state)
    {
        return Some(Record::ReturnDecided { savepoint, reason });
    }
    let cause = match failure.map(|failure| failure.kind) {
        _ if state.cancel_asked().is_some() => Cause::Cancelled,
        Some(FailureKind::Rejected) => Cause::Rejected,
        Some(FailureKind::Failed) | None => Cause::Failed,
    };
    let name = &scene.plan.steps()[failed.at()].name;
    Some(Record::AbortDecided { cause, reason: format!("{name}: {reason}").into() })
}

/// The savepoint that keeps most of what is done, among those that may still be returned to.
fn savepoint(plan: &Plan, state: &State) -> Option<StepIndex> {
    let usable = |step: &StepIndex| {
        let left =
            plan.steps()[step.at()].returns_max.is_some_and(|max| state.step(*step).returns < max);
        left && matches!(state.step(*step).progress, Progress::Done(_) | Progress::Skipped)
    };
    plan.indices().filter(usable).max_by_key(|step| (plan.ancestors(*step).len(), *step))
}

/// Somebody cancelled it, or its time is over, and it is not past its pivot.
fn given_up(scene: Scene<'_>, state: &State) -> Option<Record> {
    let (cause, reason) = match (state.cancel_asked(), state.begun().deadline) {
        (Some(asked), _) => (Cause::Cancelled, asked.reason.clone()),
        (None, Some(deadline)) if deadline <= scene.now => {
            (Cause::Deadline, "it was not done by its deadline".into())
        }
        (None, _) => return None,
    };
    let held = scene.plan.pivot().is_some_and(|pivot| pivot_holds(scene, state, pivot));
    (!held).then_some(Record::AbortDecided { cause, reason })
}

/// Whether the pivot is done, or may be done already without our knowing.
fn pivot_holds(scene: Scene<'_>, state: &State, pivot: StepIndex) -> bool {
    let step = state.step(pivot);
    match &step.progress {
        Progress::Done(_) | Progress::Skipped => true,
        Progress::Waiting | Progress::Announced => {
            let known = scene.attempts;
            known.running.contains(&pivot) || known.are_doubtful(state, pivot) || step.doubtful
        }
        Progress::InFlight
        | Progress::Failed
        | Progress::Ambiguous
        | Progress::Withdrawn
        | Progress::Compensated(_)
        | Progress::Waived(_) => false,
    }
}

fn completed(state: &State) -> Option<Record> {
    let resolved = |progress: &Progress| matches!(progress, Progress::Done(_) | Progress::Skipped);
    let all = state.steps().iter().all(|step| resolved(&step.progress));
    all.then_some(Record::Ended(SagaEnd::Completed(Output::OfStep)))
}

/// What follows for one step of a saga that goes forward.
fn of_step(scene: Scene<'_>, state: &State, step: StepIndex) -> Option<Record> {
    let (plan, known) = (&scene.plan.steps()[step.at()], state.step(step));
    if scene.attempts.running.contains(&step) || known.stuck.is_some() {
        return None;
    }
    let attempt = known.attempts + 1;
    if known.progress == Progress::Announced && scene.attempts.have_lost(state, step) {
        let failure = Failure::failed("how its only attempt ended was lost with the process");
        let (side, certainty) = (Side::Action, Certainty::Unknown);
        return Some(if plan.kind == StepKind::Pivot && !plan.is_compensated() {
            Record::Stuck { step, side, attempt, certainty, failure }
        } else {
            Record::Ambiguous { step, attempt, failure }
        });
    }
    if !state.is_eligible(scene.plan, step) {
        return None;
    }
    // Asked again until an attempt may have had an effect: that it could not be told before counts
    // as an attempt, and is no answer.
    if plan.conditional && !known.doubtful {
        match scene.judge.holds(step, state) {
            Ok(true) => {}
            Ok(false) => return Some(Record::Skipped { step }),
            Err(failure) => {
                let (side, certainty) = (Side::Action, Certainty::NoEffect);
                return Some(Record::Stuck { step, side, attempt, certainty, failure });
            }
        }
    }
    let announces = plan.effect == Effect::AtMostOnce && known.next_at <= scene.now;
    announces.then_some(Record::Started { step, attempt })
}

/// What follows on the way back.
fn back(scene: Scene<'_>, state: &State) -> Option<Record> {
    let withdrawn = |step: &StepIndex| was_not_attempted(scene, state, *step);
    if let Some(step) = scene.plan.indices().find(withdrawn) {
        return Some(Record::Withdrawn { step });
    }
    if !scene.attempts.running.is_empty() || state.is_effective(scene.plan) {
        return None;
    }
    match state.phase() {
        Phase::Returning(_) => Some(Record::Returned),
        Phase::Aborting { cause, reason } => {
            let (cause, reason) = (*cause, reason.clone());
            Some(Record::Ended(SagaEnd::Aborted { cause, reason }))
        }
        Phase::Running | Phase::Ended(_) => None,
    }
}

/// Whether a step that could have been under way when the saga turned back certainly was not.
fn was_not_attempted(scene: Scene<'_>, state: &State, step: StepIndex) -> bool {
    let (plan, known) = (&scene.plan.steps()[step.at()], state.step(step));
    if scene.attempts.running.contains(&step) {
        return false;
    }
    let sure = !known.doubtful && !scene.attempts.are_doubtful(state, step);
    match known.progress {
        Progress::InFlight => match plan.effect {
            // Without a result there was no effect; without an announcement, no attempt.
            Effect::Pure | Effect::Transactional | Effect::AtMostOnce => true,
            Effect::Idempotent | Effect::Keyed => sure,
        },
        Progress::Announced => sure,
        Progress::Waiting
        | Progress::Done(_)
        | Progress::Skipped
        | Progress::Failed
        | Progress::Ambiguous
        | Progress::Withdrawn
        | Progress::Compensated(_)
        | Progress::Waived(_) => false,
    }
}
