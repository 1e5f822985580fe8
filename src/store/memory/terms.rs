//! The table of terms: a row of terms and a table of places in it, so that whoever holds a place
//! needs no second look-up.
//!
//! Names are compared in full, never by their hash alone. Knows nothing of commits.

use super::places::Places;
use crate::{
    event::EventId,
    store::{posting::Posting, term::TermKind},
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What is kept behind a term. Most terms have one posting, which then takes no memory of its own.
#[derive(Debug)]
pub(super) enum Held {
    /// The ordinal of the posting, and the posting.
    One(u64, Posting),
    /// The ordinal of the first posting, and all of them.
    Many(u64, Vec<Posting>),
    Value(Vec<u8>),
}

/// A term.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) kind: TermKind,
    pub(super) name: Box<[u8]>,
    pub(super) held: Held,
}

/// All terms of a table but the ids.
#[derive(Debug)]
pub(super) struct Terms {
    seed: u64,
    places: Places,
    row: Vec<Term>,
    /// Bytes of names, lists and values.
    held_bytes: usize,
}

impl Terms {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, places: Places::default(), row: Vec::new(), held_bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.row.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Term> {
        self.row.iter()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.held_bytes + self.row.capacity() * size_of::<Term>() + self.places.memory_bytes()
    }

    pub(super) fn find(&self, kind: TermKind, name: &[u8]) -> Option<&Held> {
        let place = self.place(self.hash(kind, name), kind, name)?;
        self.row.get(place).map(|term| &term.held)
    }

    /// Whether the term at `place` has this name.
    pub(super) fn is_named(&self, place: usize, kind: TermKind, name: &[u8]) -> bool {
        self.row.get(place).is_some_and(|term| term.kind == kind && &*term.name == name)
    }

    /// Adds a posting to a term, which gets `ordinal` for its first one if it is new. Returns
    /// the term's place.
    pub(super) fn add(
        &mut self,
        kind: TermKind,
        name: &[u8],
        ordinal: u64,
        posting: Posting,
    ) -> usize {
        let hash = self.hash(kind, name);
        if let Some(place) = self.place(hash, kind, name) {
            self.push(place, posting);
            return place;
        }
        self.insert(hash, kind, name, Held::One(ordinal, posting))
    }

    /// Makes room for `more` postings behind the first one of the term at `place`.
    pub(super) fn reserve(&mut self, place: usize, more: usize) {
        let Some(term) = self.row.get_mut(place) else { return };
        if let Held::One(ordinal, one) = term.held {
            let mut list = Vec::with_capacity(1 + more);
            list.push(one);
            self.held_bytes += list.capacity() * size_of::<Posting>();
            term.held = Held::Many(ordinal, list);
        }
    }

    /// Adds a posting to the term at `place`, unless it is there: a forged event may carry a tag
    /// twice.
    pub(super) fn push(&mut self, place: usize, posting: Posting) {
        let term = self.row.get_mut(place).expect("places are handed out for terms that exist");
        match &mut term.held {
            Held::One(_, one) if one.position == posting.position => {}
            Held::One(ordinal, one) => {
                let mut list = Vec::with_capacity(4);
                list.extend([*one, posting]);
                self.held_bytes += 4 * size_of::<Posting>();
                term.held = Held::Many(*ordinal, list);
            }
            Held::Many(_, list) => {
                if list.last().is_none_or(|last| last.position < posting.position) {
                    let before = list.capacity();
                    list.push(posting);
                    self.held_bytes += (list.capacity() - before) * size_of::<Posting>();
                }
            }
            Held::Value(_) => unreachable!("no kind has both postings and values"),
        }
    }

    /// Puts `value` behind a term, in place of an older one.
    pub(super) fn set(&mut self, kind: TermKind, name: &[u8], value: &[u8]) {
        let hash = self.hash(kind, name);
        let Some(place) = self.place(hash, kind, name) else {
            self.held_bytes += value.len();
            self.insert(hash, kind, name, Held::Value(value.to_vec()));
            return;
        };
        let term = self.row.get_mut(place).expect("it was found just now");
        match &mut term.held {
            Held::Value(older) => {
                let before = older.capacity();
                older.clear();
                older.extend_from_slice(value);
                self.held_bytes += older.capacity() - before;
            }
            Held::One(..) | Held::Many(..) => unreachable!("no kind has both postings and values"),
        }
    }

    fn hash(&self, kind: TermKind, name: &[u8]) -> u64 {
        // The kind goes into the seed: the term need not be put together for this.
        xxh3_64_with_seed(name, self.seed ^ u64::from(kind.code()))
    }

    fn place(&self, hash: u64, kind: TermKind, name: &[u8]) -> Option<usize> {
        self.places.find(hash, |place| {
            let term = self.row.get(place);
            term.is_some_and(|term| term.kind == kind && &*term.name == name)
        })
    }

    fn insert(&mut self, hash: u64, kind: TermKind, name: &[u8], held: Held) -> usize {
        let place = self.row.len();
        self.held_bytes += name.len();
        self.row.push(Term { kind, name: name.into(), held });
        self.places.insert(hash, place);
        place
    }

    /// The hash of an id, which stands in a table of its own.
    pub(super) fn hash_id(&self, id: EventId) -> u64 {
        xxh3_64_with_seed(id.as_bytes(), self.seed)
    }
}
