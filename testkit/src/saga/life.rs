//! A saga that lives: a small executor over the pure parts, one decision of the world at a time.
//!
//! Not the executor of the product: it has no store, no tasks and no clock. Turns, what is due and
//! what is known after a crash are the product's own; every crash goes through the bytes of the
//! journal. The invariant it guards: the same events lead to the same history.

use super::{
    Subject,
    attempt::{UnderWay, Waits},
    complaint::Broken,
    history::{AttemptFault, Happening},
    words,
};
use bytes::Bytes;
use sagalog::{
    NewEvent, StreamId, WallTime,
    definition::{Code, Staged},
    saga::{
        Attempt, Attempts, Begun, Due, Ending, Failure, Input, Plan, Record, Side, State,
        StepIndex, decode_turn, due, encode_turn,
        machine::{Scene, turn},
    },
};
use std::{mem, sync::Arc};

/// The moment at which every saga begins: some day.
const BEGINNING: WallTime = WallTime::from_unix_nanos(1_735_689_600_000_000_000);

/// How many decisions one life may have.
pub(super) const EVENTS_MAX: usize = 2_000;

/// One decision of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The attempt at this place among those under way ends.
    Ends(usize, Option<AttemptFault>),
    /// Nothing is under way, and time passes until something is due.
    Passes,
    /// The process crashes; a bit for each attempt under way says whether its code ran to its end.
    Crash(u64),
    /// Somebody cancels the saga.
    Cancel,
    /// The deadline passes.
    Deadline,
}

pub(super) struct Life {
    code: Arc<dyn Code>,
    pub(super) state: State,
    turns: Vec<Bytes>,
    attempts: Attempts,
    pub(super) under_way: Vec<UnderWay>,
    wake_at: Option<WallTime>,
    now: WallTime,
    epoch: u64,
    pub(super) history: Vec<Happening>,
    pub(super) events: Vec<(StreamId, NewEvent)>,
}

impl Life {
    /// Begins a saga, up to its first attempts.
    pub(super) fn begin(subject: Subject) -> Result<Self, Broken> {
        let Subject { code, input } = subject;
        let input = input.map_err(|error| Broken::Input(error.to_string()))?;
        let plan = Arc::clone(code.plan());
        let after =
            |limit: std::time::Duration| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let begun = Record::Begun(Begun {
            definition: plan.name().clone(),
            revision: plan.revision(),
            fingerprint: plan.fingerprint(),
            input,
            deadline: plan.time_limit().map(|limit| later(BEGINNING, after(limit))),
            trace_context: None,
        });
        let state = State::first(&plan, &begun).expect("it is made for this plan");
        let mut life = Self {
            code,
            state,
            turns: vec![encode_turn(std::slice::from_ref(&begun)).into()],
            attempts: Attempts::default(),
            under_way: Vec::new(),
            wake_at: None,
            now: BEGINNING,
            epoch: 1,
            history: vec![Happening::Stored(vec![begun])],
            events: Vec::new(),
        };
        life.tell(Vec::new());
        Ok(life)
    }

    pub(super) fn plan(&self) -> &Arc<Plan> {
        self.code.plan()
    }

    /// What happens if nobody interferes; nothing if nothing does any more.
    pub(super) fn next(&self) -> Option<Event> {
        if !self.under_way.is_empty() {
            return Some(Event::Ends(0, None));
        }
        self.wake_at.map(|_| Event::Passes)
    }

    /// Lets one event happen; `again` makes the definition anew, as a process that starts does.
    pub(super) fn happen(
        &mut self,
        event: Event,
        again: impl FnOnce() -> Subject,
    ) -> Result<(), Broken> {
        match event {
            Event::Ends(at, fault) => {
                let under_way = self.under_way.remove(at);
                self.end(under_way, fault)?;
            }
            Event::Passes => {
                self.now = self.wake_at.unwrap_or(self.now);
                self.history.push(Happening::Passed(self.now));
                self.tell(Vec::new());
            }
            Event::Crash(ran) => self.crash(ran, again())?,
            Event::Cancel => {
                self.history.push(Happening::Cancelled);
                let (principal, reason) = ("a person".into(), "no longer wanted".into());
                self.tell(vec![Input::Cancel { principal, reason }]);
            }
            Event::Deadline => {
                self.now = self.state.begun().deadline.unwrap_or(self.now).max(self.now);
                self.history.push(Happening::Passed(self.now));
                self.tell(Vec::new());
            }
        }
        Ok(())
    }

