//! Crashes: what is left when the process dies, and what when the power goes.
//!
//! It holds no state of its own. The invariant it guards: a process crash loses nothing that was
//! handed to the file system, a power failure loses nothing that was promised durable, and after
//! either of them no handle of the incarnation before can touch the disk.

use std::mem;

use super::{SimDisk, operation::Operation, plan::PowerLoss, trace::Event};
use crate::choices::Choices;

/// What a power failure decides about, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnitKind {
    Sector,
    Length,
    Entry,
}

/// What happens to one unsynced unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Dropped,
    /// Only the bytes from the first to before the second land.
    Torn((u16, u16)),
    /// Bytes drawn from this seed stand there, if the sector lies beyond the durable length.
    Garbage(u64),
}

/// A unit and the file, or the directory, that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) group: u64,
    pub(super) kind: UnitKind,
}

/// The group of directory entries.
const DIRECTORY: u64 = u64::MAX;

impl SimDisk {
    /// The process dies. The cache survives, locks are released, every open handle is fenced.
    pub fn process_crash(&mut self) {
        self.process_crashes += 1;
        self.next_incarnation(Operation::ProcessCrash);
    }

    /// The power goes. Every unsynced sector is kept, dropped or torn, unsynced lengths and
    /// directory entries are kept or dropped, as `choices` decide within the plan's
    /// [`PowerLoss`]. Afterwards the cache shows what is durable and everything open is fenced.
    pub fn power_failure(&mut self, choices: &mut dyn Choices) {
        let mut judge = Judge { settings: self.faults.power_loss, choices, last: None };
        self.lose_power(&mut |unit| judge.fate(unit));
    }

    pub(super) fn lose_power(&mut self, fate: &mut dyn FnMut(Unit) -> Fate) {
        for (id, inode) in &mut self.inodes {
            inode.lose_power(&mut |kind| fate(Unit { group: *id, kind }));
        }
        let lost = self.directory.lose_power(&mut |kind| fate(Unit { group: DIRECTORY, kind }));
        self.lost_names.extend(lost);
        self.power_failures += 1;
        self.next_incarnation(Operation::PowerFailure);
    }

    fn next_incarnation(&mut self, operation: Operation) {
        for inode in self.inodes.values_mut() {
            inode.opens = 0;
        }
        self.locks.clear();
        self.faults.next_life();
        self.halt_before = None;
        self.halt_reached = false;
        self.drop_unreachable();
        self.trace.record(
            Event {
                op: self.ops,
                incarnation: self.incarnation,
                operation,
                file: "".into(),
                offset: 0,
                bytes: 0,
                fault: None,
                stall_us: 0,
                ending: Ok(0),
            },
            0,
        );
        self.incarnation += 1;
    }
}

/// How one file, or the directory, fares as a whole. Independent draws per sector would almost
/// never keep or lose all of a large write, and those are the cases that recovery must tell apart.
#[derive(Clone, Copy, Debug)]
enum Mood {
    KeepsAll,
    LosesAll,
    Mixed,
}

struct Judge<'a> {
    settings: PowerLoss,
    choices: &'a mut dyn Choices,
    last: Option<(u64, Mood)>,
}

impl Judge<'_> {
    fn fate(&mut self, unit: Unit) -> Fate {
        let mood = match self.last {
            Some((group, mood)) if group == unit.group => mood,
            _ => match self.choices.below(5) {
                0 => Mood::KeepsAll,
                1 => Mood::LosesAll,
                _ => Mood::Mixed,
            },
        };
        let fate = match mood {
            Mood::KeepsAll => Fate::Kept,
            Mood::LosesAll => Fate::Dropped,
            Mood::Mixed => self.draw(unit.kind),
        };
        // Without reordering, the first change that does not survive whole is the last.
        let ended = !self.settings.reorder && fate != Fate::Kept;
        self.last = Some((unit.group, if ended { Mood::LosesAll } else { mood }));
        fate
    }

    fn draw(&mut self, kind: UnitKind) -> Fate {
        let PowerLoss { keep, drop, tear, garbage, .. } = self.settings;
        let sector = u32::from(kind == UnitKind::Sector);
        let weights = [keep, drop, tear * sector, garbage * sector].map(u64::from);
        let mut draw = self.choices.below(weights.iter().sum());
        let mut chosen = 0;
        while chosen < 3 && draw >= weights[chosen] {
            draw -= weights[chosen];
            chosen += 1;
        }
        match chosen {
            0 => Fate::Kept,
            1 => Fate::Dropped,
            2 => self.draw_tear(),
            _ => Fate::Garbage(self.choices.below(u64::MAX)),
        }
    }

    fn draw_tear(&mut self) -> Fate {
        let mut place = || u16::try_from(self.choices.below(513)).expect("at most 512");
        let (mut from, mut to) = (place(), place());
        if from > to {
            mem::swap(&mut from, &mut to);
        }
        // Half of the tears are prefixes, as a sector is written from its start.
        if self.choices.below(2) == 0 { Fate::Torn((0, to)) } else { Fate::Torn((from, to)) }
    }
}
