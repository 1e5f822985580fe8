//! Lookups that go through several lists or terms: joins within a run, names, marks, one posting.

use super::{
    Index, mended,
    postings::Part,
    run::{Damaged, Found, Run},
    want::{Alternative, Join, Want},
};
use crate::{
    error::ReadError,
    ids::{Position, Revision},
    limits::NAME_BYTES_MAX,
    log::fields::u64_from,
    read::Direction,
    store::{
        fault::RunFault,
        mark::Mark,
        memory::Memory,
        payload::PostingsPayload,
        posting::Posting,
        term::{TermKind, term_of},
    },
    time::WallTime,
};
use std::{collections::BTreeMap, sync::Arc};

/// The revision and the position of a stream's last event.
pub(crate) type StreamEnd = (Revision, Position);

/// Names, each with its last event where it is a stream's and the newest piece of the log that has
/// it has nothing behind.
pub(crate) type Listed = BTreeMap<Vec<u8>, Option<StreamEnd>>;

/// The least name above another.
fn behind(name: &[u8]) -> Vec<u8> {
    [name, &[0]].concat()
}

/// The last event of a stream below `until` in a table.
fn held_end(table: &Memory, stream: &[u8], until: Position) -> Option<StreamEnd> {
    let (first, list) = table.postings_of(TermKind::Stream, stream)?;
    let below = list.partition_point(|posting| posting.position < until);
    let last = below.checked_sub(1)?;
    let revision = Revision::new(first + u64_from(last));
    list.get(last).map(|posting| (revision, posting.position))
}

/// The last event of a stream in a run, if none stands at `until` or behind.
fn list_end(list: &PostingsPayload<'_>, until: Position) -> Option<StreamEnd> {
    let last = list.end_ordinal().checked_sub(1)?;
    (list.last < until).then_some((Revision::new(last), list.last))
}

/// The lists of an alternative in one run.
pub(super) struct Lists {
    /// Those whose postings are gone through: the shortest that has to hold, or all of which one
    /// has to.
    pub(super) driving: Vec<Found>,
    /// The others that have to hold.
    others: Vec<Found>,
    /// Those of which one has to hold, if none of them drives.
    any: Vec<Found>,
}

impl Index {
    /// The lists of `wanted` in `run`; `None` if it has no such events.
    pub(super) async fn lists(
        &self,
        run: &Run,
        wanted: &Alternative,
    ) -> Result<Option<Lists>, Damaged> {
        let mut all = Vec::new();
        for term in &wanted.all {
            match run.find(&self.pages, term, self.hasher.hash(term)).await? {
                Some(found) => all.push((run.list(found.bytes())?.count, found)),
                None => return Ok(None),
            }
        }
        let mut any = Vec::new();
        for term in &wanted.any {
            any.extend(run.find(&self.pages, term, self.hasher.hash(term)).await?);
        }
        if any.is_empty() && !wanted.any.is_empty() {
            return Ok(None);
        }
        all.sort_by_key(|(count, _)| *count);
        let mut all = all.into_iter().map(|(_, found)| found);
        Ok(Some(match all.next() {
            Some(rarest) => Lists { driving: vec![rarest], others: all.collect(), any },
            None => Lists { driving: any, others: Vec::new(), any: Vec::new() },
        }))
    }

    /// The postings of the driving lists in `part`, and where to go on.
    pub(super) async fn drive(
        &self,
        run: &Run,
        lists: &Lists,
        part: Part,
    ) -> Result<(Vec<Posting>, Option<Position>), Damaged> {
        let mut join = Join::new(part);
        for list in &lists.driving {
            join.add(&run.postings(&self.pages, &run.list(list.bytes())?, part).await?);
        }
        Ok(join.finish())
    }

    /// Whether the event at `position` stands in all lists that have to hold.
    pub(super) async fn holds(
        &self,
        run: &Run,
        lists: &Lists,
        position: Position,
    ) -> Result<bool, Damaged> {
        for list in &lists.others {
            if !self.stands_in(run, list, position).await? {
                return Ok(false);
            }
        }
        for list in &lists.any {
            if self.stands_in(run, list, position).await? {
                return Ok(true);
            }
        }
        Ok(lists.any.is_empty())
    }

    async fn stands_in(
        &self,
        run: &Run,
        list: &Found,
        position: Position,
    ) -> Result<bool, Damaged> {
        run.holds(&self.pages, &run.list(list.bytes())?, position).await
    }

