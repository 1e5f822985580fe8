//! What the end of a log means: classify the block at the point of doubt, then decide from the
//! table.
//!
//! The decision sees four things and nothing else: what the block is, what stands behind it, what
//! the superblock promised, and whether a later segment was started. Every combination is in
//! exactly one row of [`TABLE`]; a test walks them all. Reading the blocks is the business of
//! `engine::scan`.

use crate::{
    ids::{Epoch, Position, Sequence, StoreId},
    log::{
        Anchor, Chain, Place,
        group::{GroupHeader, HeaderFault},
        segment::is_zero,
    },
};
use BlockClass as C;
use Evidence as E;
use Following as F;
use Promise as P;

/// What stands where the next group should begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the recovery table is total over it")]
pub enum BlockClass {
    /// Zeros: prepared and never written.
    Zero,
    /// A sound group of the file's former life as an earlier segment.
    StaleLife,
    /// A sound group of an epoch that was given up.
    StaleEpoch,
    /// The segment ends here.
    End,
    /// No sound header.
    TornHeader,
    /// A sound header in its place, whose payload does not hold.
    TornPayload,
    /// A sound group that was meant for another place.
    Misplaced,
    /// A sound group in its place that does not follow the one before.
    Discontinuous,
    /// The disk cannot read it.
    Unreadable,
}

/// What stands behind the point of doubt, the strongest found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the recovery table is total over it")]
pub enum Evidence {
    /// Nothing of this epoch.
    None,
    /// Later groups or segments, none of which claims that the missing group was durable.
    Reordered,
    /// Blocks that the disk cannot read: they may hold anything.
    Unreadable,
    /// A group with this or a later number, written to a place that is not its own.
    Misdirected,
    /// A later group or segment that says the missing group was durable.
    Acknowledged,
}

/// How the point of doubt relates to what the superblock promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the recovery table is total over it")]
pub enum Promise {
    /// No clean close: the log goes at least as far as the anchor, and it did.
    Unclean,
    /// The store was closed in order, and the log ended exactly here.
    CleanHere,
    /// The store was closed in order earlier in the log: the superblock is older than the log.
    CleanPassed,
    /// The superblock promises more than stands here.
    Beyond,
}

/// Whether a later segment was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the recovery table is total over it")]
pub enum Following {
    /// No: this is the last one.
    Absent,
    /// Yes.
    Started,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// The log ends here, proven; go on in this segment.
    GoOnHere,
    /// The log ends here; go on in a fresh segment.
    GoOnFresh,
    /// What stands here was never acknowledged: discard it, report it, go on in a fresh segment.
    Discard,
    /// Acknowledged data is damaged or missing: refuse to open.
    RefuseCorrupt,
    /// The superblock promises more than there is: refuse to open.
    RefuseTailMissing,
    /// The disk cannot read what decides: refuse to open.
    RefuseUnreadable,
}

/// A row of the recovery table.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Row {
    /// The row's name in reports, tests and documents.
    pub letter: char,
    /// The classes that it covers.
    pub classes: &'static [BlockClass],
    /// The evidence that it covers.
    pub evidence: &'static [Evidence],
    /// The promises that it covers.
    pub promises: &'static [Promise],
    /// Whether a later segment was started.
    pub following: &'static [Following],
    /// What it decides.
    pub verdict: Verdict,
    /// Why, in one sentence for people.
    pub reason: &'static str,
}

const ANY_CLASS: &[C] = &[
    C::Zero,
    C::StaleLife,
    C::StaleEpoch,
    C::End,
    C::TornHeader,
    C::TornPayload,
    C::Misplaced,
    C::Discontinuous,
    C::Unreadable,
];
const READABLE: &[C] = &[
    C::Zero,
    C::StaleLife,
    C::StaleEpoch,
    C::End,
    C::TornHeader,
    C::TornPayload,
    C::Misplaced,
    C::Discontinuous,
];
const ANY_PROMISE: &[P] = &[P::Unclean, P::CleanHere, P::CleanPassed, P::Beyond];
const NO_END_PROVEN: &[P] = &[P::Unclean, P::CleanPassed];
const EITHER: &[F] = &[F::Absent, F::Started];

