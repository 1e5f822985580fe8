//! Calls to remote participants: what is asked, what is answered, and what is known if nothing is.
//!
//! Not a network: production speaks HTTP (`sagalog-http`), a simulation moves calls between its
//! nodes. Not a retry either: one call is one delivery, and whoever calls decides about the next.
//! The invariant it guards: an answer other than [`CallError::Unknown`] is certain, and what
//! nobody has classified is `Unknown`.

use crate::{
    limits::{CALL_PAYLOAD_BYTES_MAX, CALL_REASON_BYTES_MAX, NAME_BYTES_MAX, TRACE_BYTES_MAX},
    names::{EffectKey, Operation},
};
use bytes::Bytes;
use std::{error::Error, fmt, future::Future, pin::Pin, str::FromStr, sync::Arc, time::Duration};

/// Carries calls to participants.
pub trait Transport: Send + Sync + 'static {
    /// Delivers `call` to `to`, at most once by this transport, and waits for the answer until the
    /// call's deadline.
    ///
    /// # Errors
    /// [`CallError::NotDelivered`] if it certainly was not delivered, [`CallError::Unknown`]
    /// otherwise.
    ///
    /// # Cancel safety
    /// Dropping the future may or may not keep the call from being delivered.
    fn call(
        &self,
        to: &Address,
        call: Call,
    ) -> impl Future<Output = Result<Answer, CallError>> + Send;
}

/// The other end: answers calls.
pub trait Responder: Send + Sync + 'static {
    /// Answers one delivery of a call. The same call may be delivered again, at the same time too.
    ///
    /// # Errors
    /// [`Unanswered`] if nothing certain can be said; the caller then sees
    /// [`CallError::Unknown`].
    ///
    /// # Cancel safety
    /// A future that is dropped may or may not have had its effect.
    fn answer(&self, call: Call) -> impl Future<Output = Result<Answer, Unanswered>> + Send;
}

/// Where a participant is: `host:port` in production, a node's name in a simulation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<str>);

/// A text is no address: it takes 1 to 255 ASCII letters, digits and `-`, `_`, `.`, `:`, `[`, `]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressError;

impl Address {
    /// Checks an address. Whether anybody is there is found out by calling.
    ///
    /// ```
    /// use sagalog::runtime::Address;
    ///
    /// let stock = Address::parse("stock.internal:7070")?;
    /// assert!(Address::parse("stock.internal/reserve").is_err());
    /// # Ok::<(), sagalog::runtime::AddressError>(())
    /// ```
    ///
    /// # Errors
    /// [`AddressError`] if it is empty, too long, or contains anything else.
    pub fn parse(address: &str) -> Result<Self, AddressError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
        let bounded = (1..=NAME_BYTES_MAX).contains(&address.len());
        if bounded && address.bytes().all(known) {
            Ok(Self(address.into()))
        } else {
            Err(AddressError)
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(address: &str) -> Result<Self, AddressError> {
        Self::parse(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:?})", &*self.0)
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an address has 1 to 255 ASCII letters, digits and the characters `-`, `_`, `.`, \
             `:`, `[` and `]`",
        )
    }
}

impl Error for AddressError {}

/// What a participant is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What to do.
    pub operation: Operation,
    /// The identity of the effect, by which a repeated delivery is known.
    pub key: EffectKey,
    /// Whether the effect is asked for, or its compensation.
    pub kind: CallKind,
    /// The caller's right to act.
    pub fence: CallFence,
    /// A W3C `traceparent`, at most [`TRACE_BYTES_MAX`] printable ASCII characters.
    pub trace_context: Option<String>,
    /// How long the caller goes on waiting. What is left of it, not a moment: two clocks do not
    /// agree.
    pub deadline: Duration,
    /// What it is about, at most [`CALL_PAYLOAD_BYTES_MAX`] bytes.
    pub payload: Bytes,
}

