//! Rules about the text of one file: its opening, width, wording and size.
//!
//! What clippy checks is left to clippy, except where a whole folder must not even say a word.

use super::{Finding, source::Source};

const COLUMNS_MAX: usize = 100;
const FILE_LINES_AIM: usize = 400;
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 80;
const TABLE_MARK: &str = "// tidy: table";

/// Files above the aim, with the size that each may not outgrow. The list may only get shorter.
const LARGE_FILES: [(&str, usize); 0] = [];

/// What stands for work that is not done, or an error nobody looked at.
const UNFINISHED: [&str; 4] = ["todo!", "unimplemented!", "dbg!", ".unwrap()"];
const EMPTY_FILE_NAMES: [&str; 5] = ["utils.rs", "util.rs", "helpers.rs", "misc.rs", "common.rs"];

pub(crate) fn opens_with_a_contract(source: &Source, _: &[Source]) -> Vec<Finding> {
    if !source.is("rs") || source.text.starts_with("//! ") {
        return Vec::new();
    }
    let sentence = "a file opens with `//!`: what it is, what it is not, what it guards";
    vec![Finding::new(source, 0, sentence)]
}

pub(crate) fn fits_in_100_columns(source: &Source, _: &[Source]) -> Vec<Finding> {
    if !source.is("rs") && !source.is("sh") {
        return Vec::new();
    }
    let wide = |line: &str| line.chars().count() > COLUMNS_MAX;
    let lines = source.text.lines().enumerate().filter(|(_, line)| wide(line));
    lines.map(|(at, _)| Finding::new(source, at, "this line exceeds 100 columns")).collect()
}

pub(crate) fn has_no_unfinished_code(source: &Source, _: &[Source]) -> Vec<Finding> {
    if !source.path.starts_with("src/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (at, line) in source.code_lines() {
        for word in UNFINISHED.iter().filter(|word| line.contains(**word)) {
            let sentence = format!("`{word}` has no place in the product: say why it cannot fail");
            findings.push(Finding::new(source, at, sentence));
        }
    }
    findings
}

pub(crate) fn expects_instead_of_allowing(source: &Source, _: &[Source]) -> Vec<Finding> {
    let allows = |line: &str| {
        let line: String = line.split_whitespace().collect();
        line.contains("[allow(") || (line.starts_with('#') && line.contains(",allow("))
    };
    let sentence = "use `expect` with a reason: it reports when it is no longer needed";
    let lines = source.code_lines().filter(|(_, line)| allows(line));
    lines.map(|(at, _)| Finding::new(source, at, sentence)).collect()
}

pub(crate) fn has_no_empty_names(source: &Source, _: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let file = source.path.rsplit('/').next().unwrap_or_default();
    if EMPTY_FILE_NAMES.contains(&file) {
        findings.push(Finding::new(source, 0, "name the file after what is in it"));
    }
    for (at, path) in source.paths() {
        let name = path.rsplit("::").next().unwrap_or_default();
        // A process manager is a pattern of the field, with its own meaning.
        if name.ends_with("Manager") && name != "ProcessManager" {
            let sentence = format!("`{name}`: say what it does instead of that it manages");
            findings.push(Finding::new(source, at, sentence));
        }
    }
    for function in source.functions().iter().filter(|found| found.name.starts_with("get_")) {
        let sentence = format!("`{}`: a getter is named after what it gives", function.name);
        findings.push(Finding::new(source, function.first, sentence));
    }
    findings
}

pub(crate) fn file_is_short(source: &Source, _: &[Source]) -> Vec<Finding> {
    let lines = source.lines_without_tests();
    let entry = LARGE_FILES.iter().find(|(path, _)| *path == source.path).map(|(_, lines)| *lines);
    size_complaint(lines, entry)
        .map(|sentence| Finding::new(source, lines.saturating_sub(1), sentence))
        .into_iter()
        .collect()
}

