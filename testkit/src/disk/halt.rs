//! Where a life is cut short: a moment, named by what the disk is asked to do.
//!
//! It ends no incarnation; a crash does. The invariant it guards: from the moment on that a halt
//! names, no operation has any effect until the crash, whoever asks for it.

use std::{fmt, str::FromStr};

use super::{
    SimDisk,
    call::Call,
    fault::{ParseError, split_prefix},
    operation::Operation,
};

/// Where to stop a life. Written as `before op 37`, `before sync 2 of log-`,
/// `after sync 2 of log- then 3` or `before write 1 of log- leaving 2048`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is read from files")]
pub struct Halt {
    /// The operation to look for; without one, every operation counts.
    pub operation: Option<Operation>,
    /// How the file's name must start; empty matches every file. Unused without an operation.
    pub prefix: String,
    /// If it says so, only calls match that leave less than so many bytes of their file behind
    /// them: the end of a file of a known size, wherever that is.
    pub leaving: Option<u64>,
    /// Which match, counted from 1.
    pub nth: u64,
    /// Stop before the operation that comes so many after it; 0 is before the match itself.
    pub then: u64,
}

impl Halt {
    /// Before the `nth` operation.
    pub const fn before_op(nth: u64) -> Self {
        Self { operation: None, prefix: String::new(), leaving: None, nth, then: 0 }
    }

    fn is_met_by(&self, call: &Call<'_>, room: &impl Fn() -> u64) -> bool {
        let Some(operation) = self.operation else { return true };
        operation == call.operation
            && call.file.starts_with(self.prefix.as_str())
            && self.leaving.is_none_or(|leaving| room() < leaving)
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, prefix, leaving, nth, then } = self;
        let Some(operation) = operation else {
            return write!(out, "before op {}", nth + then);
        };
        let side = if *then == 0 { "before" } else { "after" };
        write!(out, "{side} {operation} {nth}")?;
        if !prefix.is_empty() {
            write!(out, " of {prefix}")?;
        }
        if let Some(leaving) = leaving {
            write!(out, " leaving {leaving}")?;
        }
        if *then == 0 { Ok(()) } else { write!(out, " then {then}") }
    }
}

impl FromStr for Halt {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text).ok_or_else(|| ParseError::new("a halt", text, "after sync 2 of log- then 3"))
    }
}

fn parse(text: &str) -> Option<Halt> {
    let (side, rest) = text.split_once(' ')?;
    let (place, then) = match side {
        "before" => (rest, 0),
        "after" => {
            let (place, then) = rest.rsplit_once(" then ")?;
            (place, then.parse().ok().filter(|then| *then > 0)?)
        }
        _ => return None,
    };
    let (event, rest) = place.split_once(' ')?;
    if event == "op" {
        return (then == 0).then_some(Halt::before_op(rest.parse().ok()?));
    }
    let operation = Some(Operation::parse(event)?);
    let (rest, leaving) = match rest.split_once(" leaving ") {
        Some((rest, leaving)) => (rest, Some(leaving.parse().ok()?)),
        None => (rest, None),
    };
    let (nth, prefix) = split_prefix(rest)?;
    Some(Halt { operation, prefix, leaving, nth, then })
}

/// An operation, as who looks for where a life was cut short wants to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by tests as well")]
pub struct Step {
    /// What was asked for.
    pub operation: Operation,
    /// Of which file; empty for the directory.
    pub file: String,
    /// How many bytes of the file lie behind what it touches.
    pub room: u64,
}

/// The halt of one incarnation.
#[derive(Clone, Debug, Default)]
pub(super) struct Halting {
    /// The operation, counted over the disk's whole life, before which to stop.
    before: Option<u64>,
    /// A halt whose match is still to come, with the matches so far.
    aimed: Option<(Halt, u64)>,
    /// What was stopped first.
    stopped: Option<Step>,
}

impl Halting {
    /// Whether operation number `op` must not happen. `room` says how many bytes of its file lie
    /// behind what it touches.
    pub(super) fn stops(&mut self, op: u64, call: &Call<'_>, room: impl Fn() -> u64) -> bool {
        if let Some((halt, seen)) = &mut self.aimed
            && halt.is_met_by(call, &room)
        {
            *seen += 1;
            if *seen >= halt.nth {
                self.before = Some(op.saturating_add(halt.then));
                self.aimed = None;
            }
        }
        if self.stopped.is_none() && self.before.is_some_and(|before| op >= before) {
            let (operation, file) = (call.operation, call.file.to_owned());
            self.stopped = Some(Step { operation, file, room: room() });
        }
        self.stopped.is_some()
    }
}

impl SimDisk {
    /// Stops this incarnation at `halt`, counted from now on, until the next crash. It replaces
    /// the halt before it.
    pub fn halt_at(&mut self, halt: Halt) {
        self.halting = Halting { aimed: Some((halt, 0)), ..Halting::default() };
    }

    /// Stops this incarnation before operation number `op`, counted from 1 over the disk's whole
    /// life, until the next crash. It replaces the halt before it.
    pub fn halt_before(&mut self, op: u64) {
        self.halting = Halting { before: Some(op), ..Halting::default() };
    }

    /// Whether an operation was stopped since the last crash. The stopped call answers with an
    /// error; [`SimDiskHandle`](crate::SimDiskHandle) keeps that from its caller, who is dead.
    pub fn is_halted(&self) -> bool {
        self.halting.stopped.is_some()
    }

    /// The first operation that was stopped since the last crash.
    pub fn stopped(&self) -> Option<&Step> {
        self.halting.stopped.as_ref()
    }

    /// Nobody is to be stopped any more.
    pub fn clear_halt(&mut self) {
        self.halting = Halting::default();
    }
}
