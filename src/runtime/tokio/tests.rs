//! The sentences of the traits' contracts, checked on real files, one test each.
//!
//! What a power failure does is not tested here: no test can pull the plug. That is the
//! simulated disk's part.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
    pin::pin,
    sync::mpsc,
    task::{Context, Poll, Waker},
};

use tempfile::TempDir;

use super::*;
use crate::runtime::{Disk, File, Lock, OpenMode};

/// The result of a future that must complete at its first poll, as all disk futures promise.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the future did not complete at its first poll"),
    }
}

fn store() -> (TempDir, TokioRuntime) {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let runtime = TokioRuntime::open(dir.path()).expect("it exists");
    (dir, runtime)
}

fn create(disk: &FileDisk, name: &str, content: &[u8]) -> DiskFile {
    let file = at_once(disk.open(name, OpenMode::Create)).expect("a new name");
    assert_eq!(at_once(file.write_at(content, 0)).expect("room for it"), content.len());
    file
}

fn kind<T: fmt::Debug>(result: io::Result<T>) -> ErrorKind {
    result.expect_err("the call must fail").kind()
}

#[test]
fn open_refuses_what_is_missing_or_no_directory() {
    let (dir, _) = store();
    let missing = dir.path().join("missing");
    assert_eq!(kind(TokioRuntime::open(&missing)), ErrorKind::NotFound);
    assert!(!missing.exists(), "opening must not create");
    fs::write(dir.path().join("file"), b"").expect("room");
    assert_eq!(kind(TokioRuntime::open(dir.path().join("file"))), ErrorKind::NotADirectory);
}

#[test]
fn create_makes_parents_and_accepts_what_exists() {
    let (dir, _) = store();
    let deep = dir.path().join("a/b/../c");
    TokioRuntime::create(&deep).expect("three directories");
    TokioRuntime::create(&deep).expect("the same again");
    assert!(dir.path().join("a/c").is_dir());
    fs::write(dir.path().join("file"), b"").expect("room");
    assert_eq!(kind(TokioRuntime::create(dir.path().join("file"))), ErrorKind::NotADirectory);
    let beneath = TokioRuntime::create(dir.path().join("file/beneath"));
    assert_eq!(kind(beneath), ErrorKind::NotADirectory);
}

#[test]
fn the_directory_stays_the_same_when_it_is_renamed() {
    let (dir, _) = store();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    let disk = TokioRuntime::create(&old).expect("a new name").disk();
    fs::rename(&old, &new).expect("same file system");
    create(&disk, "file", b"x");
    assert!(new.join("file").exists());
}

#[test]
fn location_is_absolute() {
    let runtime = TokioRuntime::open(".").expect("the working directory exists");
    assert!(Path::new(&runtime.location().to_string()).is_absolute());
}

#[test]
fn network_file_systems_are_known_by_number() {
    let table = [
        (0x6969, Some("NFS")),
        (0xff53_4d42, Some("CIFS")),
        (0xfe53_4d42, Some("SMB2")),
        (0x0102_1997, Some("9p")),
        (0xef53, None),      // ext4
        (0x5846_5342, None), // xfs
        (0x9123_683e, None), // btrfs
        (0x0102_1994, None), // tmpfs
        (0x794c_7630, None), // overlay
        (0x6573_5546, None), // FUSE
    ];
    for (magic, name) in table {
        assert_eq!(filesystem::network_name(magic), name, "{magic:#x}");
    }
}

#[test]
fn a_refusal_is_one_sentence_with_path_and_system() {
    let error = filesystem::refusal(Path::new("/mnt/share"), "NFS");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "`/mnt/share` is on the network file system NFS, where neither locks nor syncs can be \
         trusted: a store needs a directory on a local disk"
    );
}

