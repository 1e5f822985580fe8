//! Rules that tie the documents to the tree: links, names of functions, paths of one machine.
//!
//! Whether a sentence is true is for review; here only: what it points to exists.

use std::path::Path;

use super::{Finding, source::Source};

/// Documents in which a name in backticks that looks like a function's is one: the tests that
/// provoke a fault, the checkers that defend a promise. Other things with an underscore (fields,
/// options) are written there as `Type::field`, or without backticks.
const EVIDENCE: [&str; 2] = ["docs/FAULTS.md", "docs/GUARANTEES.md"];

/// Where paths of somebody's machine begin. In halves, since this file is read too.
const MACHINE_ROOTS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/Use", "rs/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("C:\\Use", "rs"),
];

pub(crate) fn links_resolve(source: &Source, tree: &[Source]) -> Vec<Finding> {
    if !source.is("md") {
        return Vec::new();
    }
    let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    for (at, line) in prose(&source.text) {
        for target in links(line).filter(|target| !exists(folder, target, tree)) {
            let sentence = format!("the link to `{target}` leads nowhere");
            findings.push(Finding::new(source, at, sentence));
        }
    }
    findings
}

/// The numbered lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The targets of the links in a line that point into the tree, without their anchors.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let targets = targets.chain(reference(line));
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty())
}

/// The target of a line such as `[name]: target`.
fn reference(line: &str) -> Option<&str> {
    let (name, target) = line.split_once("]: ")?;
    (name.starts_with('[') && !name.contains(' ')).then(|| target.trim())
}

fn exists(folder: &str, target: &str, tree: &[Source]) -> bool {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            // Leading out of the tree.
            ".." if parts.pop().is_none() => return false,
            "" | "." | ".." => {}
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    let in_tree =
        |source: &Source| source.path == path || source.path.starts_with(&(path.clone() + "/"));
    // Not every file is read (`LICENSE-MIT`, pictures), so the disk is asked as well.
    tree.iter().any(in_tree) || Path::new(env!("CARGO_MANIFEST_DIR")).join(&path).exists()
}

pub(crate) fn named_functions_exist(source: &Source, tree: &[Source]) -> Vec<Finding> {
    if !EVIDENCE.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let declared = |name: &str| {
        let declaration = format!("fn {name}");
        tree.iter().any(|source| {
            source.code.match_indices(&declaration).any(|(at, _)| {
                let after = source.code[at + declaration.len()..].chars().next().unwrap_or(' ');
                !after.is_alphanumeric() && after != '_'
            })
        })
    };
    let names: Vec<(usize, &str)> = prose(&source.text)
        .flat_map(|(at, line)| function_names(line).map(move |name| (at, name)))
        .collect();
    if names.is_empty() {
        return vec![Finding::new(source, 0, "this document names no test, so it proves nothing")];
    }
    let missing = names.into_iter().filter(|(_, name)| !declared(name));
    missing
        .map(|(at, name)| Finding::new(source, at, format!("there is no function `{name}`")))
        .collect()
}

/// The names in backticks that are snake case with at least one underscore; of `a::b_c` the last.
fn function_names(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter_map(|quote| {
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_path = quote.chars().all(|c| lower(c) || c == ':');
        let name = quote.rsplit("::").next().unwrap_or_default();
        (is_path && name.contains('_') && name.chars().all(lower)).then_some(name)
    })
}

pub(crate) fn has_no_machine_paths(source: &Source, _: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for root in MACHINE_ROOTS.iter().filter(|root| starts_path(line, root)) {
            let sentence = format!("`{root}` is a path of one machine");
            findings.push(Finding::new(source, at, sentence));
        }
    }
    findings
}

/// Whether `root` occurs in `line` other than in the middle of a longer path.
fn starts_path(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        let before = line[..at].chars().next_back().unwrap_or(' ');
        !before.is_alphanumeric() && !matches!(before, '.' | '_' | '-' | '}')
    })
}

mod samples {
    use super::{super::bites, *};

    #[test]
    fn dead_links() {
        let text = "[a](docs/none.md) [b](https://x.y/z) [c](#here)\n```\n[d](none)\n```\n\
                    [e](b.md#part) [f](../b.md) [g](../../b.md)\n[h]: none.md\n";
        let tree = [Source::new("docs/a.md", text), Source::new("docs/b.md", "")];
        let lines = |found: Vec<Finding>| found.iter().map(|f| f.line).collect::<Vec<_>>();
        assert_eq!(lines(links_resolve(&tree[0], &tree)), [1, 5, 5, 6]);
        assert!(bites(links_resolve, "a.md", "[a](LICENSE-MIT) [b](src)").is_empty());
    }

    #[test]
    fn missing_evidence() {
        let text = "| torn write | `torn_write` |\n| rot | `bit_rot_is_found`, `log::gone_by` |\n\
                    `Type::some_field`, `COLUMNS_MAX`, `word`\n";
        let code = "fn torn_write() {}\nfn bit_rot_is_found_twice() {}\n";
        let tree = [Source::new("docs/FAULTS.md", text), Source::new("src/a.rs", code)];
        let found = named_functions_exist(&tree[0], &tree);
        assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(bites(named_functions_exist, "docs/GUARANTEES.md", "None."), [1]);
        assert!(bites(named_functions_exist, "docs/OTHER.md", text).is_empty());
    }

    #[test]
    fn machine_paths() {
        let text = format!("see {}me/x\nsee a{0}me/x\n", "/ho");
        assert_eq!(bites(has_no_machine_paths, "a.md", &text), [1]);
    }
}
