//! The caller's side: one call, one request, and what is known when it fails.
//!
//! It does not try again. The invariant it guards: "not delivered" is said only while no connection
//! has been given to the request, or by a server that says so; whatever goes wrong later is
//! unknown.

use crate::{
    Token,
    wire::{self, HEAD_BYTES_MAX, HEADERS_MAX, Said},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, Uri,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use hyper_util::{
    client::legacy::{
        Client, Error,
        connect::{CaptureConnection, HttpConnector, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use sagalog::runtime::{Address, Answer, Call, CallError, Reason, Transport};
use std::{error::Error as _, fmt, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

/// What an [`HttpTransport`] may use.
#[derive(Clone, Debug)]
#[must_use]
pub struct TransportOptions {
    token: Option<Token>,
    calls_max: usize,
    idle_max: usize,
    idle: Duration,
    connecting: Duration,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            token: None,
            calls_max: 256,
            idle_max: 32,
            idle: Duration::from_secs(60),
            connecting: Duration::from_secs(5),
        }
    }
}

impl TransportOptions {
    /// Shows this token to every server that is called (default: none).
    pub fn token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// How many calls may be under way at the same time, each on a connection of its own (default
    /// 256). Others wait their turn, within their deadlines.
    pub fn calls_max(self, calls: usize) -> Self {
        Self { calls_max: calls, ..self }
    }

    /// How many connections to one address are kept for later calls (default 32), and for how long
    /// (default 60 s).
    pub fn idle(self, connections: usize, duration: Duration) -> Self {
        Self { idle_max: connections, idle: duration, ..self }
    }

    /// How long connecting may take (default 5 s).
    pub fn connecting(self, duration: Duration) -> Self {
        Self { connecting: duration, ..self }
    }
}

/// [`Transport`] over HTTP/1.1. Needs a tokio runtime with I/O and time.
pub struct HttpTransport {
    client: Client<HttpConnector, Full<Bytes>>,
    token: Option<Token>,
    turns: Semaphore,
}

impl HttpTransport {
    /// A transport with these options. It connects when it is first used.
    pub fn new(options: TransportOptions) -> Self {
        let mut connector = HttpConnector::new();
        // A call is one small write that wants its answer: nothing is gained by waiting for more.
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(options.connecting));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle)
            .pool_max_idle_per_host(options.idle_max)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .http1_max_headers(HEADERS_MAX)
            .build(connector);
        Self { client, token: options.token, turns: Semaphore::new(options.calls_max) }
    }

    fn request(&self, to: &Address, call: Call) -> Result<Request<Full<Bytes>>, CallError> {
        let uri = format!("http://{to}{}", wire::PATH);
        let uri = uri.parse::<Uri>().map_err(|error| not_delivered(&error))?;
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        wire::write_call(&call, headers).map_err(|error| not_delivered(&error))?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.header());
        }
        *request.body_mut() = Full::new(call.payload);
        Ok(request)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, CallError> {
        let response = self.client.request(request).await.map_err(|error| of_failure(&error))?;
        answer_of(response).await
    }
}

impl Transport for HttpTransport {
    async fn call(&self, to: &Address, mut call: Call) -> Result<Answer, CallError> {
        call.check().map_err(|limit| not_delivered(&limit))?;
        let allowed = call.deadline;
        let due = Instant::now() + allowed.min(WAIT_MAX);
        let Ok(turn) = timeout_at(due, self.turns.acquire()).await else {
            return Err(not_delivered(&format_args!("no turn to call within {allowed:?}")));
        };
        call.deadline = due.saturating_duration_since(Instant::now());
        let mut request = self.request(to, call)?;
        let connection = capture_connection(&mut request);
        let answered = timeout_at(due, self.send(request)).await;
        drop(turn);
        answered.unwrap_or_else(|_| Err(of_silence(&connection, allowed)))
    }
}

/// A longer deadline is no deadline: a century, so that adding it to a moment does not overflow.
const WAIT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("token", &self.token).finish_non_exhaustive()
    }
}

async fn answer_of(response: Response<Incoming>) -> Result<Answer, CallError> {
    let (head, body) = response.into_parts();
    let Some(said) = Said::read(head.status, &head.headers) else {
        let text = format!("{} came from no participant", head.status);
        return Err(CallError::Unknown(text.into()));
    };
    let body = Limited::new(body, said.body_bytes_max()).collect().await;
    let body = body.map_err(|error| unknown(&error))?.to_bytes();
    match wire::read_answer(said, &head.headers, body) {
        Ok(Ok(answer)) => Ok(answer),
        // The participant never saw it.
        Ok(Err(reason)) if matches!(said, Said::Rejected(_)) => {
            Err(CallError::NotDelivered(format!("{}: {reason}", head.status).into()))
        }
        Ok(Err(reason)) => Err(CallError::Unknown(reason)),
        Err(malformed) => Err(unknown(&malformed)),
    }
}

/// What is known after a request failed.
fn of_failure(error: &Error) -> CallError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    if error.is_connect() { not_delivered(&text) } else { unknown(&text) }
}

/// What is known when the deadline has passed.
fn of_silence(connection: &CaptureConnection, allowed: Duration) -> CallError {
    if connection.connection_metadata().is_some() {
        unknown(&format_args!("no answer within {allowed:?}"))
    } else {
        not_delivered(&format_args!("no connection within {allowed:?}"))
    }
}

fn not_delivered(reason: &impl fmt::Display) -> CallError {
    CallError::NotDelivered(Reason::from(reason.to_string()))
}

fn unknown(reason: &impl fmt::Display) -> CallError {
    CallError::Unknown(Reason::from(reason.to_string()))
}
