//! Numbers in as few bytes as they need: unsigned LEB128.
//!
//! Seven bits a byte, lowest first, the top bit says that more follow. Every number has exactly
//! one encoding: a longer one is refused, so that equal content has equal bytes.

const MORE: u8 = 0x80;

/// Appends `number` to `out`.
pub(crate) fn put(mut number: u64, out: &mut Vec<u8>) {
    while number >= u64::from(MORE) {
        out.push(low_byte(number) | MORE);
        number >>= 7;
    }
    out.push(low_byte(number));
}

fn low_byte(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}

/// Takes a number from the front of `bytes`; `None`, and nothing taken, if there is none.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    if *first < MORE {
        *bytes = rest;
        return Some(u64::from(*first));
    }
    take_long(bytes)
}

fn take_long(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    let mut rest = *bytes;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        let bits = u64::from(byte & !MORE);
        // The tenth byte has room for one bit only.
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if *byte < MORE {
            *bytes = rest;
            // A last byte without bits could have been left out.
            return (*byte != 0).then_some(number);
        }
    }
    None
}

/// A number that counts or names something and has room to grow; `None` if it has not.
pub(crate) fn take_counter(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).filter(|number| *number <= crate::limits::COUNTER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::random::Random;

    fn encoded(number: u64) -> Vec<u8> {
        let mut out = Vec::new();
        put(number, &mut out);
        out
    }

    #[test]
    fn every_number_comes_back_and_nothing_behind_it_is_taken() {
        let mut random = Random::new(1);
        let edges = (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit]).chain([u64::MAX]);
        let drawn: Vec<u64> = (0..1000).map(|at| random.next() >> (at % 64)).collect();
        for number in edges.chain(drawn) {
            let mut out = encoded(number);
            assert!(out.len() <= 10, "{number}");
            out.push(0xFF);
            let mut rest = out.as_slice();
            assert_eq!(take(&mut rest), Some(number));
            assert_eq!(rest, [0xFF], "{number}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let table: [&[u8]; 6] = [
            &[],
            &[0x80],
            &[0x80, 0x00],
            &[0xFF, 0xFF, 0x80],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
            &[0xFF; 11],
        ];
        for bytes in table {
            assert_eq!(take(&mut { bytes }), None, "{bytes:?}");
        }
        assert_eq!(take_counter(&mut encoded((1 << 62) + 1).as_slice()), None);
        assert_eq!(take_counter(&mut encoded(1 << 62).as_slice()), Some(1 << 62));
    }
}
