//! A log that is looked at from outside, beside its writer.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests are the host program: they have a runtime and files of their own"
)]

use sagalog::{Commit, Log, OpenError, Options, Position, ReadError, ReadOnlyLog};
use sagalog_testkit::{Order, World};
use std::path::Path;

fn small() -> Options {
    Options::default().segment_bytes(16 << 10).group_bytes_max(4 << 10)
}

async fn append(log: &Log, commits: u64) {
    for _ in 0..commits {
        let body = vec![b'x'; 700];
        log.append(Commit::new(body)).await.expect("durable");
    }
}

async fn count(log: &ReadOnlyLog) -> u64 {
    let mut reader = log.read(Position::new(0));
    let mut commits = 0;
    while reader.next().await.expect("readable").is_some() {
        commits += 1;
    }
    commits
}

fn names(dir: &Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(dir).expect("readable");
    entries.map(|e| e.expect("an entry").file_name()).collect()
}

/// In a world, where the order of tasks is given: on real threads the log's keeper may write a
/// superblock behind the last commit, which proves that this one is durable too.
#[test]
fn it_sees_what_is_proven_durable_and_more_after_a_refresh() {
    let world = World::new(1).with_order(Order::Fifo);
    let runtime = world.runtime();
    world.block_on(async {
        let (log, _) = Log::open_with(&runtime, small()).await.expect("opens");
        append(&log, 30).await;
        let beside = ReadOnlyLog::open_with(&runtime).await.expect("opens beside");
        // Nothing written later says yet that the last one is durable.
        assert_eq!(beside.head(), Position::new(29));
        assert_eq!(beside.stats().unproven_positions, 1);
        assert_eq!(count(&beside).await, 29);
        append(&log, 100).await;
        assert_eq!(count(&beside).await, 29, "a look shows one moment");
        let head = beside.refresh().await.expect("still there");
        assert_eq!(head, Position::new(129));
        assert_eq!(count(&beside).await, 129);
        log.close().await.expect("closes");
        assert_eq!(beside.refresh().await.expect("there"), Position::new(130));
        assert!(beside.stats().clean, "{:?}", beside.stats());
        assert_eq!(beside.store(), beside.stats().store);
    });
}

#[tokio::test]
async fn what_was_retired_under_a_reader_is_called_retired() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let (log, _) = Log::open(dir.path(), small()).await.expect("opens");
    append(&log, 400).await;
    let beside = ReadOnlyLog::open(dir.path()).await.expect("opens beside");
    let mut reader = beside.read(Position::new(0));
    // The checkpoint has to reach the last segment before the ones below it may go.
    let mut floor = Position::new(0);
    for _ in 0..400 {
        append(&log, 1).await;
        floor = log.keep_from(Position::new(300)).await.expect("retires");
    }
    assert!(floor > Position::new(200), "{floor}");
    let error = reader.next().await.expect_err("the file is gone");
    assert!(matches!(error, ReadError::Retired(_)), "{error}");
    beside.refresh().await.expect("still there");
    assert_eq!(beside.floor(), floor);
    let first = beside.read(Position::new(0)).next().await.expect("there");
    assert_eq!(first.expect("a commit").first, floor);
}

#[tokio::test]
async fn nothing_is_made_where_there_is_no_store() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let error = ReadOnlyLog::open(dir.path()).await.expect_err("no store");
    assert!(matches!(error, OpenError::NotAStore { .. }), "{error}");
    assert!(names(dir.path()).is_empty());
}
