//! The atlas: where the disk destroyed or withheld bytes that it had promised to keep.
//!
//! It is not a record of what a power failure took from unsynced data; nobody was promised that.
//! The invariant it guards: an oracle may excuse a store that refuses to open, or names a loss,
//! exactly if the atlas names a range it needs. The atlas errs on the side of naming too much: a
//! damaged byte leaves it when that byte is written and synced again, not when the sector around
//! it happens to be rewritten from an intact cache.
//!
//! A range that a store needs excuses a loss that it names, and not every loss without a word: a
//! store that drops an acknowledged end although a later write of its log lies there intact could
//! have known. What the intact bytes prove is [evidence](super::Evidence); a loss is excused
//! without a word only behind [what they prove](super::SimDisk::proven_to_life).

use std::{fmt, ops::Range, sync::Arc};

use super::{content::SECTOR_BYTES, fault::FaultKind};

/// Why bytes are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A fault of the disk.
    Fault(FaultKind),
    /// A test damaged them on purpose.
    Test,
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(kind) => write!(out, "{kind}"),
            Self::Test => out.write_str("test"),
        }
    }
}

/// Damaged bytes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file's name.
    pub file: Arc<str>,
    /// Byte offsets; `0..u64::MAX` means that the name itself is lost, or is back.
    pub range: Range<u64>,
    /// Why.
    pub cause: Cause,
}

impl Damage {
    pub(super) fn name(file: Arc<str>, cause: Cause) -> Self {
        Self { file, range: 0..u64::MAX, cause }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.range.end == u64::MAX {
            return write!(out, "{} as a name: {}", self.file, self.cause);
        }
        write!(out, "{} bytes {}..{}: {}", self.file, self.range.start, self.range.end, self.cause)
    }
}

/// The damage of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Scars(Vec<(Range<u64>, Cause)>);

impl Scars {
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Range<u64>, Cause)> {
        self.0.iter()
    }

    pub(super) fn add(&mut self, range: Range<u64>, cause: Cause) {
        if !range.is_empty() && !self.0.contains(&(range.clone(), cause)) {
            self.0.push((range, cause));
        }
    }

    /// The bytes of `range` are as promised again.
    pub(super) fn heal(&mut self, range: &Range<u64>) {
        if self.0.is_empty() {
            return;
        }
        let cut = |(scar, cause): &(Range<u64>, Cause)| {
            let latent = *cause == Cause::Fault(FaultKind::LatentError);
            let healed = if latent { sectors_around(range) } else { range.clone() };
            let before = scar.start..scar.end.min(healed.start);
            let after = scar.start.max(healed.end)..scar.end;
            [(before, *cause), (after, *cause)]
        };
        self.0 = self.0.iter().flat_map(cut).filter(|(scar, _)| !scar.is_empty()).collect();
    }
}

/// A latent error leaves with any write to its sector, because the content itself was intact.
fn sectors_around(range: &Range<u64>) -> Range<u64> {
    let end = range.end.div_ceil(SECTOR_BYTES).saturating_mul(SECTOR_BYTES);
    range.start / SECTOR_BYTES * SECTOR_BYTES..end
}
