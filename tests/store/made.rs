//! Where a store is made, and what it keeps of the options that it was made with.
//!
//! Not what the options do: that is with the limits and the segments. The invariants these tests
//! guard: whoever opens a store without a word of its own overrules nobody, and nothing is made in
//! a directory that is somebody else's.

use super::{
    Host, event,
    host::{stream, tiny},
    key, note,
};
use sagalog::{Append, AppendError, OpenError, OpenWarning, Options, Read};
use sagalog_testkit::SimDisk;

/// The size of the largest segment on the disk.
fn largest_segment(host: &Host) -> usize {
    host.disk(|disk| {
        let names = disk.names().into_iter().filter(|name| name.starts_with("log-"));
        names.filter_map(|name| disk.contents(&name)).map(|bytes| bytes.len()).max()
    })
    .expect("there is a segment")
}

/// The same disk, opened with nothing but the defaults.
fn unsaid(host: &mut Host) -> Host {
    host.close();
    let mut other = Host::closed(host.image(), Options::default());
    other.start();
    other
}

#[test]
fn an_opening_without_a_word_goes_on_with_the_sizes_of_the_store() {
    let mut host = Host::new();
    host.append(note("a", "1"));
    let mut other = unsaid(&mut host);
    other.fill(40);
    assert_eq!(largest_segment(&other), 16 << 10, "segments of the default size are larger");
    let large = || Append::new().event(stream("a"), event("T", "x".repeat(5 << 10)));
    let refused = other.refusal(large());
    assert!(matches!(refused, AppendError::Limit { limit: 4016, .. }), "{refused}");

    // A word of one's own wins, and stays.
    other.close();
    let mut chooser = Host::closed(other.image(), Options::default().group_bytes_max(8 << 10));
    chooser.start();
    chooser.append(large());
    unsaid(&mut chooser).append(large());
}

#[test]
fn keys_are_remembered_for_as_long_as_the_store_was_told() {
    let mut host = Host::with(tiny().key_horizon_events(10));
    host.append(note("a", "1").key(key("k")));
    host.flush();
    let other = unsaid(&mut host);
    assert_eq!(other.run(other.store().resolve(&key("k"))).expect("healthy"), None, "it ran out");
    assert_eq!(other.run(other.beside().resolve(&key("k"))).expect("healthy"), None);
}

#[test]
fn an_opening_that_contradicts_the_store_is_refused_and_changes_nothing() {
    let mut host = Host::new();
    host.append(note("a", "1"));
    host.close();
    let before = host.image();
    let mut other = Host::closed(before.clone(), Options::default().group_bytes_max(1 << 20));
    let refusal = other.open().expect_err("segments of 16 KiB take no such group");
    assert!(matches!(refusal, OpenError::Options(_)), "{refusal}");
    assert_eq!(other.disk(|disk| disk.contents("STORE")), before.contents("STORE"));
    other = Host::closed(other.image(), Options::default());
    other.start();
    assert_eq!(other.texts(Read::stream(stream("a"))), ["1"]);
}

#[test]
fn nothing_is_made_in_a_directory_that_is_somebody_elses() {
    let mut disk = SimDisk::new();
    for name in ["notes.txt", "orders/"] {
        disk.add_file(name, b"mine");
    }
    let mut host = Host::closed(disk.clone(), tiny());
    match host.open().expect_err("it is not ours") {
        OpenError::Occupied { names } => assert_eq!(names, ["notes.txt", "orders/"]),
        other => panic!("it has to name what is there: {other}"),
    }
    assert_eq!(host.disk(|disk| disk.names()), ["notes.txt", "orders/"], "not even a lock");

    let mut told = Host::closed(disk, tiny().among_others(true));
    assert!(told.start().created);
    let report = told.restart();
    let unknown = |name: &str| OpenWarning::UnknownFile(name.into());
    assert_eq!(report.warnings, [unknown("notes.txt"), unknown("orders/")]);
}

#[test]
fn no_file_of_the_store_is_called_unknown() {
    let mut host = Host::new();
    host.flush();
    assert!(!host.run_names().is_empty());
    assert_eq!(host.restart().warnings, []);
    host.kill();
    assert_eq!(host.start().warnings, []);
}

/// A list of streams would otherwise read a commit for each of them.
#[test]
fn a_list_of_streams_reads_no_log() {
    let mut host = Host::new();
    for number in 0..200 {
        host.append(note(&format!("s-{number:03}"), "1"));
    }
    host.flush();
    host.restart();
    let before = host.disk(|disk| disk.ops());
    let listed = host.run(host.store().streams("s-").collect()).expect("healthy");
    let operations = host.disk(|disk| disk.ops()) - before;
    assert_eq!(listed.len(), 200);
    assert!(operations < 100, "{operations} operations of the disk for 200 streams");
}
