//! What an operator may choose of the executor.

use std::time::Duration;

/// How sagas are executed. The defaults suit a service.
#[derive(Clone, Debug)]
pub struct SagaOptions {
    pub(super) attempts_max: usize,
    pub(super) calls_waiting_max: usize,
    pub(super) requests_every: Option<Duration>,
    pub(super) store_patience: Duration,
}

impl Default for SagaOptions {
    fn default() -> Self {
        Self {
            attempts_max: 4096,
            calls_waiting_max: 4096,
            requests_every: Some(Duration::from_millis(250)),
            store_patience: Duration::from_secs(5),
        }
    }
}

impl SagaOptions {
    /// How many attempts may be under way at once (default 4096); the others wait in line. 0 counts
    /// as 1.
    #[must_use]
    pub fn attempts_max(mut self, attempts: usize) -> Self {
        self.attempts_max = attempts.max(1);
        self
    }

    /// How many calls may wait for the executor (default 4096); further ones wait for room. 0
    /// counts as 1.
    #[must_use]
    pub fn calls_waiting_max(mut self, calls: usize) -> Self {
        self.calls_waiting_max = calls.max(1);
        self
    }

    /// How often the directory is looked into for requests of operators in other processes
    /// (default 250 ms); `None` for never. A look lists the directory once.
    #[must_use]
    pub fn requests_every(mut self, every: Option<Duration>) -> Self {
        self.requests_every = every;
        self
    }

    /// How long callers wait for a store that takes no appends, for want of space or of files
    /// (default 5 s): then they are told so, with [`SagaError::Append`](crate::SagaError::Append).
    /// What sagas have to store is tried again for as long as it takes.
    #[must_use]
    pub fn store_patience(mut self, patience: Duration) -> Self {
        self.store_patience = patience;
        self
    }
}
