//! The pages of runs that were read, within a bound of memory.
//!
//! Shards of a clock: a page that was asked for since the hand last came by stays. Holds pages that
//! passed their check, and knows nothing of what they say.

use crate::store::page::{PAGE_BYTES, Page};
use hashbrown::HashTable;
use std::sync::{Mutex, PoisonError};

/// How many shards there are, so that readers seldom meet at a lock.
const SHARDS: usize = 16;
/// How many pages a shard holds at least: the way from a root to a leaf, and some more.
const SHARD_PAGES_MIN: usize = 8;

/// A page of a run that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageKey {
    /// The run's number among those that this process opened.
    pub(super) run: u64,
    pub(super) page: u32,
}

impl PageKey {
    /// Spreads the keys. Neither part is chosen by a stranger, so a multiplication is enough.
    fn hash(self) -> u64 {
        let mixed = (self.run << 32 ^ u64::from(self.page)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 29
    }

    fn shard(self) -> usize {
        usize::from(self.hash().to_le_bytes()[7]) % SHARDS
    }
}

/// Pages that were read.
pub(super) struct PageCache {
    shards: Vec<Mutex<Shard>>,
    shard_pages: usize,
}

struct Shard {
    /// Places among the slots, by the hash of the key.
    places: HashTable<usize>,
    slots: Vec<Slot>,
    hand: usize,
}

struct Slot {
    key: PageKey,
    page: Page,
    used: bool,
}

impl PageCache {
    /// A cache of about `bytes` bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let shard = || Shard { places: HashTable::new(), slots: Vec::new(), hand: 0 };
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect(),
            shard_pages: (bytes / PAGE_BYTES / SHARDS).max(SHARD_PAGES_MIN),
        }
    }

    pub(super) fn find(&self, key: PageKey) -> Option<Page> {
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        let Shard { places, slots, .. } = &mut *shard;
        let place = *places.find(key.hash(), |place| slots[*place].key == key)?;
        let slot = &mut slots[place];
        slot.used = true;
        Some(slot.page.clone())
    }

    pub(super) fn insert(&self, key: PageKey, page: Page) {
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        let Shard { places, slots, hand } = &mut *shard;
        if places.find(key.hash(), |place| slots[*place].key == key).is_some() {
            return;
        }
        let slot = Slot { key, page, used: false };
        let place = if slots.len() < self.shard_pages {
            slots.push(slot);
            slots.len() - 1
        } else {
            while std::mem::take(&mut slots[*hand].used) {
                *hand = (*hand + 1) % slots.len();
            }
            let old = std::mem::replace(&mut slots[*hand], slot).key;
            if let Ok(entry) = places.find_entry(old.hash(), |place| *place == *hand) {
                entry.remove();
            }
            let place = *hand;
            *hand = (*hand + 1) % slots.len();
            place
        };
        places.insert_unique(key.hash(), place, |place| slots[*place].key.hash());
    }

    /// Bytes of the pages that are held.
    pub(super) fn bytes(&self) -> usize {
        let held =
            |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).slots.len();
        self.shards.iter().map(held).sum::<usize>() * PAGE_BYTES
    }

    fn shard(&self, key: PageKey) -> &Mutex<Shard> {
        &self.shards[key.shard()]
    }
}
