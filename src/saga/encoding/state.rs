//! A checkpoint: the folded state of a saga as bytes.

use super::{
    JournalFault, put_begun,
    read::Reader,
    read_begun,
    write::{
        put_bytes, put_cause, put_end, put_failure, put_optional, put_side, put_step, put_text,
        put_u16, put_u32, put_u64,
    },
};
use crate::saga::{
    plan::STEPS_MAX,
    state::{CancelAsked, Phase, Progress, State, StepState},
};
use std::sync::Arc;

pub(super) fn put_state(state: &State, out: &mut Vec<u8>) {
    put_begun(&state.begun, out);
    match &state.phase {
        Phase::Running => out.push(1),
        Phase::Returning(savepoint) => {
            out.push(2);
            put_step(*savepoint, out);
        }
        Phase::Aborting { cause, reason } => {
            out.push(3);
            put_cause(*cause, out);
            put_text(reason, out);
        }
        Phase::Ended(end) => {
            out.push(4);
            put_end(end, out);
        }
    }
    put_optional(state.cancel.as_ref(), out, |asked, out| {
        put_text(&asked.principal, out);
        put_text(&asked.reason, out);
    });
    put_u16(u16::try_from(state.steps.len()).expect("a plan has at most 256 steps"), out);
    for step in &state.steps {
        put_step_state(step, out);
    }
}

fn put_step_state(step: &StepState, out: &mut Vec<u8>) {
    match &step.progress {
        Progress::Waiting => out.push(1),
        Progress::Announced => out.push(2),
        Progress::InFlight => out.push(3),
        Progress::Done(output) => {
            out.push(4);
            put_bytes(output, out);
        }
        Progress::Skipped => out.push(5),
        Progress::Failed => out.push(6),
        Progress::Ambiguous => out.push(7),
        Progress::Withdrawn => out.push(8),
        Progress::Compensated(output) => {
            out.push(9);
            put_optional(output.as_ref(), out, |output, out| put_bytes(output, out));
        }
        Progress::Waived(output) => {
            out.push(10);
            put_optional(output.as_ref(), out, |output, out| put_bytes(output, out));
        }
    }
    let counts =
        [step.round, step.returns, step.attempts, step.compensation_attempts, step.failures];
    for count in counts {
        put_u32(count, out);
    }
    out.push(u8::from(step.doubtful));
    put_u64(step.next_at.as_unix_nanos(), out);
    put_optional(step.stuck, out, put_side);
    put_optional(step.last_failure.as_ref(), out, put_failure);
}

pub(super) fn read_state(from: &mut Reader) -> Result<State, JournalFault> {
    let begun = Arc::new(read_begun(from)?);
    let phase = match from.u8()? {
        1 => Phase::Running,
        2 => Phase::Returning(from.step()?),
        3 => Phase::Aborting { cause: from.cause()?, reason: from.text()? },
        4 => Phase::Ended(from.saga_end()?),
        _ => return Err(JournalFault::Malformed("a phase is of no known kind")),
    };
    let cancel =
        from.optional(|from| Ok(CancelAsked { principal: from.text()?, reason: from.text()? }))?;
    let count = usize::from(from.u16()?);
    if count > STEPS_MAX {
        return Err(JournalFault::Malformed("a checkpoint has too many steps"));
    }
    if let Phase::Returning(savepoint) = phase
        && savepoint.at() >= count
    {
        return Err(JournalFault::Malformed("a checkpoint returns to a step that it has not"));
    }
    let mut steps = Vec::new();
    for _ in 0..count {
        steps.push(read_step_state(from)?);
    }
    Ok(State { begun, phase, cancel, steps })
}

fn read_step_state(from: &mut Reader) -> Result<StepState, JournalFault> {
    let progress = match from.u8()? {
        1 => Progress::Waiting,
        2 => Progress::Announced,
        3 => Progress::InFlight,
        4 => Progress::Done(from.bytes()?),
        5 => Progress::Skipped,
        6 => Progress::Failed,
        7 => Progress::Ambiguous,
        8 => Progress::Withdrawn,
        9 => Progress::Compensated(from.optional(Reader::bytes)?),
        10 => Progress::Waived(from.optional(Reader::bytes)?),
        _ => return Err(JournalFault::Malformed("a progress is of no known kind")),
    };
    Ok(StepState {
        progress,
        round: from.u32()?,
        returns: from.u32()?,
        attempts: count(from)?,
        compensation_attempts: count(from)?,
        failures: from.u32()?,
        doubtful: from.flag()?,
        next_at: from.wall()?,
        stuck: from.optional(Reader::side)?,
        last_failure: from.optional(Reader::failure)?,
    })
}

/// A number of attempts that has room for the next one.
fn count(from: &mut Reader) -> Result<u32, JournalFault> {
    let count = from.u32()?;
    if count < u32::MAX { Ok(count) } else { Err(JournalFault::Malformed("too many attempts")) }
}
