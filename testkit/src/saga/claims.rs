//! What steps claim of their effects, held against what they do when it is done again.
//!
//! A step is brought to the point where it is due, and then executed more often, later or in
//! another order than in a life without faults. Not a proof: a step is tried with one input, in one
//! world. The invariant it guards: a step is blamed only for what it did to the world, or came to,
//! when nobody else did anything.

use super::{
    Rig,
    complaint::Broken,
    history::AttemptFault,
    life::{EVENTS_MAX, Event, Life},
    words,
};
use sagalog::saga::{Effect, Ending, Plan, Side, StepIndex, StepKind};
use std::{error::Error, fmt, sync::Arc};

/// What a step does that its definition does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ClaimFault {
    /// It is pure, or transactional, and changes the world.
    ChangesTheWorld,
    /// Executed a second time, it changes the world again.
    SecondActionChanges,
    /// Executed a second time, it does not come to what it came to before.
    SecondActionDiffers,
    /// Its compensation does not succeed on a world in which nothing fails.
    CompensationFails,
    /// Executed a second time, its compensation changes the world again.
    SecondCompensationChanges,
    /// Its compensation leaves another world if it is not given what the step came to.
    CompensationNeedsOutput,
    /// Executed behind its compensation, the step has its effect all the same.
    ActionAfterCompensation,
}

impl fmt::Display for ClaimFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChangesTheWorld => "it changes the world, which steps of its class do not",
            Self::SecondActionChanges => "its second execution changes the world again",
            Self::SecondActionDiffers => "its second execution comes to something else",
            Self::CompensationFails => "its compensation does not succeed",
            Self::SecondCompensationChanges => {
                "the second execution of its compensation changes the world again"
            }
            Self::CompensationNeedsOutput => {
                "its compensation leaves another world if nobody knows what the step came to"
            }
            Self::ActionAfterCompensation => {
                "a delivery behind its compensation has its effect all the same: a tombstone is \
                 missing"
            }
        })
    }
}

/// A claim that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrongClaim {
    /// Of which step.
    pub step: String,
    /// What it claims.
    pub effect: Effect,
    /// What is wrong.
    pub fault: ClaimFault,
    /// What was to be expected: the world, or how an execution ends.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for WrongClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, effect, fault, expected, found } = self;
        writeln!(f, "step {step} claims to be {effect:?}: {fault}")?;
        writeln!(f, "    expected {expected}")?;
        writeln!(f, "    found    {found}")
    }
}

/// Claims that do not hold, or why they cannot be held against anything.
///
/// `Display` and `Debug` are the whole report.
#[derive(Clone)]
#[non_exhaustive]
pub enum ClaimsError {
    /// These do not hold.
    Wrong(Vec<WrongClaim>),
    /// The saga does not run.
    Broken(Broken),
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(claims) => {
                writeln!(f, "{} claims do not hold", claims.len())?;
                claims.iter().try_for_each(|claim| claim.fmt(f))
            }
            Self::Broken(broken) => broken.fmt(f),
        }
    }
}

impl fmt::Debug for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ClaimsError {}

/// What was repeated without a complaint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repeated {
    /// How many executions of actions and compensations there were beyond the first.
    pub repeats: usize,
    /// Steps that the saga does not come to with this input, so that nothing is known of them.
    pub unreached: Vec<String>,
}

/// Holds claims against what steps do.
pub(super) struct Claims<'a, W, T> {
    pub(super) rig: Rig<'a, W>,
    pub(super) look: &'a dyn Fn(&W) -> T,
    pub(super) plan: Arc<Plan>,
    pub(super) wrong: Vec<WrongClaim>,
    pub(super) repeated: Repeated,
}

