//! A checkpoint: the table of segments as one sealed file, so that opening a long log does not
//! read every header.
//!
//! Derived data: a checkpoint that is torn, missing or foreign is ignored and the table is read
//! from the segments' own headers. It never decides where the log ends.

use crate::{
    ids::{Epoch, Position, SegmentId, Sequence, StoreId},
    log::{
        Chain,
        fields::{Fields, len_u32, usize_from},
        segment::{SegmentEntry, SegmentTable, open_sealed, parse_padded, sealed},
        superblock::CheckpointName,
    },
};

const MAGIC: [u8; 8] = *b"SgCheckp";
/// Bytes of one row of the table.
const ENTRY_BYTES: usize = 36;
/// The largest checkpoint that is read: 64 MiB, some 1.8 million segments.
pub const FILE_BYTES_MAX: u32 = 64 << 20;

/// The file's name.
pub fn file_name(name: CheckpointName) -> String {
    format!("checkpoint-{:020}.ckpt", name.segment.get())
}

/// Whether a file of this name is a checkpoint, current or not. A writer removes those that are
/// not, so a name that somebody else may have given has to differ.
pub fn is_file_name(name: &str) -> bool {
    let digits = name.strip_prefix("checkpoint-").and_then(|rest| rest.strip_suffix(".ckpt"));
    digits.is_some_and(|digits| parse_padded(digits).is_some())
}

/// The bytes of the checkpoint of `table`, and the name that the superblock gives it. `None` for
/// an empty table, and for one that is too long to be read back.
pub fn encode(store: StoreId, table: &SegmentTable) -> Option<(CheckpointName, Vec<u8>)> {
    let last = table.last()?.segment;
    let mut covered = Vec::new();
    covered.extend_from_slice(store.as_bytes());
    for entry in table.entries() {
        for field in
            [entry.segment.get(), entry.segment_bytes, entry.sequence.get(), entry.first.get()]
        {
            covered.extend_from_slice(&field.to_le_bytes());
        }
        covered.extend_from_slice(&entry.chain.get().to_le_bytes());
    }
    let bytes = sealed(MAGIC, &covered);
    let name =
        CheckpointName { segment: last, bytes: len_u32(&bytes), crc: crc32fast::hash(&bytes) };
    (name.bytes <= FILE_BYTES_MAX).then_some((name, bytes))
}

/// The table in a checkpoint's bytes; `None` if it is not the one that `name` names in `store`,
/// or if it speaks of segments beyond `prepared_through`.
pub fn decode(
    bytes: &[u8],
    name: CheckpointName,
    store: StoreId,
    prepared_through: SegmentId,
) -> Option<SegmentTable> {
    if len_u32(bytes) != name.bytes || crc32fast::hash(bytes) != name.crc {
        return None;
    }
    let covered = open_sealed(MAGIC, bytes).ok()?;
    let mut fields = Fields::new(covered);
    if StoreId::from_bytes(fields.id()?) != store {
        return None;
    }
    let table_bytes = covered.len().checked_sub(16)?;
    // A piece of a row behind the last one was not written by this format.
    if !table_bytes.is_multiple_of(ENTRY_BYTES) {
        return None;
    }
    let rows = table_bytes / ENTRY_BYTES;
    let mut entries = Vec::with_capacity(rows);
    for _ in 0..rows {
        entries.push(decode_entry(&mut fields)?);
    }
    let consecutive = entries.windows(2).all(|pair| match pair {
        [a, b] => a.segment.next() == b.segment && a.sequence <= b.sequence && a.first <= b.first,
        _ => false,
    });
    let last = entries.last()?.segment;
    if !consecutive || last != name.segment || last > prepared_through {
        return None;
    }
    let mut table = SegmentTable::new();
    for entry in entries {
        table.push(entry);
    }
    Some(table)
}

/// The store that a checkpoint's bytes name, if they hold.
pub fn store_of(bytes: &[u8]) -> Option<StoreId> {
    let covered = open_sealed(MAGIC, bytes).ok()?;
    Fields::new(covered).id().map(StoreId::from_bytes)
}

fn decode_entry(fields: &mut Fields<'_>) -> Option<SegmentEntry> {
    let entry = SegmentEntry {
        segment: SegmentId::new(fields.counter()?),
        segment_bytes: fields.counter()?,
        sequence: Sequence::new(fields.counter()?),
        first: Position::new(fields.counter()?),
        chain: Chain::new(fields.u32()?),
        epoch: Epoch::default(),
    };
    entry.is_within_bounds().then_some(entry)
}

/// How many bytes to read for the checkpoint that `name` names; `None` if it claims too many.
pub fn bytes_to_read(name: CheckpointName) -> Option<usize> {
    (name.bytes <= FILE_BYTES_MAX).then(|| usize_from(u64::from(name.bytes)))
}

#[cfg(test)]
mod tests;