    /// The last posting of a term below `until`.
    pub(crate) async fn last_posting(
        &self,
        kind: TermKind,
        name: &[u8],
        until: Position,
    ) -> Result<Option<Posting>, ReadError> {
        let want = Want::any_of(vec![term_of(kind, name)]);
        let mut part =
            Part { from: Position::default(), until, max: 1, direction: Direction::Backward };
        while part.until > part.from {
            let (found, next) = self.postings(&want, part).await?;
            if let Some(last) = found.first() {
                return Ok(Some(*last));
            }
            part.until = next;
        }
        Ok(None)
    }

    /// A stream's last event below `until`, if the index tells without a look at the log. `None` if
    /// it has no such event, or has later ones as well.
    pub(crate) async fn stream_end(
        &self,
        stream: &str,
        until: Position,
    ) -> Result<Option<StreamEnd>, ReadError> {
        Ok(mended!(self, self.try_stream_end(stream, until).await))
    }

    async fn try_stream_end(
        &self,
        stream: &str,
        until: Position,
    ) -> Result<Option<StreamEnd>, Damaged> {
        let runs = {
            let tables = self.tables();
            let mut tables_down = tables.state.tables().rev();
            let held = tables_down.find_map(|table| held_end(table, stream.as_bytes(), until));
            if held.is_some() {
                return Ok(held);
            }
            Arc::clone(&tables.runs)
        };
        let term = term_of(TermKind::Stream, stream.as_bytes());
        let hash = self.hasher.hash(&term);
        for run in runs.iter().rev() {
            if let Some(found) = run.find(&self.pages, &term, hash).await? {
                return Ok(list_end(&run.list(found.bytes())?, until));
            }
        }
        Ok(None)
    }

    /// Where the event with this revision of a stream lies, if the stream has got that far.
    pub(crate) async fn revision(
        &self,
        stream: &str,
        revision: Revision,
    ) -> Result<Option<Posting>, ReadError> {
        Ok(mended!(self, self.try_revision(stream, revision).await))
    }

    async fn try_revision(
        &self,
        stream: &str,
        revision: Revision,
    ) -> Result<Option<Posting>, Damaged> {
        let runs = {
            let tables = self.tables();
            let held = tables.state.tables().find_map(|table| table.event(stream, revision));
            if held.is_some() {
                return Ok(held);
            }
            Arc::clone(&tables.runs)
        };
        let term = term_of(TermKind::Stream, stream.as_bytes());
        let hash = self.hasher.hash(&term);
        for run in runs.iter().rev() {
            if let Some(found) = run.find(&self.pages, &term, hash).await? {
                let list = run.list(found.bytes())?;
                if revision.get() >= list.end_ordinal() {
                    return Ok(None);
                }
                if let Some(ordinal) = revision.get().checked_sub(list.first_ordinal) {
                    return run.nth(&self.pages, &list, ordinal).await.map(Some);
                }
            }
        }
        Ok(None)
    }

    /// The names of a kind that begin with `prefix`, from `from` on, in order: at most `max`, and
    /// the name to go on with if there may be more.
    pub(crate) async fn names(
        &self,
        kind: TermKind,
        prefix: &[u8],
        from: &[u8],
        max: usize,
    ) -> Result<(Vec<Vec<u8>>, Option<Vec<u8>>), ReadError> {
        if prefix.len() > NAME_BYTES_MAX {
            return Ok((Vec::new(), None));
        }
        Ok(mended!(self, self.try_names(kind, prefix, from, max).await))
    }

    /// The streams whose names begin with `prefix`, from `from` on, in order, with their last
    /// events below `until` where the index tells them; and the name to go on with if there may be
    /// more. At most `max` of every run are looked at.
    pub(crate) async fn streams(
        &self,
        prefix: &[u8],
        from: &[u8],
        max: usize,
        until: Position,
    ) -> Result<(Listed, Option<Vec<u8>>), ReadError> {
        let (streams, reach) =
            mended!(self, self.walk(TermKind::Stream, prefix, from, max, until).await);
        Ok((streams, reach.as_deref().map(behind)))
    }

    async fn try_names(
        &self,
        kind: TermKind,
        prefix: &[u8],
        from: &[u8],
        max: usize,
    ) -> Result<(Vec<Vec<u8>>, Option<Vec<u8>>), Damaged> {
        let (found, reach) = self.walk(kind, prefix, from, max, Position::default()).await?;
        let mut names = found.into_keys();
        let page = names.by_ref().take(max).collect();
        Ok((page, names.next().or_else(|| reach.as_deref().map(behind))))
    }

