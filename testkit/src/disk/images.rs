//! Every disk that a power failure could leave right now.
//!
//! It draws nothing: [`SimDisk::power_failure`] does that. The invariant it guards: while there
//! are few unsynced units, the images are all of them, so a test that passes over every image of
//! every moment has proved recovery for that workload, not sampled it.

use super::{
    SimDisk,
    content::SECTOR_BYTES,
    fate::{Fate, UnitKind},
};
use crate::choices::Seeded;

/// One way to lose power.
#[derive(Clone, Copy, Debug)]
enum Image {
    /// Exactly the units of the mask survive.
    Subset(u64),
    /// The first units survive.
    Prefix(usize),
    /// Only one survives.
    Only(usize),
    /// Only one is lost.
    Without(usize),
    /// One sector is torn: the half of it that survives, and whether its neighbours do.
    Torn { unit: usize, front: bool, others: bool },
    /// Each survives or not, drawn from this seed.
    Drawn(u64),
}

/// Units up to which every subset can be asked for.
const SUBSET_UNITS_MAX: usize = 64;

impl Image {
    fn fate(self, index: usize) -> Fate {
        let half = u16::try_from(SECTOR_BYTES / 2).expect("a sector is 512 bytes");
        let kept = match self {
            Self::Subset(mask) => index < SUBSET_UNITS_MAX && (mask >> index) & 1 == 1,
            Self::Prefix(units) => index < units,
            Self::Only(unit) => index == unit,
            Self::Without(unit) => index != unit,
            Self::Torn { unit, front, .. } if index == unit => {
                let from = if front { 0 } else { half };
                return Fate::Torn { from, to: from + half };
            }
            Self::Torn { others, .. } => others,
            Self::Drawn(seed) => Seeded::new(seed).fork(index as u64).bits() & 1 == 1,
        };
        if kept { Fate::Kept } else { Fate::Dropped }
    }
}

impl SimDisk {
    /// How many sectors, lengths and directory entries are unsynced: what a power failure decides
    /// about one by one. File by file in order of creation, the directory last.
    pub fn unsynced_units(&self) -> usize {
        self.unit_kinds().count()
    }

    fn unit_kinds(&self) -> impl Iterator<Item = UnitKind> {
        let entries = std::iter::repeat_n(UnitKind::Entry, self.directory.units());
        self.inodes.values().flat_map(super::inode::Inode::units).chain(entries)
    }

    /// The disk after a power failure that keeps exactly the units whose bit is set in `mask`. A
    /// directory entry also needs those before it that share a name. Units from the 65th on are
    /// lost.
    #[must_use]
    pub fn power_failure_image(&self, mask: u64) -> Self {
        self.image(Image::Subset(mask))
    }

    /// The disks that a power failure could leave: every subset of the unsynced units if those
    /// are at most `limit`, otherwise `limit` of them, starting with the telling ones (none, all,
    /// every prefix, each unit alone or missing) and then drawn. With `torn`, each unsynced sector
    /// is torn in the middle as well, with all others kept and with all others lost.
    pub fn crash_images(&self, limit: usize, torn: bool) -> impl Iterator<Item = Self> {
        let units = self.unsynced_units();
        let exhaustive = units < SUBSET_UNITS_MAX && 1_usize << units.min(62) <= limit;
        let subsets = (0..if exhaustive { 1_u64 << units } else { 0 }).map(Image::Subset);
        let telling = (0..=units)
            .map(Image::Prefix)
            .chain((0..units).flat_map(|unit| [Image::Only(unit), Image::Without(unit)]))
            .chain((0..).map(Image::Drawn))
            .take(if exhaustive { 0 } else { limit });
        let sectors = self.unit_kinds().enumerate();
        let tears = sectors.filter(move |(_, kind)| torn && *kind == UnitKind::Sector).flat_map(
            |(unit, _)| {
                [(true, true), (true, false), (false, true), (false, false)]
                    .map(|(front, others)| Image::Torn { unit, front, others })
            },
        );
        subsets.chain(telling).chain(tears).map(|image| self.image(image))
    }

    fn image(&self, image: Image) -> Self {
        let mut disk = self.clone();
        let mut index = 0;
        disk.lose_power(&mut |_, _| {
            index += 1;
            image.fate(index - 1)
        });
        disk
    }
}
