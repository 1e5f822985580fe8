//! The log on real files: what a user sees.

#![expect(
    clippy::disallowed_methods,
    reason = "these tests run on a real tokio runtime, as a user's service does"
)]

use sagalog::{Commit, CommitError, Log, Options, Position};

fn small() -> Options {
    Options::default().segment_bytes(64 << 10).group_bytes_max(16 << 10).queue_bytes_max(64 << 10)
}

async fn all(log: &Log) -> Vec<(u64, Vec<u8>)> {
    let mut reader = log.read(Position::new(0));
    let mut found = Vec::new();
    while let Some(commit) = reader.next().await.expect("readable") {
        found.push((commit.first.get(), commit.body.to_vec()));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_appended_is_read_back_after_every_reopening() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut expected = Vec::new();
    for life in 0..6_u64 {
        let (log, report) = Log::open(dir.path(), small()).await.expect("opens");
        assert_eq!(report.head.get(), expected.len() as u64, "{report:?}");
        assert_eq!(all(&log).await, expected);
        for number in 0..400_u64 {
            let body = format!("life {life} commit {number}").into_bytes();
            let appended = log.append(Commit::new(body.clone())).await.expect("durable");
            assert_eq!(appended.first.get(), expected.len() as u64);
            expected.push((appended.first.get(), body));
        }
        let blocking = log.clone();
        let at = tokio::task::spawn_blocking(move || {
            blocking.append_blocking(&Commit::new("blocking")).expect("durable")
        });
        expected.push((at.await.expect("no panic").first.get(), b"blocking".to_vec()));
        assert_eq!(all(&log).await, expected);
        log.close().await.expect("closes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_share_groups_and_nothing_is_lost() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let (log, _) = Log::open(dir.path(), small()).await.expect("opens");
    let tasks: Vec<_> = (0..64)
        .map(|writer| {
            let log = log.clone();
            tokio::spawn(async move {
                for number in 0..50 {
                    let body = format!("{writer}/{number}");
                    log.append(Commit::new(body)).await.expect("durable");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(all(&log).await.len(), 64 * 50);
    log.close().await.expect("closes");
    let (log, report) = Log::open(dir.path(), small()).await.expect("opens");
    assert!(report.clean, "{report:?}");
    assert_eq!(all(&log).await.len(), 64 * 50);
}

#[tokio::test]
async fn a_second_writer_is_refused() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let (log, _) = Log::open(dir.path(), small()).await.expect("opens");
    let second = Log::open(dir.path(), small()).await.expect_err("locked");
    assert!(matches!(second, sagalog::OpenError::Locked), "{second}");
    log.close().await.expect("closes");
    let (log, _) = Log::open(dir.path(), small()).await.expect("opens again");
    let too_large = log.append(Commit::new(vec![0; 17 << 10])).await;
    assert!(matches!(too_large, Err(CommitError::TooLarge { .. })), "{too_large:?}");
}
