//! One file: what the cache shows, what is durable, and the changes in between.
//!
//! It knows no names and no plan; it is told which fault to perform. The invariant it guards: the
//! durable view changes only by a sync, by a power failure that picks among the changes in
//! between, or by damage that the atlas names.

use std::{collections::BTreeSet, mem, ops::Range, sync::Arc};

use super::{
    atlas::{Cause, Scars},
    content::{Content, SECTOR_BYTES, Sector, Slot, pieces, to_index},
    fate::{Fate, UnitKind},
    fault::FaultKind,
};
use crate::choices::{Choices, Seeded};

/// Content and length, as one side sees them.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) length: u64,
    pub(super) content: Content,
}

impl View {
    pub(super) fn resize(&mut self, length: u64) {
        if length < self.length {
            self.content.trim(length);
        }
        self.length = length;
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; to_index(self.length)];
        self.content.read(0, &mut bytes);
        bytes
    }
}

/// A change that the cache has and the device need not have.
#[derive(Clone, Debug)]
enum Change {
    /// A new version of a sector, of which the bytes `written` are new.
    Sector { index: u64, slot: Slot, written: Range<u64> },
    /// A new length.
    Length(u64),
    /// Bytes that the device took and will never store; damage once they are promised.
    Withheld { range: Range<u64>, cause: Cause },
}

