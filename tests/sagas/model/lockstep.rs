//! A saga and the reference interpreter side by side, told the same things.
//!
//! After each of them both have to begin the same attempts and to stand alike. The journal goes
//! through its bytes each time.

use super::{
    draw::{Tape, pick},
    reference::{Mode, Reference, Told},
};
use bytes::Bytes;
use sagalog::{
    WallTime,
    saga::{
        Attempts, Begun, Ending, Failure, Input, Judge, Operator, Plan, Progress, Record, SagaEnd,
        Side, State, StepIndex, Verb, VerbRefused, decode_turn, due, encode_turn,
        machine::{Scene, turn},
    },
};
use sagalog_testkit::Choices;

/// What each condition says; `None` if it cannot say.
pub(crate) struct Conditions(pub(crate) Vec<Option<bool>>);

impl Judge for Conditions {
    fn holds(&self, step: StepIndex, _: &State) -> Result<bool, Failure> {
        self.0[usize::from(step.get())].ok_or_else(|| Failure::failed("it cannot be told"))
    }
}

pub(crate) struct Lockstep<'a> {
    plan: &'a Plan,
    conditions: &'a Conditions,
    reference: Reference<'a>,
    pub(crate) state: State,
    attempts: Attempts,
    under_way: Vec<(StepIndex, Side)>,
    now: WallTime,
    pub(crate) turns: Vec<Vec<Record>>,
}

impl<'a> Lockstep<'a> {
    pub(crate) fn begin(plan: &'a Plan, conditions: &'a Conditions) -> Self {
        let now = WallTime::from_unix_nanos(1_000_000_000);
        let begun = Record::Begun(Begun {
            definition: plan.name().clone(),
            revision: plan.revision(),
            fingerprint: plan.fingerprint(),
            input: Bytes::from_static(b"in"),
            deadline: Some(WallTime::from_unix_nanos(1 << 60)),
            trace_context: None,
        });
        let mut new = Self {
            plan,
            conditions,
            reference: Reference::new(plan, conditions.0.clone()),
            state: State::first(plan, &begun).expect("it begins so"),
            attempts: Attempts::default(),
            under_way: Vec::new(),
            now,
            turns: vec![vec![begun]],
        };
        let _ = new.turn(Vec::new());
        new
    }

    /// Records and what they make of the state are the same through the bytes, and recovery from
    /// all of them, or from a checkpoint, gives the live state.
    fn turn(&mut self, inputs: Vec<Input>) -> Vec<Result<(), VerbRefused>> {
        let (plan, judge, attempts) = (self.plan, self.conditions, &self.attempts);
        let scene = Scene { plan, judge, attempts, now: self.now, drawn: 7 };
        let outturn = turn(scene, &self.state, inputs);
        if !outturn.records.is_empty() {
            let bytes = Bytes::from(encode_turn(&outturn.records));
            let records = decode_turn(&bytes).expect("what was written is read");
            assert_eq!(records, outturn.records, "as it was written");
            let checkpoint = Record::Checkpoint(Box::new(self.state.clone()));
            let short: Vec<&Record> = [&checkpoint].into_iter().chain(&records).collect();
            assert_eq!(State::fold(plan, short), Ok(outturn.state.clone()), "I40");
            self.turns.push(records);
            self.state = outturn.state;
            let all = State::fold(plan, self.turns.iter().flatten());
            assert_eq!(all, Ok(self.state.clone()), "I1, I2");
        }
        outturn.answers
    }

    /// Lets time pass until everything that the reference begins has begun, and compares.
    pub(crate) fn compare(&mut self) {
        let mut wanted: Vec<_> = self.reference.begins();
        while !wanted.is_empty() {
            let due = due(self.plan, &self.state, &self.attempts, self.now);
            for attempt in &due.attempts {
                let it = (attempt.step, attempt.side);
                assert!(wanted.contains(&it), "{it:?} begins\n{self:?}");
                wanted.retain(|other| *other != it);
                self.attempts.running.insert(it.0);
                self.under_way.push(it);
                self.reference.begin(it.0, it.1);
            }
            if wanted.is_empty() {
                break;
            }
            let wake_at = due.wake_at.filter(|at| Some(*at) != self.state.begun().deadline);
            self.now = wake_at.unwrap_or_else(|| panic!("{wanted:?} do not begin\n{self:?}"));
            let _ = self.turn(Vec::new());
        }
        let due = due(self.plan, &self.state, &self.attempts, self.now);
        assert!(due.attempts.is_empty(), "{:?} begin\n{self:?}", due.attempts);
        let mode = match self.state.end() {
            Some(SagaEnd::Completed(_)) => Some(Mode::Completed),
            Some(_) => Some(Mode::Aborted),
            None => None,
        };
        let expected = Some(self.reference.mode).filter(|_| self.reference.is_over());
        assert_eq!(mode, expected, "{self:?}");
        assert_eq!(self.state.is_stuck(), self.reference.is_stuck(), "{self:?}");
        let idle = self.under_way.is_empty() && mode.is_none();
        assert!(!idle || self.state.is_stuck(), "I23: nothing happens any more\n{self:?}");
    }

    pub(crate) fn is_over(&self) -> bool {
        self.reference.is_over()
    }

    /// One thing happens.
    pub(crate) fn happen(&mut self, tape: &mut Tape) {
        match tape.below(16) {
            12 => self.crash(),
            13 => self.cancel(),
            14 => {
                self.now = self.state.begun().deadline.expect("it has one");
                self.reference.deadline();
                let _ = self.turn(Vec::new());
            }
            15 => self.operate(tape),
            _ if self.under_way.is_empty() => self.operate(tape),
            _ => self.end(tape),
        }
    }

