//! What every command says to a directory that is none of its business, and that it stays as it is.

use crate::support::{Store, image, sagalog};
use std::{fs, path::Path};

/// Runs every command on `dir` and expects the same sentence.
fn everybody_refuses(dir: &Path, sentence: &str) {
    let name = dir.to_str().expect("plain");
    let out = tempfile::tempdir().expect("a scratch directory");
    let target = out.path().join("copy");
    let said = format!("{name}: {sentence}");
    for command in ["check", "dump", "stats", "streams", "export"] {
        sagalog(&[command, name]).assert_refused(2, &said);
    }
    sagalog(&["read", name, "--all"]).assert_refused(2, &said);
    sagalog(&["append", name, "a", "T"]).assert_refused(2, &said);
    sagalog(&["saga", "list", name]).assert_refused(2, &said);
    let run = sagalog(&["salvage", name, target.to_str().expect("plain")]);
    assert!(run.err.ends_with(&format!("{sentence}\n")), "{}", run.err);
    assert_eq!((run.code, run.err.lines().count()), (2, 1));
    assert!(!target.exists(), "nothing is made before the source is known");
}

#[test]
fn a_missing_directory() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let missing = dir.path().join("missing");
    everybody_refuses(&missing, "there is no such directory");
    assert!(!missing.exists());
}

#[test]
fn a_file() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let file = dir.path().join("file");
    fs::write(&file, "mine").expect("writable");
    everybody_refuses(&file, "this is a file, a store is a directory");
    assert_eq!(fs::read(&file).expect("readable"), b"mine");
}

#[test]
fn an_empty_directory() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let sentence = "no sagalog store here: the directory has no superblock";
    everybody_refuses(dir.path(), sentence);
    assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 0);
}

#[test]
fn a_directory_of_somebody_else() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    fs::write(dir.path().join("notes.txt"), "mine").expect("writable");
    fs::create_dir(dir.path().join("folder")).expect("writable");
    let sentence = "no sagalog store here: the directory has no superblock";
    everybody_refuses(dir.path(), sentence);
    assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 2);
    assert_eq!(image(dir.path())["notes.txt"], b"mine");
}

#[test]
fn a_store_of_a_newer_format() {
    let store = Store::with(5);
    store.make_newer();
    let before = image(store.path());
    let sentence = "the store has format 3, this program reads up to 2; upgrade it";
    everybody_refuses(store.path(), sentence);
    assert_eq!(image(store.path()), before);
}

#[test]
fn wrong_arguments() {
    let table: [(&[&str], &str); 6] = [
        (
            &[],
            "name a command: import, export, read, streams, append, check, dump, stats, saga or \
             salvage",
        ),
        (&["check"], "the following required arguments were not provided: <DIR>"),
        (&["chek", "x"], "unrecognized subcommand 'chek'"),
        (&["check", "x", "--jsn"], "unexpected argument '--jsn' found"),
        (
            &["dump", "x", "--from", "a"],
            "invalid value 'a' for '--from <POSITION>': invalid digit found in string",
        ),
        (&["salvage", "x"], "the following required arguments were not provided: <OUT>"),
    ];
    for (arguments, sentence) in table {
        let said = format!("{sentence}; `sagalog --help` says more");
        sagalog(arguments).assert_refused(2, &said);
    }
    let help = sagalog(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("salvage"), "{}", help.out);
}
