//! Reads a file of invoice lines, the public data set UCI Online Retail or another of its shape.
//!
//! What a line means is not decided here but in [`super::invoice`]. A line of the file is a line of
//! an invoice: quoted columns do not run over its end, or one forgotten quote would swallow the
//! rest of the file. The invariant it guards: whatever the file holds, at most one line of it and
//! what was understood are in memory, and each line is in a document or rejected.

use super::{
    Intake, IntakeError, Rejection,
    gzip::Unpacked,
    invoice::{Columns, Invoices},
};
use std::{
    borrow::Cow,
    fs::File,
    io::{BufRead, BufReader, ErrorKind, Read},
    path::Path,
};
use xxhash_rust::xxh3::Xxh3;

/// The first line of every file.
pub(super) const HEADER: &str =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

/// How large a file may be once it is unpacked: the whole data set has 46 MB. A small gzip file can
/// unpack to any size.
pub(super) const FILE_BYTES_MAX: u64 = 256 << 20;

/// How many lines a file may have: the whole data set has 541,909. Even empty lines take memory,
/// since each is rejected with a reason.
pub(super) const LINES_MAX: u64 = 4_000_000;

/// How long a line may be.
const LINE_BYTES_MAX: usize = 64 << 10;

/// How much of a wrong header is shown.
const SHOWN_CHARS: usize = 100;

/// Reads a file, unpacked on the way if its name ends with `.gz`.
///
/// # Errors
/// [`IntakeError`] if nothing can be taken from it. A line that breaks a rule is no error.
#[expect(clippy::disallowed_methods, reason = "this is the user's file, not one of the store's")]
pub fn read(path: &Path) -> Result<Intake, IntakeError> {
    let source = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let file = File::open(path)
        .map_err(|error| IntakeError::Unreadable { file: path.display().to_string(), error })?;
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz")) {
        parse(&source, Unpacked::new(BufReader::new(file))).map_err(unpacked)
    } else {
        parse(&source, file)
    }
}

/// What a fault means while a file is unpacked: these kinds come from the format, not the disk.
fn unpacked(fault: IntakeError) -> IntakeError {
    use ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match fault {
        IntakeError::Unreadable { file, error }
            if matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) =>
        {
            IntakeError::NoGzip { file, error }
        }
        other => other,
    }
}

/// Reads what a file called `source` holds, unpacked.
///
/// ```
/// let file = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
/// 7001,KT100,TEA POT,2,3/1/21 9:05,12.5,4711,Ireland
/// 7001,KT101,TEA COSY,none,3/1/21 9:05,4.25,4711,Ireland
/// ";
/// let intake = orders::intake::parse("march.csv", file.as_bytes())?;
/// assert_eq!((intake.lines, intake.documents.len()), (2, 1));
/// assert_eq!(intake.rejected[0].line, 3);
/// # Ok::<(), orders::intake::IntakeError>(())
/// ```
///
/// # Errors
/// [`IntakeError`] if nothing can be taken from it. A line that breaks a rule is no error.
pub fn parse(source: &str, bytes: impl Read) -> Result<Intake, IntakeError> {
    let mut lines = Lines::new(source, bytes);
    if !lines.advance()? {
        return Err(IntakeError::Empty { file: source.to_owned() });
    }
    lines.check_header()?;
    let mut invoices = Invoices::default();
    let mut rejected = Vec::new();
    while lines.advance()? {
        let line = lines.number;
        if let Err(reason) = take(lines.text(), line, &mut invoices) {
            rejected.push(Rejection { line, reason });
        }
    }
    Ok(Intake {
        source: source.to_owned(),
        fingerprint: lines.hash.digest(),
        lines: lines.number - 1,
        documents: invoices.into_documents(),
        rejected,
    })
}

/// Adds a line to its invoice, or says why not.
fn take(line: Result<&str, &str>, at: u64, invoices: &mut Invoices) -> Result<(), String> {
    let columns = columns(line?)?;
    let columns: &[Cow<'_, str>; 8] =
        columns.as_slice().try_into().map_err(|_| "it does not have 8 columns")?;
    let [invoice, product, description, quantity, time, price, customer, country] =
        columns.each_ref().map(|column| column.trim());
    let rest = Columns { product, description, quantity, time, price, customer, country };
    invoices.take(at, invoice, &rest)
}

/// The columns of a line.
fn columns(line: &str) -> Result<Vec<Cow<'_, str>>, &'static str> {
    // Making a reader costs more than most lines, and most lines have no quotes.
    if !line.contains('"') {
        return Ok(line.split(',').map(Cow::Borrowed).collect());
    }
    if !line.matches('"').count().is_multiple_of(2) {
        return Err("a quote in it is not closed");
    }
    // A carriage return ends a line only before a line feed, so what follows on one is not lost.
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .terminator(::csv::Terminator::Any(b'\n'))
        .from_reader(line.as_bytes());
    let mut record = ::csv::StringRecord::new();
    reader.read_record(&mut record).expect("a line is in memory, is UTF-8 and has no neighbours");
    Ok(record.iter().map(|column| Cow::Owned(column.to_owned())).collect())
}

/// The lines of a file, one at a time.
struct Lines<'a, R> {
    source: &'a str,
    bytes: BufReader<R>,
    hash: Xxh3,
    /// How many bytes were read.
    read: u64,
    /// Which line this is, counted from 1.
    number: u64,
    /// The line, without what is beyond the longest.
    line: Vec<u8>,
    /// Whether anything is beyond it.
    too_long: bool,
}

impl<'a, R: Read> Lines<'a, R> {
    fn new(source: &'a str, bytes: R) -> Self {
        let (bytes, line) = (BufReader::new(bytes), Vec::new());
        Self { source, bytes, hash: Xxh3::new(), read: 0, number: 0, line, too_long: false }
    }

    /// Goes to the next line; false at the end.
    fn advance(&mut self) -> Result<bool, IntakeError> {
        self.line.clear();
        self.too_long = false;
        let before = self.read;
        loop {
            let file = || self.source.to_owned();
            let chunk = match self.bytes.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(IntakeError::Unreadable { file: file(), error }),
            };
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(chunk, |end| &chunk[..=end]);
            let room = (LINE_BYTES_MAX + 2).saturating_sub(self.line.len());
            self.line.extend_from_slice(&taken[..taken.len().min(room)]);
            self.too_long |= taken.len() > room;
            self.hash.update(taken);
            let length = taken.len();
            self.bytes.consume(length);
            self.read += u64::try_from(length).expect("usize has at most 64 bits");
            if self.read > FILE_BYTES_MAX || self.number > LINES_MAX {
                return Err(IntakeError::TooLarge { file: file() });
            }
            if end.is_some() || length == 0 {
                break;
            }
        }
        self.number += u64::from(self.read > before);
        Ok(self.read > before)
    }

    /// The line without its end, or why it is none.
    fn text(&self) -> Result<&str, &'static str> {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.too_long || line.len() > LINE_BYTES_MAX {
            return Err("it is longer than 64 KiB");
        }
        std::str::from_utf8(line).map_err(|_| "it is not UTF-8")
    }

    fn check_header(&self) -> Result<(), IntakeError> {
        let shown = String::from_utf8_lossy(&self.line);
        // Spreadsheets put a byte order mark before the first letter.
        let header = shown.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        if header == HEADER {
            return Ok(());
        }
        let (file, found) = (self.source.to_owned(), header.chars().take(SHOWN_CHARS).collect());
        Err(IntakeError::OtherHeader { file, found })
    }
}
