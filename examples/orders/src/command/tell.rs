//! Printing, and writing files for people.

use super::{Failure, Tell};
use orders::report::{Report, page};
use std::{
    io::{Write, stdout},
    path::Path,
};

impl Tell {
    pub(super) fn report(&self, report: &Report) -> Result<(), Failure> {
        if let Some(file) = &self.report {
            write(file, &page(report))?;
        }
        if self.json {
            print(&(serde_json::to_string(report)? + "\n"))
        } else {
            print(&report.to_string())
        }
    }
}

/// Prints; whoever has stopped reading wants no more.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    match stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| format!("standard output: {error}").into()),
    }
}

/// Writes a file that can be made again, so it needs no sync.
#[expect(clippy::disallowed_methods, reason = "a report is no store")]
pub(super) fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()).into())
}
