//! A journal in the log: the records of a turn, and the graph of a plan, as bytes.
//!
//! Hand-written, little-endian, versioned; drawn in `docs/FORMAT.md`. The invariant it guards:
//! bytes from anywhere decode to records or to a fault, never to a panic, and no length is believed
//! before it was held against the bytes that are there. Inputs and outputs share the event's
//! buffer.

mod plan;
mod read;
mod state;
mod write;

#[cfg(test)]
mod tests;

pub use plan::{decode_plan, encode_plan};

use self::{
    read::Reader,
    write::{put_bytes, put_end, put_failure, put_optional, put_side, put_text, put_u32, put_u64},
};
use super::{
    plan::Fingerprint,
    record::{Begun, Record},
    verbs::{Operator, Verb},
};
use bytes::Bytes;
use std::{error::Error, fmt};

/// The newest version of a turn that this build reads and writes.
pub(super) const TURN_VERSION: u8 = 1;

/// How many records a turn may have: more than any turn of the largest plan needs.
const TURN_RECORDS_MAX: usize = 4096;

/// Why bytes are no turn, or no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalFault {
    /// A newer version of Sagalog wrote it. Use that one.
    Newer {
        /// Its version.
        version: u8,
    },
    /// It is none.
    Malformed(&'static str),
    /// It describes a definition that cannot be built.
    Definition(Box<super::DefinitionError>),
}

impl fmt::Display for JournalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { version } => write!(
                f,
                "it was written in version {version} of the journal, this program knows \
                 {TURN_VERSION}"
            ),
            Self::Malformed(what) => f.write_str(what),
            Self::Definition(error) => error.fmt(f),
        }
    }
}

impl Error for JournalFault {}

/// The bytes of a turn. A text of more than 65,535 bytes is cut; the machine makes none of more
/// than [`FAILURE_BYTES_MAX`](super::vocabulary::FAILURE_BYTES_MAX).
///
/// # Panics
/// If there are more than 4096 records: no turn of the machine has that many, and who reads one
/// takes no more.
pub fn encode_turn(records: &[Record]) -> Vec<u8> {
    assert!(records.len() <= TURN_RECORDS_MAX, "a turn of {} records", records.len());
    let mut out = vec![TURN_VERSION];
    let count = u16::try_from(records.len()).expect("a turn has a bounded number of records");
    out.extend_from_slice(&count.to_le_bytes());
    for record in records {
        put_record(record, &mut out);
    }
    out
}

/// The records of a turn.
///
/// # Errors
/// [`JournalFault`] says why the bytes are none.
pub fn decode_turn(turn: &Bytes) -> Result<Vec<Record>, JournalFault> {
    let mut reader = Reader::new(turn.clone());
    let version = reader.u8()?;
    if version != TURN_VERSION {
        return Err(JournalFault::Newer { version });
    }
    let count = usize::from(reader.u16()?);
    if count > TURN_RECORDS_MAX {
        return Err(JournalFault::Malformed("a turn has too many records"));
    }
    let mut records = Vec::new();
    for _ in 0..count {
        records.push(read_record(&mut reader)?);
    }
    reader.end()?;
    Ok(records)
}

// tidy: table
fn put_record(record: &Record, out: &mut Vec<u8>) {
    match record {
        Record::Begun(begun) => {
            out.push(1);
            put_begun(begun, out);
        }
        Record::Started { step, attempt } => {
            out.push(2);
            write::put_attempt(*step, *attempt, out);
        }
        Record::Done { step, attempt, output } => {
            out.push(3);
            write::put_attempt(*step, *attempt, out);
            put_bytes(output, out);
        }
        Record::Skipped { step } => {
            out.push(4);
            write::put_step(*step, out);
        }
        Record::Failed { step, attempt, failure } => {
            out.push(5);
            write::put_attempt(*step, *attempt, out);
            put_failure(failure, out);
        }
        Record::Ambiguous { step, attempt, failure } => {
            out.push(6);
            write::put_attempt(*step, *attempt, out);
            put_failure(failure, out);
        }
        Record::AttemptFailed { step, side, attempt, certainty, failure, next_at } => {
            out.push(7);
            write::put_attempt(*step, *attempt, out);
            put_side(*side, out);
            write::put_certainty(*certainty, out);
            put_failure(failure, out);
            put_u64(next_at.as_unix_nanos(), out);
        }
        Record::Withdrawn { step } => {
            out.push(8);
            write::put_step(*step, out);
        }
        Record::CancelAsked { principal, reason } => {
            out.push(9);
            put_text(principal, out);
            put_text(reason, out);
        }
        Record::AbortDecided { cause, reason } => {
            out.push(10);
            write::put_cause(*cause, out);
            put_text(reason, out);
        }
        Record::ReturnDecided { savepoint, reason } => {
            out.push(11);
            write::put_step(*savepoint, out);
            put_text(reason, out);
        }
        Record::Compensated { step, attempt } => {
            out.push(12);
            write::put_attempt(*step, *attempt, out);
        }
        Record::Returned => out.push(13),
        Record::Stuck { step, side, attempt, certainty, failure } => {
            out.push(14);
            write::put_attempt(*step, *attempt, out);
            put_side(*side, out);
            write::put_certainty(*certainty, out);
            put_failure(failure, out);
        }
        Record::Operator(operator) => {
            out.push(15);
            put_operator(operator, out);
        }
        Record::Checkpoint(state) => {
            out.push(16);
            state::put_state(state, out);
        }
        Record::Ended(end) => {
            out.push(17);
            put_end(end, out);
        }
    }
}

