//! Calls and answers as HTTP: `docs/HTTP.md` in code, both directions beside each other.
//!
//! It sends and receives nothing. The invariant it guards: what one direction writes the other
//! reads back the same, and what neither has written is refused with a sentence.

use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderName, HeaderValue},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use sagalog::{
    limits::{CALL_PAYLOAD_BYTES_MAX, CALL_REASON_BYTES_MAX},
    runtime::{Answer, Call, CallFence, CallKind, Reason},
};
use std::{fmt, str::FromStr, time::Duration};

/// The only path. A change that an older program would misread is a new number in it.
pub(crate) const PATH: &str = "/sagalog/v1/call";

/// The largest head of a request or answer. A call's fields take at most 1.5 KiB of it.
pub(crate) const HEAD_BYTES_MAX: usize = 16 << 10;
pub(crate) const HEADERS_MAX: usize = 64;

const OPERATION: HeaderName = HeaderName::from_static("sagalog-operation");
const KEY: HeaderName = HeaderName::from_static("sagalog-key");
const KIND: HeaderName = HeaderName::from_static("sagalog-kind");
const EPOCH: HeaderName = HeaderName::from_static("sagalog-epoch");
const ATTEMPT: HeaderName = HeaderName::from_static("sagalog-attempt");
const DEADLINE: HeaderName = HeaderName::from_static("sagalog-deadline-ms");
const TRACE: HeaderName = HeaderName::from_static("traceparent");
const ANSWER: HeaderName = HeaderName::from_static("sagalog-answer");

const ACTION: &str = "action";
const COMPENSATION: &str = "compensation";

/// What stands in a header as it is; all other bytes of a name are percent-encoded.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/').remove(b':');

/// What a server says, the answers of its responder among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Done,
    Refused,
    Busy,
    Fenced,
    Compensated,
    /// The request is none: the responder never saw it.
    Rejected(StatusCode),
    /// The responder has no certain answer.
    Unknown,
}

impl Said {
    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Fenced => "fenced",
            Self::Compensated => "compensated",
            Self::Rejected(_) => "rejected",
            Self::Unknown => "unknown",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Done => StatusCode::OK,
            Self::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Fenced => StatusCode::CONFLICT,
            Self::Compensated => StatusCode::GONE,
            Self::Rejected(status) => status,
            Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the head of an answer says, if it is one of ours: its header and its status agree.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let name = headers.get(ANSWER)?.as_bytes();
        let all =
            [Self::Done, Self::Refused, Self::Busy, Self::Fenced, Self::Compensated, Self::Unknown];
        let rejected = status.is_client_error().then_some(Self::Rejected(status));
        let mut known = all.into_iter().chain(rejected);
        known.find(|said| said.name().as_bytes() == name && said.status() == status)
    }

    /// How long its body may be.
    pub(crate) fn body_bytes_max(self) -> usize {
        match self {
            Self::Done => CALL_PAYLOAD_BYTES_MAX,
            Self::Refused | Self::Busy | Self::Rejected(_) | Self::Unknown => CALL_REASON_BYTES_MAX,
            Self::Fenced | Self::Compensated => 0,
        }
    }
}

/// A sentence about a head that is none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes the fields of a call, all but its payload.
pub(crate) fn write_call(call: &Call, headers: &mut HeaderMap) -> Result<(), Malformed> {
    let kind = match call.kind {
        CallKind::Action => ACTION,
        CallKind::Compensation => COMPENSATION,
    };
    headers.insert(OPERATION, encoded(call.operation.as_str()));
    headers.insert(KEY, encoded(call.key.as_str()));
    headers.insert(KIND, HeaderValue::from_static(kind));
    write_fence(call.fence, headers);
    let millis = u64::try_from(call.deadline.as_millis()).unwrap_or(u64::MAX);
    headers.insert(DEADLINE, millis.into());
    if let Some(context) = &call.trace_context {
        let value = HeaderValue::try_from(context)
            .map_err(|_| Malformed("the trace context fits in no header".into()))?;
        headers.insert(TRACE, value);
    }
    Ok(())
}

