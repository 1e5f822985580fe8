//! The index of a store: memory for the tail of the log, runs for the rest, one set of lookups.
//!
//! Reading order: [`run`] (one run), `postings` (its lists), `want` (what is looked for), this file
//! (lookups over all pieces), `lists` (names, marks), `write` (a run is made), [`indexer`] (when),
//! [`open`] (which runs are believed), [`replay`] (what is read from the log again).
//!
//! Memory and runs stand under one lock, so that a look sees every position once: in memory or in
//! a run. Nothing is awaited under it. A run that turns out to be damaged is rebuilt and the
//! lookup repeated: no answer depends on an index file.

mod cache;
pub(crate) mod indexer;
mod lists;
pub(crate) mod open;
mod postings;
pub(crate) mod replay;
pub(crate) mod run;
mod want;
mod write;

pub(crate) use lists::StreamEnd;
pub(crate) use postings::Part;
pub(crate) use want::Want;

use self::{
    indexer::Request,
    run::{Damaged, Pages, Run},
    want::{Alternative, Join},
};
use crate::{
    error::ReadError,
    ids::{Position, Revision},
    query::Query,
    read::Direction,
    store::{
        fault::RunFault,
        filter::TermHasher,
        memory::Memory,
        posting::Posting,
        run_name::RunName,
        state::State,
        term::{TermKind, term_of},
    },
};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{mpsc, oneshot};

/// How often a lookup is repeated after a run was rebuilt, beyond once for every run there is.
const REPAIRS_MAX: usize = 8;
/// How many postings are looked at together while a query is matched in a run.
const MATCH_BATCH: usize = 128;

/// What a lookup finds. Where a run turns out to be damaged, has it rebuilt and looks again; leaves
/// the function if that fails.
///
/// A macro, because the future of a closure that borrows is not known to be `Send`.
macro_rules! mended {
    ($index:expr, $look_up:expr) => {{
        let mut repairs = 0;
        loop {
            match $look_up {
                Ok(found) => break found,
                Err(damaged) => $index.repair(damaged, &mut repairs).await?,
            }
        }
    }};
}
pub(crate) use mended;

/// Memory, and the runs that cover what lies before it.
pub(crate) struct Tables {
    pub(crate) state: State,
    /// By position, without gaps.
    pub(crate) runs: Arc<Vec<Arc<Run>>>,
}

impl Tables {
    /// Puts `new` runs in the place of the `old` ones, which are adjacent and cover the same.
    fn replace_runs(&mut self, old: &[RunName], new: Vec<Arc<Run>>) {
        let at = self.runs.iter().position(|run| Some(&run.name()) == old.first());
        let at = at.expect("only the merger takes runs away, and it named these");
        Arc::make_mut(&mut self.runs).splice(at..at + old.len(), new);
    }
}

/// The index.
pub(crate) struct Index {
    tables: RwLock<Tables>,
    pages: Pages,
    hasher: TermHasher,
    /// Asks for the rebuilding of a run; `None` where the store is only read.
    repairs: Option<mpsc::Sender<Request>>,
}

impl Index {
    pub(crate) fn new(
        tables: Tables,
        pages: Pages,
        hasher: TermHasher,
        repairs: Option<mpsc::Sender<Request>>,
    ) -> Self {
        Self { tables: RwLock::new(tables), pages, hasher, repairs }
    }

    pub(crate) fn tables(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().expect("no panic under the lock of the index")
    }

    pub(crate) fn tables_mut(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().expect("no panic under the lock of the index")
    }

    /// Bytes of the pages that are held in memory.
    pub(crate) fn cache_bytes(&self) -> usize {
        self.pages.cache.bytes()
    }

    /// The runs, and the position from which on memory has everything.
    pub(crate) fn snapshot(&self) -> (Arc<Vec<Arc<Run>>>, Position) {
        let tables = self.tables();
        (Arc::clone(&tables.runs), tables.state.from())
    }

    /// Waits until a damaged run was rebuilt: see [`mended`].
    pub(crate) async fn repair(
        &self,
        damaged: Damaged,
        repairs: &mut usize,
    ) -> Result<(), ReadError> {
        *repairs += 1;
        let lost = || ReadError::IndexDamaged { file: damaged.run.file_name() };
        let repairs_max = REPAIRS_MAX + self.tables().runs.len();
        let Some(requests) = self.repairs.as_ref().filter(|_| *repairs <= repairs_max) else {
            return Err(lost());
        };
        tracing::warn!(run = %damaged.run.file_name(), why = %damaged.why, "a run is rebuilt");
        let (answer, answered) = oneshot::channel();
        let request = Request::Rebuild(damaged.number, answer);
        // Behind a closed store somebody else may merge the runs that are read here.
        requests.send(request).await.map_err(|_| ReadError::Closed)?;
        answered.await.map_err(|_| ReadError::Closed)?
    }

    /// The last revision of a stream in the runs, and the position up to which they were asked.
    pub(crate) async fn head_below(
        &self,
        stream: &str,
        runs: &[Arc<Run>],
    ) -> Result<Option<Revision>, Damaged> {
        let term = term_of(TermKind::Stream, stream.as_bytes());
        let hash = self.hasher.hash(&term);
        for run in runs.iter().rev() {
            if let Some(found) = run.find(&self.pages, &term, hash).await? {
                let list = run.list(found.bytes())?;
                return Ok(list.end_ordinal().checked_sub(1).map(Revision::new));
            }
        }
        Ok(None)
    }

