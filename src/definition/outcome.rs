//! How a step ends, in the words of who writes it.
//!
//! Not what follows from it: that is decided by [`saga`](crate::saga). The invariant it guards:
//! an error that nobody has classified is [`Ambiguous`](Outcome::Ambiguous), since a step that may
//! have had an effect and is taken for one that had none is never compensated.

use crate::{
    runtime::{Answer, CallError},
    saga::Failure,
};
use bytes::Bytes;
use core::{convert::Infallible, time::Duration};
use std::error::Error;

/// How an attempt ended.
///
/// | outcome | had it an effect? | what follows |
/// |---|---|---|
/// | `Done` | yes, the one it is for | the steps behind it |
/// | `Failed` | certainly none | the saga turns back |
/// | `Ambiguous` | nobody knows | another attempt; when none is left the saga turns back |
/// | `Retry` | certainly none | another attempt; when none is left, as `Failed` |
///
/// When the saga turns back an ambiguous step is compensated too. One of
/// [`Effect::AtMostOnce`](crate::saga::Effect::AtMostOnce) has no other attempt once it is
/// ambiguous.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an attempt ends in one of these ways")]
pub enum Outcome<T> {
    /// It did what it is for.
    Done(T),
    /// It certainly had no effect, and trying again is of no use.
    Failed(Failure),
    /// It may have had an effect.
    Ambiguous(Failure),
    /// It certainly had no effect, and is to be tried again: after this long, if it knows.
    Retry(Failure, Option<Duration>),
}

/// Every outcome but `Done`: the error type of functions that steps are made of, for `?`.
///
/// An error that comes by `?` is [`Ambiguous`](Outcome::Ambiguous). Of a connection that broke
/// nobody can tell whether the call was acted upon, and the safe guess is that it was: the
/// attempt is repeated under the same key, and compensated if nothing else helps. Who knows better
/// says so, with [`Classify`] or on the spot:
///
/// ```
/// use sagalog::definition::{NotDone, Outcome};
///
/// fn parse_answer(status: u16, body: &str) -> Result<u64, NotDone> {
///     match status {
///         409 => return Err(Outcome::rejected("sold out")), // an answer, so nothing happened
///         429 => return Err(Outcome::retry("too many calls")),
///         _ => {}
///     }
///     Ok(body.parse()?) // it was acted upon, and we cannot read what came of it
/// }
///
/// assert_eq!(Outcome::from_result(parse_answer(200, "17")), Outcome::Done(17));
/// assert_eq!(Outcome::from_result(parse_answer(409, "")), Outcome::rejected("sold out"));
/// assert!(matches!(Outcome::from_result(parse_answer(200, "?")), Outcome::Ambiguous(_)));
/// ```
pub type NotDone = Outcome<Infallible>;

/// An error that knows whether there was an effect.
///
/// ```
/// use sagalog::definition::{Classify, NotDone, Outcome};
///
/// #[derive(Debug)]
/// enum ApiError { Refused, TimedOut }
///
/// impl Classify for ApiError {
///     fn classify(self) -> NotDone {
///         match self {
///             Self::Refused => Outcome::retry("the connection was refused"),
///             Self::TimedOut => Outcome::ambiguous("no answer"),
///         }
///     }
/// }
///
/// # fn call() -> Result<u8, ApiError> { Err(ApiError::Refused) }
/// fn answer() -> Result<u8, NotDone> {
///     Ok(call().map_err(Classify::classify)?)
/// }
/// # assert!(matches!(answer(), Err(Outcome::Retry(..))));
/// # let _ = ApiError::TimedOut;
/// ```
pub trait Classify {
    /// What an attempt that met this error came to.
    fn classify(self) -> NotDone;
}

impl<T> Outcome<T> {
    /// A business no: it certainly had no effect, and that is no fault.
    pub fn rejected(reason: impl AsRef<str>) -> Self {
        Self::Failed(Failure::rejected(reason))
    }

    /// A fault that certainly had no effect; trying again is of no use.
    pub fn failed(reason: impl AsRef<str>) -> Self {
        Self::Failed(Failure::failed(reason))
    }

    /// A fault that may have had an effect.
    pub fn ambiguous(reason: impl AsRef<str>) -> Self {
        Self::Ambiguous(Failure::failed(reason))
    }

    /// A fault that certainly had no effect and may pass.
    pub fn retry(reason: impl AsRef<str>) -> Self {
        Self::Retry(Failure::failed(reason), None)
    }

    /// The same, and not before this long; within the bounds of the step's
    /// [`Retry`](crate::saga::Retry).
    pub fn retry_after(reason: impl AsRef<str>, delay: Duration) -> Self {
        Self::Retry(Failure::failed(reason), Some(delay))
    }

    /// What a function came to whose errors are outcomes.
    pub fn from_result(result: Result<T, NotDone>) -> Self {
        match result {
            Ok(output) => Self::Done(output),
            Err(NotDone::Failed(failure)) => Self::Failed(failure),
            Err(NotDone::Ambiguous(failure)) => Self::Ambiguous(failure),
            Err(NotDone::Retry(failure, after)) => Self::Retry(failure, after),
            Err(NotDone::Done(never)) => match never {},
        }
    }
}

impl<E: Error> From<E> for NotDone {
    fn from(error: E) -> Self {
        Self::ambiguous(chain(&error))
    }
}

/// The error and what lies beneath it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    // Some errors speak for their source too.
    texts.dedup();
    texts.join(": ")
}

impl Outcome<Bytes> {
    /// What a participant's answer is to an action. Of a compensation, use
    /// [`of_compensation`](Outcome::of_compensation).
    pub fn of_answer(answer: Result<Answer, CallError>) -> Self {
        match answer {
            Ok(Answer::Done(reply)) => Self::Done(reply),
            Ok(Answer::Refused(reason)) => Self::rejected(reason.to_string()),
            Ok(Answer::Fenced { current }) => {
                Self::retry(format!("the participant has seen {current}"))
            }
            Ok(Answer::Compensated) => Self::failed("the participant has compensated it"),
            Ok(Answer::Busy(reason)) | Err(CallError::NotDelivered(reason)) => {
                Self::retry(reason.to_string())
            }
            Err(CallError::Unknown(reason)) => Self::ambiguous(reason.to_string()),
        }
    }
}

impl Outcome<()> {
    /// What a participant's answer is to a compensation: that the effect was answered before is as
    /// good as that it is now.
    pub fn of_compensation(answer: Result<Answer, CallError>) -> Self {
        match answer {
            Ok(Answer::Compensated) => Self::Done(()),
            other => match Outcome::of_answer(other) {
                Outcome::Done(_) => Self::Done(()),
                Outcome::Failed(failure) => Self::Failed(failure),
                Outcome::Ambiguous(failure) => Self::Ambiguous(failure),
                Outcome::Retry(failure, after) => Self::Retry(failure, after),
            },
        }
    }
}
