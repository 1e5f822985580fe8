//! What is looked for in the index: terms, and how their lists are joined.
//!
//! A want is a list of alternatives; each is one of some terms and all of some others. It is
//! answered one piece of the log at a time, a run or a table of memory, from the shortest of the
//! lists that have to hold, so that it may name events which match only in part: whoever reads the
//! events matches them by name.

use super::postings::Part;
use crate::{
    ids::Position,
    names::category_of,
    query::Query,
    read::Direction,
    store::{
        posting::Posting,
        term::{TermKind, term_of},
    },
};

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub(super) alternatives: Vec<Alternative>,
}

/// Events that stand behind one of `any`, if there are some, and behind all of `all`.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    pub(super) any: Vec<Vec<u8>>,
    pub(super) all: Vec<Vec<u8>>,
}

impl Want {
    /// The events behind one term.
    pub(crate) fn term(kind: TermKind, name: &str) -> Self {
        Self::any_of(vec![term_of(kind, name.as_bytes())])
    }

    /// The events behind any of `terms`.
    pub(crate) fn any_of(terms: Vec<Vec<u8>>) -> Self {
        Self { alternatives: vec![Alternative { any: terms, all: Vec::new() }] }
    }

    /// The events that match `query`; those of system streams too if `system` says so.
    pub(crate) fn query(query: &Query, system: bool) -> Self {
        let mut alternatives = Vec::new();
        let worlds: &[_] = if system {
            &[(TermKind::Type, TermKind::Tag), (TermKind::SystemType, TermKind::SystemTag)]
        } else {
            &[(TermKind::Type, TermKind::Tag)]
        };
        for item in query.items() {
            for (types, tags) in worlds {
                let types = item.types.iter().map(|name| term_of(*types, name.as_str().as_bytes()));
                let tags = item.tags.iter().map(|name| term_of(*tags, name.as_str().as_bytes()));
                alternatives.push(Alternative { any: types.collect(), all: tags.collect() });
            }
        }
        Self { alternatives }
    }

    /// The category that holds all streams whose name begins with `prefix`, if one does.
    pub(crate) fn category_of_prefix(prefix: &str) -> Option<&str> {
        prefix.contains('-').then(|| category_of(prefix))
    }
}

/// Postings of several lists, joined. Each list gave at most `part.max`; one that gave as many may
/// have more, so that the join is believed only as far as all lists reach.
#[derive(Debug)]
pub(super) struct Join {
    part: Part,
    found: Vec<Posting>,
    /// How far all lists reach, if one of them has more.
    reach: Option<Position>,
}

impl Join {
    pub(super) fn new(part: Part) -> Self {
        Self { part, found: Vec::new(), reach: None }
    }

    /// Takes in what one list gave.
    pub(super) fn add(&mut self, list: &[Posting]) {
        if list.len() >= self.part.max
            && let Some(last) = list.last()
        {
            let reach = self.reach.map_or(last.position, |reach| match self.part.direction {
                Direction::Forward => reach.min(last.position),
                Direction::Backward => reach.max(last.position),
            });
            self.reach = Some(reach);
        }
        self.found.extend_from_slice(list);
    }

    /// The joined postings in the part's direction, and where to go on: `None` if the part was
    /// answered to its end.
    pub(super) fn finish(mut self) -> (Vec<Posting>, Option<Position>) {
        self.found.sort_unstable_by_key(|posting| posting.position);
        self.found.dedup_by_key(|posting| posting.position);
        let Some(reach) = self.reach else {
            if self.part.direction == Direction::Backward {
                self.found.reverse();
            }
            return (self.found, None);
        };
        match self.part.direction {
            Direction::Forward => {
                self.found.retain(|posting| posting.position <= reach);
                (self.found, Some(reach.next()))
            }
            Direction::Backward => {
                self.found.retain(|posting| posting.position >= reach);
                self.found.reverse();
                (self.found, Some(reach))
            }
        }
    }
}