/// The recovery table. Rows do not overlap, so their order carries no meaning.
pub const TABLE: &[Row] = &[
    Row {
        letter: 'A',
        classes: ANY_CLASS,
        evidence: &[E::Acknowledged],
        promises: ANY_PROMISE,
        following: EITHER,
        verdict: Verdict::RefuseCorrupt,
        reason: "a later group says that the group missing here was durable",
    },
    Row {
        letter: 'B',
        classes: ANY_CLASS,
        evidence: &[E::Misdirected],
        promises: ANY_PROMISE,
        following: EITHER,
        verdict: Verdict::RefuseCorrupt,
        reason: "the disk wrote a group of this log to a place that is not its own",
    },
    Row {
        letter: 'C',
        classes: ANY_CLASS,
        evidence: &[E::None, E::Reordered, E::Unreadable],
        promises: &[P::Beyond],
        following: EITHER,
        verdict: Verdict::RefuseTailMissing,
        reason: "the superblock names a durable group that is not here",
    },
    Row {
        letter: 'D',
        classes: ANY_CLASS,
        evidence: &[E::None, E::Reordered, E::Unreadable],
        promises: &[P::Unclean, P::CleanHere, P::CleanPassed],
        following: &[F::Started],
        verdict: Verdict::RefuseCorrupt,
        reason: "a later segment was started although this one does not reach it",
    },
    Row {
        letter: 'E',
        classes: READABLE,
        evidence: &[E::Unreadable],
        promises: NO_END_PROVEN,
        following: &[F::Absent],
        verdict: Verdict::RefuseUnreadable,
        reason: "blocks behind the end cannot be read and may hold acknowledged groups",
    },
    Row {
        letter: 'F',
        classes: &[C::Unreadable],
        evidence: &[E::None, E::Reordered, E::Unreadable],
        promises: NO_END_PROVEN,
        following: &[F::Absent],
        verdict: Verdict::RefuseUnreadable,
        reason: "the block cannot be read and may be an acknowledged group",
    },
    Row {
        letter: 'G',
        classes: &[
            C::Zero,
            C::StaleLife,
            C::StaleEpoch,
            C::TornHeader,
            C::TornPayload,
            C::Misplaced,
            C::Discontinuous,
        ],
        evidence: &[E::None],
        promises: &[P::CleanHere],
        following: &[F::Absent],
        verdict: Verdict::GoOnHere,
        reason: "closed in order, and the log ends where the superblock says",
    },
    Row {
        letter: 'H',
        classes: &[C::End],
        evidence: &[E::None],
        promises: &[P::CleanHere],
        following: &[F::Absent],
        verdict: Verdict::GoOnFresh,
        reason: "closed in order with a full segment",
    },
    Row {
        letter: 'I',
        classes: READABLE,
        evidence: &[E::Unreadable],
        promises: &[P::CleanHere],
        following: &[F::Absent],
        verdict: Verdict::GoOnFresh,
        reason: "closed in order; what the disk cannot read lies beyond the proven end",
    },
    Row {
        letter: 'J',
        classes: &[C::Unreadable],
        evidence: &[E::None, E::Reordered, E::Unreadable],
        promises: &[P::CleanHere],
        following: &[F::Absent],
        verdict: Verdict::GoOnFresh,
        reason: "closed in order; the unreadable block lies beyond the proven end",
    },
    Row {
        letter: 'K',
        classes: &[C::Zero, C::StaleLife, C::StaleEpoch, C::End],
        evidence: &[E::None],
        promises: NO_END_PROVEN,
        following: &[F::Absent],
        verdict: Verdict::GoOnFresh,
        reason: "nothing was written behind the last group",
    },
    Row {
        letter: 'L',
        classes: &[C::TornHeader, C::TornPayload, C::Misplaced, C::Discontinuous],
        evidence: &[E::None],
        promises: NO_END_PROVEN,
        following: &[F::Absent],
        verdict: Verdict::Discard,
        reason: "a write was in flight when the machine stopped; it was not acknowledged",
    },
    Row {
        letter: 'M',
        classes: READABLE,
        evidence: &[E::Reordered],
        promises: &[P::Unclean, P::CleanHere, P::CleanPassed],
        following: &[F::Absent],
        verdict: Verdict::Discard,
        reason: "writes in flight landed out of order; none of them was acknowledged",
    },
];

