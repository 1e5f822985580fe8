//! The walk that goes past damage: the only place where a doubt is not the end.
//!
//! Between two doubts it is the same [`Walk`] that recovery and readers take. At a doubt it probes
//! block by block for the next sound group of the same history and goes on there. What lies
//! between is handed out as a [`Gap`]; whether that is damage or the torn tail is decided at the
//! end, by the highest group that anything says to be durable.

use super::{Damage, DamageKind, LostGroups, map::Map};
use crate::{
    engine::scan::{DiskSource, Group, Source, Step, Walk, Window},
    ids::{Epoch, SegmentId, Sequence, StoreId},
    limits::{BLOCK_BYTES, BLOCK_LEN},
    log::{
        Anchor, Place,
        fields::usize_from,
        group::{GroupHeader, HEADER_BYTES},
        recovery::BlockClass,
        segment::{self, SegmentEntry, SegmentTable, is_zero},
    },
    runtime::Disk,
};

/// What a sweep comes by.
pub(crate) enum Item {
    Group(Group),
    Gap(Gap),
}

/// A range without a sound group of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    /// Where it begins, and what should have stood there.
    pub(crate) expected: Anchor,
    pub(crate) found: BlockClass,
    /// The sound group behind it; `None` if there is none.
    pub(crate) next: Option<GroupHeader>,
    /// Where what was written there ends.
    pub(crate) written: Place,
    /// Bytes from the beginning to the sound group, or to the end of what was written.
    pub(crate) bytes: u64,
}

impl Gap {
    /// The gap as damage, or `None` if nothing says that what is missing was durable.
    pub(crate) fn damage(&self, proven: Sequence, end: Option<Anchor>) -> Option<Damage> {
        let expected = &self.expected;
        if expected.sequence > proven {
            return None;
        }
        let behind = self.next.map_or(proven.next(), |next| next.sequence);
        let end = end.filter(|end| end.sequence == behind);
        Some(Damage {
            kind: DamageKind::Groups,
            file: segment::file_name(expected.next.segment),
            segment: Some(expected.next.segment),
            offset: expected.next.offset,
            bytes: self.bytes.max(BLOCK_BYTES),
            lost: Some(LostGroups {
                first: expected.sequence,
                count: behind.get() - expected.sequence.get(),
                from: expected.position,
                to: self.next.map(|next| next.first).or(end.map(|e| e.position)),
                found: self.found,
            }),
            commit: None,
        })
    }
}

/// A walk over everything that is left of a log.
pub(crate) struct Sweep<'a, S> {
    runs: &'a [SegmentTable],
    run: usize,
    window: Window<S>,
    walk: Walk,
    /// Where the walk was set down after a gap; a doubt there again means to go on behind it.
    set_down: Option<Place>,
    /// Groups from here on are not looked at.
    end: Option<Sequence>,
    /// The highest group that anything says to be durable.
    pub(crate) proven: Sequence,
    done: bool,
}

impl<'a, D: Disk> Sweep<'a, DiskSource<D>> {
    /// A sweep over the segments of `map`, up to the group numbered `end`.
    pub(crate) fn new(disk: &D, map: &'a Map, end: Option<Sequence>) -> Self {
        let first = map.runs.first().and_then(|run| run.entries().first());
        let start = first.map(start_of);
        Self {
            runs: &map.runs,
            run: 0,
            window: Window::new(DiskSource::new(disk.clone())),
            done: start.is_none(),
            walk: Walk::new(map.store, start.unwrap_or(NOWHERE), Epoch::new(0)),
            set_down: None,
            end,
            proven: map.proven,
        }
    }
}

const NOWHERE: Anchor = Anchor {
    next: Place { segment: SegmentId::new(0), offset: 0 },
    sequence: Sequence::new(0),
    position: crate::ids::Position::new(0),
    chain: crate::log::Chain::START,
    last: None,
};

fn start_of(entry: &SegmentEntry) -> Anchor {
    Anchor {
        next: Place { segment: entry.segment, offset: segment::HEADER_BYTES },
        sequence: entry.sequence,
        position: entry.first,
        chain: entry.chain,
        last: None,
    }
}

