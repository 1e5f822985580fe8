//! What the world did that an error may be excused by.
//!
//! It looks at what really struck and at what is damaged now, never at what was merely possible.
//! The invariant it guards: an error that nothing explains is a broken promise.

use super::{Stage, Suite, Temper};
use sagalog::OpenError;
use sagalog_testkit::FaultKind;

impl<S: Suite> Stage<S> {
    /// Whether a fault of one of these kinds has struck so far.
    fn struck(&self, which: impl Fn(FaultKind) -> bool) -> bool {
        self.disk.with(|disk| disk.injected().iter().any(|fault| which(fault.kind)))
    }

    /// Whether a fault of one of these kinds has struck in this life.
    pub(crate) fn struck_in_life(&self, which: impl Fn(FaultKind) -> bool) -> bool {
        self.disk.with(|disk| disk.injected_in_life().iter().any(|fault| which(fault.kind)))
    }

    /// Whether the disk has ever broken a promise about what cannot be made again, or shown what
    /// is not there. What was lost then stays lost.
    pub(crate) fn damaged(&self) -> bool {
        self.world().temper == Temper::Dishonest
            && self.struck(|kind| kind.breaks_promises() || kind == FaultKind::MisdirectedRead)
    }

    /// Whether something is damaged now that cannot be made again, or was misread in this life.
    pub(crate) fn hurt(&self) -> bool {
        let cannot_be_made = |file: &str| file.starts_with("log-") || file.starts_with("STORE");
        self.damaged()
            && (self.struck_in_life(|kind| kind == FaultKind::MisdirectedRead)
                || self
                    .disk
                    .with(|disk| disk.damage().iter().any(|damage| cannot_be_made(&damage.file))))
    }

    /// Whether anything has gone wrong in this life but that it took long, or is damaged.
    pub(crate) fn troubled(&self) -> bool {
        self.struck_in_life(|kind| kind != FaultKind::Stall) || self.hurt()
    }

    /// Whether there may be no space left.
    pub(crate) fn cramped(&self) -> bool {
        self.world().quota_bytes.is_some()
    }

    /// Whether the disk has refused to read something that cannot be made again, and said so.
    pub(crate) fn reported(&self) -> bool {
        let reported = |kind| {
            matches!(
                kind,
                FaultKind::ReadError
                    | FaultKind::MetadataError
                    | FaultKind::TooManyFiles
                    | FaultKind::AccessDenied
                    | FaultKind::ReadOnly
            )
        };
        self.world().temper != Temper::Derived && self.struck_in_life(reported)
    }

    /// Whether an open that was refused and can be retried has an excuse.
    pub(super) fn excuses_refusal(&self, error: &OpenError) -> bool {
        match error {
            // A lock outlives its process for some attempts, in later lives as well.
            OpenError::Locked => self.struck(|kind| kind == FaultKind::LockSurvives),
            OpenError::Corrupt(_) => self.troubled(),
            OpenError::Io(_) => self.troubled() || self.cramped(),
            _ => false,
        }
    }
}

/// Whether trying again cannot help: the store says that it is damaged.
pub(super) fn is_final(error: &OpenError) -> bool {
    match error {
        OpenError::Corrupt(report) => !report.is_unreadable(),
        OpenError::Locked | OpenError::Io(_) => false,
        // Every other one: a kind that nobody knows here is not one that passes.
        _ => true,
    }
}