    /// The names that are complete, and the last of them if more follow.
    async fn walk(
        &self,
        kind: TermKind,
        prefix: &[u8],
        from: &[u8],
        max: usize,
        until: Position,
    ) -> Result<(Listed, Option<Vec<u8>>), Damaged> {
        let tell = |names: &mut Listed, table: &Memory| {
            let held = table.names(kind, prefix).into_iter().filter(|name| *name >= from);
            names.extend(held.map(|name| (name.to_vec(), held_end(table, name, until))));
        };
        let (runs, frozen, mut active) = {
            let tables = self.tables();
            let mut active = Listed::new();
            tell(&mut active, tables.state.active());
            // What is frozen is gone through without the lock, which appends need.
            let frozen: Vec<Arc<Memory>> = tables.state.frozen().cloned().collect();
            (Arc::clone(&tables.runs), frozen, active)
        };
        // Not names themselves: the place to go on at may be a byte longer than the longest one.
        let start = [&[kind.code()], from.max(prefix)].concat();
        let bound = [&[kind.code()], prefix].concat();
        let mut names = Listed::new();
        // Runs that had more than `max`: names behind the last one they gave are not complete.
        let mut reach: Option<Vec<u8>> = None;
        // From the oldest piece to the newest, which alone knows the last event.
        for run in runs.iter() {
            let mut walk = run.walk(&start);
            let mut taken = 0;
            while let Some(entry) = walk.next(&self.pages).await? {
                let Some(name) = entry.term().get(1..).filter(|_| entry.term().starts_with(&bound))
                else {
                    break;
                };
                let end = match kind {
                    TermKind::Stream => list_end(&run.list(entry.payload())?, until),
                    _ => None,
                };
                names.insert(name.to_vec(), end);
                taken += 1;
                if taken == max {
                    let last = name.to_vec();
                    reach = Some(reach.map_or(last.clone(), |reach| reach.min(last)));
                    break;
                }
            }
        }
        for table in &frozen {
            tell(&mut names, table);
        }
        names.append(&mut active);
        if let Some(reach) = &reach {
            let _incomplete = names.split_off(&behind(reach));
        }
        Ok((names, reach))
    }

    /// The last mark at or before `position`.
    pub(crate) async fn mark_before(&self, position: Position) -> Result<Option<Mark>, ReadError> {
        Ok(mended!(self, self.try_mark_before(position).await))
    }

    async fn try_mark_before(&self, position: Position) -> Result<Option<Mark>, Damaged> {
        let run = {
            let tables = self.tables();
            for table in tables.state.tables().rev() {
                let marks = table.marks();
                let behind = marks.partition_point(|mark| mark.position <= position);
                if let Some(mark) = behind.checked_sub(1).and_then(|at| marks.get(at)) {
                    return Ok(Some(*mark));
                }
            }
            let below = tables.runs.partition_point(|run| run.name().first <= position);
            below.checked_sub(1).and_then(|at| tables.runs.get(at)).cloned()
        };
        let Some(run) = run else { return Ok(None) };
        let term = term_of(TermKind::PlaceMark, &Mark::place_name(position));
        let entry = run.floor(&self.pages, &term).await?;
        let Some(entry) =
            entry.filter(|entry| TermKind::of(entry.term()) == Some(TermKind::PlaceMark))
        else {
            return Err(run.damaged(RunFault::new("a run without marks")));
        };
        let name = entry.term().get(1..).unwrap_or_default();
        let mark = Mark::decode(name, entry.payload());
        let fault = RunFault::new("a mark that cannot be read");
        Ok(Some(mark.ok_or_else(|| run.damaged(fault))?))
    }

    /// The position of the last mark that was recorded at `time` or before.
    pub(crate) async fn marked_at(&self, time: WallTime) -> Result<Option<Position>, ReadError> {
        Ok(mended!(self, self.try_marked_at(time).await))
    }

    async fn try_marked_at(&self, time: WallTime) -> Result<Option<Position>, Damaged> {
        let runs = {
            let tables = self.tables();
            for table in tables.state.tables().rev() {
                let marks = table.marks();
                let behind = marks.partition_point(|mark| mark.recorded_at <= time);
                if let Some(mark) = behind.checked_sub(1).and_then(|at| marks.get(at)) {
                    return Ok(Some(mark.position));
                }
            }
            Arc::clone(&tables.runs)
        };
        let term = term_of(TermKind::TimeMark, &Mark::time_name(time, Position::new(u64::MAX)));
        for run in runs.iter().rev() {
            if let Some(entry) = run.floor(&self.pages, &term).await?
                && TermKind::of(entry.term()) == Some(TermKind::TimeMark)
            {
                let name = entry.term().get(1..).unwrap_or_default();
                let fault = RunFault::new("a time mark that cannot be read");
                let (_, position) = Mark::decode_time(name).ok_or_else(|| run.damaged(fault))?;
                return Ok(Some(position));
            }
        }
        Ok(None)
    }
}
