//! The other side of a saga's calls: a service that does what it is asked once, and says so.
//!
//! A service links this in beside a [`Store`] of its own, its books. [`Participant`] takes each
//! delivery of a [`Call`], finds in the books what became of its key, asks the [`Business`] only if
//! nothing has yet, and stores the effect together with the reply in **one** append. It is no
//! server, brings no network and no retry, and knows nothing of who calls: an adapter hands it
//! calls. Everything here could stand in a user's crate. The invariant it guards: for each key
//! there is at most one effect, none that lasts once the key was compensated, and no answer that a
//! crash could make wrong.
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let dir = tempfile::tempdir()?;
//! use sagalog::participant::{Books, Business, Busy, Decision, Effect, Participant};
//! use sagalog::runtime::{Answer, Call, CallFence, CallKind, Responder};
//! use sagalog::{EventType, NameError, NewEvent, Options, Store, StreamId};
//!
//! /// Ten pieces of each article. The payload of a call is the article.
//! struct Stock;
//!
//! impl Stock {
//!     fn article(call: &Call) -> Result<StreamId, NameError> {
//!         let article = String::from_utf8_lossy(&call.payload);
//!         StreamId::parse(&format!("stock-{article}"))
//!     }
//!
//!     fn event(name: &str) -> NewEvent {
//!         NewEvent::new(EventType::parse(name).expect("a valid name"), "")
//!     }
//! }
//!
//! impl Business for Stock {
//!     async fn act(&self, call: &Call, books: &Books<'_>) -> Result<Decision, Busy> {
//!         let Ok(article) = Self::article(call) else {
//!             return Ok(Decision::Refused("no name of an article".into()));
//!         };
//!         let (events, expected) = books.stream(&article).await?;
//!         let change = |name: &str| if name == "Reserved" { -1 } else { 1 };
//!         let left = 10 + events.iter().map(|event| change(event.event_type())).sum::<i32>();
//!         if left == 0 {
//!             return Ok(Decision::Refused("sold out".into()));
//!         }
//!         let effect = Effect::new(format!("{} left", left - 1))
//!             .expect(article.clone(), expected) // or decide again: somebody was faster
//!             .event(article, Self::event("Reserved"));
//!         Ok(Decision::Effect(effect))
//!     }
//!
//!     async fn compensate(
//!         &self,
//!         call: &Call,
//!         _reply: &bytes::Bytes,
//!         _books: &Books<'_>,
//!     ) -> Result<Effect, Busy> {
//!         let article = Self::article(call).map_err(Busy::new)?;
//!         Ok(Effect::new("").event(article, Self::event("Released")))
//!     }
//! }
//!
//! let (books, _) = Store::open(dir.path(), Options::default()).await?;
//! let stock = Participant::new(books, Stock);
//! let reserve = Call {
//!     operation: "reserve".parse()?,
//!     key: "order-17/0/reserve".parse()?,
//!     kind: CallKind::Action,
//!     fence: CallFence { epoch: 1, attempt: 1 },
//!     trace_context: None,
//!     deadline: std::time::Duration::from_secs(1),
//!     payload: "piano".into(),
//! };
//! let release = Call { kind: CallKind::Compensation, ..reserve.clone() };
//!
//! // Delivered twice, done once.
//! assert_eq!(stock.answer(reserve.clone()).await?, Answer::Done("9 left".into()));
//! assert_eq!(stock.answer(reserve.clone()).await?, Answer::Done("9 left".into()));
//! // Compensated; what arrives later has no effect.
//! assert_eq!(stock.answer(release).await?, Answer::Done("".into()));
//! assert_eq!(stock.answer(reserve).await?, Answer::Compensated);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is remembered
//!
//! Each key has a system stream, `$effect-` and the key, with at most two records: what became of
//! the action, and its compensation. Two deliveries at the same time are told apart by the guard
//! on that stream: one is stored, the other looks again and answers with the first one's reply.
//!
//! A record holds the [`CallFence`](crate::runtime::CallFence) of the delivery that wrote it.
//! Fences cost no append of their own: a delivery that stores nothing, because the books answer it
//! or the business is busy, leaves no fence behind. An older delivery after it can do no harm, as
//! it is answered from the books, too, or is the first one to be executed.
//!
//! # When the outcome is unknown
//!
//! If the write of an append fails, nobody knows whether it is stored, so the delivery has no
//! answer ([`Unanswered`]) and the store takes no more. Open it again and make a new participant of
//! it: the next delivery finds in the books what became of the key.

