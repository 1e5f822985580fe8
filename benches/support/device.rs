//! What the block device under a directory has written, by its own count.
//!
//! Not the process's count, which is wrong with large page-cache folios. The device counts for
//! everybody, so the machine has to be quiet while a benchmark runs.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, path::PathBuf};

/// The unit of the kernel's count, whatever the device's own sector size.
const SECTOR_BYTES: u64 = 512;
/// Which number of the `stat` line counts written sectors.
const WRITTEN_FIELD: usize = 6;

/// The counter of one device.
pub(crate) struct Device {
    stat: Option<PathBuf>,
}

impl Device {
    /// The device that holds `dir`: the whole disk if it is a partition.
    pub(crate) fn under(dir: &Path) -> std::io::Result<Self> {
        let dev = fs::metadata(dir)?.dev();
        let (major, minor) = (rustix::fs::major(dev), rustix::fs::minor(dev));
        let own = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
        let disk = if own.join("partition").exists() { own.join("..") } else { own };
        let stat = Some(disk.join("stat")).filter(|stat| stat.exists());
        Ok(Self { stat })
    }

    /// Bytes written so far; none if the file system has no device of its own.
    pub(crate) fn written_bytes(&self) -> Option<u64> {
        let text = fs::read_to_string(self.stat.as_ref()?).ok()?;
        let sectors: u64 = text.split_whitespace().nth(WRITTEN_FIELD)?.parse().ok()?;
        Some(sectors * SECTOR_BYTES)
    }
}

/// Adds to `sum` what was written between two looks; none stays none.
pub(crate) fn add_written(sum: &mut Option<u64>, before: Option<u64>, after: Option<u64>) {
    *sum = match (*sum, before, after) {
        (Some(sum), Some(before), Some(after)) => Some(sum + after.saturating_sub(before)),
        _ => None,
    };
}
