//! Rows 41 and 42 again, on real files.
//!
//! Only what the simulated disk cannot show: locks of a real descriptor, a directory that is not
//! ours. Crashes are not here; no test can pull the plug.

#![expect(
    clippy::disallowed_methods,
    reason = "real files are served by a real runtime and looked at from outside"
)]

use super::*;
use sagalog::{Commit, Log, Position};

/// The same on real files, where a lock belongs to a descriptor.
#[tokio::test]
async fn row_42_a_second_writer_is_refused_on_real_files() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let (log, _) = Log::open(dir.path(), Machine::options()).await.expect("opens");
    for _ in 0..2 {
        let refusal = Log::open(dir.path(), Machine::options()).await.expect_err("in use");
        assert!(matches!(refusal, OpenError::Locked), "{refusal}");
    }
    log.append(Commit::new("a")).await.expect("the first goes on");
    log.close().await.expect("closes");
    let (log, report) = Log::open(dir.path(), Machine::options()).await.expect("free again");
    assert_eq!((report.head, log.head()), (Position::new(1), Position::new(1)));
}

/// A directory that may not be written to: the log says so and leaves it alone.
#[tokio::test]
async fn row_41_a_directory_without_a_store_is_not_touched_unless_asked() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let options = Machine::options().create(false);
    let refusal = Log::open(dir.path(), options).await.expect_err("no store");
    assert!(matches!(refusal, OpenError::NotAStore { .. }), "{refusal}");
    assert!(dir.path().read_dir().expect("readable").next().is_none(), "nothing was made");
}
