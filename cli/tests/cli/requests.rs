//! Operating sagas through the process that executes them, also one that is killed.

use crate::{
    orders::{Orders, Running},
    sagas::{saga, verb},
    support::{Run, block_on, sagalog},
};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

const DIR: &str = "SAGALOG_TEST_ORDERS";

/// Not a test: the process that executes the sagas.
#[test]
#[ignore = "started by the other tests in a process of its own"]
fn a_process_that_executes() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    block_on(async {
        let running = Running::open(Path::new(&dir), 1).await;
        writeln!(std::io::stdout(), "executing").expect("a pipe");
        std::future::pending::<()>().await;
        running.close().await;
    });
}

struct Service(Child);

impl Service {
    /// Starts, and returns when it executes.
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "requests::a_process_that_executes", "--ignored", "--nocapture"])
            .env(DIR, dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut lines = out.lines().map(|line| line.expect("readable"));
        assert!(lines.any(|line| line.ends_with("executing")), "it executes");
        Self(child)
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn leftovers(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("saga-request-")).collect()
}

fn count_retries(orders: &Orders) -> usize {
    let timeline = saga(&["timeline", orders.name(), "stuck"]).out;
    timeline.matches("ada had it tried again: seen to").count()
}

#[test]
fn a_running_process_does_what_it_is_asked() {
    let orders = Orders::new(&["fine", "stuck", "unshippable", "later"]);
    let service = Service::start(orders.path());
    let dir = orders.name();
    let run = verb("retry", dir, "stuck", &[]);
    let said = "retry of saga stuck is on record; the running process goes on with it\n";
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, said, ""));
    assert_eq!(verb("cancel", dir, "later", &["--json"]).json()["by"], "process");
    assert_eq!(verb("abort", dir, "unshippable", &[]).code, 0);
    verb("cancel", dir, "fine", &[]).assert_refused(2, &format!("{dir}: the saga has completed"));
    let said = format!("{dir}: there is no saga nobody");
    verb("cancel", dir, "nobody", &[]).assert_refused(2, &said);
    let again = verb("retry", dir, "stuck", &[]);
    assert!(again.err.contains("saga has been aborted") || again.err.contains("is stuck"));
    assert_eq!(leftovers(orders.path()), Vec::<String>::new());
    assert_eq!(saga(&["timeline", dir, "later"]).out.matches("asked for its cancel").count(), 1);
    drop(service);
    assert_eq!(sagalog(&["check", dir]).code, 0);
}

#[test]
fn a_process_that_stands_still_is_not_waited_for_and_does_nothing_later() {
    let orders = Orders::new(&["stuck"]);
    let service = Service::start(orders.path());
    service.signal("-STOP");
    let run = verb("retry", orders.name(), "stuck", &["--wait", "0"]);
    let said = format!(
        "{}: the process that has the store open did not take the request within 0 s; nothing was \
         done",
        orders.name()
    );
    run.assert_refused(2, &said);
    assert_eq!(leftovers(orders.path()), Vec::<String>::new());
    service.signal("-CONT");
    assert_eq!(verb("abort", orders.name(), "stuck", &[]).code, 0);
    assert_eq!(count_retries(&orders), 0);
}

#[test]
fn a_process_without_sagas_takes_no_request() {
    let orders = Orders::new(&["stuck"]);
    block_on(async {
        let (store, _) =
            sagalog::Store::open(orders.path(), sagalog::Options::default()).await.expect("opens");
        let run = verb("retry", orders.name(), "stuck", &["--wait", "0"]);
        assert!(run.code == 2 && run.err.contains("did not take the request"), "{}", run.err);
        store.close().await.expect("closes");
    });
    assert_eq!(count_retries(&orders), 0);
}

/// Waits until a file of a request stands in the directory at this stage, or nobody asks any more.
fn wait_for(stage: &str, orders: &Orders, asking: &JoinHandle<Run>) {
    let met = |name: &String| stage.is_empty() || name.ends_with(stage);
    while !asking.is_finished() && !leftovers(orders.path()).iter().any(met) {
        std::thread::yield_now();
    }
}

/// Kills the process while requests are made, and starts it again: each is done once or not at all,
/// and who asked is told which.
#[test]
fn a_kill_in_the_middle_of_a_request_neither_loses_nor_doubles_it() {
    let mut done = 0;
    for stage in [".draft", "", ".taken", ".answer"].repeat(3) {
        let orders = Orders::new(&["stuck"]);
        let service = Service::start(orders.path());
        let dir = orders.name().to_owned();
        let asking = std::thread::spawn(move || verb("retry", &dir, "stuck", &["--wait", "3"]));
        wait_for(stage, &orders, &asking);
        drop(service);
        let service = Service::start(orders.path());
        let run = asking.join().expect("no panic");
        assert!(matches!(run.code, 0 | 2), "{}", run.err);
        assert_eq!(count_retries(&orders), usize::from(run.code == 0), "{}{}", run.out, run.err);
        done += usize::from(run.code == 0);
        drop(service);
        let taken = leftovers(orders.path());
        assert!(taken.iter().all(|name| name.ends_with(".answer")), "{taken:?}");
        assert_eq!(sagalog(&["check", orders.name()]).code, 0);
    }
    assert!(done > 0, "a process that starts again does what it is asked");
}

#[test]
fn files_of_requests_are_none_of_the_engines_business() {
    let orders = Orders::new(&["stuck"]);
    let id = "00112233445566778899aabbccddeeff";
    for suffix in ["", ".draft", ".taken", ".answer"] {
        let path = orders.path().join(format!("saga-request-{id}{suffix}"));
        std::fs::write(path, "none of ours").expect("writable");
    }
    let dir = orders.name();
    assert_eq!(sagalog(&["check", dir]).code, 0);
    let stats = sagalog(&["stats", dir, "--json"]).json();
    let warnings = stats["warnings"].to_string();
    assert!(!warnings.contains("saga-request"), "{warnings}");
    let out = tempfile::tempdir().expect("a scratch directory");
    let copy = out.path().to_str().expect("plain");
    assert_eq!(sagalog(&["salvage", dir, copy]).code, 0);
    assert_eq!(leftovers(out.path()), Vec::<String>::new());
    block_on(async { Running::open(orders.path(), 1).await.close().await });
    assert_eq!(verb("abort", dir, "stuck", &[]).code, 0);
}
