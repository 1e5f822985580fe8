//! Straight-line disk sequences: each a short story of calls and the syncs it needs.
//!
//! No decisions: what to write was decided by `log`. The invariant: a name is relied on only after
//! its directory was synced, and a superblock speaks only of what is durable already.

use crate::{
    ids::{Epoch, Position, SegmentId, Sequence, StoreId},
    log::{
        Anchor, Chain, Place, checkpoint,
        fields::u64_from,
        segment,
        segment::SegmentTable,
        superblock::{self, CheckpointName, Chosen, Superblock},
    },
    runtime::{Disk, File, OpenMode, Runtime},
};
use std::io;

/// The lock file.
pub(crate) const LOCK_FILE: &str = "LOCK";
/// Where a checkpoint is written before it gets its name.
pub(crate) const CHECKPOINT_DRAFT: &str = "checkpoint.draft";
/// Where the first superblock is written before it gets its name.
pub(crate) const SUPERBLOCK_DRAFT: &str = "STORE.draft";

/// Writes all of `bytes`, however short the single writes are.
pub(crate) async fn write_all<F: File>(file: &F, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, at).await {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => {
                bytes = &bytes[taken..];
                at += u64_from(taken);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until `buffer` is full or the file ends; returns how many bytes.
pub(crate) async fn read_full<F: File>(file: &F, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + u64_from(filled)).await {
            Ok(0) => break,
            Ok(taken) => filled += taken,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads the whole file `name`, up to `bytes_max`.
pub(crate) async fn read_file<D: Disk>(
    disk: &D,
    name: &str,
    bytes_max: usize,
) -> io::Result<Vec<u8>> {
    let file = disk.open(name, OpenMode::Read).await?;
    let mut bytes = vec![0; bytes_max];
    let filled = read_full(&file, &mut bytes, 0).await?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// Makes a new store: an empty first segment, then the superblock that brings the store to life.
pub(crate) async fn create_store<R: Runtime>(
    runtime: &R,
    chosen: Chosen,
) -> io::Result<Superblock> {
    let disk = runtime.disk();
    let first = SegmentId::new(1);
    let segment_bytes = segment::bytes_for(0, chosen.group_bytes_max, chosen.segment_bytes);
    let _ = create_segment(&disk, first, segment_bytes).await?;
    let file = create_anew(&disk, SUPERBLOCK_DRAFT).await?;
    file.reserve(superblock::FILE_BYTES).await?;
    let superblock = Superblock {
        store: draw_identity(runtime),
        generation: 1,
        epoch: Epoch::new(0),
        floor: first,
        prepared_through: first,
        checkpoint: None,
        anchor: Anchor {
            next: Place { segment: first, offset: segment::HEADER_BYTES },
            sequence: Sequence::new(1),
            position: Position::new(0),
            chain: Chain::START,
            last: None,
        },
        clean: false,
        created_unix_nanos: runtime.wall().as_unix_nanos(),
        chosen,
    };
    put_superblock(&file, &superblock).await?;
    // The name appears with the whole content behind it: a torn superblock is always damage.
    disk.rename(SUPERBLOCK_DRAFT, superblock::FILE_NAME).await?;
    disk.sync_dir().await?;
    Ok(superblock)
}

fn draw_identity<R: Runtime>(runtime: &R) -> StoreId {
    let mut bytes = [0; 16];
    let (low, high) = bytes.split_at_mut(8);
    low.copy_from_slice(&runtime.random().to_le_bytes());
    high.copy_from_slice(&runtime.random().to_le_bytes());
    StoreId::from_bytes(bytes)
}

/// Writes this generation of the superblock into its slot, durably.
pub(crate) async fn put_superblock<F: File>(file: &F, superblock: &Superblock) -> io::Result<()> {
    write_all(file, &superblock.encode(), superblock.slot_offset()).await?;
    file.sync_data().await
}

/// Writes the next generation of the superblock, durably. The caller stops using the store if this
/// fails: which generation the disk holds is then unknown.
pub(crate) async fn write_superblock<F: File>(
    file: &F,
    superblock: &mut Superblock,
) -> io::Result<()> {
    superblock.generation += 1;
    put_superblock(file, superblock).await
}

/// Creates the file `name`, in place of one that an interrupted procedure left.
pub(crate) async fn create_anew<D: Disk>(disk: &D, name: &str) -> io::Result<D::File> {
    match disk.open(name, OpenMode::Create).await {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(name).await?;
            disk.sync_dir().await?;
            disk.open(name, OpenMode::Create).await
        }
        created => created,
    }
}

/// Creates the empty file of `segment`, durably, with its space set aside.
pub(crate) async fn create_segment<D: Disk>(
    disk: &D,
    segment: SegmentId,
    segment_bytes: u64,
) -> io::Result<D::File> {
    // What an interrupted preparation left is named by no superblock: nothing is in it.
    let file = create_anew(disk, &segment::file_name(segment)).await?;
    file.reserve(segment_bytes).await?;
    file.sync_data().await?;
    disk.sync_dir().await?;
    Ok(file)
}

/// Gives the file of the retired segment `from` a new life as `to`, durably. Part of its space may
/// have been given back, so it is set aside again.
pub(crate) async fn recycle_segment<D: Disk>(
    disk: &D,
    from: SegmentId,
    to: SegmentId,
    segment_bytes: u64,
) -> io::Result<D::File> {
    let name = segment::file_name(to);
    disk.rename(&segment::file_name(from), &name).await?;
    let file = disk.open(&name, OpenMode::ReadWrite).await?;
    file.reserve(segment_bytes).await?;
    file.sync_data().await?;
    disk.sync_dir().await?;
    Ok(file)
}

/// Writes the checkpoint of `table`, durably, under its own name.
pub(crate) async fn write_checkpoint<D: Disk>(
    disk: &D,
    store: StoreId,
    table: &SegmentTable,
) -> io::Result<Option<CheckpointName>> {
    let Some((name, bytes)) = checkpoint::encode(store, table) else {
        return Ok(None);
    };
    let file = create_anew(disk, CHECKPOINT_DRAFT).await?;
    write_all(&file, &bytes, 0).await?;
    file.sync_data().await?;
    disk.rename(CHECKPOINT_DRAFT, &checkpoint::file_name(name)).await?;
    disk.sync_dir().await?;
    Ok(Some(name))
}

/// Removes files that nothing refers to, durably. A file that is gone already is fine.
pub(crate) async fn remove_files<D: Disk>(disk: &D, names: &[String]) -> io::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    for name in names {
        match disk.remove(name).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    disk.sync_dir().await
}

/// Cuts the file `name` to `bytes`, to give back its space. Not synced: a cut that a crash undoes
/// costs space only.
pub(crate) async fn cut<D: Disk>(disk: &D, name: &str, bytes: u64) -> io::Result<()> {
    disk.open(name, OpenMode::ReadWrite).await?.truncate(bytes).await
}