/// What the decision is taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the recovery table is total over it")]
pub struct Doubt {
    /// What stands there.
    pub class: BlockClass,
    /// What stands behind it.
    pub evidence: Evidence,
    /// What the superblock promised.
    pub promise: Promise,
    /// Whether a later segment was started.
    pub following: Following,
}

/// The row that covers `doubt`.
///
/// # Panics
/// If no row or several rows cover it: the table is wrong.
pub fn decide(doubt: Doubt) -> &'static Row {
    let mut rows = TABLE.iter().filter(|row| row.covers(doubt));
    let row = rows.next().expect("the table covers every combination");
    assert!(rows.next().is_none(), "no combination is covered twice: {doubt:?}");
    row
}

impl Row {
    /// Whether the row is one for logs that were closed in order and are whole.
    pub fn proves_clean_close(&self) -> bool {
        self.promises == [P::CleanHere] && self.verdict != Verdict::Discard
    }

    fn covers(&self, doubt: Doubt) -> bool {
        self.classes.contains(&doubt.class)
            && self.evidence.contains(&doubt.evidence)
            && self.promises.contains(&doubt.promise)
            && self.following.contains(&doubt.following)
    }
}

/// What the group at a place has to be.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record of arguments, constructed in place")]
pub struct Expected {
    /// The store.
    pub store: StoreId,
    /// Where it has to begin.
    pub place: Place,
    /// Its number.
    pub sequence: Sequence,
    /// Its first position.
    pub position: Position,
    /// Chain value of the group before.
    pub chain: Chain,
    /// The lowest epoch that counts: the one of the group before.
    pub epoch: Epoch,
}

impl Expected {
    /// What has to follow at `anchor`.
    pub fn at(store: StoreId, anchor: &Anchor, epoch: Epoch) -> Self {
        Self {
            store,
            place: anchor.next,
            sequence: anchor.sequence,
            position: anchor.position,
            chain: anchor.chain,
            epoch,
        }
    }

    /// Classifies the block that stands there. `Ok` if it is the header of the right group; its
    /// payload is still to be checked.
    pub fn classify(&self, block: &[u8]) -> Result<GroupHeader, BlockClass> {
        let header = match GroupHeader::decode(block, self.store) {
            Ok(header) => header,
            Err(HeaderFault::NoMagic) if is_zero(block) => return Err(C::Zero),
            Err(HeaderFault::NoMagic | HeaderFault::Checksum | HeaderFault::Bounds) => {
                return Err(C::TornHeader);
            }
        };
        if header.place.segment < self.place.segment {
            return Err(C::StaleLife);
        }
        if header.place != self.place {
            return Err(C::Misplaced);
        }
        if header.epoch < self.epoch {
            return Err(C::StaleEpoch);
        }
        let follows = header.sequence == self.sequence
            && header.first == self.position
            && header.chain == self.chain;
        if follows { Ok(header) } else { Err(C::Discontinuous) }
    }

    /// What a sound header found at `found`, at or behind the point of doubt, says about it.
    pub fn evidence_of(&self, header: &GroupHeader, found: Place) -> Evidence {
        if header.epoch < self.epoch || header.place.segment < self.place.segment {
            return E::None;
        }
        if header.place != found {
            let ours = header.sequence >= self.sequence;
            return if ours { E::Misdirected } else { E::None };
        }
        if header.durable_through >= self.sequence { E::Acknowledged } else { E::Reordered }
    }
}

#[cfg(test)]
mod tests;
