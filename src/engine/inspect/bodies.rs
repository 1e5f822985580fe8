//! What the bodies of a log are: appends of events, or the opaque commits of a bare log.
//!
//! The log does not say it, so its content has to. The invariant it guards: a body is judged as an
//! opening of the store judges it, and a bare log is never taken for a damaged store.

use super::{
    BadCommit, Damage, DamageKind, Judged,
    sweep::{Item, Sweep},
};
use crate::{
    engine::scan::Group,
    ids::{Position, Revision},
    limits::FRAME_BYTES,
    log::{
        fields::{len_u64, u64_from},
        group::{CommitView, Commits, HEADER_BYTES},
        segment,
    },
    runtime::Disk,
    store::body::{BodyFault, BodyView},
};
use bytes::Bytes;
use std::{collections::BTreeMap, ops::Range};

/// How many commits are looked at for an append of events. A store has one before that, unless
/// another program has written more than so many commits to it first.
const LOOKED_AT_MAX: u64 = 1024;

/// Whether the log belongs to a store of events: the directory has an index file, or one of the
/// first commits decodes as an append. Other bytes practically never decode as one, since all
/// lengths and counts in them would have to agree.
pub(super) async fn holds_events<D: Disk>(disk: &D, judged: &Judged) -> bool {
    if judged.map.indexed {
        return true;
    }
    let mut sweep = Sweep::new(disk, &judged.map, judged.end());
    let mut looked_at = 0;
    while let Some(item) = sweep.next().await {
        let Item::Group(group) = item else { continue };
        for commit in Commits::new(&group.header, &group.payload).map_while(Result::ok) {
            looked_at += 1;
            if append_in(&group, &commit).is_ok() {
                return true;
            }
        }
        if looked_at >= LOOKED_AT_MAX {
            break;
        }
    }
    false
}

/// An append as it stands in the log.
pub(super) struct Append {
    view: BodyView,
    /// The first revision of each of its streams.
    firsts: Vec<Revision>,
}

/// The bytes of a commit's body, which share the group's memory.
pub(super) fn body_of(group: &Group, commit: &CommitView<'_>) -> Bytes {
    group.payload.slice(commit.body_offset..commit.body_offset + commit.body.len())
}

/// The append of events that `commit` is, or why it is none.
pub(super) fn append_in(group: &Group, commit: &CommitView<'_>) -> Result<Append, BodyFault> {
    let mut view = BodyView::decode(body_of(group, commit), commit.first, commit.positions)?;
    let firsts = view.walk_whole(&mut Vec::new())?;
    Ok(Append { view, firsts })
}

impl Append {
    /// Whether all of its streams are such.
    pub(super) fn is_of(&self, such: impl Fn(&str) -> bool) -> bool {
        self.view.streams().all(|(name, _)| such(name))
    }
}

/// A commit that is no append of events.
pub(super) fn damaged_body(group: &Group, commit: &CommitView<'_>, fault: &BodyFault) -> Damage {
    let frame_offset = u64_from(commit.body_offset) - FRAME_BYTES;
    let offset = group.header.place.offset + u64_from(HEADER_BYTES) + frame_offset;
    let positions = u64::from(commit.positions);
    let bad = BadCommit { first: commit.first, positions, reason: fault.0 };
    damage(DamageKind::Body, group, offset..offset + FRAME_BYTES + len_u64(commit.body), bad)
}

/// What of a group does not hold, from the commit at `first` on: what lies behind it has no proven
/// bounds.
pub(super) fn damaged_rest(group: &Group, first: Position, reason: &'static str) -> Damage {
    let header = &group.header;
    let positions = header.next_position().get().saturating_sub(first.get());
    let range = header.place.offset..header.place.offset + header.padded_bytes();
    damage(DamageKind::Commit, group, range, BadCommit { first, positions, reason })
}

fn damage(kind: DamageKind, group: &Group, range: Range<u64>, commit: BadCommit) -> Damage {
    let segment = group.header.place.segment;
    Damage {
        kind,
        file: segment::file_name(segment),
        segment: Some(segment),
        offset: range.start,
        bytes: range.end - range.start,
        lost: None,
        commit: Some(commit),
    }
}

/// Follows the streams of a store through its appends.
#[derive(Default)]
pub(super) struct Streams {
    /// The revision that follows in each stream that was met.
    next: BTreeMap<String, Revision>,
}

impl Streams {
    /// Forgets what came before: nothing is known of the appends in between.
    pub(super) fn forget(&mut self) {
        self.next.clear();
    }

    /// Takes an append in; an error if a stream does not go on where it was.
    pub(super) fn follow(&mut self, append: &Append) -> Result<(), BodyFault> {
        let mut outcome = Ok(());
        for ((name, after), first) in append.view.streams().zip(&append.firsts) {
            if self.next.get(name).is_some_and(|next| next != first) {
                outcome = Err(BodyFault("a revision does not follow the one before"));
            }
            self.next.insert(name.to_owned(), after);
        }
        outcome
    }

    /// The body of an append for a log in which some before it are missing: its streams go on
    /// where they are there, without a gap, and a checkpoint that it moves is what `moved` makes of
    /// it. `None` if nothing differs.
    pub(super) fn rejoin(
        &mut self,
        append: &Append,
        moved: impl FnOnce(Position) -> Position,
    ) -> Option<Bytes> {
        let mut revisions = Vec::with_capacity(append.firsts.len());
        for ((name, after), first) in append.view.streams().zip(&append.firsts) {
            // A stream whose first events are gone begins as one that was retired: where it does.
            let joined = self.next.get(name).copied().unwrap_or(*first);
            revisions.push(joined);
            self.next.insert(name.to_owned(), joined.plus(after.get() - first.get()));
        }
        let checkpoint = append.view.checkpoint().map(|(_, position)| (position, moved(position)));
        let unmoved = checkpoint.is_none_or(|(position, moved)| position == moved);
        if unmoved && revisions == append.firsts {
            return None;
        }
        Some(append.view.rewritten(&revisions, checkpoint.map(|(_, moved)| moved)))
    }
}
