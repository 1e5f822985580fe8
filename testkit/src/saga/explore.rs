//! All that may happen to a saga within bounds, one case after another.
//!
//! A case is the row of the world's decisions up to one that nobody tried before; from there on
//! nothing interferes. Cases with fewer crashes and disturbances come first, so that the first
//! complaint is a short one. The invariant it guards: within the bounds every case is tried, but
//! for those that join one that was: the same journal, the same attempts under way, and every step
//! reached the world as often and in the same order of its own attempts.

use super::{
    Bounds, Explored, Finish, Rig, Seen,
    complaint::{Broken, Complaint},
    history::AttemptFault,
    judge::judge,
    life::{EVENTS_MAX, Event, Life},
};
use sagalog::saga::{Attempt, Phase, Plan, Side, StepKind};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

/// With more attempts under way at a crash not all combinations are tried: only all, none, each
/// one alone, and all but each one.
const COMBINED_MAX: usize = 6;

/// What a case has used up of its bounds.
#[derive(Clone, Copy, Default)]
struct Spent {
    crashes: u32,
    disturbances: u32,
}

impl Spent {
    fn with(self, event: Event) -> Self {
        match event {
            Event::Crash(_) => Self { crashes: self.crashes + 1, ..self },
            Event::Ends(_, Some(_)) | Event::Cancel | Event::Deadline => {
                Self { disturbances: self.disturbances + 1, ..self }
            }
            Event::Ends(_, None) | Event::Passes => self,
        }
    }

    fn weight(self) -> usize {
        usize::try_from(self.crashes + self.disturbances).unwrap_or(usize::MAX)
    }
}

pub(super) struct Explorer<'a, W> {
    pub(super) rig: Rig<'a, W>,
    pub(super) bounds: Bounds,
    pub(super) invariant: &'a dyn Fn(&Seen<'_, W>) -> Result<(), String>,
    visited: BTreeSet<Vec<u8>>,
    /// Cases that are not tried yet, by how much happens in them.
    open: Vec<VecDeque<Vec<Event>>>,
    explored: Explored,
}

