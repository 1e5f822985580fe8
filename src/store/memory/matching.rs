//! The newest event that matches a query, found by intersecting lists of positions.
//!
//! Exact for single events, since a posting names one event. The lists leap over each other from
//! the newest down: each names its newest position below the bound, which becomes the next bound,
//! until all agree. So the work is bounded by the shortest list, not by the longest.

use super::Memory;
use crate::{
    ids::Position,
    query::{Query, QueryItem},
    store::{posting::Posting, term::TermKind},
};

/// The lists of an item, cut to the range that is asked for.
struct Lists<'a> {
    /// All of these have to hold an event, the shortest one first.
    tags: Vec<&'a [Posting]>,
    /// One of these has to, if the item names types.
    types: Option<Vec<&'a [Posting]>>,
}

/// The newest event that matches an item of `query`, behind `after` and below `before`.
pub(super) fn newest(
    memory: &Memory,
    query: &Query,
    mut after: Option<Position>,
    before: Position,
) -> Option<Position> {
    let mut newest = None;
    for item in query.items() {
        let found = Lists::of(memory, item, after).and_then(|mut lists| lists.newest_below(before));
        if found.is_some() {
            // Another item counts only if it matches a newer event.
            newest = found;
            after = found;
        }
    }
    newest
}

impl<'a> Lists<'a> {
    /// `None` if one list is empty, so that nothing can match.
    fn of(memory: &'a Memory, item: &QueryItem, after: Option<Position>) -> Option<Self> {
        let list = |kind, name: &str| {
            let (_, postings) = memory.postings_of(kind, name.as_bytes())?;
            let older = after.map_or(0, |after| older_than(postings, after.next()));
            postings.get(older..).filter(|rest| !rest.is_empty())
        };
        let tags = item.tags.iter().map(|tag| list(TermKind::Tag, tag.as_str()));
        let mut tags = tags.collect::<Option<Vec<_>>>()?;
        tags.sort_unstable_by_key(|list| list.len());
        if item.types.is_empty() {
            // An item without a name matches nothing here: such queries are refused before.
            return (!tags.is_empty()).then_some(Self { tags, types: None });
        }
        let types = item.types.iter().filter_map(|name| list(TermKind::Type, name.as_str()));
        let types: Vec<_> = types.collect();
        (!types.is_empty()).then_some(Self { tags, types: Some(types) })
    }

    /// The newest position below `before` on which all lists agree.
    fn newest_below(&mut self, mut before: Position) -> Option<Position> {
        loop {
            let mut highest = None;
            for list in &mut self.tags {
                let found = last_below(list, before)?;
                highest.get_or_insert(found);
                before = found.next();
            }
            if let Some(types) = &mut self.types {
                let found = types.iter_mut().filter_map(|list| last_below(list, before)).max()?;
                highest.get_or_insert(found);
                before = found.next();
            }
            // The bound only fell: if the first list's word still stands, all said the same.
            let highest = highest?;
            if highest.next() == before {
                return Some(highest);
            }
        }
    }
}

/// Cuts the list to what lies below `before`, and names the last position in it.
fn last_below(list: &mut &[Posting], before: Position) -> Option<Position> {
    if list.last()?.position >= before {
        // Often the answer is near: look in doubling steps before halving.
        let mut step = 1;
        let mut beyond = list.len();
        while let Some(at) = beyond.checked_sub(step) {
            if list.get(at).is_none_or(|posting| posting.position < before) {
                break;
            }
            beyond = at;
            step *= 2;
        }
        let least = beyond.saturating_sub(step);
        let part = list.get(least..beyond).unwrap_or_default();
        let length = least + older_than(part, before);
        *list = list.get(..length).unwrap_or_default();
    }
    Some(list.last()?.position)
}

/// How many postings of an ascending list lie below `bound`.
fn older_than(list: &[Posting], bound: Position) -> usize {
    list.partition_point(|posting| posting.position < bound)
}
