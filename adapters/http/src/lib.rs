//! Calls between sagas and participants over HTTP/1.1: [`HttpTransport`] sends, [`HttpServer`]
//! answers.
//!
//! No web framework, no TLS and no retry: one call is one request to one path, what a delivery
//! means is the [`Responder`](sagalog::runtime::Responder)'s matter, and whoever needs encryption
//! puts it beneath (a private network, a sidecar). The invariant it guards: only an answer that a
//! server of this crate gave, whole and in time, counts as one; a call counts as not delivered only
//! if no byte of it was sent; everything else is unknown.
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let dir = tempfile::tempdir()?;
//! use sagalog::participant::{Books, Business, Busy, Decision, Effect, Participant};
//! use sagalog::runtime::{Address, Answer, Call, CallFence, CallKind, Transport};
//! use sagalog::{Options, Store};
//! use sagalog_http::{HttpServer, HttpTransport, ServerOptions, TransportOptions};
//! use std::time::Duration;
//!
//! struct Greeter;
//! impl Business for Greeter {
//!     async fn act(&self, call: &Call, _: &Books<'_>) -> Result<Decision, Busy> {
//!         Ok(Decision::Effect(Effect::new([b"hello ", &*call.payload].concat())))
//!     }
//!     async fn compensate(
//!         &self,
//!         _: &Call,
//!         _: &bytes::Bytes,
//!         _: &Books<'_>,
//!     ) -> Result<Effect, Busy> {
//!         Ok(Effect::new("forget it"))
//!     }
//! }
//!
//! let (books, _) = Store::open(dir.path(), Options::default()).await?;
//! let greeter = Participant::new(books, Greeter);
//! let loopback = "127.0.0.1:0".parse()?;
//! let server = HttpServer::start(loopback, greeter, ServerOptions::default()).await?;
//!
//! let transport = HttpTransport::new(TransportOptions::default());
//! let to = Address::parse(&server.address().to_string())?;
//! let call = Call {
//!     operation: "greet".parse()?,
//!     key: "saga-1/0/greet".parse()?,
//!     kind: CallKind::Action,
//!     fence: CallFence { epoch: 1, attempt: 1 },
//!     trace_context: None,
//!     deadline: Duration::from_secs(5),
//!     payload: "ada".into(),
//! };
//! assert_eq!(transport.call(&to, call).await?, Answer::Done("hello ada".into()));
//! server.shutdown(Duration::from_secs(5)).await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # On the wire
//!
//! One request for each call, `POST /sagalog/v1/call`: its fields in headers, its payload as the
//! body. The answer's kind is a header and a status that agree, so that nothing which stands in
//! between (a proxy, a load balancer) can answer in a participant's name. Byte by byte it is
//! written out in `docs/HTTP.md` of the repository.
#![expect(clippy::disallowed_methods, reason = "this is the production door to the network")]
#![expect(clippy::disallowed_macros, reason = "`select!` is `biased`, and in no simulation")]

mod client;
mod server;
mod token;
mod wire;

pub use client::{HttpTransport, TransportOptions};
pub use server::{HttpServer, ServerOptions, StartError};
pub use token::{Token, TokenError};
