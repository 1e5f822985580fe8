//! A file of lines, plain or compressed, and what names its lines.
//!
//! Knows nothing of JSON. The invariant: a line's name depends on that line and all lines before
//! it, and on nothing else: not on how lines end, on whether the last one does, on a byte order
//! mark, or on compression. So a file that has grown has the same names as far as it goes back.

use crate::{
    failure::{CANNOT_RUN, Failure},
    gzip::Unpacked,
};
use sagalog::limits::GROUP_BYTES_MAX;
use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    rc::Rc,
};
use xxhash_rust::xxh3::Xxh3;

/// The longest line: 12 MiB. The largest event that a store takes is no longer, printed as one.
pub(crate) const LINE_BYTES_MAX: usize = 12 << 20;

// Base64 makes a payload a third longer. All other fields of an event together are shorter than a
// MiB, however they are printed.
const _: () = assert!(GROUP_BYTES_MAX.div_ceil(3) * 4 + (1 << 20) <= LINE_BYTES_MAX as u64);

/// What spreadsheets and editors may put before the first letter of a file, in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

const BUFFER_BYTES: usize = 256 << 10;

/// Reads the lines of a file, one after the other.
pub(crate) struct Source {
    path: PathBuf,
    input: Box<dyn BufRead>,
    consumed: Rc<Cell<u64>>,
    hasher: Xxh3,
    line: Vec<u8>,
    number: u64,
}

/// A line, without its end.
pub(crate) struct Line<'a> {
    /// Counted from 1, as editors do.
    pub(crate) number: u64,
    /// What names this line of this file.
    pub(crate) name: u128,
    /// `None` if it exceeds [`LINE_BYTES_MAX`].
    pub(crate) text: Option<&'a [u8]>,
}

/// Whether the name of a file says that it is compressed.
pub(crate) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
}

impl Source {
    /// Opens a file, which can be read more than once.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let consumed = Rc::new(Cell::new(0));
        let counted = Counted { file: regular(path)?, consumed: Rc::clone(&consumed) };
        let counted = BufReader::with_capacity(BUFFER_BYTES, counted);
        let input: Box<dyn BufRead> = if is_compressed(path) {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, Unpacked::new(counted)))
        } else {
            Box::new(counted)
        };
        let hasher = Xxh3::new();
        Ok(Self { path: path.to_owned(), input, consumed, hasher, line: Vec::new(), number: 0 })
    }

    /// Bytes of the file that were read so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed.get()
    }

    /// The next line; `None` behind the last one. How it ends, with a line feed, with a carriage
    /// return before it, or as the file does, makes no difference.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, Failure> {
        self.line.clear();
        let read = self.read_line();
        let whole = read.map_err(|error| self.unreadable(&error))?;
        if whole && self.line.is_empty() {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        // Behind a line feed that is to come a carriage return would be a part of the line's end.
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        self.number += 1;
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        self.hasher.update(&self.line);
        self.hasher.update(b"\n");
        Ok(Some(Line {
            number: self.number,
            name: self.hasher.digest128(),
            text: whole.then_some(self.line.as_slice()),
        }))
    }

    /// Reads up to a line's end or the file's. Whether that was all of the line; the rest of a line
    /// that is too long is skipped.
    fn read_line(&mut self) -> io::Result<bool> {
        let limit = u64::try_from(LINE_BYTES_MAX + 2).unwrap_or(u64::MAX);
        self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        let ended = self.line.last() == Some(&b'\n');
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let whole = text.len() <= LINE_BYTES_MAX;
        if !ended {
            // What follows is the rest of a line that is too long, or its end alone.
            self.input.skip_until(b'\n')?;
        }
        Ok(whole)
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        let (path, line) = (self.path.display(), self.number);
        let sentence = match (is_compressed(&self.path), error.kind()) {
            (true, io::ErrorKind::UnexpectedEof) => {
                format!("{path}: the compressed data ends in the middle, behind line {line}")
            }
            (true, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                format!("{path}: this is no gzip, or it is damaged, behind line {line}: {error}")
            }
            _ => format!("{path}: cannot be read behind line {line}: {error}"),
        };
        Failure::cannot_run(sentence)
    }
}