#[derive(Clone, Debug)]
struct Unsynced {
    change: Change,
    /// A lying sync said that this is durable.
    promised: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Inode {
    /// The name it was last known under, for traces.
    pub(super) name: Arc<str>,
    pub(super) opens: u64,
    pub(super) cached: View,
    pub(super) durable: View,
    pub(super) scars: Scars,
    unsynced: Vec<Unsynced>,
    /// Sectors the device cannot read until they are rewritten.
    latent: BTreeSet<u64>,
}

impl Inode {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            opens: 0,
            cached: View::default(),
            durable: View::default(),
            scars: Scars::default(),
            unsynced: Vec::new(),
            latent: BTreeSet::new(),
        }
    }

    /// What a power failure would decide about, in order.
    pub(super) fn units(&self) -> impl Iterator<Item = UnitKind> {
        self.unsynced.iter().filter_map(|unsynced| match unsynced.change {
            Change::Sector { .. } => Some(UnitKind::Sector),
            Change::Length(_) => Some(UnitKind::Length),
            Change::Withheld { .. } => None,
        })
    }

    fn push(&mut self, change: Change) {
        self.unsynced.push(Unsynced { change, promised: false });
    }

    pub(super) fn resize(&mut self, length: u64) {
        self.cached.resize(length);
        self.push(Change::Length(length));
    }

    /// Writes to the cache; the device will learn of it if `queued`.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], queued: bool) {
        let end = offset + bytes.len() as u64;
        if end > self.cached.length {
            self.resize(end);
        }
        for piece in pieces(offset, bytes.len()) {
            let written_end = offset + piece.buffer.end as u64;
            let written = offset + piece.buffer.start as u64..written_end;
            let slot = self.cached.content.patched(piece.sector, piece.start, &bytes[piece.buffer]);
            let untouched = slot.is_none()
                && self.cached.content.slot(piece.sector).is_none()
                && self.durable.content.slot(piece.sector).is_none();
            // Zeros over zeros: no version differs, and zero-filling must stay free. Damage or a
            // latent error there has to be healed by a real write, though.
            if untouched && self.latent.is_empty() && self.scars.iter().next().is_none() {
                continue;
            }
            self.cached.content.set(piece.sector, slot.clone());
            if queued {
                self.push(Change::Sector { index: piece.sector, slot, written });
            }
        }
    }

    /// The device takes a write and will not store it.
    pub(super) fn withhold(&mut self, range: Range<u64>, kind: FaultKind) {
        if range.end > self.cached.length {
            self.resize(range.end);
        }
        self.push(Change::Withheld { range, cause: Cause::Fault(kind) });
    }

    /// Reads from the cache, into which the device is read where nothing is unsynced.
    /// False if a sector cannot be read.
    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        self.cached.content.read(offset, buffer);
        self.latent.is_empty()
            || pieces(offset, buffer.len())
                .all(|piece| !self.latent.contains(&piece.sector) || self.is_dirty(piece.sector))
    }

    fn is_dirty(&self, sector: u64) -> bool {
        self.unsynced.iter().any(
            |unsynced| matches!(unsynced.change, Change::Sector { index, .. } if index == sector),
        )
    }

    pub(super) fn sync(&mut self) {
        let mut unsynced = mem::take(&mut self.unsynced);
        for Unsynced { change, .. } in unsynced.drain(..) {
            self.store(change);
        }
        // The list is empty, and its room is needed again soon.
        self.unsynced = unsynced;
    }

    /// A sync that fails: what `mask` names is durable, all other sectors are clean all the same.
    /// Lengths stay with the file system's own log, which a failed data write does not undo.
    pub(super) fn sync_failed(&mut self, mask: u64) {
        let mut sectors = 0_u32;
        for unsynced in mem::take(&mut self.unsynced) {
            match unsynced.change {
                Change::Length(_) => self.unsynced.push(unsynced),
                Change::Withheld { .. } => {}
                Change::Sector { .. } => {
                    if mask.rotate_right(sectors) & 1 == 1 {
                        self.store(unsynced.change);
                    } else {
                        self.blame_broken_promise(&unsynced);
                    }
                    sectors += 1;
                }
            }
        }
    }

    /// Everything is promised and nothing is stored; what the device never had is missing at once.
    pub(super) fn sync_lied(&mut self) {
        for unsynced in &mut self.unsynced {
            unsynced.promised = true;
            if let Change::Withheld { range, cause } = &unsynced.change {
                self.scars.add(range.clone(), *cause);
            }
        }
    }

    fn store(&mut self, change: Change) {
        match change {
            Change::Sector { index, slot, written } => {
                self.durable.content.set(index, slot);
                self.latent.remove(&index);
                self.scars.heal(&written);
            }
            Change::Length(length) => {
                self.durable.resize(length);
                self.scars.heal(&(length..u64::MAX));
            }
            Change::Withheld { range, cause } => self.scars.add(range, cause),
        }
    }

    /// Each unsynced change meets its fate, in order; afterwards the cache shows what is left.
    pub(super) fn lose_power(&mut self, fate: &mut dyn FnMut(&Arc<str>, UnitKind) -> Fate) {
        let length_before = self.durable.length;
        for unsynced in mem::take(&mut self.unsynced) {
            let fate = match unsynced.change {
                Change::Sector { .. } => fate(&self.name, UnitKind::Sector),
                Change::Length(_) => fate(&self.name, UnitKind::Length),
                Change::Withheld { .. } => Fate::Dropped,
            };
            match (fate, &unsynced.change) {
                (Fate::Kept, _) => {
                    self.store(unsynced.change);
                    continue;
                }
                (Fate::Torn { from, to }, Change::Sector { index, slot, .. }) => {
                    self.tear(*index, slot.as_ref(), from.into()..to.into());
                }
                (Fate::Garbage { seed }, Change::Sector { index, .. })
                    if index * SECTOR_BYTES >= length_before =>
                {
                    self.durable.content.set(*index, Some(Arc::new(garbage(seed))));
                }
                _ => {}
            }
            self.blame_broken_promise(&unsynced);
        }
        // Sectors that survived beyond the surviving end are not part of the file.
        self.durable.content.trim(self.durable.length);
        self.cached = self.durable.clone();
    }

    fn blame_broken_promise(&mut self, unsynced: &Unsynced) {
        if !unsynced.promised {
            return;
        }
        let lie = Cause::Fault(FaultKind::LyingSync);
        match &unsynced.change {
            Change::Sector { written, .. } => self.scars.add(written.clone(), lie),
            Change::Length(length) => {
                let (short, long) = (self.durable.length.min(*length), self.durable.length);
                self.scars.add(short..long.max(*length), lie);
            }
            Change::Withheld { range, cause } => self.scars.add(range.clone(), *cause),
        }
    }

    /// The bytes `kept` of a new version land, the others stay as they were.
    fn tear(&mut self, index: u64, new: Option<&Arc<Sector>>, kept: Range<usize>) {
        let bytes = new.map_or(&[0; _], |sector| &**sector);
        let torn = self.durable.content.patched(index, kept.start, &bytes[kept]);
        self.durable.content.set(index, torn);
        self.latent.remove(&index);
    }

    /// Durable content changes behind the file system's back. It shows at once unless the sector
    /// is dirty: clean pages do not stay in a real cache for ever.
    pub(super) fn damage(&mut self, sector: u64, slot: Slot, range: Range<u64>, cause: Cause) {
        if !self.is_dirty(sector) {
            self.cached.content.set(sector, slot.clone());
        }
        self.durable.content.set(sector, slot);
        self.scars.add(range, cause);
    }

    /// The durable length changes behind the file system's back.
    pub(super) fn damage_length(&mut self, length: u64) {
        self.scars.add(length..self.durable.length, Cause::Test);
        self.durable.resize(length);
        self.cached.resize(length);
    }

    pub(super) fn damage_latent(&mut self, sector: u64) {
        self.latent.insert(sector);
        let range = sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES;
        self.scars.add(range, Cause::Fault(FaultKind::LatentError));
    }
}

fn garbage(seed: u64) -> Sector {
    let mut choices = Seeded::new(seed);
    std::array::from_fn(|_| u8::try_from(choices.below(256)).expect("below 256"))
}
