//! A file that a command makes: whole under its name, or not there.
//!
//! Knows nothing of what is written. The invariants: a file that is there already, or appears
//! meanwhile, is not replaced; a part of the content is under a temporary name of its own, and the
//! command removes it when it ends early; and nothing is written into the directory of a store.

use crate::failure::{CANNOT_RUN, Failure};
use sagalog::log::{segment, superblock};
use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// What the umask leaves of it are the rights to the file, as to any that a program makes.
const MODE: u32 = 0o666;

/// A file on its way.
pub(crate) struct NewFile {
    path: PathBuf,
    part: NamedTempFile,
}

impl NewFile {
    /// Begins the file `path`, under another name beside it.
    pub(crate) fn begin(path: &Path) -> Result<Self, Failure> {
        if path.symlink_metadata().is_ok() {
            return Err(Failure::about(path, &"it exists already; name a new file", CANNOT_RUN));
        }
        let dir = directory_of(path);
        if is_of_a_store(dir) {
            let sentence = "its directory is a store's, which belongs to that store alone; name a \
                            file elsewhere";
            return Err(Failure::about(path, &sentence, CANNOT_RUN));
        }
        let part = tempfile::Builder::new()
            .prefix(".sagalog-")
            .suffix(".part")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(dir);
        let part = part.map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path: path.to_owned(), part })
    }

    /// Where to write.
    pub(crate) fn out(&self) -> &File {
        self.part.as_file()
    }

    /// Gives the file its name, durably, unless another has taken it.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { path, part } = self;
        part.as_file().sync_all().map_err(|error| cannot_write(&path, &error))?;
        part.persist_noclobber(&path).map_err(|refused| match refused.error.kind() {
            io::ErrorKind::AlreadyExists => {
                let sentence = "somebody else has made it meanwhile, and it is left as it is; name \
                                a new file";
                Failure::about(&path, &sentence, CANNOT_RUN)
            }
            _ => cannot_write(&path, &refused.error),
        })?;
        let synced = File::open(directory_of(&path)).and_then(|dir| dir.sync_all());
        synced.map_err(|error| cannot_write(&path, &error))
    }
}

/// What came of writing to the file, as a sentence about it.
pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let sentence = match error.kind() {
        io::ErrorKind::NotFound => "there is no such directory".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not write there".to_owned(),
        _ => format!("cannot write it: {error}"),
    };
    Failure::about(path, &sentence, CANNOT_RUN)
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a store lives in the directory, damaged or not.
pub(crate) fn is_of_a_store(dir: &Path) -> bool {
    let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names
        .filter_map(|name| name.into_string().ok())
        .any(|name| name == superblock::FILE_NAME || segment::parse_file_name(&name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn two_writers_of_one_file_do_not_meet_and_the_second_replaces_nothing() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let path = dir.path().join("out");
        let [first, second] = [(); 2].map(|()| NewFile::begin(&path).expect("it is new"));
        first.out().write_all(b"first").expect("room");
        second.out().write_all(b"second, and longer").expect("room");
        first.finish().expect("the name is free");
        let Err(Failure::Told { sentence, code }) = second.finish() else {
            panic!("the name is taken")
        };
        assert!(sentence.contains("somebody else has made it meanwhile"), "{sentence}");
        assert_eq!((code, fs::read(&path).expect("whole")), (CANNOT_RUN, b"first".to_vec()));
        let left: Vec<_> = fs::read_dir(dir.path()).expect("readable").collect();
        assert_eq!(left.len(), 1, "no part stays behind: {left:?}");
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        drop(NewFile::begin(&dir.path().join("out")).expect("it is new"));
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 0);
    }
}
