//! The life of a handle: opening, locks, closing, reopening, reading beside a writer, real files.

#![expect(
    clippy::disallowed_methods,
    reason = "these tests run on real files and a real tokio runtime, as a user's service does"
)]

use super::{
    Host, check, event,
    host::{at, exact, first_of, positions, text, tiny},
    key, note, stream,
    truth::Truth,
};
use sagalog::{
    Append, AppendError, EventId, ExpectedRevision, HealthReason, Log, OpenError, Read, ReadError,
    RecordedEvent, Store,
};
use std::time::Duration;

#[test]
fn everything_is_there_again_after_every_kind_of_end() {
    let mut truth = Truth::new(61);
    let mut host = Host::new();
    for life in 0..9 {
        truth.live(&host, 25);
        match life % 3 {
            0 => host.close(),
            1 => host.kill(),
            _ => host.power_off(),
        }
        let report = host.start();
        assert_eq!(report.clean, life % 3 == 0, "{report:?}");
        assert_eq!(report.head.get(), truth.model.events.len() as u64);
        truth.holds(&host, 20);
    }
    assert!(host.store().stats().runs > 1);
}

#[test]
fn a_second_writer_is_refused_until_the_first_has_closed() {
    let mut host = Host::new();
    host.append(note("a", "0"));
    let runtime = host.world().runtime();
    let open = || Store::open_with(&runtime, tiny());
    let refused = host.run(open()).expect_err("it is open");
    assert!(matches!(refused, OpenError::Locked), "{refused}");
    host.append(note("a", "1"));
    let other = host.store().clone();
    host.close();
    // A clone is left, and the lock is free all the same.
    let (second, _) = host.run(open()).expect("the first has closed");
    assert_eq!(host.run(second.append(note("a", "2"))).expect("healthy").first, at(2));
    assert!(matches!(host.run(other.append(note("a", "3"))), Err(AppendError::Closed)));
    host.run(second.close()).expect("closes");
}

#[test]
fn behind_a_close_appends_are_refused_and_what_was_taken_is_stored() {
    let host = Host::new();
    let store = host.store().clone();
    let taken: Vec<_> = (0..20)
        .map(|n| store.try_append(note("a", &format!("{n}"))).expect("there is room"))
        .collect();
    let other = store.clone();
    host.run(store.close()).expect("closes");
    for answer in taken {
        host.run(answer).expect("it was taken before");
    }
    for append in [note("a", "x"), check("a", ExpectedRevision::Any), note("a", "0").key(key("k"))]
    {
        assert!(matches!(host.run(other.append(append)), Err(AppendError::Closed)));
    }
    assert!(matches!(other.try_append(note("a", "x")), Err(AppendError::Closed)));
    let health = other.health();
    assert!(!health.writable && health.reasons == [HealthReason::Closed], "{health:?}");
    assert_eq!(host.run(other.read(Read::all()).collect()).expect("readable").len(), 20);
}

#[test]
fn the_last_clone_that_is_dropped_closes_in_order() {
    let mut host = Host::closed(sagalog_testkit::SimDisk::new(), tiny());
    let runtime = host.world().runtime();
    let (store, _) = host.run(Store::open_with(&runtime, tiny())).expect("a new store");
    let clone = store.clone();
    drop(store);
    host.run(clone.append(note("a", "0"))).expect("it is open");
    drop(clone);
    host.rest();
    assert!(host.start().clean);
}