mod business;
mod record;
mod standing;

pub use business::{Books, Business, Busy, Decision, Effect};

use self::{
    record::{Record, Said},
    standing::{Standing, Verdict},
};
use crate::{
    Store,
    append::Append,
    error::{AppendError, ReadError},
    limits::{EFFECT_KEY_BYTES_MAX, NAME_BYTES_MAX},
    names::{EffectKey, StreamId},
    read::Read,
    runtime::{Answer, Call, Reason, Responder, Unanswered},
};
use bytes::Bytes;
use std::fmt;

/// How often one delivery is decided anew because others were faster. Each time somebody else's
/// append was stored, so all together get on; then the delivery is answered `Busy`.
const DECISIONS_MAX: usize = 16;

/// A service that answers calls from its books, and new ones by its business.
pub struct Participant<B> {
    store: Store,
    business: B,
}

/// What a delivery comes to.
enum Outcome {
    /// The answer stands in the books already.
    Known(Answer),
    /// The answer, once this is stored.
    New(Append, Answer),
}

impl<B: Business> Participant<B> {
    /// A participant with these books. Nobody else may write their `$effect` streams.
    pub const fn new(store: Store, business: B) -> Self {
        Self { store, business }
    }

    /// The books.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Looks and decides once.
    async fn decide(&self, call: &Call) -> Result<Outcome, Busy> {
        let standing = self.standing(&call.key).await?;
        let books = Books::new(&self.store);
        let (append, said) = match standing.verdict(call.kind, call.fence) {
            Verdict::Answer(answer) => return Ok(Outcome::Known(answer)),
            Verdict::Act => match self.business.act(call, &books).await? {
                Decision::Effect(effect) => effect.said_as(Said::Done),
                Decision::Refused(reason) => (Append::new(), Said::Refused(reason)),
            },
            Verdict::Compensate(reply) => {
                self.business.compensate(call, &reply, &books).await?.said_as(Said::Compensated)
            }
            Verdict::Entomb => (Append::new(), Said::Compensated(Bytes::new())),
        };
        let answer = said.answer();
        answer.check().map_err(Busy::new)?;
        let record = Record { fence: call.fence, said }.event(call.trace_context.as_deref());
        let stream = stream_of(&call.key);
        let append = append.expect(stream.clone(), standing.expected()).event(stream, record);
        Ok(Outcome::New(append, answer))
    }

    /// What the books say about a key.
    async fn standing(&self, key: &EffectKey) -> Result<Standing, Busy> {
        // One more than there can be, so that it is noticed.
        let read = Read::stream(stream_of(key)).with_system().limit(Standing::RECORDS_MAX + 1);
        let mut events = self.store.read(read);
        let mut standing = Standing::default();
        loop {
            match events.next().await {
                Ok(Some(event)) => {
                    let record = Record::decode(event.event_type(), &event.payload());
                    standing = record
                        .and_then(|record| standing.after(record))
                        .map_err(|fault| Busy::new(format_args!("{}: {fault}", event.stream())))?;
                }
                Ok(None) | Err(ReadError::StreamNotFound(_)) => return Ok(standing),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<B: Business> Responder for Participant<B> {
    async fn answer(&self, call: Call) -> Result<Answer, Unanswered> {
        for _ in 0..DECISIONS_MAX {
            let (append, answer) = match self.decide(&call).await {
                Ok(Outcome::New(append, answer)) => (append, answer),
                Ok(Outcome::Known(answer)) => return Ok(answer),
                Err(Busy(reason)) => return Ok(Answer::Busy(reason)),
            };
            match self.store.append(append).await {
                Ok(_) => return Ok(answer),
                Err(AppendError::Conflict(_)) => {}
                Err(error) if error.is_unknown_outcome() => {
                    return Err(Unanswered(error.to_string().into()));
                }
                // Every other error says that nothing was stored.
                Err(error) => return Ok(Answer::Busy(error.to_string().into())),
            }
        }
        Ok(Answer::Busy(Reason::new("what it depends on changed each time it was decided")))
    }
}

impl<B> fmt::Debug for Participant<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Where the books keep what became of a key.
fn stream_of(key: &EffectKey) -> StreamId {
    StreamId::system(&format!("$effect-{key}")).expect("a key is bounded so that this is a name")
}

const _: () = assert!("$effect-".len() + EFFECT_KEY_BYTES_MAX <= NAME_BYTES_MAX);
