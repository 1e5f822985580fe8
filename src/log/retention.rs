//! Which whole segments may go.
//!
//! Only decides; the superblock's floor moves first, the files follow (`engine::procedures`).

use crate::{
    ids::{Position, SegmentId},
    log::{Anchor, segment::SegmentTable},
};

/// The floor that keeps every event from `keep_from` on.
///
/// A segment goes only if all its events lie below `keep_from` and it is complete. The segment of
/// the durable anchor always stays, since recovery starts there.
pub fn floor_for(table: &SegmentTable, keep_from: Position, anchor: &Anchor) -> SegmentId {
    let kept = table.holding(keep_from).map_or(anchor.next.segment, |entry| entry.segment);
    let proof = anchor.last.map_or(anchor.next.segment, |last| last.segment);
    kept.min(anchor.next.segment).min(proof)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{Epoch, Sequence},
        log::{Chain, Place, segment::SegmentEntry},
    };

    fn table() -> SegmentTable {
        let mut table = SegmentTable::new();
        for (number, first) in [(3, 100), (4, 200), (5, 300)] {
            table.push(SegmentEntry {
                segment: SegmentId::new(number),
                segment_bytes: 1 << 20,
                sequence: Sequence::new(first),
                first: Position::new(first),
                chain: Chain::START,
                epoch: Epoch::default(),
            });
        }
        table
    }

    fn anchor(segment: u64, last: u64) -> Anchor {
        Anchor {
            next: Place { segment: SegmentId::new(segment), offset: 1024 },
            sequence: Sequence::new(400),
            position: Position::new(400),
            chain: Chain::START,
            last: Some(Place { segment: SegmentId::new(last), offset: 512 }),
        }
    }

    #[test]
    fn whole_segments_below_the_position_go() {
        for (keep_from, anchor, floor) in [
            (0, anchor(5, 5), 3),
            (199, anchor(5, 5), 3),
            (200, anchor(5, 5), 4),
            (300, anchor(5, 5), 5),
            (9_999, anchor(5, 5), 5),
            (9_999, anchor(4, 4), 4),
            (9_999, anchor(5, 4), 4),
        ] {
            let found = floor_for(&table(), Position::new(keep_from), &anchor);
            assert_eq!(found, SegmentId::new(floor), "keep from {keep_from}");
        }
    }
}
