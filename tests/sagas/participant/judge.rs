//! Judges what a service did by what its callers saw: calls, answers, and the shelf.
//!
//! It knows neither the kit's records nor its rules for reaching an answer. The invariant it
//! guards: it asks only for what holds whatever was lost, repeated, delayed or cut short.

use super::service::{Answered, PIECES, Service};
use sagalog::runtime::{Answer, Call, CallKind};
use std::collections::BTreeMap;

/// One delivery, as its caller saw it.
#[derive(Debug)]
struct Seen {
    /// Deliveries of one round are under way at the same time, those of the next one later.
    round: usize,
    call: Call,
    /// `None` if a crash was faster.
    answer: Option<Answered>,
}

/// All deliveries so far.
#[derive(Default)]
pub(crate) struct Judge {
    rounds: usize,
    history: Vec<Seen>,
}

impl Judge {
    /// Notes a round of deliveries.
    pub(crate) fn note(&mut self, calls: &[Call], answers: Vec<Option<Answered>>) {
        self.rounds += 1;
        let round = self.rounds;
        let seen = calls.iter().cloned().zip(answers);
        self.history.extend(seen.map(|(call, answer)| Seen { round, call, answer }));
    }

    /// Compares all that was answered with itself and with what stands on the shelf.
    pub(crate) fn judge(&self, service: &Service) {
        let mut keys: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
        for seen in &self.history {
            keys.entry(seen.call.key.as_str()).or_default().push(seen);
        }
        for (key, history) in &keys {
            let counts = service.counts(key);
            judge_effect(history, counts);
            judge_replies(history);
            judge_order(history);
        }
        let done = service.done();
        let reserved = done.iter().filter(|(event, _)| event == "Reserved").count();
        assert!(reserved - (done.len() - reserved) <= PIECES, "{done:?}");
        assert!(done.iter().all(|(_, key)| keys.contains_key(key.as_str())), "nobody asked");
    }
}

/// What was answered is what was done.
fn judge_effect(history: &[&Seen], (reserved, released): (usize, usize)) {
    assert!(reserved <= 1, "more than one effect: {history:#?}");
    assert!(released <= reserved, "released what was not reserved: {history:#?}");
    for seen in history {
        let Some(Ok(answer)) = &seen.answer else { continue };
        let holds = match (seen.call.kind, answer) {
            (CallKind::Action, Answer::Done(_)) => reserved == 1,
            (CallKind::Action, Answer::Refused(_)) => reserved == 0,
            (CallKind::Action, Answer::Compensated) | (CallKind::Compensation, Answer::Done(_)) => {
                reserved == released
            }
            (CallKind::Compensation, Answer::Refused(_) | Answer::Compensated) => false,
            (_, Answer::Busy(_) | Answer::Fenced { .. }) => true,
        };
        assert!(holds, "{reserved} reserved, {released} released: {seen:?} of {history:#?}");
    }
}

/// Whoever is told that it is done is told the same.
fn judge_replies(history: &[&Seen]) {
    for kind in [CallKind::Action, CallKind::Compensation] {
        let of_kind = history.iter().filter(|seen| seen.call.kind == kind);
        let mut replies = of_kind.filter_map(|seen| match &seen.answer {
            Some(Ok(Answer::Done(reply))) => Some(reply),
            _ => None,
        });
        let first = replies.next();
        assert!(replies.all(|reply| Some(reply) == first), "two replies: {history:#?}");
    }
}

/// What ends the matter ends it for every delivery that comes later.
fn judge_order(history: &[&Seen]) {
    for (at, earlier) in history.iter().enumerate() {
        let Some(Ok(answer)) = &earlier.answer else { continue };
        let later = history[at..].iter().filter(|seen| seen.round > earlier.round);
        let mut later = later.filter(|seen| seen.call.kind == CallKind::Action);
        let holds = match (earlier.call.kind, answer) {
            (CallKind::Compensation, Answer::Done(_)) | (CallKind::Action, Answer::Compensated) => {
                later.all(|seen| !matches!(seen.answer, Some(Ok(Answer::Done(_)))))
            }
            (CallKind::Action, Answer::Refused(_)) => later.all(|seen| {
                !matches!(seen.answer, Some(Ok(Answer::Done(_) | Answer::Compensated)))
            }),
            (CallKind::Action, Answer::Done(_)) => {
                later.all(|seen| !matches!(seen.answer, Some(Ok(Answer::Refused(_)))))
            }
            _ => true,
        };
        assert!(holds, "{earlier:?} was ended by nobody: {history:#?}");
    }
}
