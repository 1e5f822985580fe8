//! The graph of a plan as bytes: what fingerprints are made of, and what reads a journal without
//! the program that wrote it.
//!
//! Policies are left out, because they may be tuned under running sagas.

use super::{
    JournalFault, TURN_VERSION,
    read::Reader,
    write::{put_optional, put_step, put_text, put_u16, put_u32},
};
use crate::saga::{
    plan::{Compensated, Plan, STEPS_MAX, StepPlan, TIMEOUT},
    policy::Retry,
    vocabulary::{Effect, OnStuck, StepIndex, StepKind},
};
use bytes::Bytes;

/// The bytes of a plan's graph.
///
/// # Panics
/// Never: a plan has a bounded number of steps.
pub fn encode_plan(plan: &Plan) -> Vec<u8> {
    let mut out = vec![TURN_VERSION];
    put_text(plan.name().as_str(), &mut out);
    put_u32(plan.revision(), &mut out);
    put_step(plan.output(), &mut out);
    out.push(match plan.stuck_policy() {
        OnStuck::Block => 1,
        OnStuck::Continue => 2,
    });
    put_u16(u16::try_from(plan.steps().len()).expect("a plan has at most 256 steps"), &mut out);
    for step in plan.steps() {
        put_step_plan(step, &mut out);
    }
    out
}

fn put_step_plan(step: &StepPlan, out: &mut Vec<u8>) {
    put_text(step.name.as_str(), out);
    put_u16(u16::try_from(step.after.len()).expect("a step is after fewer than 256"), out);
    for after in &step.after {
        put_step(*after, out);
    }
    out.push(match step.effect {
        Effect::Pure => 1,
        Effect::Idempotent => 2,
        Effect::Keyed => 3,
        Effect::Transactional => 4,
        Effect::AtMostOnce => 5,
    });
    out.push(match step.kind {
        StepKind::Ordinary => 1,
        StepKind::Pivot => 2,
        StepKind::Retriable => 3,
    });
    out.push(match step.compensation {
        Compensated::Yes => 1,
        Compensated::NotNeeded => 2,
        Compensated::Unsaid => 3,
    });
    out.push(u8::from(step.conditional));
    out.push(u8::from(step.ends_early));
    put_optional(step.returns_max, out, put_u32);
}

/// The plan whose graph these bytes are, with default policies: enough to read journals by, and to
/// decide what an operator may do.
///
/// # Errors
/// [`JournalFault`] says why they are none.
pub fn decode_plan(bytes: &Bytes) -> Result<Plan, JournalFault> {
    let mut from = Reader::new(bytes.clone());
    let version = from.u8()?;
    if version != TURN_VERSION {
        return Err(JournalFault::Newer { version });
    }
    let name = from.definition_name()?;
    let revision = from.u32()?;
    let output = from.step()?;
    let on_stuck = match from.u8()? {
        1 => OnStuck::Block,
        2 => OnStuck::Continue,
        _ => return Err(JournalFault::Malformed("a policy is of no known kind")),
    };
    let count = usize::from(from.u16()?);
    if count > STEPS_MAX {
        return Err(JournalFault::Malformed("a plan has too many steps"));
    }
    let mut steps = Vec::new();
    for _ in 0..count {
        steps.push(read_step_plan(&mut from)?);
    }
    from.end()?;
    let plan = Plan::try_new(name, revision, steps, output);
    let plan = plan.map_err(|error| JournalFault::Definition(Box::new(error)))?;
    Ok(plan.on_stuck(on_stuck))
}

fn read_step_plan(from: &mut Reader) -> Result<StepPlan, JournalFault> {
    let name = from.step_name()?;
    let count = usize::from(from.u16()?);
    if count > STEPS_MAX {
        return Err(JournalFault::Malformed("a step is after too many others"));
    }
    let mut after: Vec<StepIndex> = Vec::new();
    for _ in 0..count {
        after.push(from.step()?);
    }
    Ok(StepPlan {
        name,
        after,
        effect: read_effect(from)?,
        kind: match from.u8()? {
            1 => StepKind::Ordinary,
            2 => StepKind::Pivot,
            3 => StepKind::Retriable,
            _ => return Err(JournalFault::Malformed("a step is of no known kind")),
        },
        compensation: match from.u8()? {
            1 => Compensated::Yes,
            2 => Compensated::NotNeeded,
            3 => Compensated::Unsaid,
            _ => return Err(JournalFault::Malformed("a compensation is of no known kind")),
        },
        conditional: from.flag()?,
        ends_early: from.flag()?,
        returns_max: from.optional(Reader::u32)?,
        retry: Retry::default(),
        compensation_retry: Retry::for_compensation(),
        timeout: TIMEOUT,
    })
}

fn read_effect(from: &mut Reader) -> Result<Effect, JournalFault> {
    match from.u8()? {
        1 => Ok(Effect::Pure),
        2 => Ok(Effect::Idempotent),
        3 => Ok(Effect::Keyed),
        4 => Ok(Effect::Transactional),
        5 => Ok(Effect::AtMostOnce),
        _ => Err(JournalFault::Malformed("an effect class is of no known kind")),
    }
}
