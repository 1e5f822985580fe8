//! Processing an intake: with a progress bar, and an end in order when it is interrupted.

use super::{Failure, Process, Weather, runtime, verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use orders::{
    intake::{self, Intake},
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

/// How long attempts under way have when it is interrupted.
const GRACE: Duration = Duration::from_secs(2);

impl Process {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let intake = match &self.input {
            Some(file) => intake::read(file)?,
            None => intake::day(self.seed, self.orders),
        };
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
        ShopOptions { faults, conditions, patience: Patience::default() }
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

/// What the work comes to; nothing if somebody interrupts it.
async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut interrupted) = (pin!(work), pin!(tokio::signal::ctrl_c()));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => interrupted.as_mut().poll(context).map(|_| None),
    })
    .await
}
