//! The program as its users meet it: what it says, and what it says when something is wrong.

use crate::support::{self, orders, said};

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("the directory's name is text")
}

#[test]
fn a_made_up_day_is_reported_as_text_as_json_and_as_a_page_and_stays_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, page) = (dir.path().join("data"), dir.path().join("page.html"));
    let (data, page) = (text(&data), text(&page));
    let day = ["--data", data, "--orders", "120", "--seed", "4", "--faults", "heavy"];
    let first = said(&orders(&[&day[..], &["--report", page]].concat()));
    assert!(first.contains("agree with every document"), "{first}");
    let status = said(&orders(&["status", data]));
    assert_eq!(first, status, "whoever asks is told the same");
    let json = said(&orders(&[&day[..], &["--json"]].concat()));
    let report: serde_json::Value =
        serde_json::from_str(json.lines().last().expect("a line")).expect("one object");
    let states = report["orders"].as_object().expect("an object");
    let all: u64 = states.values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!((all, report["unfinished"].as_u64()), (120, Some(0)));
    for count in ["retries", "ambiguous", "compensations"] {
        assert!(report[count].as_u64() > Some(0), "faults are at work: no {count}");
    }
    let page = support::read(page);
    assert!(page.starts_with("<!doctype html>") && page.contains("a made-up day, seed 4"));
    let example = report["example"].as_str().expect("a number");
    let shown = said(&orders(&["show", example, "--data", data]));
    assert!(shown.contains("-> placed") && shown.contains(", attempt 1 "), "{shown}");
}

#[test]
fn what_is_wrong_is_said_in_a_sentence() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| text(&dir.path().join(name)).to_owned();
    let (data, file, none) = (at("data"), at("twin.csv"), at("none"));
    said(&orders(&["twin", &file, "--invoices", "5"]));
    said(&orders(&["--data", &data, "--orders", "3"]));
    let cases: [(&[&str], &str); 8] = [
        (&["--data", &data, "--input", &file], "holds the orders of a made-up day, seed 1"),
        (&["--data", &data, "--input", &none], "cannot be read"),
        (&["--data", &none, "--input", "Cargo.toml"], "give a file whose first line is InvoiceNo"),
        (&["status", &none], "there are no orders in"),
        (&["show", "700001", "--data", &none], "there are no orders in"),
        (&["show", "1", "--data", &data], "there is no invoice 1 in"),
        (&["show", "a/b", "--data", &data], "an invoice number has 1 to 24"),
        (&["--faults", "some"], "invalid value 'some'"),
    ];
    for (words, sentence) in cases {
        let output = orders(words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {errors}");
        assert!(errors.contains(sentence) && !errors.contains("panicked"), "{words:?}: {errors}");
    }
}

#[test]
fn of_two_processes_on_one_directory_the_second_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let runtime = support::runtime();
    let options = orders::shop::ShopOptions {
        faults: orders::loopback::Faults::off(),
        conditions: orders::services::Conditions::fair(1),
        patience: orders::sagas::Patience::default(),
        among_others: false,
    };
    let shop = runtime.block_on(orders::shop::Shop::open(&data, options)).expect("it opens");
    let output = orders(&["--data", text(&data), "--orders", "3"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("another process works in"), "{errors}");
    assert_eq!(output.status.code(), Some(2));
    runtime.block_on(shop.close(std::time::Duration::ZERO)).expect("it closes");
    said(&orders(&["--data", text(&data), "--orders", "3"]));
}

#[test]
fn what_the_program_writes_is_whole_and_replaces_nothing_of_anybody_elses() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| text(&dir.path().join(name)).to_owned();
    let (data, page, taken) = (at("data"), at("page.html"), at("taken.html"));
    support::write(dir.path().join("taken.html").as_path(), "<!doctype html> but not ours");
    let day = ["--data", &data, "--orders", "3"];
    let refused = |words: &[&str], sentence: &str| {
        let output = orders(words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {errors}");
        assert!(errors.contains(sentence), "{words:?}: {errors}");
    };
    let exists = "it exists already; name a new file";
    refused(&[&day[..], &["--report", &taken]].concat(), exists);
    refused(&[&day[..], &["--report", &at("missing/page.html")]].concat(), "no such directory");
    assert_eq!(support::names(dir.path()), ["taken.html"], "it is told before the run");
    said(&orders(&[&day[..], &["--report", &page]].concat()));
    // The same arguments again are the same work: a page of one's own may be made anew.
    said(&orders(&[&day[..], &["--report", &page]].concat()));
    refused(&["status", &data, "--report", &at("data/orders/page.html")], "is a store's");
    refused(&["twin", &taken], exists);
    assert_eq!(support::read(&taken), "<!doctype html> but not ours");
    let left = ["data", "page.html", "taken.html"];
    assert_eq!(support::names(dir.path()), left, "no part stays behind");
}

#[test]
fn no_shop_is_opened_among_the_files_of_somebody_else_unless_told() {
    let dir = tempfile::tempdir().expect("a directory");
    support::write(dir.path().join("notes.txt").as_path(), "mine");
    let day = ["--data", text(dir.path()), "--orders", "3"];
    let output = orders(&day);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("holds no shop, but notes.txt"), "{errors}");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(support::names(dir.path()), ["notes.txt"]);
    said(&orders(&[&day[..], &["--among-others"]].concat()));
    said(&orders(&day));
}

#[test]
fn another_day_of_the_same_seed_is_told_from_the_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    said(&orders(&["--data", text(&data), "--orders", "3"]));
    let output = orders(&["--data", text(&data), "--orders", "4"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    let [before, now] = ["seed 1 (3 documents, ", "seed 1 (4 documents, "];
    assert!(errors.contains(before) && errors.contains(now), "{errors}");
}

#[test]
fn a_file_of_which_nothing_can_be_taken_is_no_good_day() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, file) = (dir.path().join("data"), dir.path().join("days.csv"));
    let header =
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
    support::write(&file, &format!("{header}\n1,A,a,1,2010-12-01 08:26,1,7,UK\n"));
    let output = orders(&["--data", text(&data), "--input", text(&file)]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("none of its lines can be taken; line 2: the date"), "{errors}");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(support::names(dir.path()), ["days.csv"], "no shop is opened for it");
}
