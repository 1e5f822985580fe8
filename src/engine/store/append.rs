//! The way of an append: draft, decision, pipeline, acknowledgement.
//!
//! The decision is made under the lock of the index, in the same breath in which the commit gets
//! its place and memory learns of it, so that the next one sees it. What has to be looked up is
//! looked up before, without a lock, and the decision made again. Every answer waits until all it
//! depends on is durable, also a refusal: it must not speak of what a crash could take back.

use super::{commits::CommitAt, reader::Reader};
use crate::{
    append::{Append, Committed},
    engine::{
        log::Log,
        pending::Pending,
        shared::{Shared, Writes, is_full},
    },
    error::{AppendError, CommitError, ReadError},
    event::EventId,
    ids::{Position, Revision},
    limits::CHECKPOINT_LOG_BYTES,
    log::{group::FrameDraft, pipeline::Ticket},
    names::{CommandKey, StreamId},
    store::{
        answer::{Original, Revisions, stream_of},
        body::{BodyView, Stamp},
        decide::{Decision, Facts, Lookup, Refusal, decide},
        draft::Draft,
        memory::{GroupStart, Memory},
        state::State,
    },
    time::WallTime,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};
use xxhash_rust::xxh3::xxh3_128;

/// How much log memory may hold while runs wait to be written, in bytes. Beyond it appends wait.
const UNINDEXED_BYTES_MAX: u64 = 128 << 20;
/// How many frozen tables may wait to be written.
const FROZEN_MAX: usize = 64;

/// The clock that an append is stamped with.
pub(crate) trait Stamping: Send + Sync {
    fn wall(&self) -> WallTime;
}

/// Draws ids that no other opening draws: hashes of a random seed and a count. Asking the system
/// for randomness for each event would cost more than the rest of its way to the log.
pub(crate) struct Ids {
    seed: [u64; 2],
    drawn: AtomicU64,
}

impl Ids {
    pub(super) fn new(seed: [u64; 2]) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }

    fn draw(&self, now: WallTime) -> EventId {
        let [high, low] = self.seed;
        let numbers = [high, low, self.drawn.fetch_add(1, Ordering::Relaxed)];
        let bytes = numbers.map(u64::to_le_bytes);
        let hash = xxh3_128(bytes.as_flattened()).to_le_bytes();
        let (front, back) = hash.split_at(8);
        let half = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        EventId::draw(now, [half(front), half(back)])
    }
}

/// What appends go through.
pub(crate) struct Appender {
    pub(super) log: Log,
    pub(super) shared: Arc<Shared>,
    pub(super) reader: Arc<Reader>,
    pub(super) clock: Box<dyn Stamping>,
    pub(super) ids: Ids,
}

/// An append on its way.
pub(super) struct Going {
    draft: Draft,
    seal: FrameDraft,
    now: WallTime,
    facts: Facts,
}

/// What one attempt has come to.
enum Attempt {
    /// It was put into a group.
    Entered(Pending, Committed),
    /// It is answered without being stored, once what that depends on is durable.
    Answered(Pending, Answer),
    /// This has to be looked up first.
    Need(Vec<Lookup>),
}

/// What is answered to an append that stores nothing.
enum Answer {
    Check { at: Position },
    Replay(Original),
    Refuse(Refusal),
}

impl Appender {
    /// Checks and encodes an append.
    pub(super) fn draft(&self, append: Append) -> Result<Going, AppendError> {
        let now = self.clock.wall();
        let draft = Draft::new(append, || self.ids.draw(now))?;
        let stamp_bytes = Stamp::bytes(draft.streams.len());
        let too_large = |error| AppendError::of_commit(error, None);
        self.shared.check_bytes(draft.body.len() + stamp_bytes).map_err(too_large)?;
        let seal = FrameDraft::new(&draft.body, stamp_bytes, draft.positions());
        Ok(Going { draft, seal, now, facts: Facts::default() })
    }

    /// Appends, waiting for room and for what has to be looked up.
    pub(super) async fn append(&self, mut going: Going) -> Result<Committed, AppendError> {
        loop {
            let attempt = self
                .shared
                .in_line(|waker| self.attempt(&going, waker, Writes::Task))
                .await
                .map_err(|error| AppendError::of_commit(error, going.key()))?;
            match attempt {
                Attempt::Need(lookups) => going.facts = self.look_up(&going, lookups).await?,
                Attempt::Entered(pending, committed) => {
                    let outcome = pending.await;
                    return entered(outcome, committed, going.key());
                }
                Attempt::Answered(pending, answer) => {
                    let outcome = pending.await;
                    return self.answer(outcome, answer, &going).await;
                }
            }
        }
    }

