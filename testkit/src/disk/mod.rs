//! The simulated disk: a plain struct, told what to do one call at a time.
//!
//! It is not a file system and has no clock, no tasks and no threads; [`crate::SimDiskHandle`]
//! lends it to asynchronous callers. The invariant it guards: **what was promised durable is
//! there after every crash, or the [atlas](SimDisk::damage) names it.**
//!
//! # The fault model
//!
//! *Two views.* Every file and the directory have a cached view, which every read shows, and a
//! durable view, which is what a power failure leaves. Between them lies an ordered list of
//! changes: new versions of sectors, new lengths, changed names. [`sync`](SimDisk::sync) moves the
//! changes of one file to its durable view, [`sync_directory`](SimDisk::sync_directory) those of
//! the directory. Syncing a file does not make its name durable, and a name that is durable says
//! nothing of the content.
//!
//! *Two crashes.* A [process crash](SimDisk::process_crash) ends the incarnation: locks fall,
//! every handle is fenced, and the cache survives, unsynced changes included. A [power
//! failure](SimDisk::power_failure) takes the cache as well. Each unsynced sector is kept, dropped
//! or torn by itself, so a later one may survive without an earlier one and an older version
//! without the newest; lengths and names are kept or dropped. A file may thus come back longer
//! than its content (the new bytes are zeros or, where nothing was durable before, garbage), or
//! shorter. A changed name survives only if the changes of the same names before it did.
//!
//! *A sector* is 512 bytes. The model assumes that writing one harms no other, and does **not**
//! assume that it is written whole: a torn sector holds any byte range of the new version over
//! the old one. Content and length are not ordered to each other; nothing but a sync orders.
//!
//! *A failed sync* is the worst kind seen in practice: the cache keeps the new content, its pages
//! are clean from then on, and they are not durable. The next sync succeeds and does not write
//! them; only a new write to the sector makes it dirty again. Lengths, and names after a failed
//! directory sync, stay with the file system's own log and are written by the next sync.
//!
//! *Damage* of durable content (rotten bits, zeroed sectors, misdirected writes) shows at once
//! unless the sector is dirty in the cache, because clean pages do not stay cached for ever. A
//! latent error makes a clean sector unreadable until a rewrite of it is durable. A lost write is
//! in the cache and nowhere else; a lying sync changes nothing and says Ok.
//!
//! *Space* is counted by length against a [quota](SimDisk::set_quota), if there is one. A reserved
//! range counts, a hole does too; the fault `no-space` on a write stands for devices that run out
//! within a reserved range.
//!
//! *Not modelled:* writes that reach the device by themselves before a sync are not told apart
//! from changes that happen to survive; stale blocks of other files never show up in new ones;
//! failing metadata never damages a file system as a whole; there is one directory, no links, no
//! permissions and no access from outside the incarnation, except through the methods that damage
//! on purpose or take names away under whoever has them open.

mod atlas;
mod call;
mod content;
mod crash;
mod damage;
mod directory;
mod entries;
mod evidence;
mod fate;
mod fault;
mod files;
mod halt;
mod images;
mod inode;
mod judge;
mod lived;
mod operation;
mod plan;
mod trace;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use atlas::{Cause, Damage};
pub use call::{FileHandle, LockHandle, Outcome};
pub use content::SECTOR_BYTES;
pub use evidence::Evidence;
pub use fate::{Fate, Unit, UnitKind};
pub use fault::{Fault, FaultKind, ParseError, Trigger};
pub use halt::{Halt, Step};
pub use operation::Operation;
pub use plan::{FaultPlan, PowerLoss};
pub use trace::{Event, Note};

use crate::choices::Seeded;
use directory::{Directory, InodeId};
use evidence::Witness;
use halt::Halting;
use inode::Inode;
use plan::Faults;
use trace::Trace;

/// How often things happened, over the disk's whole life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Operations that reached the disk.
    pub ops: u64,
    /// Calls through handles of an incarnation that is over.
    pub fenced: u64,
    /// Process crashes.
    pub process_crashes: u64,
    /// Power failures.
    pub power_failures: u64,
    /// Faults that struck, by kind.
    pub faults: BTreeMap<FaultKind, u64>,
}