/// Opens what can be read more than once: no pipe, no terminal, no directory.
fn regular(path: &Path) -> Result<File, Failure> {
    if path.as_os_str() == "-" {
        let sentence = "the lines are read twice, first to check all of them, so that they have \
                        to be in a file; standard input cannot be imported";
        return Err(Failure::cannot_run(sentence));
    }
    let open = |error: io::Error| {
        let text = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        Failure::about(path, &text, CANNOT_RUN)
    };
    // Before it is opened: opening a pipe waits for somebody who writes.
    if !path.metadata().map_err(open)?.is_file() {
        let sentence = "this is no regular file; the lines are read twice, first to check them";
        return Err(Failure::about(path, &sentence, CANNOT_RUN));
    }
    File::open(path).map_err(open)
}

struct Counted {
    file: File,
    consumed: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read(buffer)?;
        self.consumed.set(self.consumed.get() + u64::try_from(bytes).unwrap_or(0));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    fn names(file: &str, bytes: &[u8]) -> Vec<(u64, u128, Option<Vec<u8>>)> {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let path = dir.path().join(file);
        std::fs::write(&path, bytes).expect("writable");
        let mut source = Source::open(&path).expect("opens");
        let mut names = Vec::new();
        while let Some(line) = source.next().expect("readable") {
            names.push((line.number, line.name, line.text.map(<[u8]>::to_vec)));
        }
        names
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn a_file_that_has_grown_begins_with_the_same_names() {
        let short = names("a", b"one\ntwo\nthree");
        let long = names("b", b"one\ntwo\nthree\nfour\n");
        assert_eq!(short, long[..3]);
        assert_eq!(long[3].2.as_deref(), Some(b"four".as_slice()));
        let other = names("c", b"one\n2\nthree\n");
        assert_eq!(other[0], long[0]);
        assert!(other[1..].iter().zip(&long[1..]).all(|(other, long)| other.1 != long.1));
        let moved = names("d", b"o\nnetwo\nthree\n");
        assert_ne!(moved[1].1, long[1].1);
    }

    #[test]
    fn lines_have_the_same_names_however_they_end() {
        let plain = names("a", b"one\ntwo\nthree\n");
        for other in [
            b"one\r\ntwo\r\nthree\r\n".as_slice(),
            b"one\r\ntwo\r\nthree",
            b"one\ntwo\nthree\r",
            b"\xef\xbb\xbfone\ntwo\nthree\n",
        ] {
            assert_eq!(names("b", other), plain, "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn a_compressed_file_may_be_named_in_capitals_and_padded_with_zeros() {
        let plain = names("a", b"one\ntwo\n");
        let padded = [gzip(b"one\n"), vec![0; 3], gzip(b"two\n"), vec![0; 700_000]].concat();
        assert_eq!(names("B.GZ", &padded), plain);
    }

    #[test]
    fn compressed_lines_have_the_same_names_even_in_several_members() {
        let plain = names("a", b"one\ntwo\n\nfour\n");
        let members = [gzip(b"one\ntw"), gzip(b"o\n\nfour\n")].concat();
        assert_eq!(names("b.gz", &members), plain);
        assert_eq!(plain.len(), 4);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_and_skipped() {
        let longest = vec![b'x'; LINE_BYTES_MAX];
        for end in [b"".as_slice(), b"\n", b"\r\n"] {
            let whole = names("a", &[&longest, end].concat());
            assert_eq!(whole.len(), 1);
            assert_eq!(whole[0].2.as_deref(), Some(longest.as_slice()));
            let long = names("b", &[&longest, b"xx".as_slice(), end].concat());
            assert_eq!((long.len(), &long[0].2), (1, &None));
        }
        let between = names("c", &[b"a\n", longest.as_slice(), b"xxx\nb\n"].concat());
        assert_eq!((between.len(), &between[1].2), (3, &None));
        assert_eq!(between[2].2.as_deref(), Some(b"b".as_slice()));
    }
}
