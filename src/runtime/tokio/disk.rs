//! One directory of real files behind the [`Disk`] and [`File`] traits.
//!
//! No caching, no buffering, no retry of anything but an interrupted call, and no pool: each
//! operation is one blocking system call (or two) inside the first poll of its future. The
//! invariant it guards: every name is resolved against the directory handle that was opened at
//! the start, so that all files, the lock and the directory sync concern the same directory. Its
//! path serves to tell whether whoever opens it next comes to the same one.

use std::{
    error::Error,
    fmt, fs, io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, renameat, statat, unlinkat},
    io::{Errno, retry_on_intr},
};

use super::lock::{FileLock, Identity};
use crate::runtime::{Disk, File, OpenMode};

/// Zeros are written in pieces of this many bytes where space cannot be set aside otherwise.
const ZEROS_BYTES: usize = 64 * 1024;
static ZEROS: [u8; ZEROS_BYTES] = [0; ZEROS_BYTES];

/// The directory of a store on a real disk. Made by
/// [`TokioRuntime`](super::TokioRuntime).
///
/// Every future completes at its first poll, having blocked the polling thread for as long as the
/// operating system took. Errors keep their [`kind`](io::Error::kind); their text names the
/// operation, the file and the system's reason, and the system's own error, with its number, is
/// their [`source`](Error::source).
#[derive(Clone, Debug)]
pub struct FileDisk {
    pub(super) dir: Arc<Directory>,
}

#[derive(Debug)]
pub(super) struct Directory {
    pub(super) handle: fs::File,
    pub(super) path: PathBuf,
}

/// An open file of a [`FileDisk`]. It stays usable after it is renamed or removed.
#[derive(Debug)]
pub struct DiskFile {
    file: fs::File,
    dir: Arc<Directory>,
    /// The name at the time of opening.
    name: Box<str>,
    identity: Identity,
}

impl FileDisk {
    pub(super) fn new(handle: fs::File, path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { dir: Arc::new(Directory { handle, path }) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.dir.path
    }

    pub(super) fn open_flags(&self, name: &str, flags: OFlags) -> io::Result<fs::File> {
        assert_plain(name);
        // Reading and writing for whom the umask allows: who may see a store is the operator's
        // choice, made by the directory's permissions.
        let mode = Mode::from_raw_mode(0o666);
        // Opening a FIFO would wait for its other end, for ever and deaf to signals.
        let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = retry_on_intr(|| openat(&self.dir.handle, name, flags, mode))
            .map(fs::File::from)
            .map_err(|error| explain(error.into(), "open", name))?;
        if file.metadata()?.is_file() {
            return Ok(file);
        }
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
        Err(explain(error, "open", name))
    }

    /// Whether the entry `name` is a directory, for file systems that do not say so when listing.
    fn is_dir(&self, name: &std::ffi::CStr) -> io::Result<bool> {
        match statat(&self.dir.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(FileType::from_raw_mode(status.st_mode) == FileType::Directory),
            // Removed between listing and asking.
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.dir.handle)? {
            let entry = entry?;
            let is_dir = match entry.file_type() {
                FileType::Directory => true,
                FileType::Unknown => self.is_dir(entry.file_name())?,
                _ => false,
            };
            let mut name = entry.file_name().to_string_lossy().into_owned();
            // The root of a file system has this one, and it says nothing about who lives there.
            if matches!(name.as_str(), "." | "..") || (is_dir && name == "lost+found") {
                continue;
            }
            if is_dir {
                name.push('/');
            }
            names.push(name);
        }
        names.sort_unstable();
        Ok(names)
    }

    fn explain(&self, error: io::Error, operation: &'static str) -> io::Error {
        explain(error, operation, &self.dir.path.to_string_lossy())
    }
}

impl Disk for FileDisk {
    type File = DiskFile;
    type Lock = FileLock;

    async fn open(&self, name: &str, mode: OpenMode) -> io::Result<DiskFile> {
        let flags = match mode {
            OpenMode::Read => OFlags::RDONLY,
            OpenMode::ReadWrite => OFlags::RDWR,
            OpenMode::Create => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
        };
        let file = self.open_flags(name, flags)?;
        if mode == OpenMode::Read {
            advise_sequential(&file);
        }
        let identity = Identity::of(&file).map_err(|error| explain(error, "identify", name))?;
        Ok(DiskFile { file, dir: Arc::clone(&self.dir), name: name.into(), identity })
    }

    /// The names of everything but `lost+found`, which the root of a file system has. What is not
    /// UTF-8 comes with replacement characters: such a file is none of ours, and the name is good
    /// for a message only.
    async fn list(&self) -> io::Result<Vec<String>> {
        self.names().map_err(|error| self.explain(error, "list"))
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        assert_plain(from);
        assert_plain(to);
        let dir = &self.dir.handle;
        renameat(dir, from, dir, to)
            .map_err(|error| explain(error.into(), "rename", &format!("{from}` to `{to}")))
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        assert_plain(name);
        unlinkat(&self.dir.handle, name, AtFlags::empty())
            .map_err(|error| explain(error.into(), "remove", name))
    }