/// The simulated disk; see the [module](self) for what it does to data. Cloning it is cheap, and
/// the clone shares nothing that can change.
#[derive(Clone, Debug)]
pub struct SimDisk {
    inodes: BTreeMap<InodeId, Inode>,
    inodes_created: u64,
    directory: Directory,
    /// Who holds the directory's lock.
    locked: Option<LockHandle>,
    locks_taken: u64,
    /// How often the directory was moved away under whoever has it open.
    moves: u64,
    /// Attempts to lock that will still find a dead process's lock.
    lock_refusals: u64,
    quota: Option<u64>,
    incarnation: u64,
    faults: Faults,
    lost_names: Vec<Damage>,
    witness: Witness,
    halting: Halting,
    trace: Trace,
    last_operation: Option<Operation>,
    last_file: String,
    last_end: u64,
    ops: u64,
    fenced: u64,
    process_crashes: u64,
    power_failures: u64,
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimDisk {
    /// An empty disk on which nothing goes wrong but crashes.
    pub fn new() -> Self {
        Self::with_faults(FaultPlan::default(), 0)
    }

    /// An empty disk on which things go wrong as `plan` says, drawn from `seed`.
    pub fn with_faults(plan: FaultPlan, seed: u64) -> Self {
        Self {
            inodes: BTreeMap::new(),
            inodes_created: 0,
            directory: Directory::default(),
            locked: None,
            locks_taken: 0,
            moves: 0,
            lock_refusals: 0,
            quota: None,
            incarnation: 1,
            faults: Faults::new(plan, Seeded::new(seed)),
            lost_names: Vec::new(),
            witness: Witness::default(),
            halting: Halting::default(),
            trace: Trace::new(),
            last_operation: None,
            last_file: String::new(),
            last_end: 0,
            ops: 0,
            fenced: 0,
            process_crashes: 0,
            power_failures: 0,
        }
    }

    /// Replaces what goes wrong from here on, rates and schedule.
    pub fn set_faults(&mut self, plan: FaultPlan, seed: u64) {
        self.faults.replace(plan, Seeded::new(seed));
    }

    /// Plans one more fault.
    pub fn schedule(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Plans exactly `faults`, in place of what is still scheduled. At the beginning of an
    /// incarnation, with [what struck in another](Self::injected_in_life), it repeats that one.
    pub fn plan_faults(&mut self, faults: Vec<Fault>) {
        self.faults.reschedule(faults);
    }

    /// Nothing goes wrong by itself from here on. Damage done stays.
    pub fn heal(&mut self) {
        self.faults.clear();
        self.lock_refusals = 0;
    }

    /// The faults that struck so far, each at the number of its operation. Scheduled on a quiet
    /// disk they repeat this run.
    pub fn injected(&self) -> &[Fault] {
        self.faults.injected()
    }

    /// The faults that struck since the incarnation began, each at the operation counted from
    /// there by kind of file. [Planned](Self::plan_faults) at the beginning of an equal
    /// incarnation of a quiet disk they repeat it.
    pub fn injected_in_life(&self) -> &[Fault] {
        self.faults.injected_in_life()
    }

    /// How often `kind` has struck so far.
    pub fn struck(&self, kind: FaultKind) -> u64 {
        self.faults.struck(kind)
    }

    /// Limits the sum of all lengths to `bytes`, or lifts the limit. More than fits already is
    /// not taken away.
    pub fn set_quota(&mut self, bytes: Option<u64>) {
        self.quota = bytes;
    }

    /// The sum of the lengths of all files, in bytes.
    pub fn used_bytes(&self) -> u64 {
        let lengths = self.directory.cached.values().map(|inode| self.inode(*inode).cached.length);
        lengths.sum()
    }

    /// The incarnation that may touch the disk now, counted from 1.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// How often things happened so far.
    pub fn counters(&self) -> Counters {
        let struck = FaultKind::ALL.into_iter().map(|kind| (kind, self.struck(kind)));
        Counters {
            ops: self.ops,
            fenced: self.fenced,
            process_crashes: self.process_crashes,
            power_failures: self.power_failures,
            faults: struck.filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// Operations so far; the next one has this number plus one.
    pub fn ops(&self) -> u64 {
        self.ops
    }

    /// Hash of everything that reached this disk and of every remark, in order. Equal for two
    /// runs of one seed.
    pub fn trace_hash(&self) -> u128 {
        self.trace.hash()
    }

    /// Keeps the last `notes` events and remarks for reports; none unless asked.
    pub fn keep_events(&mut self, notes: usize) {
        self.trace.keep_recent(notes);
    }

    /// The kept events and remarks, oldest first.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        self.trace.recent()
    }

    /// The kept events, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.notes().filter_map(|note| match note {
            Note::Event(event) => Some(event),
            Note::Remark(_) => None,
        })
    }

    /// Takes `text` into the trace, between the events before and after: an answer, a decision.
    pub fn remark(&mut self, text: &str) {
        self.trace.remark(text);
    }

    /// Takes `words` into the trace, like [`remark`](Self::remark) but cheap unless notes are
    /// kept.
    pub fn remark_words(&mut self, words: &[u64]) {
        self.trace.remark_words(words);
    }

    fn inode(&self, id: InodeId) -> &Inode {
        self.inodes.get(&id).expect("a name or an open handle keeps its inode")
    }

    fn inode_mut(&mut self, id: InodeId) -> &mut Inode {
        self.inodes.get_mut(&id).expect("a name or an open handle keeps its inode")
    }

    fn drop_unreachable(&mut self) {
        let reachable = self.directory.reachable();
        self.inodes.retain(|id, inode| inode.opens > 0 || reachable.contains(id));
    }
}
