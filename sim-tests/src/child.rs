//! Child processes of `cargo sim`: started, listened to, and not waited for without end.
//!
//! It knows nothing of what they do. The invariant it guards: whatever a child does, its end is
//! known within the time that it was given, and it is gone then, with all that it started.

use std::{
    io::{self, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How often a child is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How a child ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// By itself, or by a signal.
    Exited(Said),
    /// Its time was over, and it was killed.
    Hung,
}

/// What a child that ended had to say.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `command` for at most `patience`.
#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
pub(crate) fn run(command: &mut Command, patience: Duration) -> io::Result<Ended> {
    let start = Instant::now();
    let pipes = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.process_group(0).spawn()?;
    let (stdout, stderr) = (listen(child.stdout.take()), listen(child.stderr.take()));
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > patience {
            return end(child).map(|()| Ended::Hung);
        }
        thread::sleep(LOOK_EVERY);
    };
    Ok(Ended::Exited(Said { status, stdout: heard(stdout), stderr: heard(stderr) }))
}

fn end(mut child: Child) -> io::Result<()> {
    let group = format!("-{}", child.id());
    Command::new("kill").args(["-KILL", "--", &group]).status()?;
    child.wait().map(drop)
}

/// Reads a pipe on a thread of its own, so that a child never waits for a full one.
#[expect(clippy::disallowed_methods, reason = "two pipes are read at the same time")]
fn listen(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("the child was started with pipes");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is worth having; the exit status tells the rest.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn heard(listener: JoinHandle<Vec<u8>>) -> String {
    let bytes = listener.join().expect("reading does not panic");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Ended {
        run(Command::new("sh").args(["-c", script]), patience).expect("there is a shell")
    }

    #[test]
    fn a_child_is_heard_whole() {
        let script = "echo out; echo err >&2; head -c 300000 /dev/zero | tr '\\0' x; exit 3";
        let Ended::Exited(said) = shell(script, Duration::from_secs(60)) else {
            panic!("it ends by itself");
        };
        assert_eq!(said.status.code(), Some(3));
        assert_eq!(said.stdout.len(), 300_004);
        assert_eq!(said.stderr, "err\n");
    }

    #[test]
    fn a_child_that_hangs_is_ended() {
        assert!(matches!(shell("exec sleep 60", Duration::from_millis(50)), Ended::Hung));
    }
}
