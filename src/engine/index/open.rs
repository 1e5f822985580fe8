//! Opens the index: which runs are believed, and what is read from the log again.
//!
//! There is no list of runs: the directory's names are covered by the longest runs whose ends meet,
//! and each end is looked up in the log itself. A run belongs to this log or to none, because
//! its ends carry the chain of the groups that they lie between. What no run covers is read from
//! the log; runs that do not fit are removed.

use super::{
    Index, Tables,
    cache::PageCache,
    indexer::Request,
    replay::{Replay, Replayed, Writes, log_start},
    run::{Pages, Run},
};
use crate::{
    engine::{
        files::{Door, FileKey},
        procedures::remove_files,
        scan::{Step, Walk, Window},
        unreadable::Unreadable,
    },
    error::OpenError,
    ids::{Epoch, Position, StoreId},
    limits::BLOCK_LEN,
    log::{
        Anchor, Place,
        group::{Commits, GroupHeader},
        segment::SegmentTable,
    },
    runtime::Disk,
    store::{
        body::BodyView,
        filter::TermHasher,
        mark::Mark,
        run::RunHeader,
        run_name::RunName,
        state::State,
        term::{TermKind, term_of},
    },
    time::WallTime,
};
use bytes::BytesMut;
use std::{collections::VecDeque, io, sync::Arc};
use tokio::sync::mpsc;

/// The log that an index belongs to.
pub(crate) struct LogEnds<'a> {
    pub(crate) store: StoreId,
    pub(crate) table: &'a SegmentTable,
    /// Where the log ends.
    pub(crate) tail: Anchor,
}

/// How the index is opened.
pub(crate) struct IndexOptions {
    pub(crate) key_horizon_events: u64,
    pub(crate) cache_bytes: usize,
    pub(crate) writes: Writes,
}

/// An opened index.
pub(crate) struct OpenedIndex {
    pub(crate) index: Index,
    /// Where memory begins.
    pub(crate) begun: Anchor,
    /// Where its frozen tables end, in order.
    pub(crate) cuts: VecDeque<Anchor>,
    /// How many runs had to be made from the log.
    pub(crate) runs_rebuilt: usize,
    /// The commits that cannot be read, in order: none, if runs may be written.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// Opens the index of a log.
pub(crate) async fn open<D: Disk>(
    disk: &D,
    door: Door,
    log: LogEnds<'_>,
    options: IndexOptions,
    repairs: Option<mpsc::Sender<Request>>,
) -> Result<OpenedIndex, OpenError> {
    let pages = Pages { door, cache: PageCache::new(options.cache_bytes) };
    let mut opening = Opening { disk, pages, log, options, runs: Vec::new(), rebuilt: 0 };
    let names = opening.names().await?;
    opening.cover(&names).await?;
    let (state, begun, cuts, unreadable) = opening.read_tail().await?;
    if opening.options.writes == Writes::Runs {
        opening.remove_others(&names).await?;
    }
    let Opening { pages, log, runs, rebuilt, .. } = opening;
    let tables = Tables { state, runs: Arc::new(runs) };
    let index = Index::new(tables, pages, TermHasher::new(log.store), repairs);
    Ok(OpenedIndex { index, begun, cuts, runs_rebuilt: rebuilt, unreadable })
}

/// What no run covers: memory, where it begins, where its frozen tables end, what was passed over.
type Tail = (State, Anchor, VecDeque<Anchor>, Vec<Unreadable>);

struct Opening<'a, D: Disk> {
    disk: &'a D,
    pages: Pages,
    log: LogEnds<'a>,
    options: IndexOptions,
    runs: Vec<Arc<Run>>,
    rebuilt: usize,
}

