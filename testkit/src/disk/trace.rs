//! The ordered trace of everything that reached the disk, and of what others remarked meanwhile.
//!
//! It is not a log for people first: it is the proof that two runs of one seed were the same run.
//! The invariant it guards: the hash depends on operations, their arguments (written bytes
//! included), their endings, and remarks, in order, and on nothing else; whether notes are kept
//! for a report changes nothing.

use std::{collections::VecDeque, fmt, io, sync::Arc};

use super::{fault::FaultKind, operation::Operation, plan::Strike};

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

/// What is kept for reports: one line of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A call that reached the disk, or a crash.
    Event(Event),
    /// What somebody else had to say at this moment.
    Remark(Box<str>),
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => write!(out, "{event}"),
            Self::Remark(text) => write!(out, "-- {text}"),
        }
    }
}

/// What the trace is told of an event, without the names that only a kept one needs.
pub(super) struct Told<'a> {
    pub(super) op: u64,
    pub(super) incarnation: u64,
    pub(super) operation: Operation,
    pub(super) file: &'a str,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) strike: Strike,
    pub(super) ending: Result<u64, io::ErrorKind>,
    /// Stands for the names or bytes that the call carries.
    pub(super) digest: u64,
}

impl Told<'_> {
    fn fault(&self) -> Option<(FaultKind, u64)> {
        self.strike.kind.map(|kind| (kind, self.strike.amount))
    }

    fn event(&self) -> Event {
        Event {
            op: self.op,
            incarnation: self.incarnation,
            operation: self.operation,
            file: self.file.into(),
            offset: self.offset,
            bytes: self.bytes,
            fault: self.fault(),
            stall_us: self.strike.stall_us,
            ending: self.ending,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Trace {
    hash: u128,
    recent: VecDeque<Note>,
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

    pub(super) fn recent(&self) -> impl Iterator<Item = &Note> {
        self.recent.iter()
    }

    pub(super) fn keep_recent(&mut self, notes: usize) {
        self.recent_max = notes;
        self.recent.drain(..self.recent.len().saturating_sub(notes));
    }

    pub(super) fn record(&mut self, told: &Told<'_>) {
        let fault = told.fault().map_or(0, |(kind, amount)| (kind as u64 + 1) ^ (amount << 8));
        let ending = match told.ending {
            Ok(count) => count,
            Err(kind) => !(kind as u64),
        };
        let what = ((told.operation as u64) << 56) ^ told.incarnation;
        let digest = told.digest ^ told.strike.stall_us.rotate_left(32);
        self.mix(what, told.offset);
        self.mix(told.bytes, digest);
        self.mix(fault, ending);
        self.keep(|| Note::Event(told.event()));
    }

    pub(super) fn remark(&mut self, text: &str) {
        self.mix(text.len() as u64, digest(text.as_bytes()));
        self.keep(|| Note::Remark(text.into()));
    }

    pub(super) fn remark_words(&mut self, words: &[u64]) {
        for word in words {
            self.mix(words.len() as u64, *word);
        }
        self.keep(|| {
            let words: Vec<_> = words.iter().map(u64::to_string).collect();
            Note::Remark(words.join(" ").into())
        });
    }

    fn keep(&mut self, note: impl FnOnce() -> Note) {
        if self.recent_max == 0 {
            return;
        }
        if self.recent.len() == self.recent_max {
            self.recent.pop_front();
        }
        self.recent.push_back(note());
    }

    fn mix(&mut self, high: u64, low: u64) {
        const ODD: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;
        let words = u128::from(high) << 64 | u128::from(low);
        self.hash = (self.hash ^ words).wrapping_mul(ODD);
        // The low bits of a product depend on low bits only, so the high half is folded back.
        self.hash ^= self.hash >> 67;
    }
}

/// A stable digest of `bytes`. Four lanes, because written bytes are hashed on the hot path.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9FB2_1C65_1E98_DF25;
    let step = |lane: u64, word: u64| {
        let mixed = (lane ^ word).wrapping_mul(ODD);
        mixed ^ (mixed >> 32)
    };
    let mut lanes = [1_u64, 2, 3, 4];
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        let words = block.as_chunks().0;
        lanes[0] = step(lanes[0], u64::from_le_bytes(words[0]));
        lanes[1] = step(lanes[1], u64::from_le_bytes(words[1]));
        lanes[2] = step(lanes[2], u64::from_le_bytes(words[2]));
        lanes[3] = step(lanes[3], u64::from_le_bytes(words[3]));
    }
    for (lane, word) in lanes.iter_mut().zip(rest.chunks(8)) {
        let mut padded = [0; 8];
        padded[..word.len()].copy_from_slice(word);
        *lane = step(*lane, u64::from_le_bytes(padded));
    }
    lanes.into_iter().fold(bytes.len() as u64, step)
}
