//! Latencies in buckets of 3 % width: bounded memory whatever the number of appends.
//!
//! Not for exact values: a quantile is the lower edge of its bucket.

use super::real;

/// Buckets for each doubling: a bucket is at most 1/32 wide.
const STEPS_LOG2: u32 = 5;
const STEPS: u64 = 1 << STEPS_LOG2;
const BUCKETS: usize = 64 << STEPS_LOG2;

/// Counts of latencies, in nanoseconds.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, nanos: u64) {
        self.counts[bucket_of(nanos)] += 1;
        self.total += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// The latency in microseconds that `permille` of 1000 do not exceed.
    pub(crate) fn quantile_us(&self, permille: u64) -> f64 {
        let wanted = (self.total * permille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return real(edge_of(bucket)) / 1000.0;
            }
        }
        0.0
    }
}

fn bucket_of(nanos: u64) -> usize {
    let octave = nanos.max(1).ilog2();
    let index = if octave < STEPS_LOG2 {
        nanos
    } else {
        let shift = octave - STEPS_LOG2;
        u64::from(shift + 1) * STEPS + (nanos >> shift) - STEPS
    };
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

fn edge_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let (shift, step) = (bucket / STEPS, bucket % STEPS);
    if shift == 0 { step } else { (STEPS + step) << (shift - 1) }
}
