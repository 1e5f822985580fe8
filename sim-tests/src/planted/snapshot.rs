//! The sources of a working tree, held in memory and written to a scratch copy.
//!
//! Ignored files and the history stay behind. The invariant: a file of the copy is written only if
//! it differs, so that a build finds out by itself what a patch has changed.

use super::pick::digest;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// What a result depends on: everything that is built into the simulator, but not its planted bugs
/// and the program that runs them.
const BUILT_FROM: [&str; 6] =
    ["Cargo.lock", "Cargo.toml", "src", "testkit", "sim-tests", "examples/orders"];
const NOT_BUILT_FROM: [&str; 3] =
    ["sim-tests/planted", "sim-tests/src/planted", "sim-tests/src/command/planted.rs"];

/// The sources of a tree, by their paths in it.
pub(super) struct Snapshot(BTreeMap<PathBuf, Vec<u8>>);

impl Snapshot {
    /// Reads the tree below `root`.
    pub(super) fn take(root: &Path) -> io::Result<Self> {
        let paths = tracked(root).map_or_else(|| walk(root), Ok)?;
        let mut files = BTreeMap::new();
        for path in paths {
            match fs::read(root.join(&path)) {
                Ok(bytes) => drop(files.insert(path, bytes)),
                // Git knows it still, and it was deleted.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self(files))
    }

    /// Tells trees apart whose simulators differ.
    pub(super) fn digest(&self) -> u128 {
        let built = |path: &Path| {
            let within = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
            within(&BUILT_FROM) && !within(&NOT_BUILT_FROM)
        };
        let files = self.0.iter().filter(|(path, _)| built(path));
        digest(files.flat_map(|(path, bytes)| [path.as_os_str().as_encoded_bytes(), bytes]))
    }

    /// Makes `tree` equal to what was read.
    pub(super) fn write_to(&self, tree: &Path) -> io::Result<()> {
        fs::create_dir_all(tree)?;
        for path in walk(tree)?.iter().filter(|path| !self.0.contains_key(*path)) {
            fs::remove_file(tree.join(path))?;
        }
        for (path, bytes) in &self.0 {
            let path = tree.join(path);
            if fs::read(&path).is_ok_and(|found| found == *bytes) {
                continue;
            }
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(path, bytes)?;
        }
        Ok(())
    }
}

/// What git knows below `root`, and what it would take in; `None` without git.
fn tracked(root: &Path) -> Option<BTreeSet<PathBuf>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let listed = git.output().ok().filter(|output| output.status.success())?;
    let listed = String::from_utf8(listed.stdout).ok()?;
    let paths: BTreeSet<PathBuf> =
        listed.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    // A copy without a history of its own within some other tree is not what that tree's git knows.
    paths.contains(Path::new("Cargo.toml")).then_some(paths)
}

/// All files below `root`, without what was built and without hidden folders but cargo's.
fn walk(root: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = entry.file_name();
            let hidden = name.as_encoded_bytes().starts_with(b".") && name != ".cargo";
            let path = folder.join(&name);
            match entry.file_type()? {
                kind if kind.is_dir() && !hidden && name != "target" => folders.push(path),
                kind if kind.is_file() => drop(files.insert(path)),
                _ => {}
            }
        }
    }
    Ok(files)
}