impl<D: Disk> Opening<'_, D> {
    /// The names of runs in the directory: by their first position, the longest first.
    async fn names(&self) -> io::Result<Vec<RunName>> {
        let names = self.disk.list().await?;
        let mut names: Vec<RunName> =
            names.iter().filter_map(|name| RunName::parse(name)).collect();
        names.sort_unstable_by(|a, b| a.first.cmp(&b.first).then(b.end.cmp(&a.end)));
        Ok(names)
    }

    /// Where the log begins.
    fn start(&self) -> Anchor {
        log_start(self.log.table).unwrap_or(self.log.tail)
    }

    /// Where the runs that were taken end.
    fn end(&self) -> Anchor {
        self.runs.last().map_or_else(|| self.start(), |run| run.header().end)
    }

    /// Takes runs from the start of the log on; where one lacks between others, it is made anew.
    async fn cover(&mut self, names: &[RunName]) -> Result<(), OpenError> {
        let usable = |name: &&RunName| name.end <= self.log.tail.position;
        let names: Vec<RunName> = names.iter().filter(usable).copied().collect();
        let mut rest = names.as_slice();
        while let Some((name, behind)) = rest.split_first() {
            rest = behind;
            if name.first < self.end().position {
                continue;
            }
            let opened = Run::open(&self.pages, self.log.store, *name).await;
            let run = match opened {
                Ok(run) => run,
                Err(damaged) => {
                    tracing::warn!(run = %name.file_name(), why = %damaged.why, "a run is ignored");
                    continue;
                }
            };
            // Its end is looked up in the log, so that what is read from there on is found where
            // the run says: a run of another history, or one that outlived a lost end of the log,
            // is given up.
            let RunHeader { first, end, .. } = run.header();
            if !self.is_in_log(end).await {
                tracing::warn!(run = %name.file_name(), "a run of another history is ignored");
            } else if joins(&self.end(), first) || self.fill_gap(first).await {
                self.runs.push(Arc::new(run));
            }
        }
        Ok(())
    }

    /// Makes the runs between the last one and `to`. Whether that worked: what lies behind a gap
    /// that cannot be filled is not believed.
    async fn fill_gap(&mut self, to: &Anchor) -> bool {
        let from = self.end();
        if to.position <= from.position || self.options.writes == Writes::Nothing {
            return false;
        }
        let state = self.empty_state(from.position, WallTime::default());
        let (disk, table) = (self.disk, self.log.table);
        let mut replay = Replay::new(disk, self.log.store, table, from, state, Writes::Runs);
        let made = match replay.read_to(to).await {
            Ok(()) => replay.into_runs().await,
            Err(unread) => Err(unread),
        };
        match made {
            Ok(made) => {
                self.rebuilt += made.len();
                for header in made {
                    if self.take(header.name()).await.is_err() {
                        return false;
                    }
                }
                true
            }
            Err(unread) => {
                tracing::warn!(?unread, "runs behind a gap are ignored");
                false
            }
        }
    }

    async fn take(&mut self, name: RunName) -> Result<(), OpenError> {
        let run = Run::open(&self.pages, self.log.store, name).await;
        self.runs.push(Arc::new(run.map_err(io::Error::other)?));
        Ok(())
    }

    /// Whether the log has the group in front of `anchor`.
    async fn is_in_log(&self, anchor: &Anchor) -> bool {
        let Some(last) = anchor.last else { return false };
        let key = FileKey::Segment(last.segment);
        let mut read = self.pages.door.read(key, last.offset, BLOCK_LEN).await;
        if !read.as_ref().is_ok_and(|block| GroupHeader::decode(block, self.log.store).is_ok()) {
            // A read can be misdirected: what does not hold is looked at twice.
            let again = self.pages.door.read_on(key, last.offset, BytesMut::new(), BLOCK_LEN).await;
            read = again.map(BytesMut::freeze);
        }
        let header = read.ok().and_then(|block| GroupHeader::decode(&block, self.log.store).ok());
        header.is_some_and(|header| header.place == last && Anchor::behind(&header) == *anchor)
    }

    fn empty_state(&self, from: Position, recorded_at: WallTime) -> State {
        let (low, _) = self.log.store.as_bytes().split_at(8);
        let seed = u64::from_le_bytes(low.try_into().expect("an identity has 16 bytes"));
        State::new(seed, from, recorded_at, self.options.key_horizon_events)
    }

    /// Reads what no run covers.
    async fn read_tail(&mut self) -> Result<Tail, OpenError> {
        let from = self.end();
        let recorded_at = self.last_recorded().await?;
        let state = self.empty_state(from.position, recorded_at);
        let writes = self.options.writes;
        let mut replay =
            Replay::new(self.disk, self.log.store, self.log.table, from, state, writes);
        replay.read_to(&self.log.tail).await?;
        let Replayed { made, state, begun, cuts, unreadable } = replay.finish();
        self.rebuilt += made.len();
        for header in made {
            self.take(header.name()).await?;
        }
        Ok((state, begun, cuts, unreadable))
    }

    /// When the last commit in the runs was recorded.
    async fn last_recorded(&mut self) -> Result<WallTime, OpenError> {
        let Some(run) = self.runs.last() else { return Ok(WallTime::default()) };
        let last = Position::new(run.name().end.get() - 1);
        let term = term_of(TermKind::PlaceMark, &Mark::place_name(last));
        let found = run.floor(&self.pages, &term).await;
        let mark = found.ok().flatten().and_then(|entry| {
            Mark::decode(entry.term().get(1..).unwrap_or_default(), entry.payload())
        });
        let Some(mark) = mark else {
            // The run is damaged. It is made anew when it is used; time starts with the tail.
            return Ok(WallTime::default());
        };
        let at = anchor_at(&self.pages.door, self.log.store, mark.place).await;
        let Some(at) = at else { return Ok(mark.recorded_at) };
        let mut walk = Walk::new(self.log.store, at, Epoch::new(0));
        let mut window = Window::new(self.pages.door.clone());
        let mut recorded_at = mark.recorded_at;
        while walk.at.sequence < self.end().sequence {
            let Step::Group(group) = walk.step(&mut window, self.log.table).await else { break };
            for commit in Commits::new(&group.header, &group.payload).flatten() {
                let body = group.payload.slice_ref(commit.body);
                if let Ok(body) = BodyView::decode(body, commit.first, commit.positions) {
                    recorded_at = recorded_at.max(body.recorded_at());
                }
            }
        }
        Ok(recorded_at)
    }

    /// Removes the runs that are not used: replaced, torn, or of another history.
    async fn remove_others(&self, names: &[RunName]) -> io::Result<()> {
        let used = |name: &&RunName| self.runs.iter().all(|run| run.name() != **name);
        let others: Vec<RunName> = names.iter().filter(used).copied().collect();
        let names: Vec<String> = others.iter().map(|name| name.file_name()).collect();
        remove_files(self.disk, &names).await
    }
}

/// Whether both are the same point between two groups of one history. Where the next group is
/// written may differ, at the boundary of a segment.
fn joins(one: &Anchor, other: &Anchor) -> bool {
    (one.sequence, one.position, one.chain) == (other.sequence, other.position, other.chain)
}

/// The point in front of the group at `place`, if one stands there.
pub(crate) async fn anchor_at(door: &Door, store: StoreId, place: Place) -> Option<Anchor> {
    let block = door.read(FileKey::Segment(place.segment), place.offset, BLOCK_LEN).await.ok()?;
    let header = GroupHeader::decode(&block, store).ok().filter(|header| header.place == place)?;
    Some(Anchor {
        next: place,
        sequence: header.sequence,
        position: header.first,
        chain: header.chain,
        last: None,
    })
}
