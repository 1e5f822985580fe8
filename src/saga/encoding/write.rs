//! Writes the fields of a journal in order.

use crate::{
    log::fields::len_u32,
    saga::vocabulary::{Cause, Certainty, Failure, FailureKind, Output, SagaEnd, Side, StepIndex},
};

pub(super) fn put_u16(number: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn put_u32(number: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn put_u64(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_u32(len_u32(bytes), out);
    out.extend_from_slice(bytes);
}

/// A text of at most 65,535 bytes; what is longer is cut at a letter.
pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
    let longest = usize::from(u16::MAX).min(text.len());
    let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let text = text.get(..end).unwrap_or_default();
    put_u16(u16::try_from(text.len()).expect("it was cut to fit"), out);
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn put_optional<T>(
    value: Option<T>,
    out: &mut Vec<u8>,
    put: impl FnOnce(T, &mut Vec<u8>),
) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(value, out);
    }
}

pub(super) fn put_step(step: StepIndex, out: &mut Vec<u8>) {
    put_u16(step.get(), out);
}

pub(super) fn put_attempt(step: StepIndex, attempt: u32, out: &mut Vec<u8>) {
    put_step(step, out);
    put_u32(attempt, out);
}

pub(super) fn put_side(side: Side, out: &mut Vec<u8>) {
    out.push(match side {
        Side::Action => 1,
        Side::Compensation => 2,
    });
}

pub(super) fn put_certainty(certainty: Certainty, out: &mut Vec<u8>) {
    out.push(match certainty {
        Certainty::NoEffect => 1,
        Certainty::Unknown => 2,
    });
}

pub(super) fn put_cause(cause: Cause, out: &mut Vec<u8>) {
    out.push(match cause {
        Cause::Rejected => 1,
        Cause::Failed => 2,
        Cause::Cancelled => 3,
        Cause::Deadline => 4,
        Cause::Forced => 5,
    });
}

pub(super) fn put_failure(failure: &Failure, out: &mut Vec<u8>) {
    out.push(match failure.kind {
        FailureKind::Rejected => 1,
        FailureKind::Failed => 2,
    });
    put_text(&failure.reason, out);
}

pub(super) fn put_end(end: &SagaEnd, out: &mut Vec<u8>) {
    match end {
        SagaEnd::Completed(Output::OfStep) => out.push(1),
        SagaEnd::Completed(Output::Early(output)) => {
            out.push(2);
            put_bytes(output, out);
        }
        SagaEnd::Completed(Output::Forced(output)) => {
            out.push(3);
            put_optional(output.as_ref(), out, |output, out| put_bytes(output, out));
        }
        SagaEnd::Aborted { cause, reason } => {
            out.push(4);
            put_cause(*cause, out);
            put_text(reason, out);
        }
    }
}
