//! The store's directory: opened, created durably, refused where it cannot be trusted.
//!
//! Not concerned with the files inside (see `disk`). The invariant it guards: a directory handle
//! that leaves this module is on a file system of this machine, as far as the kernel tells.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use super::disk::explain;

/// File systems that other machines serve or share, by the magic number of `statfs(2)`.
///
/// Over a network a lock may be local to one client and a sync may end in a server's memory, so
/// two writers could corrupt a store and an acknowledged event could be lost. The numbers are
/// those of statfs(2), linux/magic.h and, for the last four, the list in coreutils' `stat`.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "the numbers are Linux's"))]
const NETWORK_FILE_SYSTEMS: [(u32, &str); 15] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS (kAFS)"),
    (0x0102_1997, "9p"),
    (0x7375_7245, "Coda"),
    (0x0000_564c, "NCP"),
    (0x7461_636f, "OCFS2"),
    (0x0116_1970, "GFS2"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
];

/// Opens the directory `path` for reading, unless it is on a network file system.
pub(super) fn open_dir(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|error| explain(error.into(), "open the directory", &path.to_string_lossy()))?;
    let dir = File::from(dir);
    refuse_network(&dir, path)?;
    Ok(dir)
}

/// Makes `path` a directory whose name, and that of every parent it had to create, is durable.
pub(super) fn create_dir_durably(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
    for dir in missing.iter().rev() {
        // Opening the parent first refuses a network file system before anything is made on it.
        let parent = open_dir(&parent(dir))?;
        match fs::create_dir(dir) {
            Ok(()) => {}
            // Another process was faster, or the path has a `..` in it. Should this be no
            // directory after all, opening it fails.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(explain(error, "create the directory", &dir.to_string_lossy()));
            }
        }
        sync(&parent, dir)?;
    }
    if missing.is_empty() { sync_existing(path) } else { Ok(()) }
}

/// Repeats the sync of an existing directory's name: whoever made it may have been killed between
/// creating and syncing. A parent that may not be opened belongs to someone else, and so does the
/// duty.
fn sync_existing(path: &Path) -> io::Result<()> {
    match open_dir(&parent(path)) {
        Ok(parent) => sync(&parent, path),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync(parent: &File, child: &Path) -> io::Result<()> {
    let name = child.to_string_lossy();
    parent.sync_all().map_err(|error| explain(error, "sync the parent directory of", &name))
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        // A bare name lives in the working directory; the root is its own parent.
        Some(_) => PathBuf::from("."),
        None => path.to_owned(),
    }
}

#[cfg(target_os = "linux")]
fn refuse_network(dir: &File, path: &Path) -> io::Result<()> {
    let name = path.to_string_lossy();
    let status = rustix::fs::fstatfs(dir)
        .map_err(|error| explain(error.into(), "learn the file system of", &name))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "magic numbers have 32 bits; the field's width and sign depend on the platform"
    )]
    let magic = status.f_type as u32;
    network_name(magic).map_or(Ok(()), |system| Err(refusal(path, system)))
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
fn refuse_network(_dir: &File, _path: &Path) -> io::Result<()> {
    Ok(())
}

/// The name of the network file system with this magic number, if it is one.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "the numbers are Linux's"))]
pub(super) fn network_name(magic: u32) -> Option<&'static str> {
    NETWORK_FILE_SYSTEMS.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name)
}

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "the numbers are Linux's"))]
pub(super) fn refusal(path: &Path, system: &str) -> io::Error {
    let sentence = format!(
        "`{}` is on the network file system {system}, where neither locks nor syncs can be \
         trusted: a store needs a directory on a local disk",
        path.display()
    );
    io::Error::new(io::ErrorKind::Unsupported, sentence)
}
