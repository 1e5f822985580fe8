//! Which errors have an excuse in the world in which they happen.
//!
//! It looks at the plan and at what the disk really did, never at the store. The invariant it
//! guards: damage of an index file excuses nothing, because it can be made again.

use super::Store;
use crate::{
    frame::{Stage, Temper},
    report::{Violation, broken},
};
use sagalog::AppendError;
use sagalog_testkit::{
    FaultKind,
    model::{Refusal, Reply},
};

impl Stage<Store> {
    fn derived(&self) -> bool {
        self.plan.surroundings.temper == Temper::Derived
    }

    /// The promise that an error without an excuse breaks.
    fn promise(&self) -> &'static str {
        if self.derived() { "G22" } else { "G8" }
    }

    /// Whether a fault has struck that keeps a damaged index file from being written anew.
    fn index_unwritable(&self) -> bool {
        let reads = |kind| {
            matches!(
                kind,
                FaultKind::Stall
                    | FaultKind::ReadError
                    | FaultKind::ShortRead
                    | FaultKind::MisdirectedRead
            )
        };
        self.struck_in_life(|kind| !reads(kind)) || self.cramped()
    }

    /// Whether files of the index may be damaged, which nobody mends who only reads.
    pub(super) fn index_may_be_damaged(&self) -> bool {
        self.derived() || self.harmed() || self.damaged()
    }

    /// Whether a read error has an excuse; one without breaks a promise.
    pub(super) fn excuses(&self, refusal: &Refusal, healthy: bool) -> Result<bool, Violation> {
        let excused = match refusal {
            Refusal::StreamNotFound | Refusal::Query | Refusal::Request => return Ok(false),
            // The log is poisoned; then nobody writes an index file either.
            Refusal::Unresolved | Refusal::IndexDamaged(_) => {
                !healthy && !self.derived() && self.troubled()
            }
            Refusal::IndexUnwritten(_) => !healthy && self.index_unwritable(),
            // A poisoned store mends no index file, and says that it is closed.
            Refusal::Failed(_) => {
                let unmended = self.troubled() && self.index_may_be_damaged();
                !healthy && (self.reported() || unmended && !self.derived())
            }
        };
        if excused || self.hurt() {
            return Ok(true);
        }
        broken(self.promise(), format!("it cannot be read: {refusal:?}"))
    }

    /// Whether a reply is an error with an excuse, which says nothing.
    pub(super) fn excuses_reply(&self, reply: &Reply, healthy: bool) -> Result<bool, Violation> {
        match reply {
            Reply::Refused(refusal) => self.excuses(refusal, healthy),
            Reply::Events(_) | Reply::Streams(_) | Reply::Commit(_) | Reply::Number(_) => Ok(false),
        }
    }

    /// An error that says nothing of what the append asked for needs an excuse.
    pub(super) fn judge_append(
        &self,
        error: &AppendError,
        healthy: bool,
        may_be_overloaded: bool,
    ) -> Result<(), Violation> {
        let excused = match error {
            AppendError::Conflict(_)
            | AppendError::PartlyCommitted { .. }
            | AppendError::KeyReused { .. }
            | AppendError::Fenced { .. }
            | AppendError::Query { .. } => true,
            AppendError::Overloaded => may_be_overloaded,
            AppendError::Read(error) => self.excuses(&error.clone().into(), healthy)?,
            // The log fails for its own reasons, never for those of an index file.
            AppendError::Unknown { .. } | AppendError::Poisoned => {
                !healthy && !self.derived() && self.troubled()
            }
            AppendError::StorageFull | AppendError::Unprepared(_) => {
                !healthy && self.index_unwritable()
            }
            _ => false,
        };
        if excused { Ok(()) } else { broken(self.promise(), format!("an append fails: {error}")) }
    }
}
