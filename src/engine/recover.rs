//! Finds the end of a log: walks from the anchor to the point of doubt, gathers the evidence and
//! asks the table. Changes nothing; `engine::open` acts on the finding.

use super::{
    scan::{DiskSource, Group, Step, Walk, Window},
    survey::Survey,
};
use crate::{
    error::{CorruptionReport, OpenError},
    ids::{Epoch, SegmentId, Sequence},
    limits::{BLOCK_BYTES, BLOCK_LEN, GROUP_BYTES_MAX},
    log::{
        Anchor, Place,
        fields::u64_from,
        group::{GroupHeader, HEADER_BYTES},
        recovery::{BlockClass, Doubt, Evidence, Following, Promise, Row, Verdict, decide},
        segment::{self, SegmentTable},
    },
    runtime::Disk,
};

mod begun;

/// How far behind a proven end the search for evidence goes, in bytes. Behind an end that is not
/// proven it goes through all prepared segments.
const SEARCH_BYTES_BEHIND_PROVEN_END: u64 = 64 << 10;

/// How far the search goes in a segment that was not started, in bytes. Groups of such a segment
/// begin at its first block and lie side by side, so that one shows within two of the largest.
const SEARCH_BYTES_IN_UNSTARTED: u64 = 2 * GROUP_BYTES_MAX;

/// The end of a log.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The row that decided; `None` for a log that was never started, or is growing.
    pub(crate) row: Option<&'static Row>,
    /// What stands at the end.
    pub(crate) class: BlockClass,
    /// The end of what is proven durable.
    pub(crate) durable: Anchor,
    /// Groups behind it that are whole but not proven durable, in order.
    pub(crate) doubted: Vec<Group>,
    /// The point of doubt: everything before it is whole.
    pub(crate) walked: Anchor,
    /// The highest epoch seen.
    pub(crate) epoch: Epoch,
    /// Bytes that were written behind the end and are discarded.
    pub(crate) discarded_bytes: u64,
    /// How many segments were walked through.
    pub(crate) segments_scanned: u64,
}

impl Finding {
    /// A log to which nothing was written yet.
    pub(crate) fn of_unstarted(start: Anchor, epoch: Epoch) -> Self {
        Self {
            row: None,
            class: BlockClass::Zero,
            durable: start,
            doubted: Vec::new(),
            walked: start,
            epoch,
            discarded_bytes: 0,
            segments_scanned: 0,
        }
    }
}

/// Finds the end of the surveyed log.
pub(crate) async fn find_end<D: Disk>(disk: &D, survey: &Survey) -> Result<Finding, OpenError> {
    find_end_beside_writer(disk, survey, &mut None).await
}

/// Finds the end of a log that somebody may be writing. `doubted` remembers where the look before
/// this one stopped: what a later look gets past was a write in flight and no damage, so that it
/// is not judged by what has landed behind it meanwhile.
pub(crate) async fn find_end_beside_writer<D: Disk>(
    disk: &D,
    survey: &Survey,
    doubted: &mut Option<Sequence>,
) -> Result<Finding, OpenError> {
    let superblock = &survey.superblock;
    let anchor = superblock.anchor;
    let mut search = Search {
        table: &survey.table,
        window: Window::brief(DiskSource::new(disk.clone())),
        walk: Walk::new(superblock.store, anchor, Epoch::new(0)),
        trail: Trail { durable: anchor, doubted: Vec::new() },
        epoch: superblock.epoch,
        start: anchor.next.segment,
        stated: survey.durable_through,
        through: survey.written_through(),
    };
    if survey.table.entries().is_empty() {
        return search.of_no_segment().await;
    }
    search.verify_anchor().await?;
    let class = search.walk_to_doubt().await;
    let before = doubted.replace(search.walk.at.sequence);
    if before.is_some_and(|before| before < search.walk.at.sequence) {
        return Ok(search.finding(None, class, 0));
    }
    let promise = match (superblock.clean, search.walk.at == anchor) {
        (false, _) => Promise::Unclean,
        (true, true) => Promise::CleanHere,
        (true, false) => Promise::CleanPassed,
    };
    let (class, behind) = search.look_behind(class, promise).await;
    search.conclude(class, promise, &behind)
}

/// What was walked through and what of it is proven.
struct Trail {
    durable: Anchor,
    doubted: Vec<Group>,
}

impl Trail {
    /// Takes a group in; `after` is the point behind it. A group proves those that it calls
    /// durable.
    fn push(&mut self, group: Group, after: Anchor) {
        let proven = group.header.durable_through;
        self.doubted.push(group);
        self.prove(proven, after);
    }

    fn prove(&mut self, through: Sequence, end: Anchor) {
        let count = self.doubted.partition_point(|group| group.header.sequence <= through);
        let Some(last) = count.checked_sub(1).and_then(|at| self.doubted.get(at)) else {
            return;
        };
        let header = last.header;
        self.durable = match self.doubted.get(count) {
            // The next doubted group tells where it stands, even across a segment's end.
            Some(next) => Anchor {
                next: next.header.place,
                sequence: next.header.sequence,
                position: next.header.first,
                chain: next.header.chain,
                last: Some(header.place),
            },
            None => end,
        };
        self.doubted.drain(..count);
    }
}

