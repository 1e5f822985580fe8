//! Processing an intake: with a progress bar, and an end in order when it is interrupted.

use super::{Failure, Process, Weather, runtime, verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use orders::{
    intake::{self, Intake, IntakeError},
    loopback::Faults,
    report::Report,
    sagas::Patience,
    services::Conditions,
    shop::{Shop, ShopOptions},
};
use std::{
    future::{Future, poll_fn},
    io::{IsTerminal, stderr},
    pin::pin,
    process::ExitCode,
    task::Poll,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// How long attempts under way have when it is interrupted.
const GRACE: Duration = Duration::from_secs(2);

impl Process {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let intake = match &self.input {
            Some(file) => intake::read(file)?,
            None => intake::day(self.seed, self.orders),
        };
        // A file of another shape would be a day without orders that ends well.
        if let ([], [first, ..]) = (&intake.documents[..], &intake.rejected[..]) {
            let (file, first) = (intake.source.clone(), first.clone());
            return Err(IntakeError::NothingUsable { file, first }.into());
        }
        self.tell.check()?;
        let code = runtime()?.block_on(self.process(&intake))?;
        Ok(code)
    }

    fn options(&self) -> ShopOptions {
        let (seed, fair) = (self.seed, Conditions::fair(self.seed));
        let refusing = |declined_per_mille, undeliverable_per_mille| Conditions {
            declined_per_mille,
            undeliverable_per_mille,
            ..fair
        };
        let (faults, conditions) = match self.faults {
            Weather::Off => (Faults::off(), fair),
            Weather::Light => (Faults::light(seed), refusing(10, 5)),
            Weather::Heavy => (Faults::heavy(seed), refusing(50, 30)),
        };
        let among_others = self.among_others;
        ShopOptions { faults, conditions, patience: Patience::default(), among_others }
    }

    async fn process(self, intake: &Intake) -> Result<ExitCode, Failure> {
        let shop = Shop::open(&self.data, self.options()).await?;
        let bar = bar(intake.documents.len());
        let mut settled = 0;
        let work = Box::pin(shop.run(intake, usize::from(self.in_flight), |progress| {
            settled = progress.settled;
            bar.set_position(progress.settled as u64);
        }));
        let worked = unless_interrupted(work).await;
        bar.finish_and_clear();
        let closed = shop.close(GRACE).await;
        let Some(worked) = worked else {
            let documents = intake.documents.len();
            let what = format!("interrupted with {settled} of {documents} documents settled");
            return Err(format!("{what}; the same command goes on from there").into());
        };
        // Why the work stopped says more than that the shop then could not be closed.
        worked?;
        closed?;
        let report = Report::of(&self.data).await?;
        self.tell.report(&report)?;
        Ok(verdict(&report))
    }
}

/// On a terminal only.
fn bar(documents: usize) -> ProgressBar {
    let bar = ProgressBar::new(documents as u64);
    let style = "{bar:40} {pos}/{len} documents, {per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    let hidden = !stderr().is_terminal();
    bar.set_draw_target(if hidden {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    });
    bar
}

/// Runs `work` and returns its result. An interrupt drops it and returns `None`.
async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut interrupted) = (pin!(work), pin!(tokio::signal::ctrl_c()));
    let mut terminated = signal(SignalKind::terminate()).ok();
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => match (interrupted.as_mut().poll(context), &mut terminated) {
            (Poll::Pending, Some(terminated)) => terminated.poll_recv(context).map(|_| None),
            (interrupted, _) => interrupted.map(|_| None),
        },
    })
    .await
}
