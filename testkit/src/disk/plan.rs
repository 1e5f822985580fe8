//! Which faults a run meets: rates drawn from the seed, planned faults, and what was injected.
//!
//! It decides, the disk performs. The invariant it guards: every fault that struck stands in the
//! list of injected faults with the number of its operation, and in the list of its incarnation
//! counted from there, so that planning exactly that list on a quiet disk repeats the run, or
//! that life alone, without its seed.

use std::mem;

use super::{
    content::to_index,
    fault::{Fault, FaultKind, Trigger},
    lived::Lived,
    operation::Operation,
};
use crate::choices::{Choices, Seeded};

/// Longest stall that a rate draws, unless the plan says otherwise.
const STALL_US_MAX: u64 = 2_000_000;

/// How a power failure treats what was not synced. The three weights decide the fate of a sector
/// in relation to each other; lengths and directory entries are kept or dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerLoss {
    /// Weight of a sector that survives.
    pub keep: u32,
    /// Weight of a sector that is lost.
    pub drop: u32,
    /// Weight of a sector of which some bytes survive.
    pub tear: u32,
    /// Weight of a sector beyond the durable length that holds garbage instead.
    pub garbage: u32,
    /// Whether later changes may survive earlier ones. If not, what survives of a file, and of
    /// the directory, is a prefix of its changes.
    pub reorder: bool,
}

impl Default for PowerLoss {
    fn default() -> Self {
        Self { keep: 4, drop: 4, tear: 1, garbage: 1, reorder: true }
    }
}

/// What may go wrong on a disk. The default is nothing, except what a power failure does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    /// Kinds that strike by chance, each with its rate per million operations it can strike. A
    /// stall is drawn by itself and excludes no other fault, so every operation can take time.
    pub rates: Vec<(FaultKind, u32)>,
    /// Faults planned one by one; they take precedence over the rates.
    pub schedule: Vec<Fault>,
    /// The longest stall that a rate draws, in microseconds.
    pub stall_us_max: u64,
    /// What a power failure does.
    pub power_loss: PowerLoss,
}

impl Default for FaultPlan {
    fn default() -> Self {
        Self {
            rates: Vec::new(),
            schedule: Vec::new(),
            stall_us_max: STALL_US_MAX,
            power_loss: PowerLoss::default(),
        }
    }
}

impl FaultPlan {
    /// Draws a plan: each of `kinds` is on in one of four plans, at a rate between one in ten
    /// thousand and one in twenty operations.
    pub fn swarm(choices: &mut dyn Choices, kinds: &[FaultKind]) -> Self {
        const RATES: [u32; 4] = [100, 1_000, 10_000, 50_000];
        let mut plan = Self::default();
        for kind in kinds {
            let rate = RATES.get(to_index(choices.below(4)));
            if choices.below(4) == 0 {
                plan.rates.extend(rate.map(|rate| (*kind, *rate)));
            }
        }
        plan.power_loss.reorder = choices.below(4) != 0;
        plan
    }
}

/// What hits one operation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strike {
    pub(super) kind: Option<FaultKind>,
    pub(super) amount: u64,
    pub(super) stall_us: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Faults {
    stall_rate: u32,
    stall_us_max: u64,
    /// Per operation, the other kinds that may strike it with the running sum of their rates.
    rates: [Vec<(u32, FaultKind)>; Operation::ALL.len()],
    schedule: Vec<(Fault, u64)>,
    choices: Seeded,
    injected: Vec<Fault>,
    injected_in_life: Vec<Fault>,
    /// How often each kind has struck.
    struck: [u64; FaultKind::ALL.len()],
    lived: Lived,
    pub(super) power_loss: PowerLoss,
}

impl Faults {
    pub(super) fn new(plan: FaultPlan, choices: Seeded) -> Self {
        let rates = Operation::ALL.map(|operation| {
            let mut sum = 0_u32;
            let fits = |kind: FaultKind| kind != FaultKind::Stall && kind.strikes(operation);
            let fitting = plan.rates.iter().filter(|(kind, _)| fits(*kind));
            fitting
                .map(|(kind, rate)| {
                    sum = sum.saturating_add(*rate);
                    (sum, *kind)
                })
                .collect()
        });
        let schedule = plan.schedule.into_iter().map(|fault| (fault, 0)).collect();
        let stalls = plan.rates.iter().filter(|(kind, _)| *kind == FaultKind::Stall);
        Self {
            stall_rate: stalls.map(|(_, rate)| rate).sum(),
            stall_us_max: plan.stall_us_max,
            rates,
            schedule,
            choices,
            injected: Vec::new(),
            injected_in_life: Vec::new(),
            struck: [0; _],
            lived: Lived::default(),
            power_loss: plan.power_loss,
        }
    }

