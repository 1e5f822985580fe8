//! Waiting for the acknowledgement of a commit that was put into a group.
//!
//! The group's number was given with the commit's place, so nothing has to be sent back: the future
//! is ready once the published durable number reaches it.

use super::shared::Shared;
use crate::{commit::Appended, error::CommitError, ids::Position, log::pipeline::Ticket};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A commit that was put into a group, not yet acknowledged.
#[must_use = "the commit is durable only once this was awaited"]
pub(crate) struct Pending {
    shared: Arc<Shared>,
    ticket: Ticket,
    positions: u32,
    /// Which waker of the group is this caller's.
    slot: usize,
    /// The caller is being polled by the waker that was left already.
    fresh: bool,
}

impl Pending {
    /// A commit at `ticket` whose caller left the waker number `slot` with its group.
    pub(crate) fn new(shared: Arc<Shared>, ticket: Ticket, positions: u32, slot: usize) -> Self {
        Self { shared, ticket, positions, slot, fresh: true }
    }

    /// The caller will be polled by another waker than the one that it left.
    pub(crate) fn await_later(&mut self) {
        self.fresh = false;
    }

    pub(crate) fn outcome(&self) -> Poll<Result<Appended, CommitError>> {
        if self.shared.is_durable(self.ticket.sequence) {
            let first = self.ticket.first;
            let last = Position::new(first.get() + u64::from(self.positions) - 1);
            return Poll::Ready(Ok(Appended { first, last }));
        }
        if self.shared.is_poisoned() {
            return Poll::Ready(Err(CommitError::Unknown));
        }
        Poll::Pending
    }
}

impl Future for Pending {
    type Output = Result<Appended, CommitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(outcome) = self.outcome() {
            return Poll::Ready(outcome);
        }
        if std::mem::take(&mut self.fresh) {
            return Poll::Pending;
        }
        let mut core = self.shared.core();
        core.change_waker(self.ticket.sequence, self.slot, cx.waker());
        drop(core);
        // The group may have become durable before the waker was in place.
        self.outcome()
    }
}