    async fn sync_dir(&self) -> io::Result<()> {
        self.dir.handle.sync_all().map_err(|error| self.explain(error, "sync the directory"))
    }

    async fn lock(&self, name: &str) -> io::Result<FileLock> {
        FileLock::take(self, name)
    }
}

impl DiskFile {
    fn len_now(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    fn reserve_now(&self, bytes: u64) -> io::Result<()> {
        // The system refuses an empty range; a file has no fewer bytes than none.
        if bytes == 0 || allocate(&self.file, bytes)? {
            return Ok(());
        }
        // Holes below the present length, if any, stay: filling them would race with writers.
        let mut end = self.len_now()?;
        while end < bytes {
            let rest = usize::try_from(bytes - end).unwrap_or(usize::MAX);
            self.file.write_all_at(&ZEROS[..rest.min(ZEROS_BYTES)], end)?;
            end = end.saturating_add(rest.min(ZEROS_BYTES) as u64);
        }
        Ok(())
    }

    fn truncate_now(&self, bytes: u64) -> io::Result<()> {
        if bytes < self.len_now()? { self.file.set_len(bytes) } else { Ok(()) }
    }
}

impl File for DiskFile {
    async fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        uninterrupted(|| self.file.read_at(buf, offset))
            .map_err(|error| explain(error, "read", &self.name))
    }

    fn try_read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        read_in_memory(&self.file, buf, offset)
    }

    async fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        uninterrupted(|| self.file.write_at(bytes, offset))
            .map_err(|error| explain(error, "write", &self.name))
    }

    async fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data().map_err(|error| explain(error, "sync", &self.name))
    }

    /// With `fallocate(2)`, which also fills holes below the present length; where the file
    /// system does not know it, by writing zeros behind the present length. Either way the space
    /// is the file's, but neither is durable before [`sync_data`](File::sync_data).
    async fn reserve(&self, bytes: u64) -> io::Result<()> {
        self.reserve_now(bytes).map_err(|error| explain(error, "reserve space for", &self.name))
    }

    async fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.truncate_now(bytes).map_err(|error| explain(error, "truncate", &self.name))
    }

    async fn len(&self) -> io::Result<u64> {
        self.len_now().map_err(|error| explain(error, "learn the length of", &self.name))
    }

    fn is_in_place(&self) -> io::Result<bool> {
        let status = statat(&self.dir.handle, &*self.name, AtFlags::empty());
        self.identity.is_at(status).map_err(|error| explain(error.into(), "look for", &self.name))
    }
}

/// Repeats a call for as long as a signal interrupts it.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Sets the first `bytes` of the file aside and extends it to them; false if this file system
/// cannot.
#[cfg(target_os = "linux")]
fn allocate(file: &fs::File, bytes: u64) -> io::Result<bool> {
    use rustix::fs::FallocateFlags;
    match retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes)) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
fn allocate(_file: &fs::File, _bytes: u64) -> io::Result<bool> {
    Ok(false)
}

/// Reads what the page cache holds, without waiting for the device. File systems that cannot
/// promise that refuse, and the reader takes the longer way.
#[cfg(target_os = "linux")]
fn read_in_memory(file: &fs::File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let flags = rustix::io::ReadWriteFlags::NOWAIT;
    let bufs = &mut [io::IoSliceMut::new(buf)];
    Ok(rustix::io::preadv2(file, bufs, offset, flags)?)
}

#[cfg(not(target_os = "linux"))]
fn read_in_memory(_file: &fs::File, _buf: &mut [u8], _offset: u64) -> io::Result<usize> {
    Err(io::ErrorKind::WouldBlock.into())
}

/// Doubles the kernel's read-ahead for scans. Advice only, so a refusal is of no interest.
#[cfg(target_os = "linux")]
fn advise_sequential(file: &fs::File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Sequential);
}

#[cfg(not(target_os = "linux"))]
fn advise_sequential(_file: &fs::File) {}

/// Names come from the engine, which builds them itself; anything but a plain one is a bug.
fn assert_plain(name: &str) {
    debug_assert!(
        !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']),
        "`{name}` is not a plain file name"
    );
}

/// Adds to a system error what was tried on which file; the kind stays.
pub(super) fn explain(error: io::Error, operation: &'static str, name: &str) -> io::Error {
    let kind = error.kind();
    io::Error::new(kind, FileError { operation, name: name.into(), source: error })
}

/// What went wrong with which file. Its text includes the source's, because a store's error is
/// more often printed alone than walked link by link.
#[derive(Debug)]
struct FileError {
    operation: &'static str,
    name: Box<str>,
    source: io::Error,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, name, source } = self;
        write!(f, "cannot {operation} `{name}`: {source}")
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
