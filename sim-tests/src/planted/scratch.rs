//! A scratch copy of the sources: patched, built and put back again, always at the same place.
//!
//! The same place, because a build that knows its paths is incremental. Nothing is run here but the
//! tools that patch and build.

use super::{child, patch::Patch, snapshot::Snapshot};
use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Far more than a build takes from nothing on a slow machine.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);
const PROFILE: &str = "planted";
/// What a patch changes, and what is built on it.
const PACKAGES: [&str; 3] = ["sagalog", "sagalog-testkit", "sagalog-sim"];

/// A copy with everything that is built from it.
pub(super) struct Scratch {
    tree: PathBuf,
    target: PathBuf,
    errors: PathBuf,
}

impl Scratch {
    /// The copy number `number` below `folder`.
    pub(super) fn new(folder: &Path, number: usize) -> io::Result<Self> {
        let folder = folder.join(number.to_string());
        fs::create_dir_all(&folder)?;
        let (tree, target) = (folder.join("tree"), folder.join("target"));
        Ok(Self { tree, target, errors: folder.join("errors") })
    }

    /// Brings the copy to `sources` with `patch`.
    pub(super) fn plant(&self, sources: &Snapshot, patch: &Patch) -> Result<(), String> {
        let failed = |error: io::Error| error.to_string();
        sources.write_to(&self.tree).map_err(failed)?;
        let file = self.tree.with_file_name("planted.patch");
        fs::write(&file, &patch.text).map_err(failed)?;
        let program = [OsStr::new("git"), OsStr::new("apply"), file.as_os_str()];
        self.perform("does not apply", &program).map(drop)
    }

    /// Builds the simulator; the processor seconds that this took. A build that was interrupted
    /// leaves pieces that do not fit each other, so one that fails is begun anew before it counts.
    pub(super) fn build(&self) -> Result<f64, String> {
        let build = || self.cargo("build", &["--package", "sagalog-sim"], &["--bin", "sim"]);
        build().or_else(|_| {
            let packages = PACKAGES.map(|package| ["--package", package]);
            self.cargo("clean", packages.as_flattened(), &[])?;
            build()
        })
    }

    fn cargo(&self, what: &str, packages: &[&str], flags: &[&str]) -> Result<f64, String> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut program = vec![cargo.as_os_str()];
        let words = [[what, "--quiet"], ["--profile", PROFILE]];
        program.extend(words.as_flattened().iter().chain(packages).chain(flags).map(OsStr::new));
        program.extend([OsStr::new("--target-dir"), self.target.as_os_str()]);
        self.perform("does not build", &program)
    }

    /// The program that was built last.
    pub(super) fn program(&self) -> PathBuf {
        self.target.join(PROFILE).join("sim")
    }

    fn perform(&self, what: &str, program: &[&OsStr]) -> Result<f64, String> {
        let ended = child::run(program, &self.tree, &self.errors, BUILD_LIMIT);
        let ended = ended.map_err(|error| error.to_string())?;
        if ended.code == Some(0) {
            return Ok(ended.cpu_s);
        }
        let errors = fs::read_to_string(&self.errors).unwrap_or_default();
        Err(format!("it {what}:\n{errors}"))
    }
}
