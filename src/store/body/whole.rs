//! A body judged as a whole by what stands in it, and written anew for a place in another log.
//!
//! Knows nothing of the commits before it. The invariant it guards: opening, checking and salvaging
//! call the same bodies appends of events.

use super::{BodyFault, BodyView, EventView, cursor::Read};
use crate::{
    ids::{Position, Revision},
    log::fields::usize_from,
    store::answer::stream_of,
};
use bytes::Bytes;

impl BodyView {
    /// Walks all events, into `views`, and sees whether the table of streams fits them. Returns the
    /// first revision of each stream.
    pub(crate) fn walk_whole(&mut self, views: &mut Vec<EventView>) -> Read<Vec<Revision>> {
        let firsts: Vec<Revision> = self.streams().map(|(_, first)| first).collect();
        while let Some(view) = self.next()? {
            views.push(view);
        }
        let keyed = self.key().is_some();
        for ((name, next), first) in self.streams().zip(&firsts) {
            if next == *first {
                return Err(BodyFault("a stream of the table has no event"));
            }
            // An answer is kept with its names, and what it is decoded to are valid ones.
            if keyed && stream_of(name.as_bytes()).is_none() {
                return Err(BodyFault("the name of a stream is not valid"));
            }
        }
        let mut names: Vec<&str> = self.streams().map(|(name, _)| name).collect();
        names.sort_unstable();
        if names.is_sorted_by(|one, other| one < other) {
            Ok(firsts)
        } else {
            Err(BodyFault("a stream stands in the table twice"))
        }
    }

    /// The same body with other first revisions, in the order of its table, and, if it moves a
    /// consumer's checkpoint, that one moved to `checkpoint`.
    ///
    /// # Panics
    /// If there is not one revision for each stream.
    pub(crate) fn rewritten(&self, revisions: &[Revision], checkpoint: Option<Position>) -> Bytes {
        assert_eq!(revisions.len(), self.streams.len(), "each stream has a first revision");
        let mut bytes = self.body.to_vec();
        let stamped = bytes.len() - 8 * revisions.len();
        let stamp = bytes.get_mut(stamped..).unwrap_or_default();
        for (field, revision) in stamp.chunks_exact_mut(8).zip(revisions) {
            field.copy_from_slice(&revision.get().to_le_bytes());
        }
        if let Some(((consumer, _), moved)) = self.checkpoint.zip(checkpoint) {
            let field = usize_from(consumer.end.into());
            let field = bytes.get_mut(field..field + 8);
            let field = field.expect("a checkpoint was decoded from there");
            field.copy_from_slice(&moved.get().to_le_bytes());
        }
        Bytes::from(bytes)
    }
}
