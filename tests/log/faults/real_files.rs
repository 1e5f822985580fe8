//! Rows 41, 42 and 53 again, on real files.
//!
//! Only what the simulated disk cannot show: locks of a real descriptor, a directory that is not
//! ours. Crashes are not here; no test can pull the plug.

#![expect(
    clippy::disallowed_methods,
    reason = "real files are served by a real runtime and looked at from outside"
)]

use super::*;
use sagalog::{
    Append, AppendError, Commit, Displaced, EventType, HealthReason, Log, LogError, NewEvent,
    Position, ReadOnlyLog, SegmentId, Store, StreamId,
};
use sagalog_testkit::segment_name;
use std::{fs, path::Path};

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

/// What somebody does to a directory by name, and what the writer in it has to say.
type Deed = (&'static str, fn(&Path), Displaced);

fn removes(name: &str) -> impl Fn(&Path) + use<'_> {
    move |dir| fs::remove_file(dir.join(name)).expect("it is there")
}

/// A copy of `name` under its own name: the same bytes in another file.
fn replaces(dir: &Path, name: &str) {
    let aside = dir.join("aside");
    fs::rename(dir.join(name), &aside).expect("it is there");
    fs::copy(&aside, dir.join(name)).expect("there is room");
    fs::remove_file(aside).expect("it is there");
}

fn moved(dir: &Path) -> std::path::PathBuf {
    dir.with_extension("moved")
}

fn segment_one() -> String {
    segment_name(1)
}

const DEEDS: [Deed; 7] = [
    (
        "the directory is moved",
        |dir| fs::rename(dir, moved(dir)).expect("one file system"),
        Displaced::Directory,
    ),
    (
        "the directory is replaced",
        |dir| {
            fs::rename(dir, moved(dir)).expect("one file system");
            fs::create_dir(dir).expect("the name is free");
            for entry in fs::read_dir(moved(dir)).expect("it is there") {
                let name = entry.expect("it is there").file_name();
                fs::copy(moved(dir).join(&name), dir.join(&name)).expect("there is room");
            }
        },
        Displaced::Directory,
    ),
    (
        "the directory is removed",
        |dir| fs::remove_dir_all(dir).expect("it is there"),
        Displaced::Directory,
    ),
    (
        "the segment is removed",
        |dir| removes(&segment_one())(dir),
        Displaced::Segment(SegmentId::new(1)),
    ),
    (
        "the segment is replaced",
        |dir| replaces(dir, &segment_one()),
        Displaced::Segment(SegmentId::new(1)),
    ),
    ("STORE is removed", |dir| removes("STORE")(dir), Displaced::Superblock),
    ("STORE is replaced", |dir| replaces(dir, "STORE"), Displaced::Superblock),
];

async fn opened(dir: &Path) -> Store {
    let (store, _) = Store::open(dir, Machine::options()).await.expect("it opens");
    store.append(note()).await.expect("there is room");
    store.close().await.expect("in order");
    let (store, _) = Store::open(dir, Machine::options()).await.expect("it opens");
    // Then nothing is left to be done in which it could look by itself, no heartbeat either.
    while store.stats().prepared_segments == 0 {
        tokio::task::yield_now().await;
    }
    store
}

fn note() -> Append {
    let stream = StreamId::parse("note-1").expect("a name");
    let kind = EventType::parse("Noted").expect("a name");
    Append::new().event(stream, NewEvent::new(kind, "{}"))
}