#[test]
fn open_modes_keep_their_word() {
    let (_dir, runtime) = store();
    let disk = runtime.disk();
    assert_eq!(kind(at_once(disk.open("file", OpenMode::Read))), ErrorKind::NotFound);
    assert_eq!(kind(at_once(disk.open("file", OpenMode::ReadWrite))), ErrorKind::NotFound);
    create(&disk, "file", b"old");
    assert_eq!(kind(at_once(disk.open("file", OpenMode::Create))), ErrorKind::AlreadyExists);
    let writer = at_once(disk.open("file", OpenMode::ReadWrite)).expect("it exists");
    assert_eq!(at_once(writer.len()).expect("open"), 3, "opening must not truncate");
    let reader = at_once(disk.open("file", OpenMode::Read)).expect("it exists");
    assert!(at_once(reader.write_at(b"x", 0)).is_err());
}

#[test]
fn reads_and_writes_go_where_they_are_told() {
    let (_dir, runtime) = store();
    let file = create(&runtime.disk(), "file", b"abc");
    at_once(file.write_at(b"z", 5)).expect("room");
    let mut buf = [1; 8];
    assert_eq!(at_once(file.read_at(&mut buf, 1)).expect("open"), 5, "short at the end");
    assert_eq!(&buf, b"bc\0\0z\x01\x01\x01");
    assert_eq!(at_once(file.read_at(&mut buf, 6)).expect("open"), 0);
    at_once(file.sync_data()).expect("a working disk");
}

#[test]
fn list_is_sorted_by_bytes_and_marks_directories() {
    let (dir, runtime) = store();
    let disk = runtime.disk();
    for name in ["b", "B", "a10", "a1", "é", ".hidden"] {
        create(&disk, name, b"");
    }
    for name in ["lost+found", "c"] {
        fs::create_dir(dir.path().join(name)).expect("a new name");
    }
    let names = at_once(disk.list()).expect("open");
    assert_eq!(names, [".hidden", "B", "a1", "a10", "b", "c/", "é"]);
    assert_eq!(at_once(disk.list()).expect("open"), names, "every listing starts afresh");
}

#[cfg(target_os = "linux")]
#[test]
fn list_shows_names_that_are_not_utf_8() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let (dir, runtime) = store();
    fs::write(dir.path().join(OsStr::from_bytes(b"x\xff")), b"").expect("room");
    assert_eq!(at_once(runtime.disk().list()).expect("open"), ["x\u{fffd}"]);
}

#[test]
fn rename_replaces_and_remove_removes() {
    let (_dir, runtime) = store();
    let disk = runtime.disk();
    create(&disk, "from", b"new");
    create(&disk, "to", b"older");
    at_once(disk.rename("from", "to")).expect("both exist");
    at_once(disk.sync_dir()).expect("a working disk");
    assert_eq!(at_once(disk.list()).expect("open"), ["to"]);
    let file = at_once(disk.open("to", OpenMode::Read)).expect("it exists");
    assert_eq!(at_once(file.len()).expect("open"), 3);
    at_once(disk.remove("to")).expect("it exists");
    at_once(disk.sync_dir()).expect("a working disk");
    assert_eq!(at_once(disk.list()).expect("open"), Vec::<String>::new());
    assert_eq!(at_once(file.len()).expect("an open file outlives its name"), 3);
    assert_eq!(kind(at_once(disk.remove("to"))), ErrorKind::NotFound);
    assert_eq!(kind(at_once(disk.rename("to", "from"))), ErrorKind::NotFound);
}

/// A FIFO would keep who opens it waiting for its other end, for ever.
#[cfg(target_os = "linux")]
#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let (dir, runtime) = store();
    mknodat(CWD, dir.path().join("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .expect("a file system that has such files");
    for mode in [OpenMode::Read, OpenMode::ReadWrite] {
        let error = at_once(runtime.disk().open("fifo", mode)).expect_err("nobody writes to it");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("it is no regular file"), "{error}");
    }
}

