//! How a process opens and closes its store: perhaps more than once, perhaps without waiting for
//! the end.
//!
//! It knows no log and no store. The invariant it guards: whoever gives up an opening or a closing
//! may open at once, or as soon as the closing has come to its end, and finds everything.

use super::{Ending, Lived, Sky, Suite, give_up_after};
use crate::{
    marks::Mark,
    report::{Violation, broken},
    script::Sizes,
};
use sagalog::OpenError;
use std::{fmt::Display, future::Future, time::Duration};

/// The clients of an opening are numbered from here on, times the openings before it.
const CLIENTS_MAX: u32 = 100;
/// How long a closing that nobody waits for may take, if the disk is at work.
const CLOSING: Duration = Duration::from_secs(60);

/// Lives of one process: it may close its store and open it again.
pub(super) async fn live<S: Suite, R: Sky>(mut life: Lived<S, R>) -> Result<Ending, Violation> {
    loop {
        let ending = S::live(life.clone()).await?;
        if life.opening >= life.facts.reopens || !matches!(ending, Ending::Closed) {
            return Ok(ending);
        }
        life.opening += 1;
        life.stage.watch.opening();
        life.stage.watch.reach(Mark::Reopened);
    }
}

impl<S: Suite, R: Sky> Lived<S, R> {
    /// The number of a client within the whole life.
    pub(crate) fn client(&self, number: u32) -> u32 {
        self.opening * CLIENTS_MAX + number
    }

    /// Whether this opening is closed in order.
    pub(crate) fn closes(&self) -> bool {
        self.facts.closes || self.opening < self.facts.reopens
    }

    /// Opens, perhaps after an opening that was given up.
    pub(crate) async fn open<T, F>(&self, open: impl Fn() -> F) -> Result<T, OpenError>
    where
        F: Future<Output = Result<T, OpenError>>,
    {
        if self.facts.sizes != Sizes::default() {
            self.stage.watch.reach(Mark::OtherSizes);
        }
        if let (0, Some(polls)) = (self.opening, self.facts.opens_for_polls) {
            if let Some(opened) = give_up_after(polls, open()).await {
                return opened;
            }
            self.stage.watch.reach(Mark::OpenGivenUp);
        }
        open().await
    }

    /// Closes, perhaps without waiting: that does not stop the closing.
    pub(crate) async fn close<E: Display>(
        &self,
        closing: impl Future<Output = Result<(), E>>,
    ) -> Result<Ending, Violation> {
        let closed = match self.facts.closes_for_polls {
            Some(polls) => give_up_after(polls, closing).await,
            None => Some(closing.await),
        };
        match closed {
            Some(Ok(())) => Ok(Ending::Closed),
            Some(Err(error))
                if self.facts.healed || !(self.stage.troubled() || self.stage.cramped()) =>
            {
                broken("G8", format!("it is healthy and does not close: {error}"))
            }
            Some(Err(_)) => Ok(Ending::Left),
            None => {
                self.stage.watch.reach(Mark::CloseGivenUp);
                self.runtime.sleep(CLOSING).await;
                Ok(Ending::Closed)
            }
        }
    }
}