    /// As [`Appender::append`], but refuses instead of waiting for room. Takes the append in at
    /// once if nothing has to be looked up.
    pub(super) fn try_append(
        self: Arc<Self>,
        mut going: Going,
    ) -> Result<impl Future<Output = Result<Committed, AppendError>> + Send + use<>, AppendError>
    {
        let mut first = Some(self.attempt_now(&going, Waker::noop(), Writes::Task)?);
        Ok(async move {
            loop {
                let attempt = match first.take() {
                    Some(attempt) => attempt,
                    None => self.attempt_now(&going, Waker::noop(), Writes::Task)?,
                };
                match attempt {
                    Attempt::Need(lookups) => going.facts = self.look_up(&going, lookups).await?,
                    Attempt::Entered(mut pending, committed) => {
                        pending.await_later();
                        return entered(pending.await, committed, going.key());
                    }
                    Attempt::Answered(mut pending, answer) => {
                        pending.await_later();
                        let outcome = pending.await;
                        return self.answer(outcome, answer, &going).await;
                    }
                }
            }
        })
    }

    /// Appends from a thread that may block; `waker` unparks it.
    pub(super) fn append_blocking(
        &self,
        mut going: Going,
        waker: &Waker,
    ) -> Result<Committed, AppendError> {
        use crate::engine::blocking::block_on;
        loop {
            let attempt = match self.attempt_now(&going, waker, Writes::Caller) {
                Err(AppendError::Overloaded) => {
                    let waiting =
                        self.shared.in_line(|waker| self.attempt(&going, waker, Writes::Task));
                    block_on(waiting, waker)
                        .map_err(|error| AppendError::of_commit(error, going.key()))
                }
                attempt => attempt,
            };
            match attempt? {
                Attempt::Need(lookups) => {
                    going.facts = block_on(self.look_up(&going, lookups), waker)?;
                }
                Attempt::Entered(pending, committed) => {
                    let outcome = self.log.wait_blocking(&pending, waker);
                    return entered(outcome, committed, going.key());
                }
                Attempt::Answered(pending, answer) => {
                    let outcome = self.log.wait_blocking(&pending, waker);
                    return block_on(self.answer(outcome, answer, &going), waker);
                }
            }
        }
    }

    fn attempt_now(
        &self,
        going: &Going,
        waker: &Waker,
        writes: Writes,
    ) -> Result<Attempt, AppendError> {
        if self.shared.has_line() {
            return Err(AppendError::Overloaded);
        }
        let attempt = self.attempt(going, waker, writes);
        attempt.map_err(|error| AppendError::of_commit(error, going.key()))
    }

    async fn look_up(&self, going: &Going, lookups: Vec<Lookup>) -> Result<Facts, AppendError> {
        let read = self.reader.facts(&going.draft, lookups).await;
        self.shared.note_read(read.as_ref().err());
        let mut facts = read.map_err(AppendError::Read)?;
        // Events never change, so what was known of them stays known.
        let stored =
            going.facts.known.iter().filter(|(asked, _)| matches!(asked, Lookup::Stored { .. }));
        for (asked, fact) in stored {
            facts.known.entry(asked.clone()).or_insert_with(|| fact.clone());
        }
        if facts.through == going.facts.through {
            facts.known.extend(going.facts.known.clone());
        }
        Ok(facts)
    }

    /// Decides, and puts what is to be committed into the open group. Nothing is awaited here, and
    /// nothing has happened if it fails.
    fn attempt(
        &self,
        going: &Going,
        waker: &Waker,
        writes: Writes,
    ) -> Result<Attempt, CommitError> {
        if let Some(ended) = self.shared.ended() {
            return Err(ended);
        }
        let Going { draft, seal, now, facts } = going;
        let mut tables = self.reader.index.tables_mut();
        let answer = match decide(&tables.state, facts, draft, *now) {
            Decision::Need(lookups) => return Ok(Attempt::Need(lookups)),
            Decision::Commit(stamp) => {
                self.refuse_if_unindexed(&tables.state)?;
                let mut bytes = Vec::with_capacity(Stamp::bytes(draft.streams.len()));
                stamp.encode(&mut bytes);
                let frame = seal.stamped(&draft.body, &bytes);
                let frame_bytes = u32::try_from(frame.bytes()).unwrap_or(0);
                let state = &mut tables.state;
                let cuts = |ticket: &Ticket| is_cut(state, ticket);
                let (ticket, pending) = self.shared.try_enter(frame, waker, writes, cuts)?;
                take_in(&mut tables.state, draft, &stamp, &ticket, frame_bytes);
                return Ok(Attempt::Entered(pending, committed(draft, &stamp, &ticket)));
            }
            Decision::Check { at } => Answer::Check { at },
            Decision::Replay(original) => Answer::Replay(original),
            Decision::Refuse(refusal) => Answer::Refuse(refusal),
        };
        Ok(Attempt::Answered(self.shared.behind_last(waker), answer))
    }

