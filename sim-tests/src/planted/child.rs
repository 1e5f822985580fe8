//! A program run to its end or to a limit, with the processor time that it took.
//!
//! The shell measures: it is there on every system that can run the simulator, and sees what a
//! program's own children took. The invariant: what was said of errors can be read afterwards.

use crate::child;
use std::{
    ffi::OsStr,
    fs, io,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// Runs its arguments, and says on the last line of its errors what they took.
const TIMED: &str = r#""$@"; code=$?; times >&2; exit $code"#;

/// What became of a program.
pub(super) struct Ended {
    /// Its exit code; 128 and more if a signal ended it, `None` if it had to be killed.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    /// Processor seconds of the program and its children.
    pub(super) cpu_s: f64,
}

/// Runs `program` in `folder`; what it says of errors is left in the file `errors`.
pub(super) fn run(
    program: &[&OsStr],
    folder: &Path,
    errors: &Path,
    limit: Duration,
) -> io::Result<Ended> {
    let started = Instant::now();
    let mut command = Command::new("sh");
    command
        .args(["-c", TIMED, "sh"])
        .args(program)
        .current_dir(folder)
        // The flags of the caller are not the ones that the patched tree is built with.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // The copy may lie in a working tree that git takes for its own.
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
    let (code, stdout, stderr) = match child::run(&mut command, limit)? {
        child::Ended::Exited(said) => (said.status.code(), said.stdout, said.stderr),
        child::Ended::Hung => (None, String::new(), "its time was over\n".to_owned()),
    };
    fs::write(errors, &stderr)?;
    let cpu_s = cpu_s(&stderr).unwrap_or(started.elapsed().as_secs_f64());
    Ok(Ended { code, stdout, cpu_s })
}

/// The sum on the last line, such as `0m1.250s 0m0.100s`.
fn cpu_s(errors: &str) -> Option<f64> {
    errors.lines().last()?.split_whitespace().try_fold(0.0, |sum, word| {
        let (minutes, seconds) = word.strip_suffix('s')?.split_once('m')?;
        Some(sum + minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_says_what_was_taken() {
        let close = |text: &str, expected: f64| {
            cpu_s(text).is_some_and(|found| (found - expected).abs() < 1e-9)
        };
        assert!(close("warning: x\n0m0.000s 0m0.010s\n1m1.250s 0m0.500s\n", 61.75));
        assert!(cpu_s("killed").is_none() && cpu_s("").is_none());
    }
}