    /// Whether the deadline is still to come, and matters.
    pub(super) fn awaits_deadline(&self) -> bool {
        self.state.end().is_none() && self.state.begun().deadline.is_some_and(|at| at > self.now)
    }

    /// Where an attempt of this side of a step is among those under way.
    pub(super) fn place(&self, step: StepIndex, side: Side) -> Option<usize> {
        let is_it = |under: &UnderWay| under.attempt.step == step && under.attempt.side == side;
        self.under_way.iter().position(is_it)
    }

    /// Executes what is under way once more, as a process would that has taken over, and tells the
    /// saga nothing.
    ///
    /// # Panics
    /// If no such attempt is under way.
    pub(super) fn execute(&mut self, step: StepIndex, side: Side) -> Result<Ending, Broken> {
        let at = self.place(step, side).expect("the caller has looked");
        self.epoch += 1;
        let attempt = self.under_way[at].attempt;
        self.run(UnderWay::begin(&*self.code, &self.state, attempt, self.epoch))
            .map(|(ending, _)| ending)
    }

    /// Lets nobody wait for the step's action any more, of which nobody knows then how it ended.
    pub(super) fn lose(&mut self, step: StepIndex) -> Option<UnderWay> {
        let at = self.place(step, Side::Action)?;
        let lost = self.under_way.remove(at);
        self.attempts.running.remove(&step);
        let made = self.state.step(step).attempts;
        self.attempts.doubtful.insert((step, lost.attempt.round, made));
        Some(lost)
    }

    fn end(&mut self, under_way: UnderWay, fault: Option<AttemptFault>) -> Result<(), Broken> {
        let attempt = under_way.attempt;
        let fails = |what: &str| Failure::failed(what);
        let ran = match fault {
            None | Some(AttemptFault::AnswerLost) => Some(self.run(under_way)?),
            Some(AttemptFault::NotDelivered | AttemptFault::Refused) => None,
        };
        let (came_to, staged) = ran.unzip();
        let told = match (fault, &came_to) {
            (None, Some(ending)) => ending.clone(),
            (Some(AttemptFault::NotDelivered), _) => {
                Ending::Retry { failure: fails("the connection was refused"), after: None }
            }
            (Some(AttemptFault::Refused), _) => Ending::Failed(Failure::rejected("refused")),
            (Some(AttemptFault::AnswerLost) | None, _) => Ending::Ambiguous(fails("no answer")),
        };
        let (step, side) = (attempt.step, attempt.side);
        self.attempts.running.remove(&step);
        if matches!(told, Ending::Done { .. }) {
            self.events.extend(staged.map(|staged| staged.events).unwrap_or_default());
        }
        let ending = told.clone();
        self.history.push(Happening::Ended { attempt, came_to, told, fault });
        self.tell(vec![Input::Attempted { step, side, ending }]);
        Ok(())
    }

    pub(super) fn run(&self, under_way: UnderWay) -> Result<(Ending, Staged), Broken> {
        let step = under_way.attempt.step;
        under_way.run().map_err(|Waits| Broken::Waits(words::step(self.plan(), step).to_owned()))
    }

    fn crash(&mut self, ran: u64, subject: Subject) -> Result<(), Broken> {
        let mut under_way = Vec::new();
        for (at, attempt) in mem::take(&mut self.under_way).into_iter().enumerate() {
            let which = attempt.attempt;
            let came_to = if ran >> at & 1 == 1 { Some(self.run(attempt)?.0) } else { None };
            under_way.push((which, came_to));
        }
        self.history.push(Happening::Crashed(under_way));
        self.code = subject.code;
        self.epoch += 1;
        self.state = self.reread()?;
        self.attempts = Attempts::after_a_crash(self.code.plan(), &self.state);
        self.tell(Vec::new());
        Ok(())
    }