    pub(crate) fn crash(&mut self) {
        self.under_way.clear();
        self.attempts = Attempts::after_a_crash(self.plan, &self.state);
        self.reference.crash();
        let _ = self.turn(Vec::new());
    }

    pub(crate) fn cancel(&mut self) {
        let (principal, reason) = ("ada".into(), "no longer".into());
        let _ = self.turn(vec![Input::Cancel { principal, reason }]);
        self.reference.cancel();
    }

    fn end(&mut self, tape: &mut Tape) {
        let at = usize::try_from(tape.below(self.under_way.len() as u64)).expect("few");
        let (step, side) = self.under_way[at];
        let plan = &self.plan.steps()[usize::from(step.get())];
        let early = if plan.ends_early { Told::Early } else { Told::Done };
        let failures = [Told::Failed, Told::Ambiguous, Told::Retry, Told::Unusable];
        let told = match pick(tape, &[0_usize, 0, 0, 1, 2, 3, 4, 5]) {
            0 => Told::Done,
            1 => early,
            other => failures[other - 2],
        };
        self.tell(step, side, told);
    }

    /// The attempt of this side of a step ends so.
    pub(crate) fn tell(&mut self, step: StepIndex, side: Side, told: Told) {
        let before = self.under_way.len();
        self.under_way.retain(|other| *other != (step, side));
        assert_eq!(self.under_way.len() + 1, before, "it is under way\n{self:?}");
        let failure = Failure::failed("no");
        let output = Bytes::from_static(b"out");
        let ending = match told {
            Told::Done => Ending::Done { output, early: None },
            Told::Early => Ending::Done { output: output.clone(), early: Some(output) },
            Told::Failed => Ending::Failed(failure),
            Told::Ambiguous => Ending::Ambiguous(failure),
            Told::Retry => Ending::Retry { failure, after: None },
            Told::Unusable => Ending::Unusable(failure),
        };
        self.attempts.running.remove(&step);
        let _ = self.turn(vec![Input::Attempted { step, side, ending }]);
        self.reference.told(step, side, told);
    }

    /// An operator does something that is allowed.
    fn operate(&mut self, tape: &mut Tape) {
        let stuck = |step: &StepIndex| self.state.step(*step).stuck.is_some();
        let stuck: Vec<StepIndex> = self.plan.indices().filter(stuck).collect();
        let verb = match tape.below(8) {
            5 if !stuck.is_empty() => Verb::Skip(pick(tape, &stuck)),
            6 => Verb::Complete(None),
            7 => Verb::Abort,
            _ => Verb::Retry,
        };
        self.operator(verb);
    }

    #[expect(clippy::needless_pass_by_value, reason = "a verb is given away")]
    pub(crate) fn operator(&mut self, verb: Verb) {
        let (principal, reason) = ("ada".into(), "seen to".into());
        let operator = Operator { verb: verb.clone(), principal, reason };
        let answers = self.turn(vec![Input::Operate(operator)]);
        if answers != [Ok(())] {
            let busy = !self.under_way.is_empty();
            let refused = match answers.first() {
                Some(Err(VerbRefused::Busy)) => busy && !matches!(verb, Verb::Skip(_)),
                Some(Err(VerbRefused::Needed(_))) => matches!(verb, Verb::Skip(_)),
                _ => !self.state.is_stuck(),
            };
            assert!(refused, "{answers:?}\n{self:?}");
            return;
        }
        match verb {
            Verb::Retry => self.reference.retry(),
            Verb::Skip(step) => self.reference.skip(step),
            Verb::Complete(_) => self.reference.end(Mode::Completed),
            Verb::Abort => self.reference.end(Mode::Aborted),
        }
    }

    /// Everything that is asked of the world succeeds from here on, as often as it is needed.
    pub(crate) fn finish(&mut self) {
        for _ in 0..200 {
            self.compare();
            if self.is_over() || self.under_way.is_empty() {
                return;
            }
            let (step, side) = self.under_way[0];
            self.tell(step, side, Told::Done);
        }
        panic!("I23: it comes to no end\n{self:?}");
    }

    /// Steps whose effect may stand that has a compensation.
    pub(crate) fn unanswered(&self) -> Vec<StepIndex> {
        let open = |step: &StepIndex| {
            self.plan.steps()[usize::from(step.get())].is_compensated()
                && matches!(
                    self.state.step(*step).progress,
                    Progress::Done(_)
                        | Progress::Ambiguous
                        | Progress::InFlight
                        | Progress::Announced
                )
        };
        self.plan.indices().filter(open).collect()
    }
}

impl std::fmt::Debug for Lockstep<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:#?}\n{:?}", self.plan.steps(), self.conditions.0)?;
        for record in self.turns.iter().flatten() {
            writeln!(f, "{record:?}")?;
        }
        writeln!(f, "under way {:?}, reference {:#?}", self.under_way, self.reference.steps)
    }
}

/// Conditions for a plan.
pub(crate) fn conditions(tape: &mut Tape, plan: &Plan) -> Conditions {
    let each = plan.steps().iter().map(|step| {
        let says = pick(tape, &[Some(true), Some(true), Some(false), Some(true), None]);
        if step.conditional { says } else { Some(true) }
    });
    Conditions(each.collect())
}