impl Call {
    /// Checks what the types of the fields leave open. Every transport does so before it delivers.
    ///
    /// # Errors
    /// [`CallLimit`] names the first bound that it exceeds.
    pub fn check(&self) -> Result<(), CallLimit> {
        if let Some(context) = &self.trace_context {
            let printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
            if context.len() > TRACE_BYTES_MAX || !printable(context) {
                let (what, size) = ("printable characters of the trace context", context.len());
                return Err(CallLimit { what, size, limit: TRACE_BYTES_MAX });
            }
        }
        check_payload(&self.payload)
    }
}

/// Whether a call asks for an effect or for its compensation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    /// The effect itself.
    Action,
    /// What answers the effect with an opposite one; it may arrive first.
    Compensation,
}

/// The right to act with which a call is made; a newer one shuts out an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallFence {
    /// Which executor: each that takes over has a higher one.
    pub epoch: u64,
    /// Which attempt of that executor, counted for actions and compensations apart.
    pub attempt: u32,
}

impl fmt::Display for CallFence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}, attempt {}", self.epoch, self.attempt)
    }
}

/// What a participant says. Every answer is certain about **this** delivery; an earlier one of the
/// same key whose answer was lost may still arrive, unless the answer says more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done, now or by an earlier delivery; with the reply of that delivery.
    Done(Bytes),
    /// A business no: it has no effect and never will, whatever else is delivered with this key.
    Refused(Reason),
    /// This delivery was not executed; try again.
    Busy(Reason),
    /// A newer right to act has been seen. This delivery was not executed.
    Fenced {
        /// The newest one that was seen.
        current: CallFence,
    },
    /// The compensation came first or has been done since: the action has no effect that lasts,
    /// and never will.
    Compensated,
}

impl Answer {
    /// Checks what the types leave open. Every responder's transport does so before it answers.
    ///
    /// # Errors
    /// [`CallLimit`] if the reply is too large.
    pub fn check(&self) -> Result<(), CallLimit> {
        match self {
            Self::Done(reply) => check_payload(reply),
            Self::Refused(_) | Self::Busy(_) | Self::Fenced { .. } | Self::Compensated => Ok(()),
        }
    }
}

fn check_payload(payload: &Bytes) -> Result<(), CallLimit> {
    let (what, size) = ("bytes of the payload", payload.len());
    if size > CALL_PAYLOAD_BYTES_MAX {
        return Err(CallLimit { what, size, limit: CALL_PAYLOAD_BYTES_MAX });
    }
    Ok(())
}

/// A call or an answer that exceeds a bound. Make it smaller; a repetition meets the same bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallLimit {
    /// What there is too much of.
    pub what: &'static str,
    /// How much of it there is.
    pub size: usize,
    /// How much is allowed.
    pub limit: usize,
}

impl fmt::Display for CallLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, at most {} are allowed", self.size, self.what, self.limit)
    }
}

impl Error for CallLimit {}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// It was certainly not delivered: nobody was there, or it was never sent.
    NotDelivered(Reason),
    /// Anything else: it may or may not have been executed. Deliver it again, with the same key.
    Unknown(Reason),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDelivered(reason) => write!(f, "the call was not delivered: {reason}"),
            Self::Unknown(reason) => {
                write!(f, "the call may or may not have been executed: {reason}")
            }
        }
    }
}

impl Error for CallError {}

/// A responder cannot say whether the call was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered(pub Reason);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call has no certain answer: {}", self.0)
    }
}

impl Error for Unanswered {}

/// A reason for people: one line of at most [`CALL_REASON_BYTES_MAX`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(Arc<str>);

