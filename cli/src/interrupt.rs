//! An interrupt (SIGINT or SIGTERM) of a command that has something to put in order first.
//!
//! Decides nothing: the command looks, ends its work where it can be ended, and says how far it
//! came. A command that has nothing to put in order does without, and ends as any program does.
//! The invariant: a second interrupt ends the process at once.

use crate::failure::Failure;
use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    process,
    sync::mpsc,
    task::Poll,
    thread,
};
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// The code of a process that ends because of SIGINT, as shells count.
const INTERRUPTED: i32 = 130;

/// Tells whether the command was interrupted.
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Interrupts are told from here on, and do not end the process.
    pub(crate) fn watch() -> Result<Self, Failure> {
        let (tells, told) = watch::channel(false);
        let (ready, is_ready) = mpsc::channel();
        // A thread of its own listens: the command's work seldom yields, so that a task beside it
        // would not see a second interrupt.
        let spawned = thread::Builder::new()
            .name("interrupt".to_owned())
            .spawn(move || listen(&tells, &ready))
            .and_then(|_| is_ready.recv().unwrap_or_else(|gone| Err(io::Error::other(gone))));
        spawned.map_err(|error| Failure::cannot_run(format!("cannot watch signals: {error}")))?;
        Ok(Self(told))
    }

    /// Whether it has come.
    pub(crate) fn has_come(&self) -> bool {
        *self.0.borrow()
    }

    /// Runs `work` and returns its result. An interrupt drops it and returns `None`.
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut told = self.0.clone();
        let (mut work, mut come) = (pin!(work), pin!(told.wait_for(|come| *come)));
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => come.as_mut().poll(context).map(|_| None),
        })
        .await
    }
}

fn listen(tells: &watch::Sender<bool>, ready: &mpsc::Sender<io::Result<()>>) {
    let signals = Builder::new_current_thread().enable_io().build().and_then(|runtime| {
        let _here = runtime.enter();
        let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        Ok((runtime, signals))
    });
    match signals {
        Err(error) => {
            let _ = ready.send(Err(error));
        }
        Ok((runtime, [mut interrupt, mut terminate])) => {
            let _ = ready.send(Ok(()));
            runtime.block_on(either(&mut interrupt, &mut terminate));
            tells.send_replace(true);
            runtime.block_on(either(&mut interrupt, &mut terminate));
            process::exit(INTERRUPTED);
        }
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    poll_fn(|context| match one.poll_recv(context) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => other.poll_recv(context).map(drop),
    })
    .await;
}
