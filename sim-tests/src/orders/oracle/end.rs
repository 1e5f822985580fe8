//! What a document's saga came to, as callers are told.
//!
//! It is not where the document is, which its own stream says. The invariant it guards: two ends
//! are equal only if whoever is told of them is told the same.

use crate::orders::paper::Paper;
use ::orders::sagas::{OrderEnd, ReturnEnd};
use sagalog::{Settled, saga::Cause};

/// What a document's saga came to, as somebody was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Sold,
    Rejected,
    Returned(ReturnEnd),
    WrittenOff,
    Aborted(Cause),
}

impl End {
    pub(super) fn of(paper: &Paper, settled: &Settled) -> Option<Self> {
        let output = match settled {
            Settled::Aborted { cause, .. } => return Some(Self::Aborted(*cause)),
            Settled::Completed(output) => output.as_ref()?,
            _ => return None,
        };
        match paper {
            Paper::Order { .. } => match serde_json::from_slice(output).ok()? {
                OrderEnd::Sold => Some(Self::Sold),
                OrderEnd::Rejected(_) => Some(Self::Rejected),
            },
            Paper::Return { .. } => serde_json::from_slice(output).ok().map(Self::Returned),
            Paper::WriteOff { .. } => Some(Self::WrittenOff),
        }
    }

    /// For the trace.
    pub(super) const fn word(self) -> u64 {
        match self {
            Self::Sold => 1,
            Self::Rejected => 2,
            Self::Returned(_) => 3,
            Self::WrittenOff => 4,
            Self::Aborted(_) => 5,
        }
    }
}