fn put_begun(begun: &Begun, out: &mut Vec<u8>) {
    put_text(begun.definition.as_str(), out);
    put_u32(begun.revision, out);
    put_u64(begun.fingerprint.get(), out);
    put_bytes(&begun.input, out);
    put_optional(begun.deadline, out, |at, out| put_u64(at.as_unix_nanos(), out));
    put_optional(begun.trace_context.as_deref(), out, put_text);
}

fn put_operator(operator: &Operator, out: &mut Vec<u8>) {
    match &operator.verb {
        Verb::Retry => out.push(1),
        Verb::Skip(step) => {
            out.push(2);
            write::put_step(*step, out);
        }
        Verb::Complete(output) => {
            out.push(3);
            put_optional(output.as_ref(), out, |output, out| put_bytes(output, out));
        }
        Verb::Abort => out.push(4),
    }
    put_text(&operator.principal, out);
    put_text(&operator.reason, out);
}

// tidy: table
fn read_record(from: &mut Reader) -> Result<Record, JournalFault> {
    Ok(match from.u8()? {
        1 => Record::Begun(read_begun(from)?),
        2 => Record::Started { step: from.step()?, attempt: from.u32()? },
        3 => Record::Done { step: from.step()?, attempt: from.u32()?, output: from.bytes()? },
        4 => Record::Skipped { step: from.step()? },
        5 => Record::Failed { step: from.step()?, attempt: from.u32()?, failure: from.failure()? },
        6 => {
            Record::Ambiguous { step: from.step()?, attempt: from.u32()?, failure: from.failure()? }
        }
        7 => Record::AttemptFailed {
            step: from.step()?,
            attempt: from.u32()?,
            side: from.side()?,
            certainty: from.certainty()?,
            failure: from.failure()?,
            next_at: from.wall()?,
        },
        8 => Record::Withdrawn { step: from.step()? },
        9 => Record::CancelAsked { principal: from.text()?, reason: from.text()? },
        10 => Record::AbortDecided { cause: from.cause()?, reason: from.text()? },
        11 => Record::ReturnDecided { savepoint: from.step()?, reason: from.text()? },
        12 => Record::Compensated { step: from.step()?, attempt: from.u32()? },
        13 => Record::Returned,
        14 => Record::Stuck {
            step: from.step()?,
            attempt: from.u32()?,
            side: from.side()?,
            certainty: from.certainty()?,
            failure: from.failure()?,
        },
        15 => Record::Operator(read_operator(from)?),
        16 => Record::Checkpoint(Box::new(state::read_state(from)?)),
        17 => Record::Ended(from.saga_end()?),
        _ => return Err(JournalFault::Malformed("a record is of no known kind")),
    })
}

fn read_begun(from: &mut Reader) -> Result<Begun, JournalFault> {
    Ok(Begun {
        definition: from.definition_name()?,
        revision: from.u32()?,
        fingerprint: Fingerprint::new(from.u64()?),
        input: from.bytes()?,
        deadline: from.optional(Reader::wall)?,
        trace_context: from.optional(Reader::text)?,
    })
}

fn read_operator(from: &mut Reader) -> Result<Operator, JournalFault> {
    let verb = match from.u8()? {
        1 => Verb::Retry,
        2 => Verb::Skip(from.step()?),
        3 => Verb::Complete(from.optional(Reader::bytes)?),
        4 => Verb::Abort,
        _ => return Err(JournalFault::Malformed("an operator's verb is of no known kind")),
    };
    Ok(Operator { verb, principal: from.text()?, reason: from.text()? })
}