/// The writer merges and removes files underneath; the reader goes on with what it saw.
#[test]
fn a_reader_beside_goes_on_through_merges_without_looking_again() {
    let mut truth = Truth::new(62);
    let host = Host::new();
    truth.live(&host, 60);
    host.world().run_for(Duration::from_secs(5));
    let (beside, seen) = (host.beside(), truth.clone());
    assert_eq!(beside.head().get(), seen.model.events.len() as u64);
    let mut begun = beside.read(Read::all().with_system());
    let first = host.run(first_of(&mut begun));
    assert_eq!(first.position(), at(0));
    let before = host.run_names();
    truth.live(&host, 500);
    host.rest();
    let after = host.run_names();
    assert!(before.iter().any(|name| !after.contains(name)), "they were merged: {after:?}");
    let mut random = truth.random.clone();
    for _ in 0..150 {
        let asked = super::model::Asked::draw(&mut random, &seen.model);
        seen.model.judge(&asked, host.run(beside.read(asked.read()).collect()));
    }
    assert_eq!(host.run(begun.collect()).expect("readable").len(), seen.model.events.len() - 1);
    host.world().run_for(Duration::from_secs(5));
    host.run(beside.refresh()).expect("looks");
    for _ in 0..150 {
        let asked = super::model::Asked::draw(&mut random, &truth.model);
        truth.model.judge(&asked, host.run(beside.read(asked.read()).collect()));
    }
}

/// At every moment of a writer's life with runs and merges somebody looks.
#[test]
fn a_look_at_any_moment_shows_a_beginning_of_the_log() {
    let mut truth = Truth::new(63);
    let host = Host::new();
    let mut last = 0;
    for _ in 0..150 {
        truth.live(&host, 3);
        let beside = host.beside();
        let found = host.run(beside.read(Read::all().with_system()).collect()).expect("readable");
        assert_eq!(positions(&found), (0..beside.head().get()).collect::<Vec<_>>());
        assert!(beside.head().get() >= last, "what was seen is seen again");
        last = beside.head().get();
        let info = host.run(beside.stream_info(&stream("order-1")));
        let newest = found.iter().rfind(|event| event.stream() == "order-1");
        match (info, newest) {
            (Ok(info), Some(newest)) => assert_eq!(info.revision, newest.revision()),
            (Err(ReadError::StreamNotFound(_)), None) => {}
            (info, newest) => panic!("{info:?} instead of {newest:?}"),
        }
    }
    assert!(last > 300);
}

#[test]
fn a_reader_without_a_writer_changes_nothing() {
    let mut truth = Truth::new(64);
    let mut host = Host::new();
    truth.live(&host, 80);
    host.close();
    for damaged in [false, true] {
        if damaged {
            for name in host.run_names() {
                host.disk(|disk| disk.remove_file(&name)).expect("it is listed");
            }
        }
        let held = |host: &Host| {
            host.disk(|disk| {
                disk.names().iter().map(|name| disk.contents(name)).collect::<Vec<_>>()
            })
        };
        let before = held(&host);
        let beside = host.beside();
        let mut random = truth.random.clone();
        for _ in 0..50 {
            let asked = super::model::Asked::draw(&mut random, &truth.model);
            truth.model.judge(&asked, host.run(beside.read(asked.read()).collect()));
        }
        assert_eq!(held(&host), before);
    }
    let empty = Host::closed(sagalog_testkit::SimDisk::new(), tiny());
    let runtime = empty.world().runtime();
    let refused = empty.run(Store::open_read_only_with(&runtime));
    assert!(matches!(refused, Err(OpenError::NotAStore { .. })));
}

fn on_disk() -> (tempfile::TempDir, tokio::runtime::Runtime) {
    let dir = tempfile::tempdir().expect("a scratch directory");
    (dir, tokio::runtime::Runtime::new().expect("threads"))
}

