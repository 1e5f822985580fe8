//! Reads the commits that postings name, and takes the named events out of them.
//!
//! Commits that lie close together are read in one call. A commit read alone is believed because
//! its checksum is bound to its position; one that does not hold is read a second time, since a
//! read can be misdirected, and is damage then.

use super::reader::Reader;
use crate::{
    engine::files::FileKey,
    error::{CorruptionReport, ReadError},
    event::RecordedEvent,
    ids::Position,
    limits::{BLOCK_BYTES, FRAME_BYTES, GROUP_BYTES_MAX},
    log::{
        Place,
        fields::{Fields, u64_from, usize_from},
        group::CommitView,
        recovery::BlockClass,
    },
    store::{
        body::{BodyView, EventView},
        posting::Posting,
    },
};
use bytes::{Bytes, BytesMut};
use std::{collections::VecDeque, sync::Arc};

/// How much is read for a commit whose length is not known, in bytes.
const GUESS_BYTES: usize = 4 << 10;
/// Commits with less than this between them are read together, in bytes.
const GAP_BYTES: u64 = 4 << 10;
/// How much is read together, in bytes.
const SPAN_BYTES: u64 = 128 << 10;

/// A commit as it stands in the log.
pub(super) struct CommitAt {
    pub(super) first: Position,
    pub(super) place: Place,
    /// Bytes of the frame and its body, a hint.
    pub(super) bytes: u32,
}

impl CommitAt {
    fn of(posting: &Posting) -> Self {
        Self { first: posting.commit_first(), place: posting.place, bytes: posting.bytes }
    }

    fn len(&self) -> usize {
        if self.bytes == 0 { GUESS_BYTES } else { usize_from(self.bytes.into()) }
    }
}

impl Reader {
    /// Appends the events that `postings` name, which ascend, to `out`.
    pub(super) async fn fetch(
        &self,
        postings: &[Posting],
        out: &mut VecDeque<RecordedEvent>,
    ) -> Result<(), ReadError> {
        let mut rest = postings;
        while !rest.is_empty() {
            let (span, behind) = rest.split_at(span_of(rest));
            self.fetch_span(span, out).await?;
            rest = behind;
        }
        Ok(())
    }

    async fn fetch_span(
        &self,
        span: &[Posting],
        out: &mut VecDeque<RecordedEvent>,
    ) -> Result<(), ReadError> {
        let (Some(first), Some(last)) = (span.first(), span.last()) else { return Ok(()) };
        let start = first.place.offset;
        let bytes = last.place.offset - start + u64_from(CommitAt::of(last).len());
        let key = FileKey::Segment(first.place.segment);
        let read = self.door.read(key, start, usize_from(bytes)).await;
        // What cannot be read together may still be read one by one.
        let read = read.unwrap_or_default();
        let mut rest = span;
        while let Some(posting) = rest.first() {
            let same = rest.partition_point(|next| next.place == posting.place);
            let (of_commit, behind) = rest.split_at(same);
            rest = behind;
            let commit = CommitAt::of(posting);
            let skip = usize_from(posting.place.offset - start);
            let body = match body_of(read.get(skip..), &commit) {
                Some((body, positions)) => (read.slice_ref(body), positions),
                None => self.commit_again(&commit).await?,
            };
            take_events(&commit, body, of_commit, out)?;
        }
        Ok(())
    }

    /// The body of a commit, and how many positions it takes.
    pub(super) async fn commit(&self, commit: &CommitAt) -> Result<(Bytes, u32), ReadError> {
        let key = FileKey::Segment(commit.place.segment);
        let read = self.door.read(key, commit.place.offset, commit.len()).await;
        let read = read.unwrap_or_default();
        match body_of(Some(&read), commit) {
            Some((body, positions)) => Ok((read.slice_ref(body), positions)),
            None => self.commit_again(commit).await,
        }
    }

