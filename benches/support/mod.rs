//! What the benchmarks share: arguments, output, the raw limit, the device's own account.
//!
//! Not a benchmark framework: nothing here decides what is measured. The invariant: everything
//! reads the real clock and the real device, so nothing of it may be used by a test.

pub(crate) mod args;
pub(crate) mod cache;
pub(crate) mod child;
pub(crate) mod device;
pub(crate) mod drive;
pub(crate) mod histogram;
pub(crate) mod output;
pub(crate) mod prepare;
pub(crate) mod raw;
pub(crate) mod row;
pub(crate) mod space;
pub(crate) mod words;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What a benchmark can stumble over: it says so in one sentence and ends.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The runtime of the writers: two workers, as the goal says.
pub(crate) fn writers_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()
}

/// A count as a number to calculate with; exact below 2^53, which no count here reaches.
#[expect(clippy::cast_precision_loss, reason = "the counts of a run stay far below 2^53")]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

/// The middle one; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Says what went wrong, for `main` to end with.
pub(crate) fn say(failure: &Failure, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{failure}");
    ExitCode::from(code)
}

/// The file system that holds the built benchmark.
pub(crate) fn default_dir() -> PathBuf {
    let built = std::env::current_exe().ok();
    let dir = built.as_deref().and_then(Path::parent);
    dir.map_or_else(std::env::temp_dir, Path::to_path_buf)
}