    /// The state as the journal's bytes tell it: the one that is known.
    pub(super) fn reread(&self) -> Result<State, Broken> {
        let mut records = Vec::new();
        for bytes in &self.turns {
            let turn = decode_turn(bytes);
            records.extend(turn.map_err(|fault| Broken::kernel("I1", &fault.to_string()))?);
        }
        let state = State::fold(self.code.plan(), &records);
        let state = state.map_err(|(at, refusal)| {
            Broken::kernel("I1", &format!("record {} is refused: {refusal}", at + 1))
        })?;
        if state == self.state {
            Ok(state)
        } else {
            Err(Broken::kernel("I2", "the journal folds to another state than the live one"))
        }
    }

    /// Tells the saga `inputs`, stores what follows, and begins what is due.
    fn tell(&mut self, inputs: Vec<Input>) {
        let code = Arc::clone(&self.code);
        let (plan, judge, attempts) = (&**code.plan(), &*code, &self.attempts);
        let scene = Scene { plan, judge, attempts, now: self.now, drawn: 0 };
        let outturn = turn(scene, &self.state, inputs);
        if !outturn.records.is_empty() {
            self.turns.push(encode_turn(&outturn.records).into());
            self.state = outturn.state;
            self.history.push(Happening::Stored(outturn.records));
        }
        let Due { attempts, wake_at, .. } = due(code.plan(), &self.state, &self.attempts, self.now);
        self.wake_at = wake_at.filter(|_| self.state.end().is_none());
        for attempt in attempts {
            self.history.push(Happening::Began(attempt));
            self.attempts.running.insert(attempt.step);
            self.under_way.push(UnderWay::begin(&*code, &self.state, attempt, self.epoch));
        }
    }

    /// What the future depends on, but for the world: two lives with one key go on alike in worlds
    /// that do not care in which order different steps reached them.
    pub(super) fn key(&self) -> Vec<u8> {
        let checkpoint = Record::Checkpoint(Box::new(self.state.clone()));
        let mut key = encode_turn(std::slice::from_ref(&checkpoint));
        key.extend(self.now.as_unix_nanos().to_le_bytes());
        key.extend(self.epoch.to_le_bytes());
        let mut number = |number: u32| key.extend(number.to_le_bytes());
        for (step, round, made) in &self.attempts.doubtful {
            number(step.get().into());
            number(*round);
            number(*made);
        }
        number(u32::MAX);
        let mut under_way: Vec<Attempt> = self.under_way.iter().map(|u| u.attempt).collect();
        under_way.sort();
        let ran = self.ran();
        for attempt in under_way.iter().chain(&ran) {
            number(attempt.step.get().into());
            number(u32::from(attempt.side == Side::Compensation));
            number(attempt.attempt);
            number(attempt.round);
        }
        key
    }

    /// Which attempts ran, by step; those of one step in the order in which they did.
    fn ran(&self) -> Vec<Attempt> {
        let mut ran = Vec::new();
        for happening in &self.history {
            match happening {
                Happening::Ended { attempt, came_to: Some(_), .. } => ran.push(*attempt),
                Happening::Crashed(under_way) => {
                    let ended = under_way.iter().filter(|(_, came_to)| came_to.is_some());
                    ran.extend(ended.map(|(attempt, _)| *attempt));
                }
                Happening::Ended { .. }
                | Happening::Stored(_)
                | Happening::Began(_)
                | Happening::Cancelled
                | Happening::Passed(_) => {}
            }
        }
        ran.sort_by_key(|attempt| attempt.step);
        ran
    }
}

fn later(moment: WallTime, nanos: u64) -> WallTime {
    WallTime::from_unix_nanos(moment.as_unix_nanos().saturating_add(nanos))
}
