//! Tells two histories from one: signs that a writer went on where another had taken over.
//!
//! Judges, changes nothing. A recovery that gives up a segment carries over every whole group that
//! it finds at its end. So a whole group of an older epoch that stands there, and was not carried
//! over, was written afterwards, by a writer that was still running; and so was a superblock that
//! calls durable what is no point of this history. The invariant it guards: a store in which two
//! writers acknowledged past each other is never called sound while either sign is left.

use super::{Damage, DamageKind, map::Map};
use crate::{
    engine::scan::{DiskSource, Window},
    ids::{Epoch, SegmentId, Sequence, StoreId},
    limits::{BLOCK_BYTES, BLOCK_LEN},
    log::{
        Anchor, Place,
        group::GroupHeader,
        segment::{self, SegmentEntry, SegmentTable},
        superblock::{self, Superblock},
    },
    runtime::Disk,
};
use std::collections::BTreeMap;

/// How many groups behind one end are compared with what was carried over.
const STRAYS_MAX: usize = 4096;

/// Follows the history group by group.
pub(super) struct Forks<D: Disk> {
    disk: D,
    store: StoreId,
    entries: Vec<SegmentEntry>,
    slots: Vec<Superblock>,
    /// Where the history has got to, and in which epoch.
    end: Place,
    next: Sequence,
    epoch: Epoch,
    /// Whole groups behind ends that were given up, still to be compared.
    strays: BTreeMap<Sequence, GroupHeader>,
    pub(super) found: Vec<Damage>,
}

impl<D: Disk> Forks<D> {
    pub(super) fn new(disk: &D, map: &Map) -> Self {
        let entries: Vec<SegmentEntry> =
            map.runs.iter().flat_map(SegmentTable::entries).copied().collect();
        let first = entries.first();
        // Before a segment was started the log ends where the superblock says that it begins.
        let unstarted = map.superblock.map_or(Sequence::default(), |s| s.anchor.sequence);
        let place =
            |entry: &SegmentEntry| Place { segment: entry.segment, offset: segment::HEADER_BYTES };
        Self {
            disk: disk.clone(),
            store: map.store,
            end: first.map_or(Place { segment: SegmentId::new(0), offset: 0 }, place),
            next: first.map_or(unstarted, |entry| entry.sequence),
            epoch: Epoch::new(0),
            slots: map.slots.clone(),
            entries,
            strays: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    /// The next group of the history.
    pub(super) async fn follow(&mut self, group: &GroupHeader) {
        // What stands behind damage is no end that a recovery has given up.
        let goes_on = group.sequence == self.next;
        if goes_on && group.place.segment > self.end.segment && group.epoch > self.epoch {
            self.look_behind_end(group).await;
        }
        if let Some(stray) = self.strays.remove(&group.sequence)
            && !is_copy(group, &stray)
        {
            self.note_group(&stray);
        }
        let behind = Anchor::behind(group);
        let other = |slot: &&Superblock| {
            slot.anchor.sequence == behind.sequence && slot.anchor.chain != behind.chain
        };
        let others: Vec<Superblock> = self.slots.iter().filter(other).copied().collect();
        for slot in &others {
            self.note_slot(slot);
        }
        (self.end, self.next, self.epoch) = (behind.next, behind.sequence, group.epoch);
    }

    /// The history ends here. A slot that calls more durable speaks of another one.
    pub(super) fn finish(&mut self) {
        let beyond = |slot: &&Superblock| slot.anchor.sequence > self.next;
        let beyond: Vec<Superblock> = self.slots.iter().filter(beyond).copied().collect();
        for slot in &beyond {
            self.note_slot(slot);
        }
    }

    /// Looks at what stands in segments that were given up, from their ends on.
    async fn look_behind_end(&mut self, group: &GroupHeader) {
        let between = self.end.segment..group.place.segment;
        let given_up = self.entries.iter().filter(|entry| between.contains(&entry.segment));
        for entry in given_up.copied().collect::<Vec<_>>() {
            let is_end = entry.segment == self.end.segment;
            let offset = if is_end { self.end.offset } else { segment::HEADER_BYTES };
            self.probe(Place { segment: entry.segment, offset }, &entry, group).await;
        }
    }

    async fn probe(&mut self, mut place: Place, entry: &SegmentEntry, taken_over: &GroupHeader) {
        let mut window = Window::new(DiskSource::new(self.disk.clone()));
        while place.offset < entry.segment_bytes {
            let room = entry.segment_bytes - place.offset;
            let mut step = BLOCK_BYTES;
            match window.fill(place, BLOCK_LEN, room).await {
                Ok([]) => return,
                Ok(held) => {
                    let header = GroupHeader::decode(held, self.store).ok();
                    let stray = header.filter(|header| {
                        header.place == place
                            && header.epoch < taken_over.epoch
                            && header.sequence >= taken_over.sequence
                    });
                    if let Some(stray) = stray {
                        if stray.durable_through >= taken_over.sequence {
                            return self.note_group(&stray);
                        }
                        if self.strays.len() < STRAYS_MAX
                            && super::sweep::is_whole(&mut window, &stray, room).await
                        {
                            self.strays.insert(stray.sequence, stray);
                        }
                        step = stray.padded_bytes();
                    }
                }
                Err(_) => window.forget(),
            }
            place.offset += step;
        }
    }

    fn note_group(&mut self, stray: &GroupHeader) {
        self.found.push(Damage {
            kind: DamageKind::Fork,
            file: segment::file_name(stray.place.segment),
            segment: Some(stray.place.segment),
            offset: stray.place.offset,
            bytes: stray.padded_bytes(),
            lost: None,
            commit: None,
        });
    }

    fn note_slot(&mut self, slot: &Superblock) {
        self.found.push(Damage {
            kind: DamageKind::Fork,
            file: superblock::FILE_NAME.into(),
            segment: None,
            offset: slot.slot_offset(),
            bytes: BLOCK_BYTES,
            lost: None,
            commit: None,
        });
    }
}

/// Whether a recovery made `group` of `stray`.
fn is_copy(group: &GroupHeader, stray: &GroupHeader) -> bool {
    let content = |header: &GroupHeader| {
        (header.kind, header.commits, header.positions, header.payload_bytes, header.payload_crc)
    };
    group.epoch > stray.epoch && content(group) == content(stray)
}
