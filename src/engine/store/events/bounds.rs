//! Where a read begins and ends: the way to a place in the log, moments, categories.
//!
//! Nothing is given out here. The invariant: the end of a read lies between two commits.

use crate::{
    engine::{
        files::Door,
        index::{Want, open::anchor_at},
        reader::Reading,
        store::reader::Reader,
    },
    error::ReadError,
    ids::Position,
    limits::PREFIX_CATEGORIES_MAX,
    store::{
        body::BodyView,
        term::{TermKind, term_of},
    },
    time::WallTime,
};
impl Reader {
    /// Reads commits along the log, from the one that holds `from` on.
    pub(in crate::engine::store) async fn reading(
        &self,
        from: Position,
        until: Position,
    ) -> Result<Reading<Door>, ReadError> {
        let table = self.table();
        let mark = self.index.mark_before(from).await?;
        if let Some(mark) = mark
            && let Some(at) = anchor_at(&self.door, self.store, mark.place).await
        {
            return Ok(Reading::at(self.door.clone(), self.store, table, at, from, until));
        }
        Ok(Reading::new(self.door.clone(), self.store, table, from, until))
    }

    /// The position behind the append that holds `position`, at most `head`: it was written at
    /// once, so that the log never was as it is in the middle of it.
    pub(super) async fn end_of_append(
        &self,
        position: Position,
        head: Position,
    ) -> Result<Position, ReadError> {
        let behind = Position::new(position.get().saturating_add(1));
        if behind >= head {
            return Ok(head);
        }
        let held = self.index.tables().state.commit_of(position);
        if let Some((first, positions)) = held {
            return Ok(first.plus(positions.into()));
        }
        let mut reading = self.reading(position, head).await?;
        // Below what retention has left, no commit holds it.
        let holding = reading.next().await?.filter(|commit| commit.first <= position);
        Ok(holding.map_or(behind, |commit| commit.first.plus(commit.positions.into())))
    }

    /// The position behind the last event that was recorded at `time` or before, below `head`.
    pub(super) async fn end_as_of(
        &self,
        time: WallTime,
        head: Position,
    ) -> Result<Position, ReadError> {
        let start = self.index.marked_at(time).await?.unwrap_or_default();
        let mut reading = self.reading(start, head).await?;
        while let Some(commit) = reading.next().await? {
            let view = BodyView::decode(commit.body.clone(), commit.first, commit.positions);
            // Of what does not decode the time is not known. It counts as being there, so that
            // the read meets it and says so.
            let Ok(view) = view else { continue };
            if view.recorded_at() > time {
                return Ok(commit.first);
            }
        }
        Ok(head)
    }

    /// The categories that hold all streams whose name begins with `prefix`.
    pub(super) async fn categories_of(&self, prefix: &str) -> Result<Want, ReadError> {
        if let Some(category) = Want::category_of_prefix(prefix) {
            return Ok(Want::term(TermKind::Category, category));
        }
        let max = PREFIX_CATEGORIES_MAX + 1;
        let prefix = prefix.as_bytes();
        let (names, _) = self.index.names(TermKind::Category, prefix, prefix, max).await?;
        if names.len() > PREFIX_CATEGORIES_MAX {
            return Err(ReadError::Request("the prefix spans too many categories; make it longer"));
        }
        let terms = names.iter().map(|name| term_of(TermKind::Category, name)).collect();
        Ok(Want::any_of(terms))
    }
}
