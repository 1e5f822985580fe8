//! Tests of sagas for those who write them, in plain `cargo test`.
//!
//! [`SagaTest`] takes a saga and the outside world that its steps act on, both made anew for every
//! case. [`SagaTest::crash_everywhere`] lets the process crash at every point of the journal, with
//! and without the effect of every attempt under way, and attempts fail, one at a time, in every
//! way; [`SagaTest::repeat_everything`] holds the effect classes that steps claim against what
//! they do. `docs/TESTING_SAGAS.md` shows both.
//!
//! Not for steps that wait for real I/O: their code has to run to its end without anything from
//! outside, on participants that are plain books in memory. The streams of transactional steps are
//! a list that the invariant reads; their expected revisions are not looked at. The invariant it
//! guards: the same saga gives the same cases and the same report.

// The page's example has to compile and run.
#![cfg_attr(doctest, doc = include_str!("../../../docs/TESTING_SAGAS.md"))]

mod attempt;
mod claims;
mod complaint;
mod explore;
mod history;
mod judge;
mod life;
mod words;

pub use self::{
    claims::{ClaimFault, ClaimsError, Repeated, WrongClaim},
    complaint::{Broken, Complaint},
    history::{AttemptFault, Happening},
};

use bytes::Bytes;
use sagalog::{
    NewEvent, StreamId,
    codec::CodecError,
    definition::{Code, Definition},
    saga::{Cause, SagaEnd, State},
};
use std::{fmt, sync::Arc};

/// A saga that is to be tested: its definition, and what it is started with.
pub struct Subject {
    code: Arc<dyn Code>,
    input: Result<Bytes, CodecError>,
}

impl Subject {
    /// The saga of this definition that is started with `input`.
    pub fn new<I, O>(definition: &Definition<I, O>, input: &I) -> Self {
        Self { code: definition.code(), input: definition.encode_input(input) }
    }

    /// The same without types.
    pub fn of_code(code: Arc<dyn Code>, input: impl Into<Bytes>) -> Self {
        Self { code, input: Ok(input.into()) }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subject").field(self.code.plan()).finish()
    }
}

/// How much happens in one case at most.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    crashes: u32,
    disturbances: u32,
    cases: usize,
}

/// What makes the two halves of a case.
struct Rig<'a, W> {
    world: &'a dyn Fn() -> W,
    saga: &'a dyn Fn(&W) -> Subject,
}

/// A saga and its outside world, to be tested.
pub struct SagaTest<M, S> {
    world: M,
    saga: S,
    bounds: Bounds,
}

impl<W, M: Fn() -> W, S: Fn(&W) -> Subject> SagaTest<M, S> {
    /// `world` makes the participants' books as they are before the saga; `saga` the saga whose
    /// steps act on them. `saga` is asked again after every crash, for the same definition on the
    /// same books: what a process keeps in memory is lost.
    ///
    /// One crash and one disturbance in a case at most, and 100,000 cases, unless said otherwise.
    pub fn new(world: M, saga: S) -> Self {
        let bounds = Bounds { crashes: 1, disturbances: 1, cases: 100_000 };
        Self { world, saga, bounds }
    }

    /// How many crashes there are in one case at most.
    #[must_use]
    pub fn crashes(mut self, most: u32) -> Self {
        self.bounds.crashes = most;
        self
    }

    /// How many disturbances there are in one case at most: attempts that fail, cancellations, the
    /// deadline.
    #[must_use]
    pub fn disturbances(mut self, most: u32) -> Self {
        self.bounds.disturbances = most;
        self
    }

    /// How many cases are tried at most. [`Explored::all`] tells whether that was enough.
    #[must_use]
    pub fn cases(mut self, most: usize) -> Self {
        self.bounds.cases = most;
        self
    }

