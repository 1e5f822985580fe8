//! Looks things up in leaves and inner pages that passed their check.
//!
//! A binary search over the restart points, then a scan of at most 16 entries that compares only
//! the bytes in which a term differs from the one before. Nothing is allocated but by a cursor.

use super::{HEAD_BYTES, Page, PageKind, RESTART_EVERY};
use crate::{log::fields::Fields, store::varint};
use std::{cmp::Ordering, ops::Range};

/// An entry as it stands in a page.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// How many bytes its term has in common with the one before.
    pub(super) shared: usize,
    /// The further bytes of its term.
    pub(super) suffix: &'a [u8],
    /// Where its payload stands in the page; the next entry follows.
    pub(super) payload: Range<usize>,
}

/// The entry at `at`; `None` if it does not lie in `area`.
pub(super) fn entry_at(area: &[u8], at: usize) -> Option<Entry<'_>> {
    let mut rest = area.get(at..)?;
    let ([shared, suffix], behind) = rest.split_first_chunk()?;
    rest = behind;
    let payload_len = usize::try_from(varint::take(&mut rest)?).ok()?;
    let (suffix, payload) = rest.split_at_checked(usize::from(*suffix) + 1)?;
    let start = area.len() - payload.len();
    let end = start.checked_add(payload_len).filter(|end| *end <= area.len())?;
    Some(Entry { shared: usize::from(*shared), suffix, payload: start..end })
}

/// The last entry not above a term.
struct Floor {
    payload: Range<usize>,
    is_exact: bool,
}

impl Page {
    /// Where the payload of `term` stands in this leaf; `None` if it has no such entry, or if this
    /// is no leaf.
    pub(crate) fn search(&self, term: &[u8]) -> Option<Range<usize>> {
        if self.kind != PageKind::Leaf {
            return None;
        }
        self.floor_entry(term).filter(|floor| floor.is_exact).map(|floor| floor.payload)
    }

    /// The number of the child of this inner page under which `term` has to stand, if anywhere.
    /// `None` if this is no inner page.
    pub(crate) fn child(&self, term: &[u8]) -> Option<u32> {
        if self.kind != PageKind::Inner {
            return None;
        }
        // What is below everything can only be looked for at the start.
        let payload = self.floor_entry(term).map(|floor| floor.payload);
        let payload = payload.or_else(|| Some(entry_at(self.area(), HEAD_BYTES)?.payload));
        Fields::new(self.slice(&payload?)).u32()
    }

    /// A cursor on the last entry not above `term`; `None` if there is none.
    pub(crate) fn floor(&self, term: &[u8]) -> Option<Cursor> {
        let mut cursor = self.cursor_at_block(self.block_of(term)?)?;
        while cursor.peek().is_some_and(|next| cursor.order(&next, term) != Ordering::Greater) {
            cursor.advance();
        }
        Some(cursor)
    }

    /// A cursor on the first entry; `None` if there is none.
    pub(crate) fn entries(&self) -> Option<Cursor> {
        self.cursor_at_block(0)
    }

    /// A cursor on the first entry not below `term`; `None` if there is none.
    pub(crate) fn entries_from(&self, term: &[u8]) -> Option<Cursor> {
        let Some(mut cursor) = self.floor(term) else { return self.entries() };
        (cursor.term() == term || cursor.advance()).then_some(cursor)
    }

    fn cursor_at_block(&self, block: usize) -> Option<Cursor> {
        let index = block * RESTART_EVERY;
        if index >= self.count || !matches!(self.kind, PageKind::Leaf | PageKind::Inner) {
            return None;
        }
        let entry = entry_at(self.area(), self.restart(block)?)?;
        let (term, payload) = (entry.suffix.to_vec(), entry.payload);
        Some(Cursor { page: self.clone(), index, term, payload })
    }

    /// The last block of entries whose first one is not above `term`; `None` if all are.
    fn block_of(&self, term: &[u8]) -> Option<usize> {
        if !matches!(self.kind, PageKind::Leaf | PageKind::Inner) {
            return None;
        }
        let area = self.area();
        let (mut low, mut high) = (0, self.count.div_ceil(RESTART_EVERY));
        while low < high {
            let middle = usize::midpoint(low, high);
            let entry = entry_at(area, self.restart(middle)?)?;
            if entry.suffix <= term {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.checked_sub(1)
    }

    fn floor_entry(&self, term: &[u8]) -> Option<Floor> {
        let area = self.area();
        let block = self.block_of(term)?;
        let first = block * RESTART_EVERY;
        let mut at = self.restart(block)?;
        // How much of `term` agrees with the entry before, which is below it.
        let mut matched = 0;
        let mut floor = None;
        for _ in first..self.count.min(first + RESTART_EVERY) {
            let entry = entry_at(area, at)?;
            at = entry.payload.end;
            match entry.shared.cmp(&matched) {
                // It agrees with the one before in the byte that put that one below.
                Ordering::Greater => {}
                // It exceeds the one before in a byte that `term` has in common with that one.
                Ordering::Less => break,
                Ordering::Equal => {
                    let (further, order) = compare(entry.suffix, term.get(matched..)?);
                    matched += further;
                    match order {
                        Ordering::Less => {}
                        Ordering::Equal => {
                            return Some(Floor { payload: entry.payload, is_exact: true });
                        }
                        Ordering::Greater => break,
                    }
                }
            }
            floor = Some(Floor { payload: entry.payload, is_exact: false });
        }
        floor
    }
}

/// How many bytes `a` and `b` begin with in common, and which is the lower.
fn compare(a: &[u8], b: &[u8]) -> (usize, Ordering) {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    (common, a.get(common).cmp(&b.get(common)))
}

/// Stands on one entry of a leaf or an inner page and can go on to the next.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    page: Page,
    index: usize,
    term: Vec<u8>,
    payload: Range<usize>,
}

impl Cursor {
    /// The entry's term.
    pub(crate) fn term(&self) -> &[u8] {
        &self.term
    }

    /// The entry's payload.
    pub(crate) fn payload(&self) -> &[u8] {
        self.page.slice(&self.payload)
    }

    /// The number of the page that the entry of an inner page names.
    pub(crate) fn child(&self) -> Option<u32> {
        (self.page.kind == PageKind::Inner).then(|| Fields::new(self.payload()).u32()).flatten()
    }

    /// Goes on to the next entry; stays and says `false` if this is the last of the page.
    pub(crate) fn advance(&mut self) -> bool {
        let Some(Entry { shared, suffix, payload }) = peek(&self.page, self.index, &self.payload)
        else {
            return false;
        };
        self.term.truncate(shared);
        self.term.extend_from_slice(suffix);
        self.index += 1;
        self.payload = payload;
        true
    }

    fn peek(&self) -> Option<Entry<'_>> {
        peek(&self.page, self.index, &self.payload)
    }

    /// How the term of `next`, the entry behind this one, compares to `term`.
    fn order(&self, next: &Entry<'_>, term: &[u8]) -> Ordering {
        let shared = self.term.get(..next.shared).unwrap_or_default();
        let (begin, rest) = term.split_at(shared.len().min(term.len()));
        shared.cmp(begin).then_with(|| next.suffix.cmp(rest))
    }
}

fn peek<'a>(page: &'a Page, index: usize, payload: &Range<usize>) -> Option<Entry<'a>> {
    (index + 1 < page.count).then(|| entry_at(page.area(), payload.end)).flatten()
}