impl Reason {
    /// The text on one line, cut to the limit.
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(CALL_REASON_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(text[..end].replace(char::is_control, " ").into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// A transport whose type is no longer known, for whoever holds one without being generic over it.
/// Cheap to clone; a call through it costs one allocation.
#[derive(Clone)]
pub struct SharedTransport(Arc<dyn Erased>);

impl SharedTransport {
    /// Forgets the type of `transport`.
    pub fn new(transport: impl Transport) -> Self {
        Self(Arc::new(transport))
    }
}

impl Transport for SharedTransport {
    async fn call(&self, to: &Address, call: Call) -> Result<Answer, CallError> {
        self.0.call_boxed(to, call).await
    }
}

impl fmt::Debug for SharedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTransport").finish_non_exhaustive()
    }
}

type Calling<'a> = Pin<Box<dyn Future<Output = Result<Answer, CallError>> + Send + 'a>>;

/// [`Transport`] in a form that the compiler can make a table of.
trait Erased: Send + Sync {
    fn call_boxed<'a>(&'a self, to: &'a Address, call: Call) -> Calling<'a>;
}

impl<T: Transport> Erased for T {
    fn call_boxed<'a>(&'a self, to: &'a Address, call: Call) -> Calling<'a> {
        Box::pin(self.call(to, call))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    fn call() -> Call {
        Call {
            operation: Operation::parse("reserve").expect("a name"),
            key: EffectKey::parse("order-17/0/reserve").expect("a name"),
            kind: CallKind::Action,
            fence: CallFence { epoch: 3, attempt: 1 },
            trace_context: None,
            deadline: Duration::from_secs(1),
            payload: Bytes::from_static(b"two"),
        }
    }

    #[test]
    fn an_address_names_a_host_and_nothing_more() {
        let longest = "x".repeat(NAME_BYTES_MAX);
        for lawful in ["stock:7070", "[::1]:80", "node_3", "a.b-c", &longest] {
            assert!(Address::parse(lawful).is_ok(), "{lawful}");
        }
        let longer = "x".repeat(NAME_BYTES_MAX + 1);
        for other in ["", "a b", "a/b", "user@host", "ä", "a\r\nb", &longer] {
            assert_eq!(Address::parse(other), Err(AddressError), "{other}");
        }
    }

    #[test]
    fn a_call_is_bounded_before_it_is_delivered() {
        let traced = |context: &str| Call { trace_context: Some(context.into()), ..call() };
        let paid = |bytes: usize| Call { payload: vec![0; bytes].into(), ..call() };
        let longest = "x".repeat(TRACE_BYTES_MAX);
        for lawful in [call(), traced("00-1"), traced(&longest), paid(CALL_PAYLOAD_BYTES_MAX)] {
            assert_eq!(lawful.check(), Ok(()));
        }
        let longer = format!("{longest}x");
        for excess in [traced(&longer), traced("a b"), traced("ä"), traced("a\r\nb")] {
            assert_eq!(excess.check().expect_err("too long").limit, TRACE_BYTES_MAX);
        }
        let excess = paid(CALL_PAYLOAD_BYTES_MAX + 1).check().expect_err("too large");
        let said = "1048577 bytes of the payload, at most 1048576 are allowed";
        assert_eq!(excess.to_string(), said);
        let reply = Answer::Done(vec![0; CALL_PAYLOAD_BYTES_MAX + 1].into());
        assert_eq!(reply.check(), Err(excess));
    }

    #[test]
    fn a_reason_is_one_line_and_cut_between_letters() {
        assert_eq!(Reason::new("sold\r\nout").as_str(), "sold  out");
        let long = format!("x{}", "ä".repeat(CALL_REASON_BYTES_MAX));
        assert_eq!(Reason::new(&long).as_str().len(), CALL_REASON_BYTES_MAX - 1);
    }

    #[test]
    fn an_older_epoch_is_older_whatever_its_attempt() {
        let fence = |epoch, attempt| CallFence { epoch, attempt };
        assert!(fence(1, 9) < fence(2, 1) && fence(2, 1) < fence(2, 2));
    }

    #[test]
    fn a_transport_is_the_same_when_its_type_is_forgotten() {
        struct Echo;
        impl Transport for Echo {
            async fn call(&self, to: &Address, call: Call) -> Result<Answer, CallError> {
                Ok(Answer::Busy(Reason::from(format!("{} at {to}", call.operation))))
            }
        }
        let shared = SharedTransport::new(SharedTransport::new(Echo));
        let to = Address::parse("stock").expect("an address");
        let answer = pin!(shared.call(&to, call())).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(answer, Poll::Ready(Ok(Answer::Busy("reserve at stock".into()))));
    }
}
