//! A progress bar for what takes longer than a second, and only where a person sees it.

use indicatif::ProgressBar;
use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

/// Work that is over sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows how far a command has come.
pub(crate) struct Bar {
    began: Instant,
    visible: bool,
    shown: Option<ProgressBar>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), visible: stderr().is_terminal(), shown: None }
    }

    /// How much of how much, in any unit.
    pub(crate) fn tell(&mut self, done: u64, total: u64) {
        if !self.visible || self.began.elapsed() < PATIENCE {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| ProgressBar::new(total));
        bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
