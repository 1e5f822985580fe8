//! Waiting for the first of two futures, the first one preferred: a biased select without macros.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

/// `Ok` with the output of `preferred`, or `Err` with the output of `other`, whichever is ready
/// first; `preferred` if both are. The loser is dropped.
pub(crate) async fn race<A, B>(
    preferred: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> Result<A, B> {
    let mut preferred = pin!(preferred);
    let mut other = pin!(other);
    poll_fn(|cx| {
        if let Poll::Ready(output) = preferred.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        other.as_mut().poll(cx).map(Err)
    })
    .await
}
