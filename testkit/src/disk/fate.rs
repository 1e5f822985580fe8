//! What a power failure decides about, and what it may decide: values that print and read back.
//!
//! It draws nothing and performs nothing. The invariant it guards: the unsynced units of a disk
//! have different names, equal in two equal runs, so that a power failure can be written down.

use std::{fmt, str::FromStr, sync::Arc};

use super::{content::SECTOR_BYTES, fault::ParseError};

/// The kinds of unsynced units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "whoever decides must have an answer for each")]
pub enum UnitKind {
    /// A new version of a sector.
    Sector,
    /// A new length of a file.
    Length,
    /// A change of the directory.
    Entry,
}

impl UnitKind {
    const ALL: [Self; 3] = [Self::Sector, Self::Length, Self::Entry];

    const fn name(self) -> &'static str {
        match self {
            Self::Sector => "sector",
            Self::Length => "length",
            Self::Entry => "entry",
        }
    }
}

/// One unsynced change. Written as `log-00000000000000000002.seg sector 3`, or `entry 2` for a
/// change of the directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "it is read from files")]
pub struct Unit {
    /// The file's name; empty for the directory.
    pub file: Arc<str>,
    /// What changed.
    pub kind: UnitKind,
    /// Which of the unsynced changes of this kind and file, counted from 1 in their order. It is
    /// not the number of a sector: one that was written twice has two versions.
    pub number: u32,
}

/// What happens to one unsynced unit. Written as `kept`, `dropped`, `torn 0 17` or `garbage 5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever decides must know the alternatives")]
pub enum Fate {
    /// It survives.
    Kept,
    /// It is lost.
    Dropped,
    /// Of a sector, only the bytes from the first to before the second place land. Anything else
    /// is lost.
    Torn {
        /// The first byte that lands, 0 to 512.
        from: u16,
        /// The first byte behind those that land, `from` to 512.
        to: u16,
    },
    /// Where a sector beyond the durable length should be, bytes drawn from this seed stand.
    /// Anything else is lost.
    Garbage {
        /// From which the bytes are drawn.
        seed: u64,
    },
}

impl fmt::Display for Unit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(out, "{} ", self.file)?;
        }
        write!(out, "{} {}", self.kind.name(), self.number)
    }
}

impl FromStr for Unit {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parse = || {
            let (rest, number) = text.rsplit_once(' ')?;
            let (file, kind) = rest.rsplit_once(' ').unwrap_or(("", rest));
            let kind = UnitKind::ALL.into_iter().find(|known| known.name() == kind)?;
            Some(Self { file: file.into(), kind, number: number.parse().ok()? })
        };
        parse().ok_or_else(|| ParseError::new("an unsynced unit", text, "log-1 sector 3"))
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => out.write_str("kept"),
            Self::Dropped => out.write_str("dropped"),
            Self::Torn { from, to } => write!(out, "torn {from} {to}"),
            Self::Garbage { seed } => write!(out, "garbage {seed}"),
        }
    }
}

impl FromStr for Fate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse_fate(text).ok_or_else(|| ParseError::new("a fate", text, "torn 0 17"))
    }
}

fn parse_fate(text: &str) -> Option<Fate> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match (word, rest) {
        ("kept", "") => Some(Fate::Kept),
        ("dropped", "") => Some(Fate::Dropped),
        ("torn", places) => {
            let (from, to) = places.split_once(' ')?;
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            let within = from <= to && u64::from(to) <= SECTOR_BYTES;
            within.then_some(Fate::Torn { from, to })
        }
        ("garbage", seed) => Some(Fate::Garbage { seed: seed.parse().ok()? }),
        _ => None,
    }
}
