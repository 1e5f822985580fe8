//! One saga that is told things by hand.
//!
//! Whatever it is told, three promises are checked: what is written can be folded again and gives
//! the same state, it comes back out of its bytes, and a checkpoint of the state is accepted.

use super::{super::*, begun};
use crate::time::WallTime;
use bytes::Bytes;
use core::time::Duration;

/// Conditions that hold but where a story says otherwise.
pub(super) struct Holds(pub(super) Result<bool, Failure>);

impl Judge for Holds {
    fn holds(&self, _: StepIndex, _: &State) -> Result<bool, Failure> {
        self.0.clone()
    }
}

pub(super) struct Life {
    pub(super) plan: Plan,
    pub(super) judge: Holds,
    pub(super) state: State,
    pub(super) journal: Vec<Record>,
    pub(super) attempts: Attempts,
    pub(super) now: WallTime,
}

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// The deadline of each saga of these stories, from its beginning.
pub(super) const DEADLINE: Duration = Duration::from_secs(3600);

impl Life {
    /// A saga that has just begun, with nothing under way.
    pub(super) fn of(plan: Plan) -> Self {
        let mut begun = begun(&plan);
        begun.deadline = Some(later(WallTime::default(), DEADLINE));
        let begun = Record::Begun(begun);
        let state = State::first(&plan, &begun).expect("a saga begins so");
        let (judge, attempts, now) = (Holds(Ok(true)), Attempts::default(), WallTime::default());
        let mut life = Self { plan, judge, state, journal: vec![begun], attempts, now };
        assert_eq!(life.tell(Vec::new()), []);
        life
    }

    /// The answers of a turn.
    pub(super) fn tell(&mut self, inputs: Vec<Input>) -> Vec<Result<(), VerbRefused>> {
        let scene = machine::Scene {
            plan: &self.plan,
            judge: &self.judge,
            attempts: &self.attempts,
            now: self.now,
            drawn: 0,
        };
        let Outturn { records, state, answers } = turn(scene, &self.state, inputs);
        if !records.is_empty() {
            let bytes = Bytes::from(encode_turn(&records));
            assert_eq!(decode_turn(&bytes).expect("it was just written"), records);
        }
        self.journal.extend(records);
        self.state = state;
        let folded = State::fold(&self.plan, &self.journal).expect("what was written is accepted");
        assert_eq!(folded, self.state, "the fold gives another state");
        if self.state.end().is_none() {
            self.check_checkpoint();
        }
        answers
    }

    /// A checkpoint takes the place of all that is before it.
    fn check_checkpoint(&self) {
        let checkpoint = Record::Checkpoint(Box::new(self.state.clone()));
        let bytes = Bytes::from(encode_turn(std::slice::from_ref(&checkpoint)));
        let read = decode_turn(&bytes).expect("it was just written");
        let alone = State::fold(&self.plan, &read).expect("a journal may begin so");
        let behind = self.journal.iter().chain([&checkpoint]);
        let behind = State::fold(&self.plan, behind).expect("and go on so");
        assert_eq!((&alone, &behind), (&self.state, &self.state));
    }

    pub(super) fn end_of(&mut self, step: u16, side: Side, ending: Ending) {
        let step = StepIndex::new(step);
        self.attempts.running.remove(&step);
        self.tell(vec![Input::Attempted { step, side, ending }]);
    }

    pub(super) fn act(&mut self, step: u16, ending: Ending) {
        self.end_of(step, Side::Action, ending);
    }

    pub(super) fn answer(&mut self, step: u16, ending: Ending) {
        self.end_of(step, Side::Compensation, ending);
    }

    pub(super) fn start(&mut self, step: u16) {
        self.attempts.running.insert(StepIndex::new(step));
    }

    pub(super) fn cancel(&mut self) -> Result<(), VerbRefused> {
        let (principal, reason) = ("ada".into(), "not wanted".into());
        self.tell(vec![Input::Cancel { principal, reason }]).remove(0)
    }

    pub(super) fn operate(&mut self, verb: Verb) -> Result<(), VerbRefused> {
        let (principal, reason) = ("ada".into(), "seen to".into());
        self.tell(vec![Input::Operate(Operator { verb, principal, reason })]).remove(0)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = later(self.now, time);
        self.tell(Vec::new());
    }

    /// The process dies, and another one finds the journal.
    pub(super) fn crash(&mut self) {
        let plan = &self.plan;
        self.state = State::fold(plan, &self.journal).expect("what was written is accepted");
        self.attempts = Attempts::after_a_crash(plan, &self.state);
        self.tell(Vec::new());
    }

    /// What is due, as `step` for actions and `-step` for compensations.
    pub(super) fn due(&self) -> String {
        let due = due(&self.plan, &self.state, &self.attempts, self.now);
        let names = due.attempts.iter().map(|attempt| {
            let sign = if attempt.side == Side::Action { "" } else { "-" };
            format!("{sign}{}", self.plan.steps()[attempt.step.at()].name)
        });
        names.collect::<Vec<_>>().join(" ")
    }

    pub(super) fn progress(&self, step: u16) -> &Progress {
        &self.state.step(StepIndex::new(step)).progress
    }

    pub(super) fn stuck(&self, step: u16) -> Option<Side> {
        self.state.step(StepIndex::new(step)).stuck
    }

    pub(super) fn aborted(&self) -> Option<Cause> {
        match self.state.end()? {
            SagaEnd::Aborted { cause, .. } => Some(*cause),
            SagaEnd::Completed(_) => None,
        }
    }

    pub(super) fn completed(&self) -> bool {
        matches!(self.state.end(), Some(SagaEnd::Completed(_)))
    }
}

fn later(now: WallTime, time: Duration) -> WallTime {
    let time = u64::try_from(time.as_nanos()).expect("the stories are short");
    WallTime::from_unix_nanos(now.as_unix_nanos() + time)
}

pub(super) fn done() -> Ending {
    Ending::Done { output: Bytes::from_static(b"1"), early: None }
}

pub(super) fn failed() -> Ending {
    Ending::Failed(Failure::failed("broken"))
}

pub(super) fn ambiguous() -> Ending {
    Ending::Ambiguous(Failure::failed("no answer"))
}

pub(super) fn retry() -> Ending {
    Ending::Retry { failure: Failure::failed("busy"), after: None }
}
