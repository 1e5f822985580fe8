//! Where patches are tried: scratch copies, kept results, and a worker for each copy.
//!
//! The invariant: what is interrupted goes on where it was, since a result is kept as soon as it is
//! known.

use super::{
    outcome::Outcome,
    patch::{self, Patch},
    pick::digest,
    scratch::Scratch,
    snapshot::Snapshot,
    trial,
};
use std::{
    collections::VecDeque,
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
};

/// A patch, and what became of it or why that is not known.
pub(crate) type Tried = (Patch, Result<Outcome, String>);

/// The place of the work.
pub(crate) struct Workshop {
    sources: Snapshot,
    /// Stands for the sources that a simulator is built from.
    digest: u128,
    folder: PathBuf,
}

/// The root of the working tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in a folder of the tree")
}

/// All planted bugs.
pub(crate) fn patches() -> Result<Vec<Patch>, String> {
    patch::read_all(&root().join("sim-tests").join("planted"))
}

/// Whether `patch` applies to the working tree, which is not changed.
pub(crate) fn check(patch: &Patch) -> Result<(), String> {
    let file = root().join("sim-tests").join("planted").join(format!("{}.patch", patch.name));
    let mut git = Command::new("git");
    // Without a repository: the tree may be an unpacked archive, in whatever folder.
    git.env("GIT_CEILING_DIRECTORIES", root().parent().unwrap_or(root()));
    let output = git.args(["apply", "--check"]).arg(file).current_dir(root()).output();
    let output = output.map_err(|error| format!("git cannot be asked: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("it does not apply:\n{}", String::from_utf8_lossy(&output.stderr)))
}

impl Workshop {
    /// Sets up work on the sources as they are now.
    pub(crate) fn open() -> io::Result<Self> {
        let target = env::var_os("CARGO_TARGET_DIR");
        let target = target.map_or_else(|| root().join("target"), PathBuf::from);
        fs::create_dir_all(&target)?;
        let folder = target.canonicalize()?.join("planted");
        fs::create_dir_all(folder.join("results"))?;
        let sources = Snapshot::take(root())?;
        Ok(Self { digest: sources.digest(), sources, folder })
    }

    /// A word for the sources, to choose by where there is no commit.
    pub(crate) fn word(&self) -> String {
        format!("{:032x}", self.digest)
    }

    fn result_of(&self, patch: &Patch, ending: &str) -> PathBuf {
        self.folder.join("results").join(format!("{}.{ending}", patch.name))
    }

    /// Stands for all that an outcome follows from: the words about a patch are not part of it.
    fn key(&self, patch: &Patch) -> u128 {
        let (sources, seeds) = (self.digest.to_le_bytes(), patch.seeds.to_le_bytes());
        let diff = patch.text.split_once("\n\n").map_or("", |(_, diff)| diff);
        digest([sources.as_slice(), patch.suite.as_bytes(), &seeds, diff.as_bytes()])
    }

    /// What is known of `patch` from an earlier run.
    pub(crate) fn known(&self, patch: &Patch) -> Option<Outcome> {
        Outcome::find(&self.result_of(patch, "json"), self.key(patch))
    }

    /// Tries `patches` with as many workers, and tells `done` of each as it is known.
    pub(crate) fn try_all(
        &self,
        patches: Vec<Patch>,
        workers: usize,
        done: impl Fn(&Tried) + Sync,
    ) -> io::Result<Vec<Tried>> {
        let waiting = Mutex::new(VecDeque::from(patches));
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = |scratch: &Scratch| {
            let mut tried = Vec::new();
            while let Some(patch) = next() {
                let outcome = self.attempt(scratch, &patch);
                let entry = (patch, outcome);
                done(&entry);
                tried.push(entry);
            }
            tried
        };
        let scratches = (1..=workers).map(|number| Scratch::new(&self.folder, number));
        let scratches = scratches.collect::<io::Result<Vec<_>>>()?;
        Ok(thread::scope(|scope| {
            let workers: Vec<_> =
                scratches.iter().map(|scratch| scope.spawn(move || work(scratch))).collect();
            let tried = workers.into_iter().map(|it| it.join().expect("a worker does not panic"));
            tried.flatten().collect()
        }))
    }

    fn attempt(&self, scratch: &Scratch, patch: &Patch) -> Result<Outcome, String> {
        scratch.plant(&self.sources, patch)?;
        let build_cpu_s = scratch.build()?;
        let failed = |error: io::Error| error.to_string();
        let errors = self.result_of(patch, "log");
        let trial = trial::run(&scratch.program(), patch, &errors).map_err(failed)?;
        let outcome = Outcome { catch: trial.catch, build_cpu_s, run_cpu_s: trial.cpu_s };
        outcome.keep(&self.result_of(patch, "json"), self.key(patch)).map_err(failed)?;
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_applies_to_this_tree() {
        let patches = patches().expect("the patches can be read");
        for patch in &patches {
            assert_eq!(check(patch), Ok(()), "{}", patch.name);
        }
        assert!(patches.len() >= 35, "only {} bugs are planted", patches.len());
    }
}
