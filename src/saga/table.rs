//! Which record of a step may follow where, and what it makes of the step: one total match.
//!
//! Reasons that lie in other steps (ancestors, descendants, the pivot) and in attempt numbers are
//! the fold's. The same table for people is in `docs/SAGAS.md`; a test compares the two.

/// The phase of a saga, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the table is total")]
pub enum PhaseKind {
    /// It goes forward.
    Running,
    /// It goes back, to a savepoint or to its beginning.
    Back,
    /// Nothing happens any more.
    Ended,
}

/// The progress of a step, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the table is total")]
pub enum ProgressKind {
    /// Not done; it may be under way if those it is after are done.
    Waiting,
    /// An attempt that must not be repeated was announced.
    Announced,
    /// It may have been under way when the saga turned back.
    InFlight,
    /// Done, with an output.
    Done,
    /// Left out.
    Skipped,
    /// Certainly without an effect, and given up.
    Failed,
    /// Perhaps with an effect, and given up.
    Ambiguous,
    /// Certainly not attempted before the saga turned back.
    Withdrawn,
    /// Its effect is answered.
    Compensated,
    /// Its effect stands, by an operator's word.
    Waived,
}

/// What a record says of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the table is total")]
pub enum StepRecord {
    /// `Started`.
    Started,
    /// `Done`.
    Done,
    /// `Skipped`, or an operator's `Skip` of an action.
    Skipped,
    /// `Failed`.
    Failed,
    /// `Ambiguous`.
    Ambiguous,
    /// `AttemptFailed` of the action.
    ActionFailed,
    /// `Stuck` of the action.
    ActionStuck,
    /// `Withdrawn`.
    Withdrawn,
    /// `Compensated`.
    Compensated,
    /// `AttemptFailed` of the compensation.
    CompensationFailed,
    /// `Stuck` of the compensation.
    CompensationStuck,
    /// An operator's `Skip` of a compensation.
    Waived,
}

impl PhaseKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Running, Self::Back, Self::Ended];
}

impl ProgressKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Waiting,
        Self::Announced,
        Self::InFlight,
        Self::Done,
        Self::Skipped,
        Self::Failed,
        Self::Ambiguous,
        Self::Withdrawn,
        Self::Compensated,
        Self::Waived,
    ];
}

impl StepRecord {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Started,
        Self::Done,
        Self::Skipped,
        Self::Failed,
        Self::Ambiguous,
        Self::ActionFailed,
        Self::ActionStuck,
        Self::Withdrawn,
        Self::Compensated,
        Self::CompensationFailed,
        Self::CompensationStuck,
        Self::Waived,
    ];
}

/// What `record` makes of a step; `None` where it cannot occur.
// tidy: table
pub const fn follow(
    phase: PhaseKind,
    record: StepRecord,
    progress: ProgressKind,
) -> Option<ProgressKind> {
    use ProgressKind as P;
    use StepRecord as R;
    match phase {
        PhaseKind::Running => match (record, progress) {
            (R::Started, P::Waiting) => Some(P::Announced),
            (R::Done, P::Waiting | P::Announced) => Some(P::Done),
            (R::Skipped, P::Waiting) => Some(P::Skipped),
            (R::Failed, P::Waiting | P::Announced) => Some(P::Failed),
            (R::Ambiguous, P::Waiting | P::Announced) => Some(P::Ambiguous),
            (R::ActionFailed | R::ActionStuck, P::Waiting | P::Announced) => Some(P::Waiting),
            (
                R::Started
                | R::Done
                | R::Skipped
                | R::Failed
                | R::Ambiguous
                | R::ActionFailed
                | R::ActionStuck
                | R::Withdrawn
                | R::Compensated
                | R::CompensationFailed
                | R::CompensationStuck
                | R::Waived,
                P::Waiting
                | P::Announced
                | P::InFlight
                | P::Done
                | P::Skipped
                | P::Failed
                | P::Ambiguous
                | P::Withdrawn
                | P::Compensated
                | P::Waived,
            ) => None,
        },
        PhaseKind::Back => match (record, progress) {
            (R::Done, P::InFlight | P::Announced) => Some(P::Done),
            (R::Failed, P::InFlight | P::Announced) => Some(P::Failed),
            (R::Ambiguous, P::InFlight | P::Announced) => Some(P::Ambiguous),
            (R::Withdrawn, P::InFlight | P::Announced) => Some(P::Withdrawn),
            (R::Compensated, P::InFlight | P::Announced | P::Done | P::Ambiguous) => {
                Some(P::Compensated)
            }
            (
                R::CompensationFailed | R::CompensationStuck,
                P::InFlight | P::Announced | P::Done | P::Ambiguous,
            ) => Some(progress),
            (R::Waived, P::InFlight | P::Announced | P::Done | P::Ambiguous) => Some(P::Waived),
            (
                R::Started
                | R::Done
                | R::Skipped
                | R::Failed
                | R::Ambiguous
                | R::ActionFailed
                | R::ActionStuck
                | R::Withdrawn
                | R::Compensated
                | R::CompensationFailed
                | R::CompensationStuck
                | R::Waived,
                P::Waiting
                | P::Announced
                | P::InFlight
                | P::Done
                | P::Skipped
                | P::Failed
                | P::Ambiguous
                | P::Withdrawn
                | P::Compensated
                | P::Waived,
            ) => None,
        },
        PhaseKind::Ended => None,
    }
}
