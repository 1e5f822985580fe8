//! The one flat directory: names in the cache, durable names, and the changes in between.
//!
//! It knows nothing of file content. The invariant it guards: a name is durable only after a
//! sync of the directory, and what a power failure keeps of the unsynced changes is always a
//! directory that some order of writing could have left behind.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use super::{
    atlas::{Cause, Damage},
    fate::Fate,
    fault::FaultKind,
};

pub(super) type InodeId = u64;
type Names = BTreeMap<Arc<str>, InodeId>;

#[derive(Clone, Debug)]
pub(super) enum EntryChange {
    Link { name: Arc<str>, inode: InodeId },
    Rename { from: Arc<str>, to: Arc<str>, inode: InodeId },
    Unlink { name: Arc<str>, inode: InodeId, returns: bool },
}

use EntryChange::{Link, Rename, Unlink};

impl EntryChange {
    fn names(&self) -> [&Arc<str>; 2] {
        match self {
            Rename { from, to, .. } => [from, to],
            Link { name, .. } | Unlink { name, .. } => [name, name],
        }
    }

    const fn inode(&self) -> InodeId {
        match self {
            Rename { inode, .. } | Link { inode, .. } | Unlink { inode, .. } => *inode,
        }
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Link { name, inode } => {
                names.insert(Arc::clone(name), *inode);
            }
            Rename { from, to, inode } => {
                remove_link(names, from, *inode);
                names.insert(Arc::clone(to), *inode);
            }
            Unlink { name, inode, .. } => remove_link(names, name, *inode),
        }
    }
}

fn remove_link(names: &mut Names, name: &str, inode: InodeId) {
    if names.get(name) == Some(&inode) {
        names.remove(name);
    }
}

#[derive(Clone, Debug)]
struct Unsynced {
    change: EntryChange,
    /// A lying sync said that this is durable.
    promised: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub(super) cached: Names,
    pub(super) durable: Names,
    unsynced: Vec<Unsynced>,
}

impl Directory {
    pub(super) fn change(&mut self, change: EntryChange) {
        change.apply(&mut self.cached);
        self.unsynced.push(Unsynced { change, promised: false });
    }

    /// Damage from outside: both views at once.
    pub(super) fn force(&mut self, change: &EntryChange) {
        change.apply(&mut self.cached);
        change.apply(&mut self.durable);
    }

    pub(super) fn units(&self) -> usize {
        self.unsynced.len()
    }

    /// The files that a name leads to, or may lead to after a power failure.
    pub(super) fn reachable(&self) -> Vec<InodeId> {
        let waiting = self.unsynced.iter().map(|unsynced| unsynced.change.inode());
        self.cached.values().chain(self.durable.values()).copied().chain(waiting).collect()
    }

    /// Makes the names durable, except removals that come back; those are the damage returned.
    pub(super) fn sync(&mut self) -> Vec<Damage> {
        let mut damage = Vec::new();
        for Unsynced { change, .. } in mem::take(&mut self.unsynced) {
            match change {
                Unlink { name, returns: true, .. } => {
                    let cause = Cause::Fault(FaultKind::UnlinkReturns);
                    damage.push(Damage::name(name, cause));
                }
                change => change.apply(&mut self.durable),
            }
        }
        damage
    }

    pub(super) fn sync_lied(&mut self) {
        for unsynced in &mut self.unsynced {
            unsynced.promised = true;
        }
    }

    /// Each unsynced change meets its fate, except that a change whose names depend on a lost one
    /// is lost as well: no file system renames what it did not create. Returns broken promises.
    pub(super) fn lose_power(&mut self, fate: &mut dyn FnMut() -> Fate) -> Vec<Damage> {
        let mut lost = BTreeSet::new();
        let mut damage = Vec::new();
        for Unsynced { change, promised } in mem::take(&mut self.unsynced) {
            let kept = fate() == Fate::Kept
                && !matches!(change, Unlink { returns: true, .. })
                && change.names().iter().all(|name| !lost.contains(*name));
            if kept {
                change.apply(&mut self.durable);
                continue;
            }
            let names = change.names().map(Arc::clone);
            if promised {
                let cause = Cause::Fault(FaultKind::LyingSync);
                damage.push(Damage::name(Arc::clone(&names[1]), cause));
            }
            lost.extend(names);
        }
        self.cached = self.durable.clone();
        damage
    }
}
