//! A program run to its end or to a limit, with the processor time that it took.
//!
//! The shell measures: it is there on every system that can run the simulator, and sees what a
//! program's own children took. The invariant: nothing that was started outlives its limit.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Runs its arguments, and says on the last line of its errors what they took.
const TIMED: &str = r#""$@"; code=$?; times >&2; exit $code"#;
/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(20);

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
    let mut child = Command::new("sh")
        .args(["-c", TIMED, "sh"])
        .args(program)
        .current_dir(folder)
        // The flags of the caller are not the ones that the patched tree is built with.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // The copy may lie in a working tree that git takes for its own.
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(errors)?)
        .process_group(0)
        .spawn()?;
    let mut stdout = child.stdout.take().expect("it was asked for");
    let reading = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let code = loop {
        if let Some(status) = child.try_wait()? {
            break status.code();
        }
        if started.elapsed() > limit {
            let group = format!("-{}", child.id());
            Command::new("kill").args(["-KILL", "--", &group]).status()?;
            child.wait()?;
            break None;
        }
        thread::sleep(LOOK);
    };
    let stdout = reading.join().expect("reading does not panic")?;
    let cpu_s = cpu_s(&fs::read(errors)?).unwrap_or(started.elapsed().as_secs_f64());
    Ok(Ended { code, stdout, cpu_s })
}

/// The sum on the last line, such as `0m1.250s 0m0.100s`.
fn cpu_s(errors: &[u8]) -> Option<f64> {
    let errors = String::from_utf8_lossy(errors);
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
            cpu_s(text.as_bytes()).is_some_and(|found| (found - expected).abs() < 1e-9)
        };
        assert!(close("warning: x\n0m0.000s 0m0.010s\n1m1.250s 0m0.500s\n", 61.75));
        assert!(cpu_s(b"killed").is_none() && cpu_s(b"").is_none());
    }
}
