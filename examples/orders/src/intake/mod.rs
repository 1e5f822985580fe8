//! Where orders come from: a file of invoice lines, or a seeded day.
//!
//! Nothing is stored here and nothing is asked. The invariant it guards: every line of a file is in
//! a document or in the list of what was rejected, with its number and the reason; none is dropped.

mod catalogue;
mod csv;
mod day;
mod dice;
mod error;
mod gzip;
mod invoice;
mod row;
mod twin;

#[cfg(test)]
mod tests;

pub use csv::{parse, read};
pub use day::day;
pub use error::IntakeError;
pub use twin::twin;

use crate::domain::{DocumentNo, Placed, ReturnPlaced, WriteOffPlaced};

/// Something to be worked on, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// An order.
    Order(DocumentNo, Placed),
    /// A return.
    Return(DocumentNo, ReturnPlaced),
    /// Pieces that left the shelf unsold.
    WriteOff(DocumentNo, WriteOffPlaced),
}

/// A line that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Which line of the file, counted from 1.
    pub line: u64,
    /// Which rule.
    pub reason: String,
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intake {
    /// Where from, for people.
    pub source: String,
    /// A hash of everything that came in: another intake has another one.
    pub fingerprint: u64,
    /// How many lines there were, the head not counted.
    pub lines: u64,
    /// What is to be worked on.
    pub documents: Vec<Document>,
    /// What is not.
    pub rejected: Vec<Rejection>,
}
