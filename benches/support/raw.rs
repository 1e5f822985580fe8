//! The raw limit: one thread, one file, one write and one sync for `n` framed records.
//!
//! Not a log: nothing is handed to anybody and nothing could be recovered. The invariant: it pays
//! for what every log has to pay for (framing, checksum, write, sync) and for nothing else.

use super::{drive::Slice, real};
use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

/// Size of the file that is written before it is used: it never grows, and wraps around.
const SPAN_BYTES: u64 = 256 << 20;
const PIECE_BYTES: u64 = 1 << 20;
const HEADER_LEN: usize = 16;

/// What the raw writer writes into.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// A file written once with zeros; it wraps around.
    Written,
    /// A file that grows with every write.
    Growing,
}

/// The raw writer.
pub(crate) struct Raw {
    file: File,
    space: Space,
    at: u64,
    sequence: u64,
    buffer: Vec<u8>,
}

impl Raw {
    /// A raw writer on a new file at `path`.
    pub(crate) fn create(path: &Path, space: Space) -> std::io::Result<Self> {
        let file = File::create(path)?;
        if space == Space::Written {
            let zeros = vec![0; usize::try_from(PIECE_BYTES).unwrap_or(1 << 20)];
            for at in (0..SPAN_BYTES).step_by(zeros.len()) {
                file.write_all_at(&zeros, at)?;
            }
        }
        file.sync_all()?;
        Ok(Self { file, space, at: 0, sequence: 0, buffer: Vec::new() })
    }

    /// Writes `records` records of `body` at a time until `time` has passed.
    pub(crate) fn slice(
        &mut self,
        records: usize,
        body: &[u8],
        time: Duration,
    ) -> std::io::Result<Slice> {
        let mut slice = Slice::default();
        let began = Instant::now();
        let mut before = began;
        while before - began < time {
            self.buffer.clear();
            for _ in 0..records {
                self.frame(body);
            }
            let bytes = self.buffer.len() as u64;
            if self.space == Space::Written && self.at + bytes > SPAN_BYTES {
                self.at = 0;
            }
            self.file.write_all_at(&self.buffer, self.at)?;
            self.file.sync_data()?;
            self.at += bytes;
            let now = Instant::now();
            slice.latency.add(nanos(now - before));
            slice.appends += records as u64;
            before = now;
        }
        slice.elapsed = before - began;
        Ok(slice)
    }

    /// Checksum, length and number in front of the body.
    fn frame(&mut self, body: &[u8]) {
        let start = self.buffer.len();
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.buffer.extend_from_slice(&[0; 4]);
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(&self.sequence.to_le_bytes());
        debug_assert_eq!(self.buffer.len() - start, HEADER_LEN);
        self.buffer.extend_from_slice(body);
        let crc = crc32fast::hash(&self.buffer[start + 4..]);
        self.buffer[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        self.sequence += 1;
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Appends a second in `slice`.
pub(crate) fn rate(slice: &Slice) -> f64 {
    real(slice.appends) / slice.elapsed.as_secs_f64().max(1e-9)
}