impl<W, T: PartialEq + fmt::Debug> Claims<'_, W, T> {
    /// Tries every step.
    pub(super) fn try_all(mut self) -> Result<Repeated, ClaimsError> {
        for step in self.plan.clone().indices() {
            self.try_step(step).map_err(ClaimsError::Broken)?;
        }
        if self.wrong.is_empty() { Ok(self.repeated) } else { Err(ClaimsError::Wrong(self.wrong)) }
    }

    fn try_step(&mut self, step: StepIndex) -> Result<(), Broken> {
        let plan = self.plan.steps()[usize::from(step.get())].clone();
        if self.at(step)?.is_none() {
            self.repeated.unreached.push(plan.name.to_string());
            return Ok(());
        }
        match plan.effect {
            Effect::Pure | Effect::Transactional => self.changes_nothing(step)?,
            Effect::Idempotent | Effect::Keyed => self.action_twice(step)?,
            // Nobody executes it twice.
            _ => {}
        }
        if plan.is_compensated() {
            let answered = self.compensated_twice(step, Known::No)?;
            // A pivot that is known to be done is not compensated.
            if plan.kind != StepKind::Pivot {
                let usual = self.compensated_twice(step, Known::Yes)?;
                let fault = ClaimFault::CompensationNeedsOutput;
                self.same(step, fault, usual.as_ref(), answered.as_ref());
            }
            if plan.effect != Effect::Transactional {
                self.compensated_first(step)?;
            }
        }
        Ok(())
    }

    /// A saga at the point where this step is due, and its world.
    fn at(&self, step: StepIndex) -> Result<Option<(Life, W)>, Broken> {
        let world = (self.rig.world)();
        let mut life = Life::begin((self.rig.saga)(&world))?;
        for _ in 0..EVENTS_MAX {
            if life.place(step, Side::Action).is_some() {
                return Ok(Some((life, world)));
            }
            let Some(event) = life.next() else { return Ok(None) };
            life.happen(event, || (self.rig.saga)(&world))?;
        }
        Err(Broken::Endless)
    }

    fn blame(&mut self, step: StepIndex, fault: ClaimFault, expected: String, found: String) {
        let plan = &self.plan.steps()[usize::from(step.get())];
        let (step, effect) = (plan.name.to_string(), plan.effect);
        self.wrong.push(WrongClaim { step, effect, fault, expected, found });
    }

    fn same(
        &mut self,
        step: StepIndex,
        fault: ClaimFault,
        expected: Option<&T>,
        found: Option<&T>,
    ) {
        if let (Some(expected), Some(found)) = (expected, found)
            && expected != found
        {
            self.blame(step, fault, format!("{expected:?}"), format!("{found:?}"));
        }
    }

    fn changes_nothing(&mut self, step: StepIndex) -> Result<(), Broken> {
        let Some((mut life, world)) = self.at(step)? else { return Ok(()) };
        let before = (self.look)(&world);
        life.execute(step, Side::Action)?;
        let after = (self.look)(&world);
        self.same(step, ClaimFault::ChangesTheWorld, Some(&before), Some(&after));
        Ok(())
    }

    fn action_twice(&mut self, step: StepIndex) -> Result<(), Broken> {
        let Some((mut life, world)) = self.at(step)? else { return Ok(()) };
        let first = life.execute(step, Side::Action)?;
        let after_one = (self.look)(&world);
        let second = life.execute(step, Side::Action)?;
        self.repeated.repeats += 1;
        let after_two = (self.look)(&world);
        self.same(step, ClaimFault::SecondActionChanges, Some(&after_one), Some(&after_two));
        // What did not succeed may succeed the next time.
        if matches!(first, Ending::Done { .. }) && first != second {
            let (expected, found) = (shown(&first), shown(&second));
            self.blame(step, ClaimFault::SecondActionDiffers, expected, found);
        }
        Ok(())
    }

    /// Has the effect and answers it twice; gives the world behind the first compensation.
    fn compensated_twice(&mut self, step: StepIndex, known: Known) -> Result<Option<T>, Broken> {
        let Some((mut life, world)) = self.at(step)? else { return Ok(None) };
        let fault = match known {
            Known::Yes => None,
            Known::No => {
                life.execute(step, Side::Action)?;
                life.lose(step);
                // An attempt that is made again finds nothing out.
                Some(AttemptFault::Refused)
            }
        };
        if !self.turn_back(&mut life, &world, step, fault)? {
            return Ok(None);
        }
        let first = life.execute(step, Side::Compensation)?;
        let after_one = (self.look)(&world);
        let second = life.execute(step, Side::Compensation)?;
        self.repeated.repeats += 1;
        let after_two = (self.look)(&world);
        for ending in [&first, &second] {
            if !matches!(ending, Ending::Done { .. }) {
                let (expected, found) = ("it is done".to_owned(), shown(ending));
                self.blame(step, ClaimFault::CompensationFails, expected, found);
            }
        }
        let fault = ClaimFault::SecondCompensationChanges;
        self.same(step, fault, Some(&after_one), Some(&after_two));
        Ok(Some(after_one))
    }

    /// Answers the effect while it is still on its way, and then has it.
    fn compensated_first(&mut self, step: StepIndex) -> Result<(), Broken> {
        let Some((mut life, world)) = self.at(step)? else { return Ok(()) };
        let Some(late) = life.lose(step) else { return Ok(()) };
        if !self.turn_back(&mut life, &world, step, Some(AttemptFault::Refused))? {
            return Ok(());
        }
        life.execute(step, Side::Compensation)?;
        let before = (self.look)(&world);
        life.run(late)?;
        self.repeated.repeats += 1;
        let after = (self.look)(&world);
        self.same(step, ClaimFault::ActionAfterCompensation, Some(&before), Some(&after));
        Ok(())
    }

    /// Cancels the saga, lets an attempt of this step end so, and goes back until its compensation
    /// is due, if it ever is.
    fn turn_back(
        &self,
        life: &mut Life,
        world: &W,
        step: StepIndex,
        fault: Option<AttemptFault>,
    ) -> Result<bool, Broken> {
        let mut next = Some(Event::Cancel);
        for _ in 0..EVENTS_MAX {
            let Some(event) = next else { return Ok(false) };
            life.happen(event, || (self.rig.saga)(world))?;
            if life.place(step, Side::Compensation).is_some() {
                return Ok(true);
            }
            let action = life.place(step, Side::Action);
            next = action.map(|at| Event::Ends(at, fault)).or_else(|| life.next());
        }
        Err(Broken::Endless)
    }
}

/// Whether the saga knows what its step came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Yes,
    No,
}

fn shown(ending: &Ending) -> String {
    match ending {
        Ending::Done { output, .. } => format!("it is done, with {output:?}"),
        other => format!("it {}", words::ending(other)),
    }
}
