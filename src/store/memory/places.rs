//! A hash table of places in a row that somebody else holds.
//!
//! Small on purpose: a place takes eight bytes with its hash, so that the table grows without
//! looking at the row, and a look-up touches one line of it. Knows neither names nor contents.

use hashbrown::HashTable;

/// A place and half of the hash of what stands there.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    place: u32,
}

/// Finds places by hash.
#[derive(Debug, Default)]
pub(super) struct Places(HashTable<Slot>);

impl Places {
    /// The place with this hash that `is_it`.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let half = half_of(hash);
        let found =
            self.0.find(spread(half), |slot| slot.hash == half && is_it(wide(slot.place)))?;
        Some(wide(found.place))
    }

    /// Puts `place` where the one with this hash that `is_it` stood, which is returned.
    pub(super) fn replace(
        &mut self,
        hash: u64,
        place: usize,
        is_it: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let half = half_of(hash);
        let is_it = |slot: &Slot| slot.hash == half && is_it(wide(slot.place));
        if let Some(slot) = self.0.find_mut(spread(half), is_it) {
            return Some(wide(std::mem::replace(&mut slot.place, narrow(place))));
        }
        self.insert(hash, place);
        None
    }

    /// Adds a place that is not there.
    pub(super) fn insert(&mut self, hash: u64, place: usize) {
        let (hash, place) = (half_of(hash), narrow(place));
        self.0.insert_unique(spread(hash), Slot { hash, place }, |slot| spread(slot.hash));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|slot| wide(slot.place))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.0.capacity() * (size_of::<Slot>() + 1)
    }
}

fn half_of(hash: u64) -> u32 {
    u32::try_from(hash >> 32).expect("half of 64 bits")
}

/// The table looks at the highest and at the lowest bits of 64.
fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn wide(place: u32) -> usize {
    usize::try_from(place).expect("memory has 32-bit addresses at least")
}

fn narrow(place: usize) -> u32 {
    u32::try_from(place).expect("a table is cut long before it holds 2^32 terms")
}