fn size_complaint(lines: usize, entry: Option<usize>) -> Option<String> {
    match entry {
        _ if lines > FILE_LINES_MAX => {
            Some(format!("{lines} lines without tests: more than {FILE_LINES_MAX} is two files"))
        }
        None if lines > FILE_LINES_AIM => Some(format!(
            "{lines} lines without tests: above {FILE_LINES_AIM} it takes an entry in LARGE_FILES"
        )),
        Some(entry) if lines > entry => {
            Some(format!("{lines} lines without tests: its entry in LARGE_FILES says {entry}"))
        }
        Some(entry) if lines <= FILE_LINES_AIM || lines + 20 < entry => {
            Some(format!("{lines} lines without tests: lower its entry in LARGE_FILES ({entry})"))
        }
        _ => None,
    }
}

pub(crate) fn functions_are_short(source: &Source, _: &[Source]) -> Vec<Finding> {
    let text: Vec<&str> = source.text.lines().collect();
    let marked = |first: usize| first > 0 && text[first - 1].trim() == TABLE_MARK;
    let mut findings = Vec::new();
    for function in source.functions() {
        let lines = function.last - function.first + 1;
        if lines > FUNCTION_LINES_MAX && !marked(function.first) {
            let name = &function.name;
            let sentence = format!("`{name}` has {lines} lines; {FUNCTION_LINES_MAX} are the most");
            findings.push(Finding::new(source, function.first, sentence));
        }
    }
    findings
}

mod samples {
    use super::{super::bites, *};

    #[test]
    fn openings() {
        assert_eq!(bites(opens_with_a_contract, "a.rs", "use std;\n"), [1]);
        assert!(bites(opens_with_a_contract, "a.rs", "//! What it is.\n").is_empty());
    }

    #[test]
    fn widths() {
        let text = format!("{}\n{}\n", "é".repeat(100), "x".repeat(101));
        assert_eq!(bites(fits_in_100_columns, "a.rs", &text), [2]);
        assert!(bites(fits_in_100_columns, "a.md", &text).is_empty());
    }

    #[test]
    fn unfinished_code() {
        let text = "// todo!()\nlet a = b.unwrap();\ntodo!();\nlet c = \"dbg!\";\n";
        assert_eq!(bites(has_no_unfinished_code, "src/a.rs", text), [2, 3]);
        assert!(bites(has_no_unfinished_code, "cli/src/a.rs", text).is_empty());
    }

    #[test]
    fn allowing() {
        let text = "#[allow(dead_code)]\n#![ allow(x)]\n#[cfg_attr(x, allow(y))]\n\
                    #[expect(dead_code)]\nlimiter.allow(1);\n";
        assert_eq!(bites(expects_instead_of_allowing, "a.rs", text), [1, 2, 3]);
    }

    #[test]
    fn empty_names() {
        assert_eq!(bites(has_no_empty_names, "src/utils.rs", "//! x\n"), [1]);
        let text = "struct LogManager;\nfn get_x() {}\nfn get() {}\nstruct ProcessManager;\n";
        assert_eq!(bites(has_no_empty_names, "a.rs", text), [1, 2]);
    }

    #[test]
    fn file_sizes() {
        let lines = |count: usize| "x\n".repeat(count);
        assert!(bites(file_is_short, "src/a.rs", &lines(400)).is_empty());
        assert_eq!(bites(file_is_short, "src/a.rs", &lines(401)), [401]);
        assert!(bites(file_is_short, "src/a/tests.rs", &lines(900)).is_empty());
        let table = [(601, Some(700)), (451, Some(450)), (430, Some(451)), (400, Some(410))];
        for (lines, entry) in table {
            assert!(size_complaint(lines, entry).is_some(), "{lines} of {entry:?}");
        }
        assert!(size_complaint(450, Some(460)).is_none());
    }

    #[test]
    fn function_sizes() {
        let function = |lines: usize| format!("fn f() {{\n{}}}\n", "x;\n".repeat(lines - 2));
        assert!(bites(functions_are_short, "a.rs", &function(80)).is_empty());
        assert_eq!(bites(functions_are_short, "a.rs", &function(81)), [1]);
        let marked = format!("{TABLE_MARK}\n{}", function(81));
        assert!(bites(functions_are_short, "a.rs", &marked).is_empty());
    }
}