    /// The position behind the commit in which the event of `posting` stands.
    pub(super) async fn commit_end(&self, posting: &Posting) -> Result<Position, ReadError> {
        let commit = CommitAt::of(posting);
        let (_, positions) = self.commit(&commit).await?;
        Ok(commit.first.plus(positions.into()))
    }

    /// Reads a commit with a first look for its length, through the pool.
    async fn commit_again(&self, commit: &CommitAt) -> Result<(Bytes, u32), ReadError> {
        let key = FileKey::Segment(commit.place.segment);
        let (place, offset) = (commit.place, commit.place.offset);
        let failed = |error| ReadError::Io { place, source: Arc::new(error) };
        for _ in 0..2 {
            let head = usize_from(FRAME_BYTES);
            let read = self.door.read_on(key, offset, BytesMut::new(), head).await;
            let read = read.map_err(failed)?;
            let Some(body) = Fields::new(&read).u32().map(u64::from) else { continue };
            if body > GROUP_BYTES_MAX {
                continue;
            }
            let read = self.door.read_on(key, offset, read, usize_from(body)).await;
            let read = read.map_err(failed)?.freeze();
            if let Some((body, positions)) = body_of(Some(&read), commit) {
                return Ok((read.slice_ref(body), positions));
            }
        }
        Err(damaged(commit))
    }
}

/// How many postings, from the first on, are read together.
fn span_of(postings: &[Posting]) -> usize {
    let Some(first) = postings.first() else { return 0 };
    let mut end = first.place.offset + u64_from(CommitAt::of(first).len());
    let joined = postings.iter().take_while(|posting| {
        let near = posting.place.segment == first.place.segment
            && posting.place.offset >= first.place.offset
            && posting.place.offset <= end.saturating_add(GAP_BYTES);
        end = posting.place.offset + u64_from(CommitAt::of(posting).len());
        near && end - first.place.offset <= SPAN_BYTES || posting.place == first.place
    });
    joined.count().max(1)
}

fn body_of<'a>(bytes: Option<&'a [u8]>, commit: &CommitAt) -> Option<(&'a [u8], u32)> {
    let view = CommitView::at(bytes?, commit.first)?;
    Some((view.body, view.positions))
}

/// Takes the events that `postings` name out of a commit's body: all of them, or none if one does
/// not decode. What stands behind the last of them is not looked at: commits may be large, and of
/// most one event is wanted.
fn take_events(
    commit: &CommitAt,
    body: (Bytes, u32),
    postings: &[Posting],
    out: &mut VecDeque<RecordedEvent>,
) -> Result<(), ReadError> {
    let before = out.len();
    let taken = try_take_events(commit, body, postings, out);
    taken.inspect_err(|_| out.truncate(before))
}

fn try_take_events(
    commit: &CommitAt,
    (body, positions): (Bytes, u32),
    postings: &[Posting],
    out: &mut VecDeque<RecordedEvent>,
) -> Result<(), ReadError> {
    let undecodable = |reason| ReadError::Undecodable { position: commit.first, reason };
    let mut view =
        BodyView::decode(body, commit.first, positions).map_err(|fault| undecodable(fault.0))?;
    let mut wanted = postings.iter().map(|posting| posting.position).peekable();
    while wanted.peek().is_some() {
        let event: EventView = match view.next() {
            Ok(Some(event)) => event,
            Ok(None) => return Err(undecodable("it lacks an event that the index names")),
            Err(fault) => return Err(undecodable(fault.0)),
        };
        if wanted.next_if_eq(&event.position).is_some() {
            out.push_back(RecordedEvent::new(event));
        }
    }
    Ok(())
}

fn damaged(commit: &CommitAt) -> ReadError {
    ReadError::Corrupt(Box::new(CorruptionReport {
        place: commit.place,
        bytes: BLOCK_BYTES,
        first_missing: crate::ids::Sequence::default(),
        durable_through: crate::ids::Sequence::default(),
        position: commit.first,
        found: BlockClass::TornPayload,
        row: 'R',
        reason: "a durable commit does not read back as it was written",
    }))
}
