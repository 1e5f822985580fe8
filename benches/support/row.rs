//! One row of the append benchmark: the log and the raw limit in turns, in one directory.
//!
//! Does not print. The invariant: raw and log slices alternate, so that a device that slows down
//! slows both, and the ratio of each pair is of neighbours.

use super::{
    Failure,
    device::{Device, add_written},
    drive::{self, Load, Slice},
    histogram::Histogram,
    median, prepare,
    raw::{Raw, Space, rate},
    real, writers_runtime,
};
use sagalog::{Log, log::Place};
use std::{fs, path::Path, time::Duration};

/// How long the raw limit and the log take turns.
const SLICE: Duration = Duration::from_millis(250);
/// How many milliseconds around the start of a segment belong to it, on each side.
const ROLL_MS: usize = 5;
/// How much is zeroed ahead of a burst.
const ZEROED_BYTES_MAX: u64 = 3 << 30;
const ZEROED_MIN: usize = 2;
const ZEROED_MAX: usize = 24;
/// A log that fills its segments slower than this zeroes ahead.
const ZEROING_WORTHWHILE: Duration = Duration::from_secs(8);

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Into zeroed segments only.
    Burst,
    /// As [`Mode::Burst`], by threads that call `append_blocking`.
    Blocking,
    /// On and on, through at least `segments` segments.
    Sustained,
}

/// A row to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) mode: Mode,
    pub(crate) writers: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) outstanding: usize,
    pub(crate) time: Duration,
    pub(crate) segment_bytes: u64,
    /// How many segments a sustained row goes through.
    pub(crate) segments: usize,
    /// When a sustained row ends though it has not.
    pub(crate) time_max: Duration,
}

/// The sums over the slices of one side.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) appends: u64,
    pub(crate) elapsed: Duration,
    pub(crate) latency: Histogram,
    pub(crate) written_bytes: Option<u64>,
}

/// What a row measured.
pub(crate) struct Measured {
    pub(crate) log: Side,
    pub(crate) raw: Side,
    /// Ratio of each pair of slices.
    pub(crate) ratios: Vec<f64>,
    /// Bytes written to prepare the space that the log's appends took; none if unknown.
    pub(crate) prepared_bytes: Option<f64>,
    /// Bytes of segments that the log's appends took.
    pub(crate) taken_bytes: u64,
    pub(crate) segments: usize,
    /// The worst latency in microseconds around each start of a segment, and in as long a time
    /// elsewhere.
    pub(crate) rolls_us: Vec<f64>,
    pub(crate) elsewhere_us: Vec<f64>,
}

impl Side {
    fn add(&mut self, slice: &Slice, written: (Option<u64>, Option<u64>)) {
        self.appends += slice.appends;
        self.elapsed += slice.elapsed;
        self.latency.merge(&slice.latency);
        add_written(&mut self.written_bytes, written.0, written.1);
    }

    fn new() -> Self {
        Self { written_bytes: Some(0), ..Self::default() }
    }

    pub(crate) fn per_second(&self) -> f64 {
        real(self.appends) / self.elapsed.as_secs_f64().max(1e-9)
    }
}

impl Row {
    /// What its writers do.
    fn load(&self) -> Load {
        Load {
            writers: self.writers,
            outstanding: self.outstanding,
            blocking: self.mode == Mode::Blocking,
            body: vec![0xA5; self.payload_bytes].into(),
        }
    }

    /// How many zeroed segments a burst of this row may need: a guess on the generous side.
    fn zeroed_segments(&self) -> usize {
        let round_bytes =
            real((self.writers * self.outstanding * (self.payload_bytes + 16)) as u64);
        let round_secs = 100e-6 + round_bytes / 1.2e9;
        let bytes = self.time.as_secs_f64() * round_bytes.max(512.0) / round_secs;
        let fitting = usize::try_from(ZEROED_BYTES_MAX / self.segment_bytes).unwrap_or(ZEROED_MAX);
        let most = fitting.clamp(ZEROED_MIN, ZEROED_MAX);
        (ZEROED_MIN..most)
            .find(|count| real((*count as u64 - 1) * self.segment_bytes) > bytes)
            .unwrap_or(most)
    }