impl<S: Source> Sweep<'_, S> {
    /// The point that was reached.
    pub(crate) fn at(&self) -> &Anchor {
        &self.walk.at
    }

    /// The next group, or the next gap; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        let ended = self.end.is_some_and(|end| self.walk.at.sequence >= end);
        if self.done || ended {
            return None;
        }
        let table = self.runs.get(self.run)?;
        match self.walk.step(&mut self.window, table).await {
            Step::Group(group) => {
                self.proven = self.proven.max(group.header.durable_through);
                Some(Item::Group(group))
            }
            Step::Doubt(found, _) => Some(Item::Gap(self.pass(found).await)),
        }
    }

    /// Goes past the doubt to the next sound group.
    async fn pass(&mut self, found: BlockClass) -> Gap {
        let expected = self.walk.at;
        let mut gap = Gap { expected, found, next: None, written: expected.next, bytes: 0 };
        let runs = self.runs;
        let ahead: Vec<(usize, SegmentEntry)> = runs
            .iter()
            .enumerate()
            .skip(self.run)
            .flat_map(|(run, table)| table.entries().iter().map(move |entry| (run, *entry)))
            .filter(|(_, entry)| entry.segment >= expected.next.segment)
            .collect();
        let mut before = 0;
        for (at, (run, entry)) in ahead.iter().enumerate() {
            let mut probe = Probe::of(&self.walk, entry, ahead.get(at + 1).map(|(_, next)| next));
            if entry.segment == expected.next.segment {
                let again = self.set_down == Some(expected.next);
                probe.from.offset = expected.next.offset + if again { BLOCK_BYTES } else { 0 };
            }
            let start = if at == 0 { expected.next.offset } else { 0 };
            let outcome = probe.search(&mut self.window, &mut self.proven).await;
            if let Some(end) = outcome.written {
                gap.written = end;
                gap.bytes = before + end.offset.saturating_sub(start);
            }
            if let Some(next) = outcome.group {
                gap.next = Some(next);
                gap.bytes = before + next.place.offset.saturating_sub(start);
                self.set_down(*run, &next);
                return gap;
            }
            before += entry.segment_bytes.saturating_sub(start);
        }
        self.done = true;
        gap
    }

    fn set_down(&mut self, run: usize, next: &GroupHeader) {
        self.run = run;
        self.set_down = Some(next.place);
        let at = Anchor {
            next: next.place,
            sequence: next.sequence,
            position: next.first,
            chain: next.chain,
            last: None,
        };
        self.walk = Walk::new(self.walk.store, at, next.epoch);
    }
}

/// A search for the next sound group in one segment.
struct Probe {
    store: StoreId,
    from: Place,
    segment_bytes: u64,
    /// The lowest group and epoch that can follow.
    sequence: Sequence,
    epoch: Epoch,
    /// The next segment begins with this group: copies of it that lie here were given up.
    ceiling: Sequence,
}

/// What a probe has found.
#[derive(Default)]
struct Probed {
    group: Option<GroupHeader>,
    written: Option<Place>,
}

impl Probe {
    fn of(walk: &Walk, entry: &SegmentEntry, next: Option<&SegmentEntry>) -> Self {
        let end = Sequence::new(u64::MAX);
        let ceiling = next.map_or(end, |next| next.sequence);
        Self {
            store: walk.store,
            from: start_of(entry).next,
            segment_bytes: entry.segment_bytes,
            sequence: walk.at.sequence,
            epoch: walk.epoch,
            ceiling,
        }
    }

    async fn search<S: Source>(&self, window: &mut Window<S>, proven: &mut Sequence) -> Probed {
        let mut probed = Probed::default();
        let mut place = self.from;
        while place.offset < self.segment_bytes {
            let room = self.segment_bytes - place.offset;
            let mut step = BLOCK_BYTES;
            let mut blank = false;
            match window.fill(place, BLOCK_LEN, room).await {
                Ok([]) => break,
                Ok(held) => {
                    blank = is_zero(&held[..held.len().min(BLOCK_LEN)]);
                    let header = GroupHeader::decode(held, self.store).ok();
                    if let Some(header) = header.filter(|header| self.could_be(header, place)) {
                        *proven = (*proven).max(header.durable_through);
                        if is_whole(window, &header, room).await {
                            probed.group = Some(header);
                            return probed;
                        }
                        // A payload may hold anything, also what looks like a group.
                        step = header.padded_bytes();
                    }
                }
                Err(_) => window.forget(),
            }
            place.offset += step;
            if !blank {
                probed.written = Some(place);
            }
        }
        probed
    }

    fn could_be(&self, header: &GroupHeader, place: Place) -> bool {
        header.place == place
            && header.epoch >= self.epoch
            && (self.sequence..self.ceiling).contains(&header.sequence)
    }
}

pub(super) async fn is_whole<S: Source>(
    window: &mut Window<S>,
    header: &GroupHeader,
    room: u64,
) -> bool {
    let bytes = usize_from(header.padded_bytes());
    let Ok(held) = window.fill(header.place, bytes, room).await else {
        return false;
    };
    let end = usize_from(header.bytes());
    let payload = held.get(..bytes).and_then(|held| held.get(HEADER_BYTES..end));
    payload.is_some_and(|payload| header.covers(payload))
}

/// The entry of a segment whose header does not hold, as its first sound group tells it.
pub(crate) async fn first_group<D: Disk>(
    disk: &D,
    store: StoreId,
    segment: SegmentId,
    file_bytes: u64,
) -> Option<SegmentEntry> {
    let probe = Probe {
        store,
        from: Place { segment, offset: segment::HEADER_BYTES },
        segment_bytes: file_bytes,
        sequence: Sequence::new(0),
        epoch: Epoch::new(0),
        ceiling: Sequence::new(u64::MAX),
    };
    let mut window = Window::new(DiskSource::new(disk.clone()));
    let probed = probe.search(&mut window, &mut Sequence::default()).await;
    probed.group.map(|group| SegmentEntry {
        segment,
        segment_bytes: file_bytes,
        sequence: group.sequence,
        first: group.first,
        chain: group.chain,
        epoch: group.epoch,
    })
}
