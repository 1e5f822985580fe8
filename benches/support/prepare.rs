//! Brings a log into the state that a row is about: grown to full segments, and with zeroed
//! segments ahead if the row is a burst.
//!
//! Measures nothing. The invariant of a burst: from the place where it begins, `zeroed` whole
//! segments were written with zeros, and the keeper has nothing left to prepare.

use super::Failure;
use sagalog::{
    Commit, Log, Options, SegmentId,
    log::{
        segment,
        superblock::{self, Choice, Superblock},
    },
};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// Size of the commits that only fill.
const FILL_BYTES: u64 = 1 << 20;
/// How many of them are under way.
const FILLERS: usize = 8;
/// How long the keeper may take to zero one segment.
const SEGMENT_PATIENCE: Duration = Duration::from_secs(30);

/// Options for segments of this size: the largest group is the default's, or what fits.
pub(crate) fn options(segment_bytes: u64) -> Options {
    let group_bytes_max = (4 << 20).min(segment_bytes / 4);
    Options::default().segment_bytes(segment_bytes).group_bytes_max(group_bytes_max)
}

/// The superblock of a log that is closed.
pub(crate) fn superblock(dir: &Path) -> Result<Superblock, Failure> {
    let bytes = fs::read(dir.join(superblock::FILE_NAME))?;
    let slot = usize::try_from(superblock::SLOT_BYTES)?;
    let (first, second) = bytes.split_at_checked(slot).ok_or("a short superblock")?;
    match superblock::choose(Superblock::decode(first), Superblock::decode(second)) {
        Choice::Use { superblock, .. } => Ok(superblock),
        other => Err(format!("no superblock to use: {other:?}").into()),
    }
}

/// Fills a new log until its segments have their full size and the next one is ready; closes it.
pub(crate) async fn grow(dir: &Path, segment_bytes: u64) -> Result<(), Failure> {
    let (log, _) = Log::open(dir, options(segment_bytes)).await?;
    loop {
        let active = SegmentId::new(log.stats().segments as u64);
        let bytes = fs::metadata(dir.join(segment::file_name(active)))?.len();
        if bytes >= segment_bytes {
            break;
        }
        fill(&log, log.stats().segments + 1, segment_bytes).await?;
    }
    wait_for_prepared(&log, 1).await?;
    Ok(log.close().await?)
}

/// Lets the keeper zero `zeroed` segments, then writes up to the first of them; closes the log.
/// `zeroing` is told when the zeroing begins and when it has ended.
pub(crate) async fn zero_ahead(
    dir: &Path,
    segment_bytes: u64,
    zeroed: usize,
    mut zeroing: impl FnMut(),
) -> Result<(), Failure> {
    let before = superblock(dir)?;
    let unzeroed =
        usize::try_from(before.prepared_through.get() - before.anchor.next.segment.get())?;
    zeroing();
    // A log that was just opened does not know yet how fast it is filled: it zeroes.
    let wanted = options(segment_bytes).prepared_segments(unzeroed + zeroed);
    let (log, _) = Log::open(dir, wanted).await?;
    wait_for_prepared(&log, unzeroed + zeroed).await?;
    zeroing();
    fill(&log, log.stats().segments + unzeroed + 1, segment_bytes).await?;
    Ok(log.close().await?)
}

/// Appends large commits until `segments` segments are started.
pub(crate) async fn fill(log: &Log, segments: usize, segment_bytes: u64) -> Result<(), Failure> {
    let bytes = usize::try_from(FILL_BYTES.min(segment_bytes / 16))?;
    let body = bytes::Bytes::from(vec![0x5A; bytes]);
    let fillers: Vec<_> = (0..FILLERS)
        .map(|_| {
            let (log, body) = (log.clone(), body.clone());
            tokio::spawn(async move {
                while log.stats().segments < segments {
                    log.append(Commit::new(body.clone())).await?;
                }
                Ok::<_, sagalog::CommitError>(())
            })
        })
        .collect();
    for filler in fillers {
        filler.await??;
    }
    Ok(())
}

async fn wait_for_prepared(log: &Log, count: usize) -> Result<(), Failure> {
    let began = Instant::now();
    let patience = SEGMENT_PATIENCE * u32::try_from(count)?;
    while log.stats().prepared_segments < count {
        if began.elapsed() > patience {
            let ready = log.stats().prepared_segments;
            return Err(format!("only {ready} of {count} segments were prepared in time").into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
