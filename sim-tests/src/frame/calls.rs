//! How clients call: the small futures that they are made of.
//!
//! They work on every executor. The invariant it guards: a future that is given up is dropped
//! where it waits, after exactly as many polls as were granted.

use crate::report::{Violation, broken};
use sagalog::runtime::Runtime;
use sagalog_testkit::{Choices, Seeded};
use serde::{Deserialize, Serialize};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};
use tokio::sync::oneshot;

/// How a caller waits for an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suites' own vocabulary")]
pub enum How {
    /// Until there is one.
    #[default]
    Patiently,
    /// It is refused if there is no room at once.
    IfThereIsRoom,
    /// For so many polls.
    ForPolls(u64),
}

impl How {
    /// Whether it need not be said.
    pub(crate) fn is_patient(&self) -> bool {
        *self == Self::Patiently
    }

    pub(crate) fn draw(choices: &mut Seeded, cancels: bool) -> Self {
        match choices.below(24) {
            0..3 => Self::IfThereIsRoom,
            3..8 if cancels => Self::ForPolls(choices.below(16)),
            _ => Self::Patiently,
        }
    }

    /// Nobody is refused for want of room.
    pub(crate) fn draw_patience(choices: &mut Seeded, cancels: bool) -> Self {
        let gives_up = cancels && choices.below(4) == 0;
        if gives_up { Self::ForPolls(1 + choices.below(8)) } else { Self::Patiently }
    }

    /// Waits for `future` like this; `None` if it was given up.
    pub(crate) async fn wait<F: Future>(self, future: F) -> Option<F::Output> {
        match self {
            Self::ForPolls(polls) => give_up_after(polls, future).await,
            Self::Patiently | Self::IfThereIsRoom => Some(future.await),
        }
    }
}

/// Runs each as a task of its own, until all are done or one breaks a promise.
pub(crate) async fn join_all<R: Runtime>(
    runtime: &R,
    tasks: impl IntoIterator<Item = impl Future<Output = Result<(), Violation>> + Send + 'static>,
) -> Result<(), Violation> {
    let mut answers = Vec::new();
    for task in tasks {
        let (told, answer) = oneshot::channel();
        let client = async move {
            // Who does not listen any more has seen a violation already.
            let _ = told.send(task.await);
        };
        runtime.spawn("client", client).expect("the life goes on");
        answers.push(answer);
    }
    for answer in answers {
        match answer.await {
            Ok(judged) => judged?,
            Err(_) => return broken("G9", "a client is gone without an answer".into()),
        }
    }
    Ok(())
}

/// What a future comes to, if it does within `patience`.
pub(crate) async fn within<T>(
    runtime: &impl Runtime,
    patience: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let (mut future, mut late) = (pin!(future), pin!(runtime.sleep(patience)));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => late.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// Polls a future in so many of its turns and no more.
pub(crate) async fn give_up_after<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            // It is polled again although nothing happened, so that it is given up at any moment.
            Poll::Pending => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await
}
