//! Printing, and writing the report for people.
//!
//! The invariant it guards: where a report cannot go is told before the work of which it reports.

use super::{Failure, Tell, file};
use orders::report::{Report, page};
use std::io::{Write, stdout};

impl Tell {
    /// Whether the report can be told.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.report.as_deref().map_or(Ok(()), file::check)
    }

    pub(super) fn report(&self, report: &Report) -> Result<(), Failure> {
        if let Some(path) = &self.report {
            file::write(path, &page(report))?;
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
