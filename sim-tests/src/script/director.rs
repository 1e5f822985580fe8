//! Whoever decides what happens next in a run: a seed, or a script.
//!
//! It knows neither disk nor store. The invariant it guards: whatever a run asks it is drawn and,
//! if somebody wants to know, noted as a [`Decision`]; or it is read, and then nothing is drawn.

use super::{ClientCall, Decision, Life, Turns, What, turns::Deviations, turns::Disorder};
use sagalog_testkit::{
    Fault, Halt, Harm, Seeded,
    disk::{Fate, Unit},
    net::Journey,
};
use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

/// What a script says, sorted by when it is asked for.
#[derive(Debug)]
struct Tape<C> {
    lives: VecDeque<(u32, Life)>,
    calls: BTreeMap<(u32, u32), VecDeque<C>>,
    halts: BTreeMap<u32, Halt>,
    faults: BTreeMap<u32, Vec<Fault>>,
    orders: BTreeMap<u32, Deviations>,
    fates: BTreeMap<u32, Vec<(Unit, Fate)>>,
    harms: BTreeMap<u32, Vec<Harm>>,
    journeys: BTreeMap<(u32, String), Journey>,
}

impl<C> Default for Tape<C> {
    fn default() -> Self {
        Self {
            lives: VecDeque::new(),
            calls: BTreeMap::new(),
            halts: BTreeMap::new(),
            faults: BTreeMap::new(),
            orders: BTreeMap::new(),
            fates: BTreeMap::new(),
            harms: BTreeMap::new(),
            journeys: BTreeMap::new(),
        }
    }
}

impl<C> Tape<C> {
    fn take(&mut self, Decision { life, what }: Decision<C>) {
        match what {
            What::Lives(facts) => self.lives.push_back((life, facts)),
            What::Client(ClientCall { number, call }) => {
                self.calls.entry((life, number)).or_default().push_back(call);
            }
            What::Halt(halt) => drop(self.halts.insert(life, halt)),
            What::Fault(fault) => self.faults.entry(life).or_default().push(fault),
            What::Order { turn, task } => {
                self.orders.entry(life).or_default().insert(turn, task);
            }
            What::Keeps { unit, fate } => self.fates.entry(life).or_default().push((unit, fate)),
            What::Harm(harm) => self.harms.entry(life).or_default().push(harm),
            What::Delivery { of, journey } => drop(self.journeys.insert((life, of), journey)),
        }
    }
}

/// Draws, notes, or reads.
#[derive(Debug)]
pub(crate) struct Director<C> {
    tape: Option<Tape<C>>,
    noted: Option<Vec<Decision<C>>>,
    /// The deviations of the life that goes on.
    order: Option<Arc<Mutex<Deviations>>>,
}

impl<C: Clone> Director<C> {
    /// Draws, and forgets at once.
    pub(crate) fn drawing() -> Self {
        Self { tape: None, noted: None, order: None }
    }

    /// Draws, and notes everything.
    pub(crate) fn noting() -> Self {
        Self { noted: Some(Vec::new()), ..Self::drawing() }
    }

    /// Reads what a script says.
    pub(crate) fn reading(decisions: &[Decision<C>]) -> Self {
        let mut tape = Tape::default();
        decisions.iter().cloned().for_each(|decision| tape.take(decision));
        Self { tape: Some(tape), ..Self::drawing() }
    }

    /// What was noted.
    pub(crate) fn into_decisions(self) -> Vec<Decision<C>> {
        self.noted.unwrap_or_default()
    }

    fn note(&mut self, life: u32, what: impl FnOnce() -> What<C>) {
        if let Some(noted) = &mut self.noted {
            noted.push(Decision { life, what: what() });
        }
    }

    /// Whether nothing is drawn.
    pub(crate) fn reads(&self) -> bool {
        self.tape.is_some()
    }

