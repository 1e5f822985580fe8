//! A progress bar for what takes longer than a second, and only where a person sees it.

use indicatif::{HumanBytes, ProgressBar};
use sagalog::inspect::Progress;
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

    pub(crate) fn tell(&mut self, progress: Progress) {
        if !self.visible || self.began.elapsed() < PATIENCE {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| ProgressBar::new(progress.bytes_total));
        bar.set_position(progress.bytes_done);
        bar.set_message(HumanBytes(progress.bytes_done).to_string());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