#[test]
fn reserve_extends_with_zeros_and_never_shrinks() {
    let (dir, runtime) = store();
    let file = create(&runtime.disk(), "file", b"abc");
    at_once(file.reserve(100_000)).expect("room");
    assert_eq!(at_once(file.len()).expect("open"), 100_000);
    let content = fs::read(dir.path().join("file")).expect("it exists");
    assert_eq!(&content[..3], b"abc");
    assert!(content[3..].iter().all(|byte| *byte == 0));
    for bytes in [100_000, 10, 0] {
        at_once(file.reserve(bytes)).expect("nothing to do");
        assert_eq!(at_once(file.len()).expect("open"), 100_000);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn reserve_sets_space_aside_even_within_the_length() {
    use std::os::unix::fs::MetadataExt as _;
    let (dir, runtime) = store();
    let file = create(&runtime.disk(), "file", b"");
    let path = dir.path().join("file");
    at_once(file.write_at(b"x", 1_048_575)).expect("room");
    at_once(file.reserve(1_048_576)).expect("room");
    let blocks = fs::metadata(&path).expect("it exists").blocks();
    assert!(blocks * 512 >= 1_048_576, "{blocks} blocks of 512 bytes are set aside");
}

#[test]
fn truncate_only_shrinks() {
    let (_dir, runtime) = store();
    let file = create(&runtime.disk(), "file", b"abc");
    at_once(file.truncate(9)).expect("nothing to do");
    assert_eq!(at_once(file.len()).expect("open"), 3);
    at_once(file.truncate(1)).expect("open");
    assert_eq!(at_once(file.len()).expect("open"), 1);
}

#[test]
fn a_lock_excludes_until_it_is_dropped() {
    let (dir, runtime) = store();
    let other = TokioRuntime::open(dir.path()).expect("it exists").disk();
    let lock = at_once(runtime.disk().lock("LOCK")).expect("free");
    assert_eq!(kind(at_once(other.lock("LOCK"))), ErrorKind::WouldBlock);
    assert_eq!(kind(at_once(runtime.disk().lock("LOCK"))), ErrorKind::WouldBlock);
    assert_eq!(kind(at_once(other.lock("ANOTHER"))), ErrorKind::WouldBlock, "one a directory");
    drop(lock);
    at_once(other.lock("LOCK")).expect("free again");
}

#[test]
fn the_lock_of_a_directory_is_kept_whatever_happens_to_its_file() {
    let (dir, runtime) = store();
    let lock = at_once(runtime.disk().lock("LOCK")).expect("free");
    let path = dir.path().join("LOCK");
    assert!(!fs::read(&path).expect("it is there").is_empty(), "nobody takes it for left over");
    fs::remove_file(&path).expect("it is there");
    for _ in 0..2 {
        let other = TokioRuntime::open(dir.path()).expect("it exists").disk();
        assert_eq!(kind(at_once(other.lock("LOCK"))), ErrorKind::WouldBlock);
        // A link to the directory is the directory; so would be a bind mount.
        let link = dir.path().with_extension("link");
        std::os::unix::fs::symlink(dir.path(), &link).expect("a new name");
        let linked = TokioRuntime::open(&link).expect("it leads there").disk();
        assert_eq!(kind(at_once(linked.lock("LOCK"))), ErrorKind::WouldBlock);
        fs::remove_file(&link).expect("a link");
        fs::write(&path, b"").expect("room");
    }
    drop(lock);
    at_once(runtime.disk().lock("LOCK")).expect("free again");
}

#[test]
fn a_lock_knows_whether_whoever_opens_the_path_meets_it() {
    let (dir, _) = store();
    let place = dir.path().join("store");
    let elsewhere = dir.path().join("elsewhere");
    let held = || {
        let runtime = TokioRuntime::create(&place).expect("a directory");
        at_once(runtime.disk().lock("LOCK")).expect("free")
    };
    let is_met = |lock: &FileLock| lock.is_in_place().expect("it can be told");

    let lock = held();
    assert!(is_met(&lock));
    fs::rename(&place, &elsewhere).expect("one file system");
    assert!(!is_met(&lock), "the directory was moved away");
    fs::rename(&elsewhere, &place).expect("one file system");
    assert!(is_met(&lock), "and back");
    fs::remove_file(place.join("LOCK")).expect("it is there");
    assert!(is_met(&lock), "the directory is what is locked");
    drop(lock);

    let lock = held();
    fs::remove_dir_all(&place).expect("it is there");
    assert!(!is_met(&lock), "the directory was removed");
    fs::create_dir(&place).expect("gone");
    assert!(!is_met(&lock), "another directory stands in its place");
    fs::remove_dir_all(&place).expect("it is there");
    fs::write(&place, b"").expect("room");
    assert!(!is_met(&lock), "a file stands in its place");
}

#[test]
fn a_file_knows_whether_its_name_leads_to_it() {
    let (dir, runtime) = store();
    let file = create(&runtime.disk(), "file", b"abc");
    let is_met = || file.is_in_place().expect("it can be told");
    assert!(is_met());
    fs::rename(dir.path().join("file"), dir.path().join("other")).expect("it is there");
    assert!(!is_met());
    std::os::unix::fs::symlink(dir.path().join("other"), dir.path().join("file")).expect("free");
    assert!(is_met(), "who follows the link comes to the file");
    fs::remove_file(dir.path().join("file")).expect("a link");
    fs::write(dir.path().join("file"), b"abc").expect("room");
    assert!(!is_met());
}

#[test]
fn errors_name_operation_file_and_cause() {
    let (_dir, runtime) = store();
    let error = at_once(runtime.disk().open("file", OpenMode::Read)).expect_err("missing");
    assert_eq!(error.to_string(), "cannot open `file`: No such file or directory (os error 2)");
    let inner = error.get_ref().expect("explained").source().expect("the system's own");
    let system: &io::Error = inner.downcast_ref().expect("an I/O error");
    assert_eq!((system.kind(), system.raw_os_error()), (error.kind(), Some(2)));
}

#[cfg(debug_assertions)]
#[test]
#[should_panic(expected = "not a plain file name")]
fn names_with_separators_are_bugs() {
    let (_dir, runtime) = store();
    let _ = at_once(runtime.disk().open("../file", OpenMode::Read));
}

#[test]
fn tasks_have_a_named_thread_a_timer_and_a_clock() {
    let (_dir, runtime) = store();
    let (sender, receiver) = mpsc::channel();
    let inside = runtime.clone();
    let task = async move {
        let start = inside.now();
        inside.sleep(Duration::from_millis(2)).await;
        let name = thread::current().name().map(str::to_owned);
        sender.send((name, inside.now().since(start))).expect("the test waits");
    };
    runtime.spawn("sagalog-test", task).expect("one thread");
    let (name, slept) = receiver.recv().expect("the task reports");
    assert_eq!(name.as_deref(), Some("sagalog-test"));
    assert!(slept >= Duration::from_millis(2), "{slept:?}");
    assert!(runtime.wall() > WallTime::from_unix_nanos(1_600_000_000_000_000_000), "after 2020");
}

#[::tokio::test]
async fn a_panicking_task_drops_its_state_and_nothing_else() {
    let (_dir, runtime) = store();
    let (sender, receiver) = ::tokio::sync::oneshot::channel::<()>();
    let task = async move {
        let _held = sender;
        panic!("planted");
    };
    runtime.spawn("sagalog-panic", task).expect("one thread");
    receiver.await.expect_err("the sender went down with the task");
}

#[::tokio::test]
async fn own_timers_may_be_dropped_inside_a_runtime() {
    let timers = Builder::new_current_thread().enable_time().build().expect("memory");
    drop(OwnTimers(Some(timers)));
}

#[test]
fn lingering_looks_first_and_gives_up() {
    let (_dir, runtime) = store();
    for reason in [Linger::Arrival, Linger::Gather] {
        let mut looks = 0;
        let mut look = |found: bool| {
            looks += 1;
            found
        };
        at_once(runtime.linger(reason, || look(true)));
        assert!(looks <= 1, "{reason:?} looked again at what it had seen");
        // Completing at all is what this proves: the condition never comes true.
        at_once(runtime.linger(reason, || false));
    }
}

#[test]
fn random_numbers_differ() {
    let (_dir, runtime) = store();
    assert_ne!(runtime.random(), runtime.random());
    assert_eq!(system_random().is_some(), cfg!(target_os = "linux"));
}