    /// The next life, if there is one.
    pub(crate) fn next_life(
        &mut self,
        draw: impl FnOnce() -> Option<(u32, Life)>,
    ) -> Option<(u32, Life)> {
        if let Some(tape) = &mut self.tape {
            return tape.lives.pop_front();
        }
        let (life, facts) = draw()?;
        self.note(life, || What::Lives(facts.clone()));
        Some((life, facts))
    }

    /// Where the process is stopped.
    pub(crate) fn halt(&mut self, life: u32, draw: impl FnOnce() -> Option<Halt>) -> Option<Halt> {
        if let Some(tape) = &mut self.tape {
            return tape.halts.remove(&life);
        }
        let halt = draw()?;
        self.note(life, || What::Halt(halt.clone()));
        Some(halt)
    }

    /// The faults to plan for a life: none if they are drawn by the disk.
    pub(crate) fn planned_faults(&mut self, life: u32) -> Option<Vec<Fault>> {
        self.tape.as_mut().map(|tape| tape.faults.remove(&life).unwrap_or_default())
    }

    /// The order of tasks in a life.
    pub(crate) fn turns(&mut self, life: u32, choices: Seeded, disorder: Disorder) -> Turns {
        if let Some(tape) = &mut self.tape {
            return Turns::read(tape.orders.remove(&life).unwrap_or_default());
        }
        self.order = self.noted.is_some().then(Arc::default);
        Turns::drawn(choices, disorder, self.order.clone())
    }

    /// The next call of a client, if there is one.
    pub(crate) fn call(
        &mut self,
        (life, client): (u32, u32),
        draw: impl FnOnce() -> Option<C>,
    ) -> Option<C> {
        if let Some(tape) = &mut self.tape {
            return tape.calls.get_mut(&(life, client))?.pop_front();
        }
        let call = draw()?;
        self.note(life, || What::Client(ClientCall { number: client, call: call.clone() }));
        Some(call)
    }

    /// What becomes of a delivery. What a script does not name arrives at once.
    pub(crate) fn journey(
        &mut self,
        life: u32,
        delivery: &str,
        draw: impl FnOnce() -> Journey,
    ) -> Journey {
        if let Some(tape) = &mut self.tape {
            return tape.journeys.remove(&(life, delivery.to_owned())).unwrap_or_default();
        }
        let journey = draw();
        if journey != Journey::default() {
            let noted = || What::Delivery { of: delivery.to_owned(), journey: journey.clone() };
            self.note(life, noted);
        }
        journey
    }

    /// A life is over: what struck in it and in which order it went is noted.
    pub(crate) fn life_over(&mut self, life: u32, struck: &[Fault]) {
        let order = self.order.take().unwrap_or_default();
        let order = mem::take(&mut *order.lock().unwrap_or_else(PoisonError::into_inner));
        for (turn, task) in order {
            self.note(life, || What::Order { turn, task });
        }
        for fault in struck {
            self.note(life, || What::Fault(fault.clone()));
        }
    }

    /// What a script says of the fates of unsynced units.
    pub(crate) fn planned_fates(&mut self, life: u32) -> Option<Vec<(Unit, Fate)>> {
        self.tape.as_mut().map(|tape| tape.fates.remove(&life).unwrap_or_default())
    }

    /// The fates that were drawn.
    pub(crate) fn note_fates(&mut self, life: u32, fates: Vec<(Unit, Fate)>) {
        for (unit, fate) in fates {
            self.note(life, || What::Keeps { unit, fate });
        }
    }

    /// What is harmed after a life.
    pub(crate) fn harms(&mut self, life: u32, draw: impl FnOnce() -> Vec<Harm>) -> Vec<Harm> {
        if let Some(tape) = &mut self.tape {
            return tape.harms.remove(&life).unwrap_or_default();
        }
        let harms = draw();
        for harm in &harms {
            self.note(life, || What::Harm(harm.clone()));
        }
        harms
    }
}
