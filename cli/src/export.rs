//! `sagalog export`: all events in the order of their positions, as `import` takes them.
//!
//! An interchange, not a backup: ids, revisions, positions and system streams stay behind. The
//! invariant: a file appears under its name when all of it is there, and no file is replaced.

use crate::{
    Outcome,
    failure::Failure,
    interrupt::Interrupt,
    line::{self, Fields},
    new_file::{self, NewFile},
    progress::Bar,
    reading,
    source::is_compressed,
};
use flate2::{Compression, write::GzEncoder};
use sagalog::{Position, Read, ReadOnlyStore};
use std::{
    io::{self, BufWriter, IntoInnerError, Write},
    path::Path,
};

pub(crate) async fn run(dir: &Path, file: Option<&Path>, from: u64) -> Result<Outcome, Failure> {
    let store = reading::open(dir).await?;
    let Some(file) = file else {
        let mut out = BufWriter::new(io::stdout().lock());
        let mut copy = Copy { store, dir, from, onto: None };
        copy.all(&mut out).await??;
        out.flush()?;
        return Ok(Outcome::Sound);
    };
    // Before the file is begun: an interrupt in between would leave its part behind.
    let onto = Onto { file, bar: Bar::new(), interrupt: Interrupt::watch()? };
    let made = NewFile::begin(file)?;
    let mut copy = Copy { store, dir, from, onto: Some(onto) };
    let written = if is_compressed(file) {
        // Lines come in small pieces, which the compressor would take one by one.
        let mut out = BufWriter::new(GzEncoder::new(made.out(), Compression::default()));
        let copied = copy.all(&mut out).await?;
        let finished = copied.and_then(|()| out.into_inner().map_err(IntoInnerError::into_error));
        finished.and_then(GzEncoder::finish).map(|_| ())
    } else {
        let mut out = BufWriter::new(made.out());
        copy.all(&mut out).await?.and_then(|()| out.flush())
    };
    written.map_err(|error| new_file::cannot_write(file, &error))?;
    made.finish()?;
    Ok(Outcome::Sound)
}

/// What a copy into a file has beside that.
struct Onto<'a> {
    file: &'a Path,
    bar: Bar,
    interrupt: Interrupt,
}

struct Copy<'a> {
    store: ReadOnlyStore,
    dir: &'a Path,
    from: u64,
    onto: Option<Onto<'a>>,
}

impl Copy<'_> {
    /// Writes every event. The outer result is about the store, the inner about `out`.
    async fn all(&mut self, out: &mut impl Write) -> Result<io::Result<()>, Failure> {
        let (dir, head) = (self.dir, self.store.head());
        let mut events = self.store.read(Read::all().from_position(Position::new(self.from)));
        while let Some(event) = events.next().await.map_err(|error| Failure::read(dir, &error))? {
            if let Err(error) = line::print(out, &event, Fields::Said) {
                return Ok(Err(error));
            }
            let Some(Onto { file, bar, interrupt }) = &mut self.onto else { continue };
            bar.tell(event.position().get(), head.get());
            if interrupt.has_come() {
                let (file, at) = (file.display(), event.position());
                let sentence = format!(
                    "{file}: interrupted at position {at} of {head}; nothing was left of it, and \
                     the same command begins anew"
                );
                return Err(Failure::cannot_run(sentence));
            }
        }
        Ok(Ok(()))
    }
}
