//! What a run of the binary cannot show: ids, and a file that changes at the wrong moment.

use super::{portion::event_id, *};
use sagalog::{Options, Read, Store, limits::GROUP_BYTES_MAX};
use std::{fs, path::PathBuf};

#[test]
fn an_id_is_a_uuid_of_version_8() {
    let zero = "00000000-0000-8000-8000-000000000000";
    let ones = "ffffffff-ffff-8fff-bfff-ffffffffffff";
    assert_eq!(event_id(0).to_string(), zero);
    assert_eq!(event_id(u128::MAX).to_string(), ones);
}

fn lines(count: usize) -> String {
    let line = |number| {
        format!(
            "{{\"stream\":\"s\",\"type\":\"T\",\"time\":\"2012-02-29T09:30:00Z\",\
             \"data\":{number}}}\n"
        )
    };
    (0..count).map(line).collect()
}

/// How many of these lines share a commit.
const PORTION_EVENTS: usize = 512;

/// Changes a file of `before` to `after` between the passes of its import; returns what is said
/// and how many events are stored.
fn changed_meanwhile(before: &str, after: &str) -> (String, usize) {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let (store, file): (PathBuf, PathBuf) = (dir.path().join("store"), dir.path().join("file"));
    fs::write(&file, before).expect("writable");
    let mut watch =
        Watch { bar: Bar::new(), interrupt: Interrupt::watch().expect("a thread is left") };
    let plan = plan::check(&file, GROUP_BYTES_MAX, &mut watch).expect("every line is good");
    fs::write(&file, after).expect("writable");
    let timers = tokio::runtime::Builder::new_current_thread().enable_time().build();
    timers.expect("a runtime").block_on(async {
        let sentence = match store::store(&store, Choices::default(), &plan, &mut watch).await {
            Ok(_) => String::new(),
            Err(Failure::Told { sentence, .. }) => sentence,
            Err(Failure::ClosedPipe) => panic!("nothing is printed here"),
        };
        let (store, _) = Store::open(&store, Options::default()).await.expect("opens");
        let events = store.read(Read::all()).collect().await.expect("readable").len();
        (sentence, events)
    })
}

#[test]
fn of_a_file_that_changes_meanwhile_nothing_is_stored_that_was_not_checked() {
    let whole = lines(3 * PORTION_EVENTS);
    let other = whole.replace(":1000}", ":\"other\"}");
    let bad = whole.replace("\"data\":1000}", "");
    let cut = lines(PORTION_EVENTS + 7);
    for after in [&other, &bad, &cut] {
        let (said, events) = changed_meanwhile(&whole, after);
        let expected = format!("it has changed behind line {PORTION_EVENTS} while it was read, ");
        assert!(said.contains(&expected), "{said}");
        assert_eq!(events, PORTION_EVENTS);
    }
}

#[test]
fn lines_that_come_meanwhile_wait_for_the_next_import() {
    let grown = changed_meanwhile(&lines(2 * PORTION_EVENTS), &lines(3 * PORTION_EVENTS));
    assert_eq!(grown, (String::new(), 2 * PORTION_EVENTS));
}