/// What stands behind the point of doubt.
struct Behind {
    evidence: Evidence,
    durable_through: Sequence,
    /// The end of the last write that was found.
    written_through: Place,
    written_bytes: u64,
    /// A segment in which the missing group stands.
    missing_in: Option<SegmentId>,
    /// A segment whose header is damaged although groups of it count.
    headless: Option<SegmentId>,
}

struct Search<'a, D: Disk> {
    table: &'a SegmentTable,
    window: Window<DiskSource<D>>,
    walk: Walk,
    trail: Trail,
    epoch: Epoch,
    start: SegmentId,
    /// The last group that the header of a started segment calls durable.
    stated: Sequence,
    through: SegmentId,
}

impl<D: Disk> Search<'_, D> {
    /// No segment was started, it seems: then none may hold what only a started one holds.
    async fn of_no_segment(mut self) -> Result<Finding, OpenError> {
        let (class, behind) = self.look_behind(BlockClass::Zero, Promise::Unclean).await;
        let begun = class != BlockClass::Zero || !self.trail.doubted.is_empty();
        if begun || behind.evidence > Evidence::Reordered {
            return self.conclude(class, Promise::Unclean, &behind);
        }
        Ok(Finding::of_unstarted(self.walk.at, self.epoch))
    }

    /// The superblock names the group before its anchor: it has to be there. A doubt is looked at
    /// twice, as in [`Walk::step`].
    async fn verify_anchor(&mut self) -> Result<(), OpenError> {
        let Some(place) = self.walk.at.last else {
            return Ok(());
        };
        if self.look_at_anchor(place).await.is_ok() {
            return Ok(());
        }
        self.window.forget();
        let looked = self.look_at_anchor(place).await;
        looked.map_err(|class| self.promise_broken(place, class))
    }

    async fn look_at_anchor(&mut self, place: Place) -> Result<(), BlockClass> {
        let entry = self.table.entry(place.segment);
        let room = entry.map_or(0, |entry| entry.segment_bytes).saturating_sub(place.offset);
        let held = self.window.fill(place, BLOCK_LEN, room).await;
        let held = held.map_err(|_| BlockClass::Unreadable)?;
        let header = match GroupHeader::decode(held, self.walk.store) {
            Ok(header) if header.link == self.walk.at.chain && header.place == place => header,
            Ok(_) => return Err(BlockClass::Discontinuous),
            Err(_) if segment::is_zero(held) => return Err(BlockClass::Zero),
            Err(_) => return Err(BlockClass::TornHeader),
        };
        let bytes = usize::try_from(header.bytes()).unwrap_or(usize::MAX);
        let held = self.window.fill(place, bytes, room).await;
        let held = held.map_err(|_| BlockClass::Unreadable)?;
        match held.get(HEADER_BYTES..bytes) {
            Some(payload) if header.covers(payload) => {
                self.walk.epoch = header.epoch;
                Ok(())
            }
            _ => Err(BlockClass::TornPayload),
        }
    }

    fn promise_broken(&self, place: Place, class: BlockClass) -> OpenError {
        let anchor = self.walk.at;
        let (evidence, promise) = (Evidence::None, Promise::Beyond);
        let row = decide(Doubt { class, evidence, promise, following: Following::Absent });
        let last = anchor.sequence.before();
        OpenError::Corrupt(Box::new(CorruptionReport {
            place,
            bytes: BLOCK_BYTES,
            first_missing: last,
            durable_through: last,
            position: anchor.position,
            found: class,
            row: row.letter,
            reason: row.reason,
        }))
    }

    async fn walk_to_doubt(&mut self) -> BlockClass {
        loop {
            match self.walk.step(&mut self.window, self.table).await {
                Step::Group(group) => self.trail.push(group, self.walk.at),
                Step::Doubt(class, error) => {
                    tracing::debug!(at = %self.walk.at.next, ?class, ?error, "end of the walk");
                    return class;
                }
            }
        }
    }

    /// Looks at everything behind the point of doubt, block by block.
    async fn gather(&mut self, promise: Promise) -> Behind {
        let mut behind = Behind {
            evidence: Evidence::None,
            durable_through: Sequence::default(),
            written_through: self.walk.at.next,
            written_bytes: 0,
            missing_in: None,
            headless: None,
        };
        let doubt = self.walk.at.next;
        if promise == Promise::CleanHere {
            let end = self.end_of(doubt.segment);
            let end = end.min(doubt.offset + SEARCH_BYTES_BEHIND_PROVEN_END);
            self.search_range(doubt, end, &mut behind).await;
            return behind;
        }
        self.search_segment(doubt, &mut behind).await;
        for number in doubt.segment.get() + 1..=self.through.get() {
            let segment = SegmentId::new(number);
            let start = Place { segment, offset: segment::HEADER_BYTES };
            self.search_segment(start, &mut behind).await;
        }
        behind
    }

    /// Where the search of a segment ends.
    fn end_of(&self, segment: SegmentId) -> u64 {
        self.table.entry(segment).map_or(SEARCH_BYTES_IN_UNSTARTED, |entry| entry.segment_bytes)
    }

    async fn search_segment(&mut self, start: Place, behind: &mut Behind) {
        let before = behind.evidence;
        self.search_range(start, self.end_of(start.segment), behind).await;
        let raised = behind.evidence > before && behind.evidence == Evidence::Acknowledged;
        let unstarted = self.table.entry(start.segment).is_none();
        // What is missing elsewhere is not this header's fault, which may never have been written.
        if raised && unstarted && behind.missing_in == Some(start.segment) {
            behind.headless = Some(start.segment);
        }
    }

    async fn search_range(&mut self, start: Place, end: u64, behind: &mut Behind) {
        let expected = self.walk.expected(self.table.entry(self.walk.at.next.segment));
        let mut place = start;
        while place.offset < end {
            let room = end - place.offset;
            let Ok(held) = self.window.fill(place, BLOCK_LEN, room).await else {
                // What cannot be read may hold anything; looking further cannot make it better.
                behind.evidence = behind.evidence.max(Evidence::Unreadable);
                return;
            };
            if held.is_empty() {
                return;
            }
            let zeros = segment::leading_zero_bytes(held);
            if zeros > 0 {
                let all = zeros >= u64_from(held.len());
                place.offset += zeros;
                if all {
                    place.offset += self.window.zeros_ahead(place, end).await;
                }
                continue;
            }
            let mut step = BLOCK_BYTES;
            if let Ok(header) = GroupHeader::decode(held, self.walk.store) {
                let evidence = expected.evidence_of(&header, place);
                behind.evidence = behind.evidence.max(evidence);
                if evidence > Evidence::None {
                    behind.durable_through = behind.durable_through.max(header.durable_through);
                    self.epoch = self.epoch.max(header.epoch);
                }
                // The payload of a sound group may hold anything, also what looks like a group.
                if evidence > Evidence::None && header.place == place {
                    let missing = header.sequence == expected.sequence;
                    behind.missing_in = behind.missing_in.or(missing.then_some(place.segment));
                    step = header.padded_bytes();
                    behind.written_through = place;
                }
            }
            // Bytes behind a gap are a former life of the file, unless they are a group.
            let contiguous = place == behind.written_through;
            place.offset += step;
            if contiguous {
                behind.written_bytes += step;
                behind.written_through = place;
            }
        }
    }

    fn conclude(
        mut self,
        class: BlockClass,
        promise: Promise,
        behind: &Behind,
    ) -> Result<Finding, OpenError> {
        let at = self.walk.at;
        let follows = self.table.last().is_some_and(|last| last.segment > at.next.segment);
        let following = if follows { Following::Started } else { Following::Absent };
        // A segment is started only when all before it is durable, and what its header says.
        let started = self.table.last().map_or(Sequence::default(), |last| last.sequence.before());
        let stated = self.stated.max(started);
        let is_stated = stated >= at.sequence;
        let evidence = if is_stated { Evidence::Acknowledged } else { behind.evidence };
        // Copies wait for a group behind them: until then their header may be in the cache only.
        self.trail.prove(started, at);
        let row = decide(Doubt { class, evidence, promise, following });
        match row.verdict {
            Verdict::GoOnHere | Verdict::GoOnFresh | Verdict::Discard => {}
            Verdict::RefuseCorrupt | Verdict::RefuseTailMissing | Verdict::RefuseUnreadable => {
                if let Some(segment) = behind.headless {
                    return Err(OpenError::SegmentDamaged(segment));
                }
                return Err(OpenError::Corrupt(Box::new(CorruptionReport {
                    place: at.next,
                    bytes: behind.written_bytes.max(BLOCK_BYTES),
                    first_missing: at.sequence,
                    durable_through: behind.durable_through.max(stated).max(at.sequence),
                    position: at.position,
                    found: class,
                    row: row.letter,
                    reason: row.reason,
                })));
            }
        }
        let discards = row.verdict == Verdict::Discard;
        Ok(self.finding(Some(row), class, if discards { behind.written_bytes } else { 0 }))
    }

    fn finding(
        self,
        row: Option<&'static Row>,
        class: BlockClass,
        discarded_bytes: u64,
    ) -> Finding {
        let walked = self.walk.at;
        Finding {
            row,
            class,
            durable: self.trail.durable,
            doubted: self.trail.doubted,
            walked,
            epoch: self.epoch.max(self.walk.epoch),
            discarded_bytes,
            segments_scanned: walked.next.segment.get() + 1 - self.start.get(),
        }
    }
}