    /// The newest value of a term in the runs, decoded.
    pub(crate) async fn value_below<T>(
        &self,
        kind: TermKind,
        name: &str,
        runs: &[Arc<Run>],
        decode: fn(&[u8]) -> Result<T, RunFault>,
    ) -> Result<Option<T>, Damaged> {
        let term = term_of(kind, name.as_bytes());
        let hash = self.hasher.hash(&term);
        for run in runs.iter().rev() {
            if let Some(found) = run.find(&self.pages, &term, hash).await? {
                return decode(found.bytes()).map(Some).map_err(|fault| run.damaged(fault));
            }
        }
        Ok(None)
    }

    /// The newest event in the runs that matches, at or behind `from`; events of system streams
    /// are left out.
    pub(crate) async fn newest_match_below(
        &self,
        query: &Query,
        from: Position,
        runs: &[Arc<Run>],
    ) -> Result<Option<Position>, Damaged> {
        let want = Want::query(query, false);
        for run in runs.iter().rev().take_while(|run| run.name().end > from) {
            let mut newest: Option<Position> = None;
            for alternative in &want.alternatives {
                // What lies below a match that was found cannot be the newest.
                let from = newest.map_or(from, Position::next);
                let found = self.newest_in_run(run, alternative, from).await?;
                newest = newest.max(found);
            }
            if newest.is_some() {
                return Ok(newest);
            }
        }
        Ok(None)
    }

    /// The newest event of a run, at or behind `from`, that stands in all lists that it has to.
    async fn newest_in_run(
        &self,
        run: &Run,
        wanted: &Alternative,
        from: Position,
    ) -> Result<Option<Position>, Damaged> {
        let Some(lists) = self.lists(run, wanted).await? else { return Ok(None) };
        let mut until = run.name().end;
        while from < until {
            let part = Part { from, until, max: MATCH_BATCH, direction: Direction::Backward };
            let (batch, next) = self.drive(run, &lists, part).await?;
            for posting in batch {
                if self.holds(run, &lists, posting.position).await? {
                    return Ok(Some(posting.position));
                }
            }
            match next {
                Some(next) => until = next,
                None => break,
            }
        }
        Ok(None)
    }

    /// The postings that stand behind `want` in some piece of the log, a run or a table, in the
    /// part's direction; and where to go on.
    pub(crate) async fn postings(
        &self,
        want: &Want,
        part: Part,
    ) -> Result<(Vec<Posting>, Position), ReadError> {
        Ok(mended!(self, self.try_postings(want, part).await))
    }

    async fn try_postings(
        &self,
        want: &Want,
        part: Part,
    ) -> Result<(Vec<Posting>, Position), Damaged> {
        let run = {
            let tables = self.tables();
            match part.direction {
                Direction::Forward if part.from >= tables.state.from() => None,
                Direction::Backward if part.until > tables.state.from() => None,
                // What lies before the first run was retired.
                Direction::Forward => {
                    let behind = tables.runs.partition_point(|run| run.name().end <= part.from);
                    tables.runs.get(behind).cloned()
                }
                Direction::Backward => {
                    run_holding(&tables.runs, Position::new(part.until.get().saturating_sub(1)))
                }
            }
            .map_or_else(|| Err(in_memory(&tables.state, want, part)), Ok)
        };
        let run = match run {
            Err(found) => return Ok(found),
            Ok(run) => run,
        };
        let (first, end) = (run.name().first, run.name().end);
        let part = Part { from: part.from.max(first), until: part.until.min(end), ..part };
        let mut join = Join::new(part);
        for wanted in &want.alternatives {
            if let Some(lists) = self.lists(&run, wanted).await? {
                for list in &lists.driving {
                    join.add(&run.postings(&self.pages, &run.list(list.bytes())?, part).await?);
                }
            }
        }
        let (found, next) = join.finish();
        let edge = match part.direction {
            Direction::Forward => end,
            Direction::Backward => first,
        };
        Ok((found, next.unwrap_or(edge)))
    }
}

/// The run that covers `position`.
fn run_holding(runs: &[Arc<Run>], position: Position) -> Option<Arc<Run>> {
    let at = runs.partition_point(|run| run.name().end <= position);
    runs.get(at).filter(|run| run.name().covers(position)).cloned()
}

/// As [`Index::try_postings`], in the table where the part begins.
fn in_memory(state: &State, want: &Want, part: Part) -> (Vec<Posting>, Position) {
    let mut tables = state.tables();
    let table = match part.direction {
        Direction::Forward => tables.find(|table| table.next() > part.from),
        Direction::Backward => tables.rev().find(|table| table.first() < part.until),
    };
    let Some(table) = table else {
        // Nothing is there yet.
        return (
            Vec::new(),
            if part.direction == Direction::Forward { part.until } else { part.from },
        );
    };
    let part =
        Part { from: part.from.max(table.first()), until: part.until.min(table.next()), ..part };
    let mut join = Join::new(part);
    for wanted in &want.alternatives {
        for list in driving_in_memory(table, wanted) {
            let mut found = Vec::new();
            part.of_slice(list, &mut found);
            join.add(&found);
        }
    }
    let (found, next) = join.finish();
    let edge = match part.direction {
        Direction::Forward => table.next(),
        Direction::Backward => table.first(),
    };
    (found, next.unwrap_or(edge))
}

fn driving_in_memory<'a>(table: &'a Memory, wanted: &Alternative) -> Vec<&'a [Posting]> {
    let find = |term: &Vec<u8>| table.postings(term).map(|(_, list)| list);
    let all: Option<Vec<&[Posting]>> = wanted.all.iter().map(find).collect();
    match all.map(|lists| lists.into_iter().min_by_key(|list| list.len())) {
        None => Vec::new(),
        Some(Some(rarest)) => vec![rarest],
        Some(None) => wanted.any.iter().filter_map(find).collect(),
    }
}
