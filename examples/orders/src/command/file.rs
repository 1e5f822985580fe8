//! A file that the program makes for people: whole under its name, or not there.
//!
//! The invariants it guards: nothing of anybody else's is replaced, also if it appears meanwhile;
//! a part of the content is under a temporary name of its own, which the program removes; and
//! nothing is written into the directory of a store.

use super::Failure;
use orders::report::is_page;
use sagalog::log::{segment, superblock};
use std::{
    fs::{self, File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};
use tempfile::NamedTempFile;

/// What the umask leaves of it are the rights to the file.
const MODE: u32 = 0o666;

/// How much of a file tells whether it is a page of ours.
const HEAD_BYTES: u64 = 4096;

/// Whether a file may be written there, told before the work of which it reports.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    begin(path).map(drop)
}

/// Writes a file. A page of an earlier run may be replaced, and nothing else.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut part = begin(path)?;
    part.write_all(text.as_bytes()).map_err(|error| cannot(path, &error))?;
    part.as_file().sync_all().map_err(|error| cannot(path, &error))?;
    let named = if is_own_page(path) {
        part.persist(path).map(drop)
    } else {
        part.persist_noclobber(path).map(drop)
    };
    named.map_err(|refused| match refused.error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::from(format!("{}: somebody else has made it meanwhile", path.display()))
        }
        _ => cannot(path, &refused.error),
    })
}

fn begin(path: &Path) -> Result<NamedTempFile, Failure> {
    if path.symlink_metadata().is_ok() && !is_own_page(path) {
        return Err(format!("{}: it exists already; name a new file", path.display()).into());
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if is_of_a_store(dir) {
        let why = "its directory is a store's, which belongs to that store alone";
        return Err(format!("{}: {why}; name a file elsewhere", path.display()).into());
    }
    tempfile::Builder::new()
        .prefix(".orders-")
        .suffix(".part")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(dir)
        .map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => format!("{}: there is no such directory", path.display()),
        _ => format!("{}: cannot write it: {error}", path.display()),
    }
    .into()
}

#[expect(clippy::disallowed_methods, reason = "a report is no store")]
fn is_own_page(path: &Path) -> bool {
    // What is behind a link is somebody else's.
    let plain = path.symlink_metadata().is_ok_and(|is| is.is_file());
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    plain && read.is_ok() && is_page(&String::from_utf8_lossy(&head))
}

#[expect(clippy::disallowed_methods, reason = "only names are looked at")]
fn is_of_a_store(dir: &Path) -> bool {
    let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names
        .filter_map(|name| name.into_string().ok())
        .any(|name| name == superblock::FILE_NAME || segment::parse_file_name(&name).is_some())
}
