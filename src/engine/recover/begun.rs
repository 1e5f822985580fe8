//! Goes on in a segment that was begun and not started: groups at its head, no header before them.
//!
//! A recovery that was cut short leaves copies there, a start of a segment its first group. Neither
//! was shown to anybody as lost or kept, so these groups are in doubt like those behind the end of
//! the last started segment, and stand for them where the disk has lost those meanwhile. The
//! invariant: the walk goes on there only from a point that it has reached itself, and never ends
//! earlier for it.

use super::{Behind, Search, Trail};
use crate::{
    engine::scan::{Group, Step, Walk},
    ids::SegmentId,
    limits::{BLOCK_LEN, SEGMENT_BYTES_MAX},
    log::{
        Anchor, Place,
        group::GroupHeader,
        recovery::{BlockClass, Evidence, Promise},
        segment::{self, SegmentEntry, SegmentTable},
    },
    runtime::Disk,
};
use std::iter;

impl Trail {
    /// The point between two groups, the last at `end`, that `first` follows. The first group of a
    /// segment says of all before it that they are durable, so whatever lies behind that point in
    /// an older segment is what it replaces.
    fn point_before(&self, first: &GroupHeader, end: Anchor) -> Option<Anchor> {
        let behind = self.doubted.iter().map(|group| Anchor::behind(&group.header));
        let mut points = iter::once(self.durable).chain(behind).chain(iter::once(end));
        let point = points.find(|point| {
            point.sequence == first.sequence
                && point.position == first.first
                && point.chain == first.chain
        });
        point.filter(|point| first.durable_through == point.sequence.before())
    }
}

impl<D: Disk> Search<'_, D> {
    /// Gathers what stands behind the point of doubt. If later groups stand there of which none was
    /// acknowledged, and a segment was begun with the groups in doubt, the point is behind those.
    pub(super) async fn look_behind(
        &mut self,
        class: BlockClass,
        promise: Promise,
    ) -> (BlockClass, Behind) {
        let behind = self.gather(promise).await;
        if behind.evidence == Evidence::Reordered
            && promise != Promise::CleanHere
            && let Some(class) = self.go_on_in_begun().await
        {
            return (class, self.gather(promise).await);
        }
        (class, behind)
    }

    /// Moves the walk behind the groups at the head of the segment that would be started next, and
    /// says what stands there; `None`, and nothing has changed, if they do not belong to the log or
    /// reach less far than the walk. Bad news is looked at twice, since a read can be misdirected.
    async fn go_on_in_begun(&mut self) -> Option<BlockClass> {
        let last = self.table.last();
        let started = last.map_or(self.walk.at.sequence, |entry| entry.sequence).before();
        self.trail.prove(started, self.walk.at);
        let begun = last.map_or(self.walk.at.next.segment, |entry| entry.segment.next());
        let reached = last.is_none_or(|entry| self.walk.at.next.segment >= entry.segment);
        if !reached || begun > self.through {
            return None;
        }
        match self.look_into(begun).await {
            None => {
                self.window.forget();
                self.look_into(begun).await
            }
            class => class,
        }
    }

    async fn look_into(&mut self, begun: SegmentId) -> Option<BlockClass> {
        let head = Place { segment: begun, offset: segment::HEADER_BYTES };
        let Ok(held) = self.window.fill(head, BLOCK_LEN, SEGMENT_BYTES_MAX).await else {
            return Some(BlockClass::Unreadable);
        };
        let first = GroupHeader::decode(held, self.walk.store).ok()?;
        let point = self.trail.point_before(&first, self.walk.at)?;
        let epoch = self.walk.expected(self.table.entry(self.walk.at.next.segment)).epoch;
        // As if the header stood there: where the file ends is seen by reading it.
        let mut table = SegmentTable::new();
        table.push(SegmentEntry {
            segment: begun,
            segment_bytes: SEGMENT_BYTES_MAX,
            sequence: point.sequence,
            first: point.position,
            chain: point.chain,
            epoch,
        });
        let mut walk = Walk::new(self.walk.store, Anchor { next: head, ..point }, epoch);
        let mut groups: Vec<Group> = Vec::new();
        let class = loop {
            match walk.step(&mut self.window, &table).await {
                Step::Group(group) => groups.push(group),
                Step::Doubt(class, _) => break class,
            }
        };
        // What cannot be read may be a group that stands nowhere else.
        if class == BlockClass::Unreadable {
            return Some(class);
        }
        if groups.is_empty() || walk.at.sequence < self.walk.at.sequence {
            return None;
        }
        self.trail = Trail { durable: point, doubted: groups };
        self.walk = walk;
        Some(class)
    }
}