    /// Takes a new plan and keeps the record of what struck.
    pub(super) fn replace(&mut self, plan: FaultPlan, choices: Seeded) {
        let Self { injected, injected_in_life, struck, lived, .. } =
            mem::replace(self, Self::new(plan, choices));
        (self.injected, self.injected_in_life) = (injected, injected_in_life);
        (self.struck, self.lived) = (struck, lived);
    }

    /// Another incarnation begins; what is still scheduled waits for it.
    pub(super) fn next_life(&mut self) {
        self.injected_in_life.clear();
        self.lived.clear();
    }

    /// Nothing is scheduled but `faults`.
    pub(super) fn reschedule(&mut self, faults: Vec<Fault>) {
        self.schedule = faults.into_iter().map(|fault| (fault, 0)).collect();
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.schedule.push((fault, 0));
    }

    pub(super) fn clear(&mut self) {
        self.stall_rate = 0;
        self.rates = [const { Vec::new() }; _];
        self.schedule.clear();
    }

    pub(super) fn injected(&self) -> &[Fault] {
        &self.injected
    }

    pub(super) fn injected_in_life(&self) -> &[Fault] {
        &self.injected_in_life
    }

    pub(super) fn struck(&self, kind: FaultKind) -> u64 {
        self.struck[kind as usize]
    }

    /// What hits operation number `op`, which concerns `file` and moves `bytes` bytes.
    pub(super) fn strike(
        &mut self,
        op: u64,
        operation: Operation,
        file: &str,
        bytes: u64,
    ) -> Strike {
        let mut strike = Strike::default();
        self.lived.count(operation, file);
        if !self.schedule.is_empty() {
            self.planned(op, (operation, file), &mut strike);
        }
        if self.stall_rate > 0 && self.choices.chance(self.stall_rate) {
            let amount = self.amount(FaultKind::Stall, bytes);
            self.inject((FaultKind::Stall, amount), op, (operation, file), &mut strike);
        }
        let rates = &self.rates[operation as usize];
        if !rates.is_empty() && strike.kind.is_none() {
            let draw = self.choices.below(1_000_000);
            if let Some((_, kind)) = rates.iter().find(|(sum, _)| draw < u64::from(*sum)) {
                let kind = *kind;
                let amount = self.amount(kind, bytes);
                self.inject((kind, amount), op, (operation, file), &mut strike);
            }
        }
        strike
    }

    fn planned(&mut self, op: u64, (operation, file): (Operation, &str), strike: &mut Strike) {
        let mut index = 0;
        while index < self.schedule.len() {
            let (fault, seen) = &mut self.schedule[index];
            let due = match &fault.at {
                Trigger::Op(at) => *at <= op,
                Trigger::Nth { operation: wanted, nth, prefix } => {
                    *seen += u64::from(*wanted == operation && file.starts_with(prefix.as_str()));
                    *seen >= (*nth).max(1)
                }
            };
            if !due {
                index += 1;
                continue;
            }
            let (fault, _) = self.schedule.remove(index);
            let missed = fault.at != Trigger::Op(op) && matches!(fault.at, Trigger::Op(_));
            if !missed && fault.kind.strikes(operation) {
                self.inject((fault.kind, fault.amount), op, (operation, file), strike);
            }
        }
    }

    fn inject(
        &mut self,
        (kind, amount): (FaultKind, u64),
        op: u64,
        (operation, file): (Operation, &str),
        strike: &mut Strike,
    ) {
        let at = self.lived.trigger(operation, file);
        self.injected.push(Fault::at_op(kind, amount, op));
        self.injected_in_life.push(Fault { kind, amount, at });
        self.struck[kind as usize] += 1;
        if kind == FaultKind::Stall {
            strike.stall_us = strike.stall_us.saturating_add(amount);
        } else {
            (strike.kind, strike.amount) = (Some(kind), amount);
        }
    }

    fn amount(&mut self, kind: FaultKind, bytes: u64) -> u64 {
        let choices = &mut self.choices;
        match kind {
            FaultKind::Stall => 1 + choices.below(self.stall_us_max),
            FaultKind::WriteError | FaultKind::ShortRead | FaultKind::ShortWrite => {
                choices.below(bytes)
            }
            // Half of the failed syncs write nothing at all, the worst case for a retry.
            FaultKind::SyncError => choices.bits() * choices.below(2),
            FaultKind::LockSurvives => 1 + choices.below(4),
            _ => choices.below(1 << 32),
        }
    }
}