    /// Memory is bounded: when runs cannot be written as fast as the log, appends wait.
    fn refuse_if_unindexed(&self, state: &State) -> Result<(), CommitError> {
        let waiting = state.frozen().len();
        if waiting == 0 {
            return Ok(());
        }
        let held: u64 = state.tables().map(Memory::log_bytes).sum();
        if held < UNINDEXED_BYTES_MAX && waiting < FROZEN_MAX {
            return Ok(());
        }
        match self.shared.core().unindexed.clone() {
            None => Err(CommitError::Overloaded),
            Some(source) if is_full(&source) => Err(CommitError::StorageFull),
            Some(source) => Err(CommitError::Unprepared(source)),
        }
    }

    /// Gives the answer to an append that stores nothing, once the log is durable up to there.
    async fn answer(
        &self,
        outcome: Result<(), CommitError>,
        answer: Answer,
        going: &Going,
    ) -> Result<Committed, AppendError> {
        if outcome.is_err() {
            // Nothing of this append is in doubt, but what it was answered with is.
            return Err(match answer {
                Answer::Replay(_) => AppendError::Unknown { key: going.key().cloned() },
                Answer::Check { .. } | Answer::Refuse(_) => {
                    let ended = self.shared.ended().unwrap_or(CommitError::Poisoned);
                    AppendError::of_commit(ended, going.key())
                }
            });
        }
        match answer {
            Answer::Check { at } => {
                Ok(Committed { first: at, positions: 0, revisions: Vec::new(), replayed: false })
            }
            Answer::Replay(original) => {
                self.reader.original(&original).await.map_err(AppendError::Read)
            }
            Answer::Refuse(refusal) => Err(refusal.error(&going.draft.append.guards)),
        }
    }
}

impl Going {
    fn key(&self) -> Option<&CommandKey> {
        self.draft.append.key.as_ref()
    }
}

fn entered(
    outcome: Result<(), CommitError>,
    committed: Committed,
    key: Option<&CommandKey>,
) -> Result<Committed, AppendError> {
    match outcome {
        Ok(()) => Ok(committed),
        Err(error) => Err(AppendError::of_commit(error, key)),
    }
}

/// Whether memory has to be cut in front of the group that a commit was put into.
fn is_cut(state: &State, ticket: &Ticket) -> bool {
    let active = state.active();
    let begins = active.last_sequence().is_some_and(|last| last != ticket.sequence);
    let elsewhere = active.segment().is_some_and(|segment| segment != ticket.group.segment);
    // While runs are being written, memory goes on growing: the next run takes more at once.
    let due = active.log_bytes() >= CHECKPOINT_LOG_BYTES && state.frozen().len() == 0;
    begins && !active.is_empty() && (elsewhere || due)
}

/// Lets memory know of a commit that was given its place.
fn take_in(state: &mut State, draft: &Draft, stamp: &Stamp, ticket: &Ticket, bytes: u32) {
    if is_cut(state, ticket) {
        state.cut();
    }
    if state.active().last_sequence() != Some(ticket.sequence) {
        state.group_started(GroupStart {
            place: ticket.group,
            sequence: ticket.sequence,
            first: ticket.first,
            recorded_at: stamp.recorded_at,
        });
    }
    state.apply(draft, stamp, ticket.first, ticket.frame, bytes);
}

/// The answer to an append that got its place.
fn committed(draft: &Draft, stamp: &Stamp, ticket: &Ticket) -> Committed {
    let mut lasts: Vec<Revision> = stamp.revisions.clone();
    for (stream, _) in &draft.events {
        if let Some(next) = lasts.get_mut(usize::from(*stream)) {
            *next = next.next();
        }
    }
    let last = |next: Revision| Revision::new(next.get() - 1);
    let revisions: Vec<(StreamId, Revision)> =
        draft.streams.iter().cloned().zip(lasts.into_iter().map(last)).collect();
    Committed { first: ticket.first, positions: draft.positions(), revisions, replayed: false }
}

impl Reader {
    /// The answer to a repeated append, with its revisions read from the log if need be.
    pub(super) async fn original(&self, original: &Original) -> Result<Committed, ReadError> {
        let place = match &original.revisions {
            Revisions::Known(revisions) => return Ok(original.committed_with(revisions.clone())),
            Revisions::InLog(place) => *place,
        };
        let commit = CommitAt { first: original.first, place, bytes: 0 };
        let (body, positions) = self.commit(&commit).await?;
        let undecodable = |reason| ReadError::Undecodable { position: original.first, reason };
        let mut view = BodyView::decode(body, original.first, positions)
            .map_err(|fault| undecodable(fault.0))?;
        while view.next().map_err(|fault| undecodable(fault.0))?.is_some() {}
        let mut revisions = Vec::new();
        for (name, next) in view.streams() {
            let stream = stream_of(name.as_bytes());
            let stream = stream.ok_or(undecodable("a stream's name is not valid"))?;
            revisions.push((stream, Revision::new(next.get().saturating_sub(1))));
        }
        Ok(original.committed_with(revisions))
    }
}