/// Reads the fields of a call; its payload comes later.
pub(crate) fn read_call(headers: &HeaderMap) -> Result<Call, Malformed> {
    let kind = match text(headers, &KIND)? {
        ACTION => CallKind::Action,
        COMPENSATION => CallKind::Compensation,
        _ => return Err(Malformed(format!("{KIND} is neither {ACTION} nor {COMPENSATION}"))),
    };
    let trace_context = match headers.get(TRACE) {
        Some(_) => Some(text(headers, &TRACE)?.to_owned()),
        None => None,
    };
    Ok(Call {
        operation: decoded(headers, &OPERATION)?,
        key: decoded(headers, &KEY)?,
        kind,
        fence: read_fence(headers)?,
        trace_context,
        deadline: Duration::from_millis(number(headers, &DEADLINE)?),
        payload: Bytes::new(),
    })
}

/// An answer's status, headers and body.
pub(crate) fn write_answer(answer: &Answer) -> (StatusCode, HeaderMap, Bytes) {
    let (said, body) = match answer {
        Answer::Done(reply) => (Said::Done, reply.clone()),
        Answer::Refused(reason) => (Said::Refused, body_of(reason)),
        Answer::Busy(reason) => (Said::Busy, body_of(reason)),
        Answer::Fenced { .. } => (Said::Fenced, Bytes::new()),
        Answer::Compensated => (Said::Compensated, Bytes::new()),
    };
    let (status, mut headers, body) = write_said(said, body);
    if let Answer::Fenced { current } = answer {
        write_fence(*current, &mut headers);
    }
    (status, headers, body)
}

/// What a server says for itself.
pub(crate) fn write_reason(said: Said, reason: &Reason) -> (StatusCode, HeaderMap, Bytes) {
    write_said(said, body_of(reason))
}

fn write_said(said: Said, body: Bytes) -> (StatusCode, HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    headers.insert(ANSWER, HeaderValue::from_static(said.name()));
    (said.status(), headers, body)
}

/// The answer that was given, if it is one of a responder's; otherwise the server's reason.
pub(crate) fn read_answer(
    said: Said,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Result<Answer, Reason>, Malformed> {
    let reason = || Reason::new(&String::from_utf8_lossy(&body));
    Ok(Ok(match said {
        Said::Refused => Answer::Refused(reason()),
        Said::Busy => Answer::Busy(reason()),
        Said::Fenced => Answer::Fenced { current: read_fence(headers)? },
        Said::Compensated => Answer::Compensated,
        Said::Rejected(_) | Said::Unknown => return Ok(Err(reason())),
        Said::Done => Answer::Done(body),
    }))
}

fn body_of(reason: &Reason) -> Bytes {
    Bytes::copy_from_slice(reason.as_str().as_bytes())
}

fn write_fence(fence: CallFence, headers: &mut HeaderMap) {
    headers.insert(EPOCH, fence.epoch.into());
    headers.insert(ATTEMPT, fence.attempt.into());
}

fn read_fence(headers: &HeaderMap) -> Result<CallFence, Malformed> {
    Ok(CallFence { epoch: number(headers, &EPOCH)?, attempt: number(headers, &ATTEMPT)? })
}

fn encoded(name: &str) -> HeaderValue {
    let encoded = utf8_percent_encode(name, ENCODED).to_string();
    HeaderValue::try_from(encoded)
        .expect("percent-encoded text is ASCII without control characters")
}

fn decoded<T: FromStr<Err: fmt::Display>>(
    headers: &HeaderMap,
    name: &HeaderName,
) -> Result<T, Malformed> {
    let value = text(headers, name)?;
    let decoded = percent_decode(value.as_bytes()).decode_utf8();
    let decoded = decoded.map_err(|_| Malformed(format!("{name} is not UTF-8")))?;
    decoded.parse().map_err(|error| Malformed(format!("{name}: {error}")))
}

fn number<T: FromStr>(headers: &HeaderMap, name: &HeaderName) -> Result<T, Malformed> {
    let value = text(headers, name)?;
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|_| digits);
    number.ok_or_else(|| Malformed(format!("{name} is not a number of the right size")))
}

/// The header's only value.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Malformed> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Malformed(format!("{name} is missing, or given more than once")));
    };
    value.to_str().map_err(|_| Malformed(format!("{name} is not printable ASCII")))
}

#[cfg(test)]
mod tests;
