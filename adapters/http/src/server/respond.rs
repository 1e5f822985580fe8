//! One request: who asks, for what, how much of it; then the responder's answer.
//!
//! It knows no connections. The invariant it guards: whatever is wrong with a request is told in a
//! sentence, with a status that says the responder never saw it.

use crate::{
    Token,
    wire::{self, Said},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{ALLOW, AUTHORIZATION, CONTENT_LENGTH, HeaderValue},
    http::request::Parts,
};
use sagalog::{
    limits::CALL_PAYLOAD_BYTES_MAX,
    runtime::{Answer, Call, Reason, Responder, Unanswered},
};
use std::{convert::Infallible, fmt, sync::Arc, time::Duration};
use tokio::time::timeout;

/// Answers requests. Cheap to clone.
pub(super) struct Service<R>(Arc<Inner<R>>);

struct Inner<R> {
    responder: R,
    token: Option<Token>,
    /// How long the body of a request may take.
    patience: Duration,
}

impl<R> Clone for Service<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Why a responder never sees a request.
struct Rejection {
    status: StatusCode,
    reason: Reason,
}

impl Rejection {
    fn new(status: StatusCode, reason: impl fmt::Display) -> Self {
        Self { status, reason: reason.to_string().into() }
    }
}

impl<R: Responder> Service<R> {
    pub(super) fn new(responder: R, token: Option<Token>, patience: Duration) -> Self {
        Self(Arc::new(Inner { responder, token, patience }))
    }

    pub(super) async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (status, headers, body) = match self.call_of(request).await {
            Ok(call) => said_by(self.0.responder.answer(call).await),
            Err(Rejection { status, reason }) => {
                wire::write_reason(Said::Rejected(status), &reason)
            }
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        Ok(response)
    }

    async fn call_of(&self, request: Request<Incoming>) -> Result<Call, Rejection> {
        let (head, body) = request.into_parts();
        self.admit(&head)?;
        let bad = |reason: &dyn fmt::Display| Rejection::new(StatusCode::BAD_REQUEST, reason);
        let mut call = wire::read_call(&head.headers).map_err(|malformed| bad(&malformed))?;
        call.payload = self.payload_of(&head.headers, body).await?;
        call.check().map_err(|limit| bad(&limit))?;
        Ok(call)
    }

    /// Whether the head is that of a call, by somebody who may make it.
    fn admit(&self, head: &Parts) -> Result<(), Rejection> {
        if let Some(token) = &self.0.token {
            let shown = head.headers.get(AUTHORIZATION);
            if !shown.is_some_and(|shown| token.is(shown)) {
                let reason = "the token is missing or another one";
                return Err(Rejection::new(StatusCode::UNAUTHORIZED, reason));
            }
        }
        if head.uri.path() != wire::PATH {
            let reason = format_args!("calls go to {}", wire::PATH);
            return Err(Rejection::new(StatusCode::NOT_FOUND, reason));
        }
        if head.method != Method::POST {
            return Err(Rejection::new(StatusCode::METHOD_NOT_ALLOWED, "a call is a POST"));
        }
        Ok(())
    }

    async fn payload_of(&self, headers: &HeaderMap, body: Incoming) -> Result<Bytes, Rejection> {
        let large = || {
            let reason = format_args!("a payload has at most {CALL_PAYLOAD_BYTES_MAX} bytes");
            Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
        };
        // Before anything of it is read; without a length it is bounded as it comes.
        if headers.contains_key(CONTENT_LENGTH)
            && body.size_hint().lower() > CALL_PAYLOAD_BYTES_MAX as u64
        {
            return Err(large());
        }
        let reading = Limited::new(body, CALL_PAYLOAD_BYTES_MAX).collect();
        match timeout(self.0.patience, reading).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(large()),
            Ok(Err(error)) => {
                let reason = format_args!("the payload ends early: {error}");
                Err(Rejection::new(StatusCode::BAD_REQUEST, reason))
            }
            Err(_) => {
                let reason = format_args!("the payload took longer than {:?}", self.0.patience);
                Err(Rejection::new(StatusCode::REQUEST_TIMEOUT, reason))
            }
        }
    }
}

fn said_by(answer: Result<Answer, Unanswered>) -> (StatusCode, HeaderMap, Bytes) {
    let unknown = |reason: &Reason| wire::write_reason(Said::Unknown, reason);
    match answer {
        Ok(answer) => match answer.check() {
            Ok(()) => wire::write_answer(&answer),
            Err(limit) => unknown(&limit.to_string().into()),
        },
        Err(Unanswered(reason)) => unknown(&reason),
    }
}
