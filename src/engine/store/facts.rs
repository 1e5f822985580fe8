//! Looks up what a decision has to know of the log below memory.
//!
//! Runs in the caller's task, before the append enters the pipeline and without a lock. What is
//! found speaks of a prefix of the log; the decision knows which, and looks at the rest itself.

use super::{Events, reader::Reader};
use crate::{
    append::Guard,
    engine::index::{
        mended,
        run::{Damaged, Run},
    },
    error::ReadError,
    ids::{FencingToken, Position, Revision},
    log::fields::Fields,
    names::StreamId,
    read::Read,
    store::{
        answer::KeyAnswer,
        decide::{Fact, Facts, Lookup, StoredEvent},
        draft::Draft,
        fault::RunFault,
        term::TermKind,
    },
};
use std::{collections::BTreeMap, sync::Arc};

impl Reader {
    /// Answers `lookups` for `draft`.
    pub(super) async fn facts(
        self: &Arc<Self>,
        draft: &Draft,
        lookups: Vec<Lookup>,
    ) -> Result<Facts, ReadError> {
        let mut known = BTreeMap::new();
        let mut below = Vec::new();
        for lookup in lookups {
            match lookup {
                Lookup::Stored { ref stream, from, events } => {
                    let stored = self.stored(stream, from, events).await?;
                    known.insert(lookup, Fact::Stored(stored));
                }
                Lookup::Head(_)
                | Lookup::Key(_)
                | Lookup::Fence(_)
                | Lookup::NewestMatch { .. } => below.push(lookup),
            }
        }
        let (through, facts) = mended!(self.index, {
            // All of one prefix: a look at the runs as they are now.
            let (runs, through) = self.index.snapshot();
            self.facts_below(draft, &below, &runs).await.map(|facts| (through, facts))
        });
        known.extend(facts);
        Ok(Facts { through, known })
    }

    async fn facts_below(
        &self,
        draft: &Draft,
        lookups: &[Lookup],
        runs: &[Arc<Run>],
    ) -> Result<Vec<(Lookup, Fact)>, Damaged> {
        let mut facts = Vec::with_capacity(lookups.len());
        for lookup in lookups {
            let fact = match lookup {
                Lookup::Head(stream) => {
                    Fact::Head(self.index.head_below(stream.as_str(), runs).await?)
                }
                Lookup::Key(key) => {
                    let kind = TermKind::CommandKey;
                    Fact::Key(self.index.value_below(kind, key.as_str(), runs, answer).await?)
                }
                Lookup::Fence(fence) => {
                    let kind = TermKind::Fence;
                    Fact::Fence(self.index.value_below(kind, fence.as_str(), runs, token).await?)
                }
                Lookup::NewestMatch { guard, after } => {
                    let from = after.map_or(Position::default(), |after| {
                        Position::new(after.get().saturating_add(1))
                    });
                    let found = match draft.append.guards.get(*guard) {
                        Some(Guard::NoMatch { query, .. }) => {
                            self.index.newest_match_below(query, from, runs).await?
                        }
                        Some(Guard::Stream { .. }) | None => {
                            unreachable!("a decision asks for matches of its own queries")
                        }
                    };
                    Fact::Match(found)
                }
                Lookup::Stored { .. } => unreachable!("looked up in the log before"),
            };
            facts.push((lookup.clone(), fact));
        }
        Ok(facts)
    }

    /// Consecutive events of a stream, all of which exist and are durable.
    async fn stored(
        self: &Arc<Self>,
        stream: &StreamId,
        from: Revision,
        events: u32,
    ) -> Result<Vec<StoredEvent>, ReadError> {
        let read = Read::stream(stream.clone()).from_revision(from).limit(events.into());
        let found = Events::new(Arc::clone(self), read).collect().await?;
        Ok(found
            .iter()
            .map(|event| StoredEvent {
                id: event.id(),
                position: event.position(),
                commit_first: event.commit_first(),
                commit_positions: event.commit_positions(),
            })
            .collect())
    }
}

fn answer(value: &[u8]) -> Result<KeyAnswer, RunFault> {
    KeyAnswer::decode(value)
}

/// A fence's token, as the index keeps it.
pub(super) fn token(value: &[u8]) -> Result<FencingToken, RunFault> {
    let token = Fields::new(value).u64().ok_or(RunFault::new("a token that cannot be read"))?;
    Ok(FencingToken::new(token))
}

/// A consumer's checkpoint, as the index keeps it.
pub(super) fn checkpoint(value: &[u8]) -> Result<Position, RunFault> {
    let position = Fields::new(value).counter();
    position.map(Position::new).ok_or(RunFault::new("a checkpoint that cannot be read"))
}