/// Whoever has the store open is told, by every call that could say otherwise: an append, the
/// health, the closing. Nobody else gets in before.
#[tokio::test]
async fn row_53_names_taken_away_on_real_files_are_noticed() {
    for (deed, act, displaced) in DEEDS {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let dir = scratch.path().join("store");
        let store = opened(&dir).await;
        act(&dir);
        let place = if moved(&dir).exists() { moved(&dir) } else { dir.clone() };
        if place.join("STORE").exists() {
            let second = Store::open(&place, Machine::options()).await.expect_err("in use");
            assert!(matches!(second, OpenError::Locked), "{deed}: {second}");
        }
        if displaced != Displaced::Superblock {
            // The store may have looked by itself before: then it took nothing.
            let answer = store.append(note()).await;
            let unacknowledged =
                matches!(answer, Err(AppendError::Unknown { .. } | AppendError::Displaced(_)));
            assert!(unacknowledged, "{deed}: {answer:?}");
        }
        if !matches!(displaced, Displaced::Segment(_)) {
            let health = store.health();
            assert_eq!(health.reasons, [HealthReason::Displaced(displaced)], "{deed}");
            assert!(!health.writable, "{deed}");
        }
        let answer = store.append(note()).await;
        let told = matches!(&answer, Err(AppendError::Displaced(found)) if *found == displaced);
        assert!(told, "{deed}: {answer:?}");
        let closed = store.close().await;
        let told = matches!(&closed, Err(LogError::Displaced(found)) if *found == displaced);
        assert!(told, "{deed}: {closed:?}");
    }
}

/// The same with nobody appending in between: the closing is not in order.
#[tokio::test]
async fn row_53_closing_a_store_on_real_files_that_is_gone_says_so() {
    for (deed, act, displaced) in DEEDS {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let dir = scratch.path().join("store");
        let store = opened(&dir).await;
        act(&dir);
        let closed = store.close().await;
        let told = matches!(&closed, Err(LogError::Displaced(found)) if *found == displaced);
        assert!(told, "{deed}: {closed:?}");
    }
}

/// An older store is copied over one that is open, file by file into the files that are there. The
/// writer does not write over what it does not know, and its closing is not in order.
#[tokio::test]
async fn row_53_a_store_that_is_copied_over_another_is_noticed() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (dir, backup) = (scratch.path().join("store"), scratch.path().join("backup"));
    opened(&dir).await.close().await.expect("in order");
    fs::create_dir(&backup).expect("a new name");
    let copy = |from: &Path, to: &Path| {
        for entry in fs::read_dir(from).expect("it is there") {
            let name = entry.expect("it is there").file_name();
            let bytes = fs::read(from.join(&name)).expect("it is readable");
            fs::write(to.join(&name), bytes).expect("there is room");
        }
    };
    copy(&dir, &backup);
    let store = opened(&dir).await;
    copy(&backup, &dir);
    let closed = store.close().await;
    let told = matches!(&closed, Err(LogError::Displaced(Displaced::Overwritten)));
    assert!(told, "{closed:?}");
    let store = opened(&dir).await;
    store.close().await.expect("the older store is whole");
}

/// A directory that is not there holds no store, nor does a file: whoever opens is told so, and not
/// that the disk refuses.
#[tokio::test]
async fn a_missing_directory_and_a_file_are_no_store() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let file = dir.path().join("file");
    fs::write(&file, "mine").expect("writable");
    for (path, sentence) in [
        (dir.path().join("missing"), "no sagalog store here: there is no such directory"),
        (file, "no sagalog store here: this is a file, a store is a directory"),
    ] {
        let options = || Machine::options().create(false);
        let refusals = [
            Log::open(&path, options()).await.map(drop).expect_err("no store"),
            ReadOnlyLog::open(&path).await.map(drop).expect_err("no store"),
            Store::open(&path, options()).await.map(drop).expect_err("no store"),
            Store::open_read_only(&path).await.map(drop).expect_err("no store"),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, OpenError::NotAStore { .. }), "{refusal:?}");
            assert_eq!(refusal.to_string(), sentence);
        }
    }
}

/// The file LOCK is removed, or replaced, under a writer: a cleaner of old files, or somebody who
/// believes it to be stale. It is of no account; nobody else gets in, and the writer goes on.
#[tokio::test]
async fn row_42_whatever_happens_to_the_file_of_the_lock_nobody_else_gets_in() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let dir = scratch.path().join("store");
    let store = opened(&dir).await;
    for act in [|dir: &Path| replaces(dir, "LOCK"), |dir: &Path| removes("LOCK")(dir)] {
        act(&dir);
        let second = Store::open(&dir, Machine::options()).await.expect_err("in use");
        assert!(matches!(second, OpenError::Locked), "{second}");
        store.append(note()).await.expect("the first goes on");
        assert_eq!(store.health().reasons, []);
    }
    store.close().await.expect("in order");
    opened(&dir).await.close().await.expect("the next one makes it anew");
}
