//! Looking at sagas, and operating them where no process has the store open.

use crate::{
    orders::{Orders, Running},
    support::{Run, Store, block_on, image, sagalog},
};
use sagalog::Settled;

pub(crate) fn saga(arguments: &[&str]) -> Run {
    let arguments: Vec<_> = ["saga"].iter().chain(arguments).copied().collect();
    sagalog(&arguments)
}

/// A verb of ada's.
pub(crate) fn verb(verb: &str, dir: &str, id: &str, more: &[&str]) -> Run {
    let first = [verb, dir, id, "--principal", "ada", "--reason", "seen to"];
    saga(&[&first, more].concat())
}

fn names(run: &Run) -> Vec<String> {
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    run.json_lines().iter().map(|line| line["saga"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn lists_show_what_is_unfinished_and_what_ended_last() {
    let orders = Orders::new(&["fine", "declined", "stuck", "unshippable", "later"]);
    let before = image(orders.path());
    let dir = orders.name();
    assert_eq!(names(&saga(&["list", dir, "--json"])), ["later", "stuck", "unshippable"]);
    assert_eq!(names(&saga(&["stuck", dir, "--json"])), ["stuck", "unshippable"]);
    let all = saga(&["list", dir, "--ended", "1", "--json"]);
    assert_eq!(names(&all), ["later", "stuck", "unshippable", "declined"]);
    let ended = saga(&["list", dir, "--ended", "9", "--json"]);
    assert_eq!(names(&ended)[3..], ["declined", "fine"]);
    let text = saga(&["stuck", dir]).out;
    let stuck = "stuck\torder 1\tstuck\treserve: compensation, 1 attempts: the warehouse is closed";
    assert_eq!(text.lines().next(), Some(stuck));
    assert_eq!(image(orders.path()), before, "looking changes nothing");
}

#[test]
fn one_saga_is_shown_with_its_steps() {
    let orders = Orders::new(&["fine", "declined"]);
    let fine = saga(&["show", orders.name(), "fine", "--json"]).json();
    assert_eq!((&fine["phase"], &fine["stuck"]), (&"completed".into(), &false.into()));
    assert_eq!(fine["steps"][1]["output"], 1250);
    let text = saga(&["show", orders.name(), "declined"]).out;
    assert!(text.contains("phase       aborted\n"), "{text}");
    assert!(text.contains("rejected: charge: the card was declined\n"), "{text}");
    assert!(text.contains("reserve  compensated, 1 attempts"), "{text}");
}

#[test]
fn a_timeline_tells_every_turn_in_words() {
    let orders = Orders::new(&["stuck"]);
    let run = saga(&["timeline", orders.name(), "stuck", "--json"]);
    let lines = run.json_lines();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().expect("text")).collect();
    assert_eq!(kinds, ["begun", "went", "went", "stuck"]);
    let words: Vec<_> =
        lines.iter().filter_map(|line| line["records"].as_array()).flatten().collect();
    assert_eq!(
        words,
        [
            "begun: order, revision 1",
            "reserve: attempt 1 is done",
            "charge: attempt 1 failed for good: the card was declined",
            "it is aborted (rejected): charge: the card was declined",
            "reserve: compensation, attempt 1 failed, stuck: the warehouse is closed",
        ]
    );
    let text = saga(&["timeline", orders.name(), "stuck"]).out;
    assert_eq!(text.lines().filter(|line| line.contains("  position ")).count(), 4);
}

#[test]
fn an_explanation_says_what_it_waits_for_and_what_may_be_done() {
    let orders = Orders::new(&["stuck", "unshippable", "later", "fine"]);
    let table = [
        ("stuck", "the compensation of step reserve is stuck after 1 attempts: the warehouse"),
        ("stuck", "is being compensated (rejected): charge: the card was declined"),
        ("stuck", "possible now: retry, skip --step reserve, complete, abort\n"),
        ("unshippable", "the action of step ship is stuck after 1 attempts: there is no such"),
        ("unshippable", "possible now: retry, complete, abort\n"),
        ("later", "the action of step reserve has failed 1 times: the warehouse is busy"),
        ("later", "the action of step reserve is tried again at 20"),
        ("later", "possible now: cancel\n"),
        ("fine", "saga fine has completed\n"),
    ];
    for (id, sentence) in table {
        let run = saga(&["explain", orders.name(), id]);
        assert!(run.code == 0 && run.out.contains(sentence), "{sentence}: {}{}", run.out, run.err);
    }
    let json = saga(&["explain", orders.name(), "later", "--json"]).json();
    assert!(json["waits"][0]["next_at"].is_string(), "{json}");
}

#[test]
fn a_saga_of_an_older_revision_is_said_to_wait_for_it() {
    let orders = Orders::new(&["later"]);
    block_on(async { Running::open(orders.path(), 2).await.close().await });
    let said = saga(&["explain", orders.name(), "later"]).out;
    let sentence = "it began with revision 1 of definition order, the newest one is 2: it goes on \
                    only where revision 1 is registered";
    assert!(said.contains(sentence), "{said}");
    // A verb needs no definition: its record waits as well.
    assert_eq!(verb("cancel", orders.name(), "later", &[]).code, 0);
    let ended = block_on(async {
        let running = Running::open(orders.path(), 1).await;
        let ended = running.settled("later").await;
        running.close().await;
        ended
    });
    assert!(matches!(ended, Settled::Aborted { .. }), "{ended:?}");
}

#[test]
fn verbs_are_on_record_and_the_next_process_goes_on() {
    let table: [(&str, &str, &[&str], &str); 6] = [
        ("stuck", "retry", &[], "aborted"),
        ("stuck", "skip", &["--step", "reserve"], "aborted"),
        ("stuck", "abort", &[], "aborted"),
        ("stuck", "complete", &[], "completed"),
        ("later", "cancel", &[], "aborted"),
        ("unshippable", "abort", &[], "aborted"),
    ];
    for (id, name, more, phase) in table {
        let orders = Orders::new(&[id]);
        let run = verb(name, orders.name(), id, more);
        let said = format!(
            "{name} of saga {id} is on record; the next process that executes it goes on\n"
        );
        assert_eq!((run.code, run.out, run.err.as_str()), (0, said, ""));
        let timeline = saga(&["timeline", orders.name(), id]).out;
        assert!(timeline.contains("ada ") && timeline.contains(": seen to\n"), "{timeline}");
        block_on(async {
            let running = Running::open(orders.path(), 1).await;
            running.settled(id).await;
            running.close().await;
        });
        let shown = saga(&["show", orders.name(), id, "--json"]).json();
        assert_eq!(shown["phase"], phase, "{name}: {shown}");
        assert_eq!(sagalog(&["check", orders.name()]).code, 0);
    }
}

#[test]
fn a_saga_is_completed_with_an_output() {
    let orders = Orders::new(&["unshippable"]);
    let output = orders.path().with_extension("json");
    std::fs::write(&output, "4711").expect("writable");
    let output = output.to_str().expect("plain");
    let run = verb("complete", orders.name(), "unshippable", &["--output", output, "--json"]);
    assert_eq!(run.json()["by"], "command");
    let settled = block_on(async {
        let running = Running::open(orders.path(), 1).await;
        let settled = running.settled("unshippable").await;
        running.close().await;
        settled
    });
    assert_eq!(settled, Settled::Completed(Some(b"4711".as_slice().into())));
    std::fs::remove_file(output).expect("it is there");
}

#[test]
fn what_cannot_be_done_is_one_sentence_and_nothing_is_stored() {
    let orders = Orders::new(&["fine", "declined", "stuck", "unshippable", "later"]);
    let dir = orders.name();
    let table: [(&str, &str, &[&str], &str); 8] = [
        ("retry", "nobody", &[], "there is no saga nobody"),
        ("cancel", "fine", &[], "the saga has completed"),
        ("retry", "declined", &[], "the saga has been aborted (rejected)"),
        ("retry", "later", &[], "no step of the saga is stuck; wait, or cancel it"),
        (
            "cancel",
            "unshippable",
            &[],
            "the saga is past its point of no return and goes forward only",
        ),
        ("skip", "stuck", &["--step", "charge"], "step charge is not stuck"),
        (
            "skip",
            "stuck",
            &["--step", "pack"],
            "saga stuck has no step pack; it has reserve, charge, ship",
        ),
        (
            "skip",
            "unshippable",
            &["--step", "ship"],
            "step ship cannot be left out, because its output is read; retry, complete or abort \
             the saga",
        ),
    ];
    let before: Vec<_> = sagalog(&["read", dir, "$saga-stuck"]).json_lines();
    for (name, id, more, sentence) in table {
        verb(name, dir, id, more).assert_refused(2, &format!("{dir}: {sentence}"));
    }
    assert_eq!(sagalog(&["read", dir, "$saga-stuck"]).json_lines(), before);
    for command in ["show", "timeline", "explain"] {
        let said = format!("{dir}: there is no saga nobody");
        saga(&[command, dir, "nobody"]).assert_refused(2, &said);
    }
}

#[test]
fn a_reason_and_a_principal_are_demanded() {
    let orders = Orders::new(&["stuck"]);
    let dir = orders.name();
    let run = saga(&["retry", dir, "stuck", "--principal", "ada"]);
    assert!(run.code == 2 && run.err.contains("--reason"), "{}", run.err);
    let run = saga(&["retry", dir, "stuck", "--principal", "ada", "--reason", " "]);
    run.assert_refused(2, "--reason is empty; it stays on record");
    let long = "x".repeat(1025);
    let run = saga(&["retry", dir, "stuck", "--principal", "ada", "--reason", &long]);
    run.assert_refused(2, "--reason has 1025 bytes, the limit is 1024");
    assert_eq!(names(&saga(&["stuck", dir, "--json"])), ["stuck"]);
}

#[test]
fn a_store_without_sagas_has_none() {
    let store = Orders::new(&[]);
    for (command, none) in
        [("list", "no saga is unfinished"), ("stuck", "no saga waits for an operator")]
    {
        let run = saga(&[command, store.name()]);
        let said = format!("sagalog: {}: {none}\n", store.name());
        assert_eq!((run.code, run.out.as_str(), run.err), (0, "", said));
    }
    let missing = store.path().join("missing");
    let missing = missing.to_str().expect("plain");
    let said = format!("{missing}: there is no such directory");
    for run in [saga(&["list", missing]), verb("retry", missing, "a", &[])] {
        run.assert_refused(2, &said);
    }
}

#[test]
fn a_bare_log_has_no_sagas() {
    let log = Store::with(3);
    let run = saga(&["list", log.name()]);
    assert_eq!((run.code, run.out.as_str(), run.err.lines().count()), (2, "", 1), "{}", run.err);
}
