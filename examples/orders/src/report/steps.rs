//! What steps took and how often they were tried, out of the journals of sagas.
//!
//! The invariant it guards: a step's time begins when the step before it is on record and ends when
//! its own result is, so it counts every attempt and every wait in between.

use super::StepFacts;
use sagalog::{
    SagaTurn, WallTime,
    saga::{Certainty, Record, Side, StepIndex},
};
use std::collections::BTreeMap;

/// Of how many classes a histogram is: up to 1 ms, each up to twice as long, and beyond.
const CLASSES: usize = 12;

/// The names of the steps of a saga's definition, in order.
pub(super) type Names<'a> = &'a BTreeMap<&'static str, &'static [&'static str]>;

/// One saga on its way.
struct Going {
    definition: String,
    /// When the last result of a step was on record.
    since: WallTime,
}

/// All sagas so far.
#[derive(Default)]
pub(super) struct Steps {
    going: BTreeMap<String, Going>,
    found: BTreeMap<(String, u16), Found>,
    pub(super) retries: u64,
    pub(super) ambiguous: u64,
    pub(super) compensations: u64,
}

#[derive(Default)]
struct Found {
    done: u64,
    retries: u64,
    ambiguous: u64,
    compensated: u64,
    took_us: Vec<u64>,
}

impl Steps {
    /// Takes a turn into account; turns come in their order.
    pub(super) fn add(&mut self, turn: &SagaTurn) {
        for record in &turn.records {
            self.record(turn, record);
        }
    }

    fn record(&mut self, turn: &SagaTurn, record: &Record) {
        match record {
            Record::Begun(begun) => {
                let definition = begun.definition.to_string();
                let going = Going { definition, since: turn.recorded_at };
                self.going.insert(turn.saga.to_string(), going);
            }
            Record::Done { step, .. } => {
                let took = self.took(turn);
                let found = self.found(turn, *step);
                found.done += 1;
                found.took_us.push(took);
            }
            Record::Compensated { step, .. } => {
                self.took(turn);
                self.compensations += 1;
                self.found(turn, *step).compensated += 1;
            }
            Record::AttemptFailed { step, certainty, .. } => {
                self.retries += 1;
                self.found(turn, *step).retries += 1;
                self.doubt(turn, *step, *certainty);
            }
            Record::Stuck { step, certainty, .. } => self.doubt(turn, *step, *certainty),
            Record::Ambiguous { step, .. } => self.doubt(turn, *step, Certainty::Unknown),
            Record::Ended(_) => {
                self.going.remove(turn.saga.as_str());
            }
            Record::Started { .. }
            | Record::Skipped { .. }
            | Record::Failed { .. }
            | Record::Withdrawn { .. }
            | Record::CancelAsked { .. }
            | Record::AbortDecided { .. }
            | Record::ReturnDecided { .. }
            | Record::Returned
            | Record::Operator(_)
            | Record::Checkpoint(_) => {}
        }
    }

    fn doubt(&mut self, turn: &SagaTurn, step: StepIndex, certainty: Certainty) {
        if certainty == Certainty::Unknown {
            self.ambiguous += 1;
            self.found(turn, step).ambiguous += 1;
        }
    }

    /// Microseconds since the last result, which this turn has the next one of.
    fn took(&mut self, turn: &SagaTurn) -> u64 {
        let Some(going) = self.going.get_mut(turn.saga.as_str()) else { return 0 };
        let (from, to) = (going.since.as_unix_nanos(), turn.recorded_at.as_unix_nanos());
        going.since = turn.recorded_at;
        to.saturating_sub(from) / 1000
    }

    fn found(&mut self, turn: &SagaTurn, step: StepIndex) -> &mut Found {
        let definition = self.going.get(turn.saga.as_str()).map(|going| going.definition.clone());
        self.found.entry((definition.unwrap_or_default(), step.get())).or_default()
    }

    /// What was found, the slowest step first.
    pub(super) fn facts(self, names: Names<'_>) -> Vec<StepFacts> {
        let mut facts: Vec<StepFacts> = Vec::new();
        for ((saga, step), mut found) in self.found {
            let known = names.get(saga.as_str()).and_then(|steps| steps.get(usize::from(step)));
            found.took_us.sort_unstable();
            facts.push(StepFacts {
                step: known.map_or_else(|| step.to_string(), |name| (*name).to_owned()),
                saga,
                done: found.done,
                retries: found.retries,
                ambiguous: found.ambiguous,
                compensated: found.compensated,
                p50_us: quantile(&found.took_us, 50),
                p99_us: quantile(&found.took_us, 99),
                max_us: found.took_us.last().copied().unwrap_or(0),
                histogram: histogram(&found.took_us),
            });
        }
        facts.sort_by(|a, b| b.p99_us.cmp(&a.p99_us).then_with(|| a.step.cmp(&b.step)));
        facts
    }
}

/// Of sorted values the one below which so many hundredths are.
fn quantile(sorted: &[u64], hundredths: usize) -> u64 {
    let at = (sorted.len() * hundredths).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0)
}

fn histogram(values: &[u64]) -> Vec<u64> {
    let mut classes = vec![0; CLASSES];
    for value in values {
        let class = (0..CLASSES - 1).find(|class| *value <= 1000 << class);
        classes[class.unwrap_or(CLASSES - 1)] += 1;
    }
    classes
}

/// An attempt that did not do what it was for, in words; nothing for other records.
pub(super) fn failed_attempt(record: &Record, names: &[&str]) -> Option<(String, String)> {
    let name = |step: &StepIndex| names.get(usize::from(step.get())).copied().unwrap_or("?");
    let side = |side: &Side| match side {
        Side::Compensation => ", compensation",
        _ => "",
    };
    let doubt = |certainty: &Certainty| match certainty {
        Certainty::Unknown => "nobody knows whether it was done",
        _ => "it was not done",
    };
    match record {
        Record::AttemptFailed { step, side: of, attempt, certainty, failure, .. } => Some((
            format!("{}{}, attempt {attempt} failed", name(step), side(of)),
            format!("{}: {}", doubt(certainty), failure.reason()),
        )),
        Record::Failed { step, attempt, failure } => Some((
            format!("{}, attempt {attempt} was refused", name(step)),
            failure.reason().to_owned(),
        )),
        Record::Ambiguous { step, attempt, failure } => Some((
            format!("{}, attempt {attempt} was the last one", name(step)),
            format!("nobody knows whether it was done: {}", failure.reason()),
        )),
        Record::Stuck { step, side: of, attempt, failure, .. } => Some((
            format!("{}{} is stuck after attempt {attempt}", name(step), side(of)),
            failure.reason().to_owned(),
        )),
        Record::Begun(_)
        | Record::Started { .. }
        | Record::Done { .. }
        | Record::Skipped { .. }
        | Record::Withdrawn { .. }
        | Record::CancelAsked { .. }
        | Record::AbortDecided { .. }
        | Record::ReturnDecided { .. }
        | Record::Compensated { .. }
        | Record::Returned
        | Record::Operator(_)
        | Record::Checkpoint(_)
        | Record::Ended(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_value_that_was_there() {
        assert_eq!(quantile(&[], 50), 0);
        assert_eq!(quantile(&[7], 99), 7);
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((quantile(&hundred, 50), quantile(&hundred, 99)), (50, 99));
        assert_eq!(histogram(&[1, 1000, 1001, 5_000_000])[..2], [2, 1]);
        assert_eq!(histogram(&[5_000_000])[CLASSES - 1], 1);
    }
}