impl<'a, W> Explorer<'a, W> {
    pub(super) fn new(
        rig: Rig<'a, W>,
        bounds: Bounds,
        invariant: &'a dyn Fn(&Seen<'_, W>) -> Result<(), String>,
    ) -> Self {
        let levels = usize::try_from(bounds.crashes + bounds.disturbances).unwrap_or(0);
        let mut open = vec![VecDeque::new(); levels + 1];
        open[0].push_back(Vec::new());
        let explored = Explored::default();
        Self { rig, bounds, invariant, visited: BTreeSet::new(), open, explored }
    }

    /// Tries case after case.
    pub(super) fn explore(mut self) -> Result<Explored, Box<Complaint>> {
        for level in 0..self.open.len() {
            let mut shortest: Option<Box<Complaint>> = None;
            while let Some(case) = self.open[level].pop_front() {
                if self.explored.cases == self.bounds.cases {
                    self.explored.all = false;
                    break;
                }
                self.explored.cases += 1;
                if let Err(complaint) = self.attempt(&case)
                    && shortest
                        .as_ref()
                        .is_none_or(|known| complaint.journal().count() < known.journal().count())
                {
                    shortest = Some(complaint);
                }
            }
            if let Some(complaint) = shortest {
                return Err(complaint);
            }
        }
        Ok(self.explored)
    }

    fn attempt(&mut self, case: &[Event]) -> Result<(), Box<Complaint>> {
        let cases = self.explored.cases;
        let world = (self.rig.world)();
        let begun = Life::begin((self.rig.saga)(&world));
        let mut life = begun.map_err(|broken| {
            Box::new(Complaint { broken, plan: None, history: Vec::new(), cases })
        })?;
        self.live(&mut life, &world, case).map_err(|broken| {
            let (plan, history) = (Arc::clone(life.plan()), std::mem::take(&mut life.history));
            Box::new(Complaint { broken, plan: Some(plan), history, cases })
        })
    }

    fn live(&mut self, life: &mut Life, world: &W, case: &[Event]) -> Result<(), Broken> {
        let mut spent = Spent::default();
        let mut events: Vec<Event> = Vec::new();
        while let Some(usual) = life.next() {
            if events.len() == EVENTS_MAX {
                return Err(Broken::Endless);
            }
            let event = match case.get(events.len()) {
                Some(event) => *event,
                None if self.is_known(life, spent) => return judge(life.plan(), &life.history),
                None => {
                    self.branch(life, spent, &events);
                    usual
                }
            };
            spent = spent.with(event);
            events.push(event);
            let saga = self.rig.saga;
            life.happen(event, || saga(world))?;
        }
        self.finish(life, world)
    }

    fn finish(&mut self, life: &Life, world: &W) -> Result<(), Broken> {
        life.reread()?;
        judge(life.plan(), &life.history)?;
        let finish = Finish::of(&life.state).ok_or(Broken::Endless)?;
        match finish {
            Finish::Completed => self.explored.completed += 1,
            Finish::Aborted(_) => self.explored.aborted += 1,
            Finish::Stuck => self.explored.stuck += 1,
        }
        let seen = Seen { world, finish, state: &life.state, events: &life.events };
        (self.invariant)(&seen).map_err(Broken::Invariant)
    }

    /// Whether a case has been here before.
    fn is_known(&mut self, life: &Life, spent: Spent) -> bool {
        let mut key = life.key();
        key.extend(spent.crashes.to_le_bytes());
        key.extend(spent.disturbances.to_le_bytes());
        !self.visited.insert(key)
    }

    /// Notes down what else might happen here.
    fn branch(&mut self, life: &Life, spent: Spent, events: &[Event]) {
        let attempts: Vec<Attempt> = life.under_way.iter().map(|under| under.attempt).collect();
        let mut others: Vec<Event> = (1..attempts.len()).map(|at| Event::Ends(at, None)).collect();
        if spent.crashes < self.bounds.crashes {
            others.extend(crashes(attempts.len()).map(Event::Crash));
        }
        if spent.disturbances < self.bounds.disturbances {
            for (at, attempt) in attempts.iter().enumerate() {
                let faults = faults(life.plan(), *attempt).iter();
                others.extend(faults.map(|fault| Event::Ends(at, Some(*fault))));
            }
            let decided = matches!(life.state.phase(), Phase::Aborting { .. });
            if !decided && life.state.cancel_asked().is_none() {
                others.push(Event::Cancel);
            }
            if !decided && life.awaits_deadline() {
                others.push(Event::Deadline);
            }
        }
        for other in others {
            if matches!(other, Event::Crash(_)) {
                self.explored.crash_states += 1;
            }
            let case: Vec<Event> = events.iter().copied().chain([other]).collect();
            self.open[spent.with(other).weight()].push_back(case);
        }
    }
}

/// Which of the attempts under way at a crash run to their end, as bits.
fn crashes(under_way: usize) -> Box<dyn Iterator<Item = u64>> {
    if under_way <= COMBINED_MAX {
        return Box::new(0..1 << under_way);
    }
    // Bits have room for 64 of them; those beyond never run.
    let width = under_way.min(63);
    let all = (1 << width) - 1;
    let each = (0..width).flat_map(move |at| [1 << at, all ^ (1 << at)]);
    Box::new([0, all].into_iter().chain(each))
}

/// What may be done to an attempt.
fn faults(plan: &Plan, attempt: Attempt) -> &'static [AttemptFault] {
    let kind = plan.steps()[usize::from(attempt.step.get())].kind;
    // A step behind the pivot is not refused, by its definition.
    if attempt.side == Side::Compensation || kind == StepKind::Retriable {
        &[AttemptFault::NotDelivered, AttemptFault::AnswerLost]
    } else {
        &[AttemptFault::NotDelivered, AttemptFault::AnswerLost, AttemptFault::Refused]
    }
}
