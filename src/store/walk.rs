//! Goes through the terms of a run in order, from a given one on, and says which page it needs.
//!
//! A machine without files: whoever drives it reads the page that it asks for. It follows the
//! tree from the root down, so it meets leaves and inner pages only, never the pages of lists.
//! A run whose pages hold one by one but not together is a fault here, and cannot make it run on:
//! every term has to exceed the one before.

use crate::store::{
    fault::RunFault,
    page::{Cursor, Page, PageKind},
    run::RunHeader,
};
use std::mem;

/// What a walk comes to next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WalkStep {
    /// It needs the page with this number: hand it to [`Walk::supply`].
    Read(u32),
    /// It stands on an entry.
    Entry,
    /// There is no further entry.
    End,
}

/// A walk through a run.
#[derive(Debug)]
pub(crate) struct Walk {
    depth: usize,
    /// Where to begin; empty once the first leaf was reached.
    from: Vec<u8>,
    wanted: Option<u32>,
    /// The way from the root to the leaf.
    above: Vec<Cursor>,
    leaf: Option<Cursor>,
    /// The leaf was just supplied: its cursor already stands on the next entry.
    is_fresh: bool,
    last: Vec<u8>,
}

impl Walk {
    /// A walk through the run with this header, from the first term that is not below `from`.
    pub(crate) fn new(header: &RunHeader, from: &[u8]) -> Self {
        Self {
            depth: usize::try_from(header.depth).expect("a checked header names few levels"),
            from: from.to_vec(),
            wanted: Some(header.root),
            above: Vec::new(),
            leaf: None,
            is_fresh: false,
            last: Vec::new(),
        }
    }

    /// Goes on to the next entry, or says what is in the way. To be called again after a page was
    /// supplied.
    pub(crate) fn step(&mut self) -> WalkStep {
        if let Some(number) = self.wanted {
            return WalkStep::Read(number);
        }
        if let Some(leaf) = &mut self.leaf {
            if mem::take(&mut self.is_fresh) || leaf.advance() {
                return WalkStep::Entry;
            }
            self.last.clear();
            self.last.extend_from_slice(leaf.term());
            self.leaf = None;
        }
        while let Some(parent) = self.above.last_mut() {
            if parent.advance() {
                self.wanted = parent.child();
                return self.wanted.map_or(WalkStep::End, WalkStep::Read);
            }
            self.above.pop();
        }
        WalkStep::End
    }

    /// Takes the page that was asked for.
    pub(crate) fn supply(&mut self, page: &Page) -> Result<(), RunFault> {
        let kind = if self.above.len() < self.depth { PageKind::Inner } else { PageKind::Leaf };
        if self.wanted.is_none() || page.kind() != kind {
            return Err(RunFault::new("a page of another kind than its place in the tree says"));
        }
        if kind == PageKind::Inner {
            let cursor = page.floor(&self.from).or_else(|| page.entries());
            let cursor = cursor.ok_or(RunFault::new("an inner page without entries"))?;
            self.wanted = cursor.child();
            self.above.push(cursor);
            return Ok(());
        }
        // An empty leaf is the whole of an empty run; elsewhere it would be one to loop over.
        let is_sorted = match page.entries() {
            None => self.depth == 0,
            Some(first) => self.last.is_empty() || first.term() > self.last.as_slice(),
        };
        if !is_sorted {
            return Err(RunFault::new("a leaf that does not follow the one before"));
        }
        self.leaf = page.entries_from(&mem::take(&mut self.from));
        self.is_fresh = true;
        self.wanted = None;
        Ok(())
    }

    /// The entry that the walk stands on.
    pub(crate) fn entry(&self) -> Option<&Cursor> {
        self.leaf.as_ref()
    }
}

#[cfg(test)]
mod tests;
