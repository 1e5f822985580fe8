//! Harm done to a file while nobody runs: what a person, another program or age may do to it.
//!
//! It is not a fault of the disk, which strikes an operation. The invariant it guards: a harm to a
//! file that is not there, or to bytes it does not have, is none.

use crate::disk::{SECTOR_BYTES, SimDisk};
use serde::{Deserialize, Serialize};

/// Which file, and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a value that is written to files")]
pub struct Harm {
    /// The file's name.
    pub file: String,
    /// What happens.
    #[serde(flatten)]
    pub kind: HarmKind,
}

/// What may happen to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HarmKind {
    /// It is gone.
    Removed {},
    /// A bit of the byte here flips.
    Flipped {
        /// Byte offset.
        at: u64,
        /// Which bit, 0 to 7.
        bit: u8,
    },
    /// The sectors around these bytes are zeros.
    Zeroed {
        /// Byte offset.
        at: u64,
        /// How many bytes.
        bytes: u64,
    },
    /// It is so long, cut or filled with zeros.
    Resized {
        /// In bytes.
        bytes: u64,
    },
    /// The first sectors are copied to where they do not belong.
    Repeated {
        /// To which sector.
        to: u64,
        /// How many.
        sectors: u64,
    },
}

impl Harm {
    /// Does it.
    ///
    /// # Panics
    /// If the disk loses the file meanwhile, which is a bug of the disk.
    pub fn strike(&self, disk: &mut SimDisk) {
        let name = self.file.as_str();
        let Some(bytes) = disk.contents(name).map(|bytes| bytes.len() as u64) else { return };
        let struck = match self.kind {
            HarmKind::Removed {} => disk.remove_file(name),
            HarmKind::Flipped { at, bit } if at < bytes => disk.corrupt_bit(name, at, bit),
            HarmKind::Zeroed { at, bytes: count } if at < bytes => {
                disk.zero_sectors(name, at..at + count)
            }
            HarmKind::Resized { bytes } => disk.truncate_file(name, bytes),
            HarmKind::Repeated { to, sectors } if to * SECTOR_BYTES < bytes => {
                disk.copy_sectors((name, 0), (name, to), sectors)
            }
            HarmKind::Flipped { .. } | HarmKind::Zeroed { .. } | HarmKind::Repeated { .. } => {
                Ok(())
            }
        };
        struck.expect("the file is there");
    }
}
