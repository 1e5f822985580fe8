//! Runs a suite that was built with a bug, in batches that grow, until it notices or gives up.
//!
//! A process of its own for each batch: a hang or an abort ends that batch and counts, with what it
//! was. What the suite says is taken from the object that it prints last.

use super::{
    child::{self, Ended},
    outcome::Catch,
    patch::Patch,
};
use serde_json::Value;
use std::{ffi::OsStr, io, path::Path, time::Duration};

/// Seeds of the first batch; each further one doubles what was run.
const BATCH_FIRST: u64 = 8;
/// Real time that a batch gets, and each of its seeds: many times what they take.
const BATCH_LIMIT: Duration = Duration::from_secs(60);
const SEED_LIMIT: Duration = Duration::from_secs(2);

/// What a trial came to.
pub(super) struct Trial {
    pub(super) catch: Option<Catch>,
    pub(super) cpu_s: f64,
}

/// Tries `patch` with `program`, its suites built with it. Stories of seeds are left in `errors`.
pub(super) fn run(program: &Path, patch: &Patch, errors: &Path) -> io::Result<Trial> {
    let (mut done, mut cpu_s) = (0, 0.0);
    while done < patch.seeds {
        let batch = done.max(BATCH_FIRST).min(patch.seeds - done);
        let (first, count) = ((done + 1).to_string(), batch.to_string());
        let words = [&patch.suite, "--seed", &first, "--seeds", &count, "--json"];
        let mut command = vec![program.as_os_str()];
        command.extend(words.map(OsStr::new));
        let seeds = u32::try_from(batch).unwrap_or(u32::MAX);
        let limit = BATCH_LIMIT + SEED_LIMIT.saturating_mul(seeds);
        let ended = child::run(&command, program.parent().unwrap_or(program), errors, limit)?;
        cpu_s += ended.cpu_s;
        done += batch;
        if let Some(catch) = catch(&ended, done)? {
            return Ok(Trial { catch: Some(catch), cpu_s });
        }
    }
    Ok(Trial { catch: None, cpu_s })
}

/// What a batch that ended with seed `last` has caught. Of a batch that did not live to say so, the
/// last seed stands for the one that it was.
fn catch(ended: &Ended, last: u64) -> io::Result<Option<Catch>> {
    let died = |by: &str| Ok(Some(Catch { by: by.into(), seed: last, what: String::new() }));
    match ended.code {
        None => died("hangs"),
        Some(0) => Ok(None),
        Some(1) => {
            let said = ended.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
            let first = said.and_then(|said: Value| first_failure(&said));
            first.map(Some).ok_or_else(|| io::Error::other("the suite fails and names no seed"))
        }
        Some(2) => Err(io::Error::other("the suite does not know its command line")),
        Some(_) => died("dies"),
    }
}

fn first_failure(said: &Value) -> Option<Catch> {
    let first = said.get("failures")?.get(0)?;
    Some(Catch {
        by: first.get("guarantee")?.as_str()?.to_owned(),
        seed: first.get("seed")?.as_u64()?,
        what: first.get("what")?.as_str()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(code: Option<i32>, stdout: &str) -> io::Result<Option<Catch>> {
        catch(&Ended { code, stdout: stdout.into(), cpu_s: 0.0 }, 16)
    }

    #[test]
    fn the_first_violation_names_the_guarantee() {
        let said = "{\"failures\":[{\"seed\":9,\"guarantee\":\"G1\",\"what\":\"lost\"},\
                    {\"seed\":12,\"guarantee\":\"G4\",\"what\":\"changed\"}]}";
        let caught = Catch { by: "G1".into(), seed: 9, what: "lost".into() };
        assert_eq!(after(Some(1), &format!("warm-up\n{said}\n")).expect("sound"), Some(caught));
        assert_eq!(after(Some(0), "{}").expect("sound"), None);
    }

    #[test]
    fn a_suite_that_dies_or_hangs_has_noticed() {
        for (code, by) in [(None, "hangs"), (Some(134), "dies"), (Some(101), "dies")] {
            let caught = after(code, "").expect("sound").expect("it counts");
            assert_eq!((caught.by.as_str(), caught.seed), (by, 16));
        }
    }

    #[test]
    fn a_suite_that_cannot_be_understood_is_an_error() {
        assert!(after(Some(2), "").is_err());
        assert!(after(Some(1), "no object").is_err());
        assert!(after(Some(1), "{\"failed\":1}").is_err());
    }
}
