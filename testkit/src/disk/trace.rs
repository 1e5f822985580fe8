//! The ordered trace of everything that reached the disk.
//!
//! It is not a log for people first: it is the proof that two runs of one seed were the same run.
//! The invariant it guards: the hash depends on operations, their arguments (written bytes
//! included) and their endings, in order, and on nothing else.

use std::{collections::VecDeque, fmt, io, sync::Arc};

use super::{fault::FaultKind, operation::Operation};

/// One call that reached the disk, or one crash.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Number of the operation, counted from 1 over the disk's whole life.
    pub op: u64,
    /// Which incarnation asked for it, counted from 1.
    pub incarnation: u64,
    /// What was asked for.
    pub operation: Operation,
    /// The file; empty for operations on the directory as a whole.
    pub file: Arc<str>,
    /// Byte offset, where the operation has one.
    pub offset: u64,
    /// Bytes asked for, where the operation has a size.
    pub bytes: u64,
    /// The fault that struck, with its amount.
    pub fault: Option<(FaultKind, u64)>,
    /// How long it took, in microseconds.
    pub stall_us: u64,
    /// What the caller was told: a count, or the kind of the error.
    pub ending: Result<u64, io::ErrorKind>,
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "#{} i{} {}", self.op, self.incarnation, self.operation)?;
        if !self.file.is_empty() {
            write!(out, " {}", self.file)?;
        }
        if self.offset != 0 || self.bytes != 0 {
            write!(out, " @{}+{}", self.offset, self.bytes)?;
        }
        match &self.ending {
            Ok(count) => write!(out, " -> {count}")?,
            Err(kind) => write!(out, " -> {kind}")?,
        }
        if let Some((kind, amount)) = self.fault {
            write!(out, " [{kind} {amount}]")?;
        }
        match self.stall_us {
            0 => Ok(()),
            stalled => write!(out, " [{} {stalled}]", FaultKind::Stall),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Trace {
    hash: u128,
    recent: VecDeque<Event>,
    recent_max: usize,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            hash: 0x5361_6761_6c6f_6720_6469_736b_2074_7261,
            recent: VecDeque::new(),
            recent_max: 0,
        }
    }

    pub(super) fn hash(&self) -> u128 {
        self.hash
    }

    pub(super) fn recent(&self) -> impl Iterator<Item = &Event> {
        self.recent.iter()
    }

    pub(super) fn keep_recent(&mut self, events: usize) {
        self.recent_max = events;
        self.recent.drain(..self.recent.len().saturating_sub(events));
    }

    /// Takes note of `event`; `carried` is the digest of the names or bytes it carried.
    pub(super) fn record(&mut self, event: Event, carried: u64) {
        let fault = event.fault.map_or(0, |(kind, amount)| (kind as u64 + 1) ^ (amount << 8));
        let ending = match &event.ending {
            Ok(count) => *count,
            Err(kind) => !digest(kind.to_string().as_bytes()),
        };
        let what = ((event.operation as u64) << 56) ^ event.incarnation;
        let carried = carried ^ event.stall_us.rotate_left(32);
        for word in [what, event.offset, event.bytes, carried, fault, ending] {
            self.mix(word);
        }
        if self.recent_max > 0 {
            if self.recent.len() == self.recent_max {
                self.recent.pop_front();
            }
            self.recent.push_back(event);
        }
    }

    fn mix(&mut self, word: u64) {
        const ODD: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;
        self.hash = (self.hash ^ u128::from(word)).wrapping_mul(ODD);
        // The low bits of a product depend on low bits only, so the high half is folded back.
        self.hash ^= self.hash >> 67;
    }
}

/// A stable digest of `bytes`. Four lanes, because written bytes are hashed on the hot path.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9FB2_1C65_1E98_DF25;
    let step = |lane: u64, word: &[u8]| {
        let mut padded = [0; 8];
        padded[..word.len()].copy_from_slice(word);
        let mixed = (lane ^ u64::from_le_bytes(padded)).wrapping_mul(ODD);
        mixed ^ (mixed >> 32)
    };
    let mut lanes = [1_u64, 2, 3, 4];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            *lane = step(*lane, word);
        }
    }
    for (lane, word) in lanes.iter_mut().zip(blocks.remainder().chunks(8)) {
        *lane = step(*lane, word);
    }
    lanes.iter().fold(bytes.len() as u64, |sum, lane| step(sum, &lane.to_le_bytes()))
}
