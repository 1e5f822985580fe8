//! Queries: which events a reader wants, or a writer must not have missed.
//!
//! A query is a list of items, any of which may match; an item asks for one of its types and all
//! of its tags. Matching is exact, on names and never on hashes.

use crate::{
    limits::{QUERY_ITEM_NAMES_MAX, QUERY_ITEMS_MAX},
    names::{EventType, Tag},
};
use std::{error::Error, fmt};

/// One alternative of a query: an event matches if its type is one of `types` (or there are none)
/// and it carries all of `tags`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryItem {
    pub(crate) types: Vec<EventType>,
    pub(crate) tags: Vec<Tag>,
}

impl QueryItem {
    /// An item that asks for nothing yet; it needs a type or a tag.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows a type.
    #[must_use]
    pub fn event_type(mut self, event_type: EventType) -> Self {
        if !self.types.contains(&event_type) {
            self.types.push(event_type);
        }
        self
    }

    /// Demands a tag.
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }

    /// Whether an event of this type with these tags matches.
    pub(crate) fn matches<'a>(
        &self,
        event_type: &str,
        tags: &(impl Iterator<Item = &'a str> + Clone),
    ) -> bool {
        let typed = self.types.is_empty() || self.types.iter().any(|t| t.as_str() == event_type);
        typed && self.tags.iter().all(|wanted| tags.clone().any(|tag| tag == wanted.as_str()))
    }
}

/// Which events are asked for: those that match any of its items.
///
/// Its cost is bounded by the events behind the queried place that carry the rarest tag of each
/// item (or, without tags, one of its types): an item is answered from the index alone.
///
/// ```
/// use sagalog::{EventType, Query, QueryItem, Tag};
///
/// let seats_of_c1 = Query::new(
///     QueryItem::new()
///         .event_type(EventType::parse("StudentSubscribed")?)
///         .event_type(EventType::parse("StudentUnsubscribed")?)
///         .tag(Tag::parse("course:c1")?),
/// );
/// # Ok::<(), sagalog::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    any_of: Vec<QueryItem>,
}

impl Query {
    /// A query of one item.
    pub fn new(item: QueryItem) -> Self {
        Self { any_of: vec![item] }
    }

    /// Adds an alternative.
    #[must_use]
    pub fn or(mut self, item: QueryItem) -> Self {
        self.any_of.push(item);
        self
    }

    /// Its alternatives.
    pub(crate) fn items(&self) -> &[QueryItem] {
        &self.any_of
    }

    /// Whether an event of this type with these tags matches.
    pub(crate) fn matches<'a>(
        &self,
        event_type: &str,
        tags: &(impl Iterator<Item = &'a str> + Clone),
    ) -> bool {
        self.any_of.iter().any(|item| item.matches(event_type, tags))
    }

    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.any_of.len() > QUERY_ITEMS_MAX {
            return Err(QueryError::TooManyItems { items: self.any_of.len() });
        }
        for (item, asked) in self.any_of.iter().enumerate() {
            let names = asked.types.len().max(asked.tags.len());
            if names == 0 {
                return Err(QueryError::Boundless { item });
            }
            if names > QUERY_ITEM_NAMES_MAX {
                return Err(QueryError::TooManyNames { item, names });
            }
        }
        Ok(())
    }
}

impl fmt::Display for QueryItem {
    /// Its types, then its tags: `type A or B, tag t and u`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = !self.types.is_empty();
        for (at, event_type) in self.types.iter().enumerate() {
            f.write_str(if at == 0 { "type " } else { " or " })?;
            event_type.fmt(f)?;
        }
        for (at, tag) in self.tags.iter().enumerate() {
            let comma = if typed { ", tag " } else { "tag " };
            f.write_str(if at == 0 { comma } else { " and " })?;
            tag.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.any_of.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", or " })?;
            item.fmt(f)?;
        }
        Ok(())
    }
}

/// Why a query is not answered. Ask for less, or name a type or a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryError {
    /// It has more than [`QUERY_ITEMS_MAX`] items.
    TooManyItems {
        /// How many.
        items: usize,
    },
    /// An item names neither a type nor a tag: no index serves it, and nothing is scanned.
    Boundless {
        /// Which item, counted from 0.
        item: usize,
    },
    /// An item names more than [`QUERY_ITEM_NAMES_MAX`] types or tags.
    TooManyNames {
        /// Which item, counted from 0.
        item: usize,
        /// How many of the kind that exceeds the limit.
        names: usize,
    },
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyItems { items } => {
                write!(f, "the query has {items} items, the limit is {QUERY_ITEMS_MAX}")
            }
            Self::Boundless { item } => {
                write!(f, "item {item} of the query names neither a type nor a tag")
            }
            Self::TooManyNames { item, names } => write!(
                f,
                "item {item} of the query names {names} types or tags, the limit is \
                 {QUERY_ITEM_NAMES_MAX} of each"
            ),
        }
    }
}

impl Error for QueryError {}
