//! A commit that cannot be read: its checksum holds, and its body does not decode.
//!
//! Only a store that is opened for reading goes past one. Whoever writes has to know the streams,
//! keys and fences of every commit, and of this one nobody does. The invariant: no answer passes
//! over such a commit in silence where it could have held what is asked for.

use crate::{
    error::ReadError,
    ids::Position,
    names::category_of,
    read::{Read, Selector},
    store::body::BodyView,
};

/// A commit that was passed over.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    pub(crate) first: Position,
    /// The position behind its last one.
    pub(crate) end: Position,
    reason: &'static str,
    /// The streams that it writes to, if as much of it can be read.
    streams: Option<Vec<String>>,
}

impl Unreadable {
    /// The commit at `first` that takes `positions`. `head` is what stands around its events, if
    /// that decodes.
    pub(crate) fn new(
        first: Position,
        positions: u32,
        head: Option<&BodyView>,
        reason: &'static str,
    ) -> Self {
        let names = |head: &BodyView| head.streams().map(|(name, _)| name.to_owned()).collect();
        Self { first, end: first.plus(positions.into()), reason, streams: head.map(names) }
    }

    pub(crate) fn error(&self) -> ReadError {
        ReadError::Undecodable { position: self.first, reason: self.reason }
    }

    /// Whether it may hold an event that `read` asks for.
    pub(crate) fn may_answer(&self, read: &Read) -> bool {
        match &read.selector {
            Selector::All | Selector::Query(_) => true,
            Selector::Stream(stream) => self.may_write(|name| name == stream.as_str()),
            Selector::Category(category) => self.may_write(|name| category_of(name) == category),
            Selector::Prefix(prefix) => self.may_write(|name| name.starts_with(prefix)),
        }
    }

    /// Whether it may write to a stream of such a name.
    pub(crate) fn may_write(&self, is_it: impl Fn(&str) -> bool) -> bool {
        self.streams.as_ref().is_none_or(|names| names.iter().any(|name| is_it(name)))
    }
}
