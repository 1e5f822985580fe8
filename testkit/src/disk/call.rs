//! How a call reaches the disk, and what comes back.
//!
//! It knows no operation in particular. The invariant it guards: every operation is counted, meets
//! the faults that are due, and stands in the trace, in that order and exactly once.

use std::{collections::BTreeMap, io, time::Duration};

use super::{
    FaultKind, Operation, SimDisk,
    directory::{Directory, InodeId},
    halt::Step,
    inode::Inode,
    plan::Strike,
    trace::Told,
};

/// What an operation came to, and how long it took.
#[derive(Debug)]
#[must_use]
pub struct Outcome<T> {
    /// What the caller is told.
    pub result: io::Result<T>,
    /// How long it must wait for that; the disk itself has no clock.
    pub stall: Duration,
}

impl<T> Outcome<T> {
    /// The same outcome with another value in it.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Outcome<U> {
        Outcome { result: self.result.map(convert), stall: self.stall }
    }
}

/// An open file of one incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHandle {
    pub(super) inode: InodeId,
    pub(super) incarnation: u64,
    pub(super) writable: bool,
}

/// A held lock of one incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockHandle {
    pub(super) number: u64,
    /// How often the directory had been moved before.
    pub(super) moves: u64,
}

/// An operation on its way to the disk.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) operation: Operation,
    pub(super) file: &'a str,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    /// Stands for the names or bytes that the call carries, in the trace hash.
    pub(super) digest: u64,
}

/// Numbers that the trace shows for results.
pub(super) trait Measure {
    fn measure(&self) -> u64;
}

impl Measure for usize {
    fn measure(&self) -> u64 {
        *self as u64
    }
}

impl Measure for u64 {
    fn measure(&self) -> u64 {
        *self
    }
}

impl Measure for () {
    fn measure(&self) -> u64 {
        0
    }
}

impl Measure for Vec<String> {
    fn measure(&self) -> u64 {
        self.len() as u64
    }
}

impl Measure for FileHandle {
    fn measure(&self) -> u64 {
        self.inode
    }
}

impl Measure for LockHandle {
    fn measure(&self) -> u64 {
        self.number
    }
}

/// How many bytes `file` has behind `end`; a file that is not there has none.
fn room_behind(
    directory: &Directory,
    inodes: &BTreeMap<InodeId, Inode>,
    file: &str,
    end: u64,
) -> u64 {
    let inode = directory.cached.get(file).and_then(|inode| inodes.get(inode));
    inode.map_or(0, |inode| inode.cached.length.saturating_sub(end))
}

impl SimDisk {
    /// Runs one operation, unless the incarnation is stopped before it: counts it, lets faults
    /// strike, performs its effect, takes note.
    pub(super) fn perform<T: Measure>(
        &mut self,
        call: Call<'_>,
        effect: impl FnOnce(&mut Self, Strike) -> io::Result<T>,
    ) -> Outcome<T> {
        let end = call.offset.saturating_add(call.bytes);
        let room = || room_behind(&self.directory, &self.inodes, call.file, end);
        if self.halting.stops(self.ops + 1, &call, room) {
            let error = io::Error::other("this incarnation was stopped before this operation");
            return Outcome { result: Err(error), stall: Duration::ZERO };
        }
        self.ops += 1;
        let strike = self.faults.strike(self.ops, call.operation, call.file, call.bytes);
        let result = match strike.kind.and_then(FaultKind::refusal) {
            Some(refusal) => Err(refusal),
            None => effect(self, strike),
        };
        if strike.kind.is_some_and(FaultKind::shows_other_bytes) {
            self.witness_damage();
        }
        self.last_operation = Some(call.operation);
        self.last_file.clear();
        self.last_file.push_str(call.file);
        self.last_end = end;
        self.trace.record(&Told {
            op: self.ops,
            incarnation: self.incarnation,
            operation: call.operation,
            file: call.file,
            offset: call.offset,
            bytes: call.bytes,
            strike,
            ending: result.as_ref().map(Measure::measure).map_err(io::Error::kind),
            digest: call.digest,
        });
        Outcome { result, stall: Duration::from_micros(strike.stall_us) }
    }

    /// The last operation that reached the disk.
    pub fn last_step(&self) -> Option<Step> {
        let room = room_behind(&self.directory, &self.inodes, &self.last_file, self.last_end);
        let file = self.last_file.clone();
        self.last_operation.map(|operation| Step { operation, file, room })
    }

    /// What a call through a handle of an earlier incarnation gets; it has no effect.
    pub(crate) fn fence<T>(&mut self) -> Outcome<T> {
        self.fenced += 1;
        let error = io::Error::other("this incarnation has crashed and may not touch the disk");
        Outcome { result: Err(error), stall: Duration::ZERO }
    }
}