    /// Runs the saga in every case: a crash at each point of its journal, where each attempt under
    /// way has had its effect or not, in all combinations (of more than six only the extreme ones);
    /// an attempt that does not arrive, whose answer is lost, or that is refused for good; a
    /// cancellation or the deadline at each point; attempts under way ending in every order. Then
    /// nothing interferes any more, virtual time jumps over delays, and the saga has to end or be
    /// stuck, with the kernel's promises kept and `invariant` holding.
    ///
    /// Two orders that lead to the same journal, with every step having reached the world as often,
    /// are taken for one: steps beside each other are taken not to care which comes first.
    ///
    /// # Errors
    /// [`Complaint`] is the report of a smallest case that breaks a promise.
    pub fn crash_everywhere(
        &self,
        invariant: impl Fn(&Seen<'_, W>) -> Result<(), String>,
    ) -> Result<Explored, Box<Complaint>> {
        let rig = Rig { world: &self.world, saga: &self.saga };
        explore::Explorer::new(rig, self.bounds, &invariant).explore()
    }

    /// Executes the action and the compensation of every step twice, the compensation without
    /// knowing what the action came to, and the compensation before its action; and compares what
    /// `look` sees of the world in between with what the effect class of the step claims.
    ///
    /// | class | claim |
    /// |---|---|
    /// | `Pure`, `Transactional` | its code changes nothing |
    /// | `Idempotent`, `Keyed` | a second execution changes nothing and comes to the same |
    /// | `AtMostOnce` | none: it is not executed twice |
    /// | compensation | both times it succeeds, once it changes; needs no output; is final |
    ///
    /// # Errors
    /// [`ClaimsError`] lists the claims that do not hold.
    pub fn repeat_everything<T: PartialEq + fmt::Debug>(
        &self,
        look: impl Fn(&W) -> T,
    ) -> Result<Repeated, ClaimsError> {
        let rig = Rig { world: &self.world, saga: &self.saga };
        let plan = (self.saga)(&(self.world)()).code.plan().clone();
        let (wrong, repeated) = (Vec::new(), Repeated::default());
        claims::Claims { rig, look: &look, plan, wrong, repeated }.try_all()
    }
}

impl<M, S> fmt::Debug for SagaTest<M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaTest").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// How a saga stands at the end of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an invariant has to speak of all of them")]
pub enum Finish {
    /// It completed.
    Completed,
    /// It was aborted.
    Aborted(Cause),
    /// It waits for an operator.
    Stuck,
}

impl Finish {
    fn of(state: &State) -> Option<Self> {
        match state.end() {
            Some(SagaEnd::Completed(_)) => Some(Self::Completed),
            Some(SagaEnd::Aborted { cause, .. }) => Some(Self::Aborted(*cause)),
            Some(_) => None,
            None => state.is_stuck().then_some(Self::Stuck),
        }
    }
}

/// What an invariant is asked about: the end of a case.
#[derive(Debug)]
#[non_exhaustive]
pub struct Seen<'a, W> {
    /// The outside world.
    pub world: &'a W,
    /// How the saga stands.
    pub finish: Finish,
    /// The same in all detail.
    pub state: &'a State,
    /// What steps have stored together with their results, in order.
    pub events: &'a [(StreamId, NewEvent)],
}

/// What was tried without a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// How many cases were tried.
    pub cases: usize,
    /// How many states of crashes they began anew from: a journal, and which of the attempts under
    /// way have had their effect.
    pub crash_states: usize,
    /// Of the cases that did not join another one, how many completed.
    pub completed: usize,
    /// How many were aborted.
    pub aborted: usize,
    /// How many were left to an operator.
    pub stuck: usize,
    /// Whether these are all cases within the bounds.
    pub all: bool,
}

impl Default for Explored {
    fn default() -> Self {
        Self { cases: 0, crash_states: 0, completed: 0, aborted: 0, stuck: 0, all: true }
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, crash_states, completed, aborted, stuck, all } = self;
        let extent = if *all { "all" } else { "not all" };
        write!(
            f,
            "{cases} cases, {extent} within the bounds, with {crash_states} states of crashes: \
             {completed} ended completed, {aborted} aborted, {stuck} stuck"
        )
    }
}
