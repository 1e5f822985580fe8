//! `sagalog export`: all events in the order of their positions, as `import` takes them.
//!
//! An interchange, not a backup: ids, revisions, positions and system streams stay behind. The
//! invariant: a file appears under its name when all of it is there, and no file is replaced.

use crate::{
    Outcome,
    failure::{CANNOT_RUN, Failure},
    line::{self, Fields},
    progress::Bar,
    reading,
    source::is_compressed,
};
use flate2::{Compression, write::GzEncoder};
use sagalog::{Position, Read, ReadOnlyStore};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, IntoInnerError, Write},
    path::{Path, PathBuf},
};

pub(crate) async fn run(dir: &Path, file: Option<&Path>, from: u64) -> Result<Outcome, Failure> {
    let store = reading::open(dir).await?;
    let Some(file) = file else {
        let mut out = BufWriter::new(io::stdout().lock());
        copy(&store, dir, from, &mut out, None).await??;
        out.flush()?;
        return Ok(Outcome::Sound);
    };
    let about = |error: io::Error| Failure::about(file, &error, CANNOT_RUN);
    let mut part = Part::begin(file)?;
    let written = if is_compressed(file) {
        // Lines come in small pieces, which the compressor would take one by one.
        let mut out = BufWriter::new(GzEncoder::new(&part.out, Compression::default()));
        let copied = copy(&store, dir, from, &mut out, Some(Bar::new())).await?;
        let finished = copied.and_then(|()| out.into_inner().map_err(IntoInnerError::into_error));
        finished.and_then(GzEncoder::finish).map(|_| ())
    } else {
        let mut out = BufWriter::new(&part.out);
        copy(&store, dir, from, &mut out, Some(Bar::new())).await?.and_then(|()| out.flush())
    };
    written.and_then(|()| part.finish()).map_err(about)?;
    Ok(Outcome::Sound)
}

/// Writes every event from `from` on. The outer result is about the store, the inner about `out`.
async fn copy(
    store: &ReadOnlyStore,
    dir: &Path,
    from: u64,
    out: &mut impl Write,
    mut bar: Option<Bar>,
) -> Result<io::Result<()>, Failure> {
    let total = store.head().get();
    let mut events = store.read(Read::all().from_position(Position::new(from)));
    while let Some(event) = events.next().await.map_err(|error| Failure::read(dir, &error))? {
        if let Err(error) = line::print(out, &event, Fields::Said) {
            return Ok(Err(error));
        }
        if let Some(bar) = &mut bar {
            bar.tell(event.position().get(), total);
        }
    }
    Ok(Ok(()))
}

/// A file under another name until it is whole.
struct Part<'a> {
    file: &'a Path,
    path: PathBuf,
    out: File,
    whole: bool,
}

impl<'a> Part<'a> {
    fn begin(file: &'a Path) -> Result<Self, Failure> {
        if file.symlink_metadata().is_ok() {
            let sentence = "it exists already; name a new file";
            return Err(Failure::about(file, &sentence, CANNOT_RUN));
        }
        let mut name = OsString::from(file);
        name.push(".part");
        let path = PathBuf::from(name);
        // What an export that was killed has left is written anew.
        let opened = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let out = opened.map_err(|error| Failure::about(&path, &error, CANNOT_RUN))?;
        Ok(Self { file, path, out, whole: false })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.sync_all()?;
        fs::rename(&self.path, self.file)?;
        self.whole = true;
        Ok(())
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.whole {
            let _ = fs::remove_file(&self.path);
        }
    }
}
