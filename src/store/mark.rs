//! Marks: now and then, where a group begins and when it was recorded, so that a position or a
//! time is found in the log by reading little of it.
//!
//! A mark stands in the index under two terms, one by position and one by time. Does not know how
//! far marks lie apart.

use crate::{
    ids::{Position, SegmentId},
    limits::{COUNTER_MAX, SEGMENT_BYTES_MAX},
    log::{Place, fields::Fields},
    time::WallTime,
};

/// Where a group begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The position of its first event.
    pub(crate) position: Position,
    /// Where its header stands.
    pub(crate) place: Place,
    /// When its first commit was recorded.
    pub(crate) recorded_at: WallTime,
}

impl Mark {
    /// The name of the mark among the place marks.
    pub(crate) fn place_name(position: Position) -> [u8; 8] {
        highest_first(position.get())
    }

    /// The name of the mark among the time marks.
    pub(crate) fn time_name(recorded_at: WallTime, position: Position) -> [u8; 16] {
        let mut name = [0; 16];
        let (time, place) = name.split_at_mut(8);
        time.copy_from_slice(&highest_first(recorded_at.as_unix_nanos()));
        place.copy_from_slice(&highest_first(position.get()));
        name
    }

    /// What stands behind the place mark: segment, offset, time. Nothing stands behind the other.
    pub(crate) fn value(&self) -> [u8; 24] {
        let fields =
            [self.place.segment.get(), self.place.offset, self.recorded_at.as_unix_nanos()];
        let mut value = [0; 24];
        for (slot, field) in value.chunks_exact_mut(8).zip(fields) {
            slot.copy_from_slice(&field.to_le_bytes());
        }
        value
    }

    /// Reads a place mark from its name, without the byte of its kind, and its value.
    pub(crate) fn decode(name: &[u8], value: &[u8]) -> Option<Self> {
        let position = lowest_last(name).filter(|position| *position <= COUNTER_MAX)?;
        let mut fields = Fields::new(value);
        let segment = SegmentId::new(fields.counter()?);
        let offset = fields.u64().filter(|offset| *offset <= SEGMENT_BYTES_MAX)?;
        let recorded_at = WallTime::from_unix_nanos(fields.u64()?);
        let place = Place { segment, offset };
        let mark = Self { position: Position::new(position), place, recorded_at };
        fields.u8().is_none().then_some(mark)
    }

    /// Reads a time mark from its name, without the byte of its kind.
    pub(crate) fn decode_time(name: &[u8]) -> Option<(WallTime, Position)> {
        let (time, place) = name.split_at_checked(8)?;
        let position = lowest_last(place).filter(|position| *position <= COUNTER_MAX)?;
        Some((WallTime::from_unix_nanos(lowest_last(time)?), Position::new(position)))
    }
}

#[expect(clippy::big_endian_bytes, reason = "names are sorted as bytes")]
fn highest_first(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn lowest_last(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_from_its_terms() {
        let mark = Mark {
            position: Position::new(0x0102),
            place: Place { segment: SegmentId::new(7), offset: 1024 },
            recorded_at: WallTime::from_unix_nanos(99),
        };
        let name = Mark::place_name(mark.position);
        assert_eq!(name, [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(Mark::decode(&name, &mark.value()), Some(mark));
        let time = Mark::time_name(mark.recorded_at, mark.position);
        assert_eq!(Mark::decode_time(&time), Some((mark.recorded_at, mark.position)));
    }

    #[test]
    fn forged_marks_are_none() {
        let value = Mark {
            position: Position::new(1),
            place: Place { segment: SegmentId::new(7), offset: 1024 },
            recorded_at: WallTime::from_unix_nanos(99),
        }
        .value();
        assert_eq!(Mark::decode(&[0xFF; 8], &value), None);
        assert_eq!(Mark::decode(&[0; 7], &value), None);
        assert_eq!(Mark::decode(&[0; 8], &value[..23]), None);
        assert_eq!(Mark::decode(&[0; 8], &[&value[..], &[0]].concat()), None);
        assert_eq!(Mark::decode(&[0; 8], &[0xFF; 24]), None);
        assert_eq!(Mark::decode_time(&[0xFF; 16]), None);
        assert_eq!(Mark::decode_time(&[0; 15]), None);
    }
}
