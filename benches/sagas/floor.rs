//! The floor: what is left of a saga when only its waits for the disk are kept.
//!
//! Not an engine and not a format: one thread appends what arrived meanwhile and syncs once for
//! all of it. The invariant: whoever waited for a record goes on only after the sync that covers
//! it, so the floor promises what our log promises.

use super::{counted::Syncs, turn::Path};
use crate::support::Failure;
use std::{fs::File, io::Write as _, sync::mpsc, thread};
use tokio::sync::oneshot;

/// About what a turn of a three-step saga takes in a log.
pub(crate) const RECORD_BYTES: usize = 96;

/// Who waits for a record of [`RECORD_BYTES`] bytes to be durable. Each is of the same bytes.
type Waiting = oneshot::Sender<()>;

/// A log that commits in groups and ends with its last clone.
#[derive(Clone)]
pub(crate) struct Floor {
    arrivals: mpsc::Sender<Waiting>,
    pub(crate) syncs: Syncs,
}

impl Floor {
    pub(crate) fn create(path: &std::path::Path) -> std::io::Result<Self> {
        let file = File::create(path)?;
        let (arrivals, arrived) = mpsc::channel();
        let syncs = Syncs::default();
        let counted = syncs.clone();
        thread::spawn(move || write(file, &arrived, &counted));
        Ok(Self { arrivals, syncs })
    }

    /// One saga: a record for its beginning and for each of its attempts, one after the other.
    pub(crate) async fn saga(&self, path: Path) -> Result<(), Failure> {
        for _ in 0..records(path) {
            let (waiting, durable) = oneshot::channel();
            self.arrivals.send(waiting)?;
            durable.await?;
        }
        Ok(())
    }
}

/// Awaited records of a saga of three steps: its beginning, and one for each step that was done,
/// was refused or is compensated.
fn records(path: Path) -> usize {
    match path {
        Path::Ok => 4,
        Path::Fail => 6,
    }
}

/// Ends with the last sender, or at the first error: who waits then is told by its channel.
fn write(mut file: File, arrived: &mpsc::Receiver<Waiting>, syncs: &Syncs) {
    let mut group = Vec::new();
    let mut bytes = Vec::new();
    while let Ok(first) = arrived.recv() {
        group.push(first);
        group.extend(arrived.try_iter());
        bytes.resize(group.len() * RECORD_BYTES, 0x5A);
        syncs.add_one();
        if file.write_all(&bytes).and_then(|()| file.sync_data()).is_err() {
            return;
        }
        for waiting in group.drain(..) {
            // Nobody waits any more after the end of a turn.
            let _ = waiting.send(());
        }
    }
}