    /// Measures the row in the empty directory `dir`.
    pub(crate) fn measure(&self, dir: &Path) -> Result<Measured, Failure> {
        let device = Device::under(dir)?;
        let runtime = writers_runtime()?;
        let log_dir = dir.join("log");
        runtime.block_on(prepare::grow(&log_dir, self.segment_bytes))?;
        let (zeroed, space) = match self.mode {
            Mode::Sustained => (0, Space::Growing),
            Mode::Burst | Mode::Blocking => (self.zeroed_segments(), Space::Written),
        };
        let mut zeroing = Vec::new();
        if zeroed > 0 {
            let note = || zeroing.push(device.written_bytes());
            let preparing = prepare::zero_ahead(&log_dir, self.segment_bytes, zeroed, note);
            runtime.block_on(preparing)?;
        }
        let before = prepare::superblock(&log_dir)?.anchor.next;
        let mut raw = Raw::create(&dir.join("raw"), space)?;
        let opened = runtime.block_on(Log::open(&log_dir, prepare::options(self.segment_bytes)));
        let (log, _) = opened?;
        let segments = log.stats().segments;
        let mut measured = Measured::new();
        let limit = segments + if zeroed > 0 { zeroed - 1 } else { self.segments };
        self.take_turns(&runtime, &device, &log, &mut raw, limit, &mut measured)?;
        measured.segments = log.stats().segments - segments;
        runtime.block_on(log.close())?;
        let after = prepare::superblock(&log_dir)?.anchor.next;
        measured.taken_bytes = self.bytes_between(before, after);
        measured.prepared_bytes = self.prepared_bytes(zeroed, &zeroing, &measured);
        fs::remove_dir_all(&log_dir)?;
        fs::remove_file(dir.join("raw"))?;
        Ok(measured)
    }

    /// What preparing the taken space wrote, in proportion to what zeroing all of it wrote.
    fn prepared_bytes(
        &self,
        zeroed: usize,
        zeroing: &[Option<u64>],
        measured: &Measured,
    ) -> Option<f64> {
        match zeroing {
            [Some(from), Some(to)] => {
                let each = real(to - from) / real(zeroed as u64 * self.segment_bytes);
                Some(each * real(measured.taken_bytes))
            }
            _ if zeroed > 0 => None,
            _ => measured.is_fast().then_some(0.0),
        }
    }

    fn bytes_between(&self, from: Place, to: Place) -> u64 {
        let segments = to.segment.get() - from.segment.get();
        (segments * self.segment_bytes + to.offset).saturating_sub(from.offset)
    }

    /// Raw, log, raw, log, until the time is over or the log has started `segments_max` segments.
    fn take_turns(
        &self,
        runtime: &tokio::runtime::Runtime,
        device: &Device,
        log: &Log,
        raw: &mut Raw,
        segments_max: usize,
        measured: &mut Measured,
    ) -> Result<(), Failure> {
        let load = self.load();
        let time_max = match self.mode {
            Mode::Sustained => self.time_max,
            Mode::Burst | Mode::Blocking => self.time,
        };
        while measured.log.elapsed < time_max && log.stats().segments < segments_max {
            let start = device.written_bytes();
            let raw_slice = raw.slice(self.writers, &load.body, SLICE)?;
            let middle = device.written_bytes();
            let log_slice = drive::slice(runtime, log, &load, SLICE, segments_max)?;
            let end = device.written_bytes();
            measured.raw.add(&raw_slice, (start, middle));
            measured.log.add(&log_slice, (middle, end));
            measured.ratios.push(rate(&log_slice) / rate(&raw_slice).max(1e-9));
            measured.add_rolls(&log_slice);
        }
        Ok(())
    }
}

impl Measured {
    fn new() -> Self {
        Self {
            log: Side::new(),
            raw: Side::new(),
            ratios: Vec::new(),
            prepared_bytes: None,
            taken_bytes: 0,
            segments: 0,
            rolls_us: Vec::new(),
            elsewhere_us: Vec::new(),
        }
    }

    /// Whether the log filled its segments so fast that it did not zero any.
    fn is_fast(&self) -> bool {
        let whole = self.log.elapsed + self.raw.elapsed;
        u32::try_from(self.segments)
            .is_ok_and(|segments| segments > 0 && whole / segments < ZEROING_WORTHWHILE)
    }

    pub(crate) fn ratio(&self) -> f64 {
        median(&self.ratios)
    }

    fn add_rolls(&mut self, slice: &Slice) {
        let worst = |from: usize, to: usize| {
            let to = to.min(slice.worst_us.len());
            let window = slice.worst_us.get(from..to).unwrap_or_default();
            f64::from(window.iter().copied().max().unwrap_or(0))
        };
        let around = |roll: usize| roll.saturating_sub(ROLL_MS)..roll + ROLL_MS + 1;
        for roll in &slice.rolls {
            let window = around(*roll);
            self.rolls_us.push(worst(window.start, window.end));
        }
        for from in (0..slice.worst_us.len()).step_by(2 * ROLL_MS + 1) {
            let to = from + 2 * ROLL_MS + 1;
            let meets = |roll: &usize| around(*roll).start < to && from < around(*roll).end;
            if !slice.rolls.iter().any(meets) {
                self.elsewhere_us.push(worst(from, to));
            }
        }
    }
}
