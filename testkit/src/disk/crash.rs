//! Crashes: what is left when the process dies, and what when the power goes.
//!
//! It holds no state of its own. The invariant it guards: a process crash loses nothing that was
//! handed to the file system, a power failure loses nothing that was promised durable, and after
//! either of them no handle of the incarnation before can touch the disk.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    SimDisk,
    fate::{Fate, Unit, UnitKind},
    judge::Judge,
    operation::Operation,
    plan::Strike,
    trace::Told,
};
use crate::choices::Choices;

impl SimDisk {
    /// The process dies. The cache survives, locks are released, every open handle is fenced.
    pub fn process_crash(&mut self) {
        self.process_crashes += 1;
        self.next_incarnation(Operation::ProcessCrash);
    }

    /// The power goes. Every unsynced sector is kept, dropped or torn, unsynced lengths and
    /// directory entries are kept or dropped, as `choices` decide within the plan's
    /// [`PowerLoss`](super::PowerLoss). Afterwards the cache shows what is durable and everything
    /// open is fenced. Returns the fates that were drawn, without the units that were simply
    /// dropped: [`power_failure_by`](Self::power_failure_by) repeats the failure from them.
    pub fn power_failure(&mut self, choices: &mut dyn Choices) -> Vec<(Unit, Fate)> {
        let mut judge = Judge::new(self.faults.power_loss, choices);
        let mut drawn = Vec::new();
        self.power_failure_by(&mut |unit| {
            let fate = judge.fate(unit);
            if fate != Fate::Dropped {
                drawn.push((unit.clone(), fate));
            }
            fate
        });
        drawn
    }

    /// The power goes, and `fate` decides what happens to each unsynced unit, file by file in
    /// order of creation, the directory last.
    ///
    /// # Panics
    /// If a sector is torn at places that are not within it.
    pub fn power_failure_by(&mut self, fate: &mut dyn FnMut(&Unit) -> Fate) {
        let mut numbered: BTreeMap<(Arc<str>, UnitKind), u32> = BTreeMap::new();
        self.lose_power(&mut |file, kind| {
            let count = numbered.entry((Arc::clone(file), kind)).or_default();
            *count += 1;
            fate(&Unit { file: Arc::clone(file), kind, number: *count })
        });
    }

    pub(super) fn lose_power(&mut self, fate: &mut dyn FnMut(&Arc<str>, UnitKind) -> Fate) {
        for inode in self.inodes.values_mut() {
            inode.lose_power(fate);
        }
        let directory = Arc::from("");
        let lost = self.directory.lose_power(&mut || fate(&directory, UnitKind::Entry));
        self.lost_names.extend(lost);
        self.power_failures += 1;
        self.next_incarnation(Operation::PowerFailure);
    }

    fn next_incarnation(&mut self, operation: Operation) {
        for inode in self.inodes.values_mut() {
            inode.opens = 0;
        }
        self.locked = None;
        self.faults.next_life();
        self.clear_halt();
        self.drop_unreachable();
        self.witness_crash();
        self.trace.record(&Told {
            op: self.ops,
            incarnation: self.incarnation,
            operation,
            file: "",
            offset: 0,
            bytes: 0,
            strike: Strike::default(),
            ending: Ok(0),
            digest: 0,
        });
        self.incarnation += 1;
    }
}
