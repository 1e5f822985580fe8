//! The records of a key as bytes: what was said to a delivery, and with which right it came.
//!
//! What follows from them is told in `standing`. The invariant it guards: bytes that are no record
//! are a fault, never a panic and never a guess. The layout is in `docs/FORMAT.md`.

use crate::{
    event::NewEvent,
    names::EventType,
    runtime::{Answer, CallFence, Reason},
};
use bytes::Bytes;
use std::fmt;

const DONE: &str = "EffectDone";
const REFUSED: &str = "EffectRefused";
const COMPENSATED: &str = "EffectCompensated";

/// What the books say about one delivery that changed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) fence: CallFence,
    pub(super) said: Said,
}

/// What it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The action was done, with this reply.
    Done(Bytes),
    /// The action was refused.
    Refused(Reason),
    /// The action was compensated, with this reply. Without an action before it, it is a
    /// tombstone.
    Compensated(Bytes),
}

impl Said {
    /// The answer to the delivery, and to its repetitions.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::Done(reply) | Self::Compensated(reply) => Answer::Done(reply.clone()),
            Self::Refused(reason) => Answer::Refused(reason.clone()),
        }
    }
}

impl Record {
    /// The record as an event of its key's stream.
    pub(super) fn event(&self, trace_context: Option<&str>) -> NewEvent {
        let (name, rest) = match &self.said {
            Said::Done(reply) => (DONE, &**reply),
            Said::Refused(reason) => (REFUSED, reason.as_str().as_bytes()),
            Said::Compensated(reply) => (COMPENSATED, &**reply),
        };
        let mut bytes = Vec::with_capacity(8 + 4 + rest.len());
        bytes.extend_from_slice(&self.fence.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.fence.attempt.to_le_bytes());
        bytes.extend_from_slice(rest);
        let event_type = EventType::parse(name).expect("a name of the table above");
        let event = NewEvent::new(event_type, bytes);
        match trace_context {
            Some(context) => event.trace_context(context),
            None => event,
        }
    }

    /// The record that an event of this type with this payload is.
    pub(super) fn decode(event_type: &str, payload: &Bytes) -> Result<Self, Fault> {
        let (epoch, rest) = payload.split_first_chunk().ok_or(Fault::TooShort)?;
        let (attempt, rest) = rest.split_first_chunk().ok_or(Fault::TooShort)?;
        let said = match event_type {
            DONE => Said::Done(payload.slice_ref(rest)),
            REFUSED => {
                let reason = std::str::from_utf8(rest).map_err(|_| Fault::NotUtf8)?;
                Said::Refused(Reason::new(reason))
            }
            COMPENSATED => Said::Compensated(payload.slice_ref(rest)),
            _ => return Err(Fault::UnknownType),
        };
        let (epoch, attempt) = (u64::from_le_bytes(*epoch), u32::from_le_bytes(*attempt));
        Ok(Self { fence: CallFence { epoch, attempt }, said })
    }
}

/// Why the records of a key are none of ours: another program wrote them, or a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooShort,
    NotUtf8,
    UnknownType,
    /// No delivery adds this record to those before it.
    OutOfOrder,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "a record of a call is too short",
            Self::NotUtf8 => "the reason in a record of a call is not UTF-8",
            Self::UnknownType => "a record of a call has an unknown type",
            Self::OutOfOrder => "the records of a call contradict each other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FENCE: CallFence = CallFence { epoch: 0x0102, attempt: 0x0304 };

    fn bytes(said: Said) -> (String, Bytes) {
        let event = Record { fence: FENCE, said }.event(None);
        (event.event_type.as_str().to_owned(), event.payload)
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let table = [
            (Said::Done("r".into()), "EffectDone"),
            (Said::Refused("r".into()), "EffectRefused"),
            (Said::Compensated("r".into()), "EffectCompensated"),
        ];
        for (said, name) in table {
            let (event_type, payload) = bytes(said.clone());
            assert_eq!(event_type, name);
            assert_eq!(&*payload, b"\x02\x01\0\0\0\0\0\0\x04\x03\0\0r");
            let read = Record::decode(&event_type, &payload);
            assert_eq!(read, Ok(Record { fence: FENCE, said }));
        }
    }

    #[test]
    fn every_fence_reply_and_reason_comes_back() {
        let around = (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit]);
        for number in (0..=256).chain(around).chain([u64::MAX]) {
            let attempt = u32::try_from(number).unwrap_or(u32::MAX);
            let fence = CallFence { epoch: number, attempt };
            let length = usize::try_from(number.min(2_000)).expect("few");
            let reply = Bytes::from(number.to_le_bytes().repeat(length / 8 + 1));
            let letter = char::from_u32(attempt).unwrap_or('ä').to_string();
            for said in [
                Said::Done(reply.clone()),
                Said::Refused(Reason::new(&letter.repeat(length))),
                Said::Compensated(reply),
            ] {
                let record = Record { fence, said };
                let event = record.event(None);
                let read = Record::decode(event.event_type.as_str(), &event.payload);
                assert_eq!(read, Ok(record), "{number}");
            }
        }
    }

    #[test]
    fn bytes_that_are_no_record_are_a_fault() {
        let (_, payload) = bytes(Said::Done(Bytes::new()));
        for end in 0..payload.len() {
            let cut = Record::decode(DONE, &payload.slice(..end));
            assert_eq!(cut, Err(Fault::TooShort), "{end} bytes");
        }
        assert_eq!(Record::decode("OrderPlaced", &payload), Err(Fault::UnknownType));
        let (_, garbled) = bytes(Said::Done(Bytes::from_static(b"\xff")));
        assert_eq!(Record::decode(REFUSED, &garbled), Err(Fault::NotUtf8));
    }
}