#[test]
fn on_real_files_writers_of_every_kind_share_one_log() {
    let (dir, runtime) = on_disk();
    runtime.block_on(async {
        let (store, _) = Store::open(dir.path(), tiny()).await.expect("a new store");
        let mut tasks = Vec::new();
        for writer in 0..8_u64 {
            let one = store.clone();
            tasks.push(tokio::spawn(async move {
                for n in 0..40 {
                    let append = note(&format!("w-{writer}"), &"x".repeat(300));
                    let expected = if n == 0 { ExpectedRevision::NoStream } else { exact(n - 1) };
                    one.append(append.expect(stream(&format!("w-{writer}")), expected))
                        .await
                        .expect("nobody else writes here");
                }
            }));
            let one = store.clone();
            tasks.push(tokio::task::spawn_blocking(move || {
                for n in 0..40 {
                    let append =
                        note(&format!("b-{writer}"), "y").key(key(&format!("{writer}/{n}")));
                    assert!(!one.append_blocking(append.clone()).expect("healthy").replayed);
                    assert!(one.append_blocking(append).expect("healthy").replayed);
                }
            }));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
        let refused = Store::open(dir.path(), tiny()).await.expect_err("it is open");
        assert!(matches!(refused, OpenError::Locked), "{refused}");
        for life in 0..3 {
            let (store, all) = if life == 0 {
                (store.clone(), store.read(Read::all()).collect().await.expect("readable"))
            } else {
                let (store, _) = Store::open(dir.path(), tiny()).await.expect("it is there");
                let all = store.read(Read::all()).collect().await.expect("readable");
                (store, all)
            };
            assert_eq!(positions(&all), (0..640).collect::<Vec<_>>());
            assert!(store.stats().runs > 0);
            let infos = store.streams("").collect().await.expect("readable");
            assert_eq!(infos.len(), 16);
            assert!(infos.iter().all(|info| info.revision.get() == 39));
            store.close().await.expect("closes");
        }
    });
}

#[test]
fn on_real_files_a_reader_follows_a_writer() {
    let (dir, runtime) = on_disk();
    runtime.block_on(async {
        let (store, _) = Store::open(dir.path(), tiny()).await.expect("a new store");
        let path = dir.path().to_owned();
        let writer = store.clone();
        let writing = tokio::spawn(async move {
            for n in 0..600 {
                let id = EventId::from_bytes([u8::try_from(n % 251).expect("small"); 16]);
                let event = event("T", format!("{n}{}", "x".repeat(500))).id(id);
                writer.append(Append::new().event(stream("s"), event)).await.expect("healthy");
            }
        });
        let beside = Store::open_read_only(&path).await.expect("it is there");
        let mut looks = 0;
        while !writing.is_finished() {
            beside.refresh().await.expect("looks");
            let head = beside.head().get();
            if head > 0 {
                let found = beside.read(Read::stream(stream("s"))).collect().await;
                let found = found.expect("readable");
                assert_eq!(found.len() as u64, head);
                assert!(text(&found[0]).starts_with("0x"));
                looks += 1;
            }
        }
        writing.await.expect("no panic");
        store.close().await.expect("closes");
        assert_eq!(beside.refresh().await.expect("looks"), at(600));
        let all = beside.read(Read::stream(stream("s"))).collect().await.expect("readable");
        assert_eq!(all.len(), 600);
        assert!(looks > 0);
    });
}

/// Story: somebody retires segments through the bare log beneath a store. What is left has to be
/// the same from either end.
#[test]
fn what_lies_behind_retired_segments_is_read_the_same_from_either_end() {
    let (dir, runtime) = on_disk();
    runtime.block_on(async {
        let (store, _) = Store::open(dir.path(), tiny()).await.expect("it opens");
        for _ in 0..600 {
            let one = Append::new().event(stream("s-1"), event("T", "x".repeat(200)));
            store.append(one).await.expect("it is appended");
        }
        store.close().await.expect("it closes");
        let (log, _) = Log::open(dir.path(), tiny()).await.expect("it opens as a log");
        let floor = log.keep_from(at(300)).await.expect("segments are retired");
        log.close().await.expect("it closes");
        assert!(floor > at(0) && floor <= at(300), "{floor}");
        let (store, _) = Store::open(dir.path(), tiny()).await.expect("it opens again");
        assert!(store.stats().runs > 1);
        for read in [Read::stream(stream("s-1")), Read::category("s"), Read::all()] {
            let forward = store.read(read.clone()).collect().await.expect("it is read");
            let mut backward = store.read(read.backward()).collect().await.expect("it is read");
            backward.reverse();
            assert_eq!(forward, backward);
            assert_eq!(forward.first().map(RecordedEvent::position), Some(floor));
            assert_eq!(forward.last().map(RecordedEvent::position), Some(at(599)));
        }
        store.close().await.expect("it closes");
    });
}
