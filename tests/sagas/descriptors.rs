//! A process without a descriptor left, for real: a limit of the operating system.
//!
//! The limit is the whole process's, so the story is told in a process of its own.

#![expect(
    clippy::disallowed_methods,
    reason = "real files are served by a real runtime, and descriptors taken by opening files"
)]

use crate::shop::{Books, id, options, order, ships};
use sagalog::{
    Append, AppendError, EventType, HealthReason, NewEvent, SagaError, SagaOptions, Sagas, Store,
    StreamId, runtime::tokio::TokioRuntime,
};
use std::{env, fs::File, process::Command, thread, time::Duration};

/// Tells the process that it is the one with the limit.
const LIMITED: &str = "SAGALOG_TEST_LIMITED";

#[test]
fn callers_of_a_process_without_descriptors_are_told_in_time_and_why() {
    if env::var_os(LIMITED).is_some() {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return tokio.expect("before the descriptors are gone").block_on(runs_out());
    }
    let this = thread::current().name().expect("a test has a name").to_owned();
    let told = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(env::current_exe().expect("it is running"))
        .arg(this)
        .env(LIMITED, "1")
        .output()
        .expect("there is a shell");
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    let complained = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success() && said.contains("1 passed"), "{said}{complained}");
}

async fn runs_out() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let runtime = TokioRuntime::open(dir.path()).expect("it is there");
    let order = order(&Books::default(), ships());
    let (store, _) = Store::open_with(&runtime, options()).await.expect("healthy");
    let patient = SagaOptions::default().store_patience(Duration::from_millis(200));
    let sagas = Sagas::open_with(&runtime, &store, [order.code()], patient.requests_every(None));
    let sagas = sagas.await.expect("healthy");
    let mut taken = Vec::new();
    let refused = loop {
        match File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!(refused.raw_os_error(), Some(24), "no descriptor is left");
    let refusal = fill(&store).await;
    assert!(matches!(refusal, AppendError::Unprepared(_)), "{refusal}");

    let starting = sagas.start(&order, id("order-1"), &1);
    let started = tokio::time::timeout(Duration::from_secs(30), starting).await;
    let started = started.expect("it is told").map(drop);
    assert!(matches!(started, Err(SagaError::Append(_))), "{started:?}");
    let reasons = store.health().reasons;
    let names_it = |reason: &HealthReason| match reason {
        HealthReason::Unprepared(why) => why.contains("os error 24"),
        _ => false,
    };
    // The index lacks descriptors too, sooner or later.
    assert!(reasons.iter().any(names_it), "{reasons:?}");

    drop(taken);
    sagas.close(Duration::from_secs(30)).await.expect("it ends");
    store.close().await.expect("in order");
}

/// Appends until the store takes nothing more, however small.
async fn fill(store: &Store) -> AppendError {
    let stream = StreamId::parse("filler-1").expect("a name");
    let kind = EventType::parse("Filled").expect("a name");
    let mut bytes = 30_000;
    loop {
        let event = NewEvent::new(kind.clone(), vec![b'x'; bytes]);
        match store.append(Append::new().event(stream.clone(), event)).await {
            Ok(_) => {}
            Err(error) if bytes == 0 => return error,
            Err(_) => bytes /= 2,
        }
    }
}
