//! The rules of STYLE.md that a machine can check, run over the whole source tree.
//!
//! Not a compiler and not clippy: it reads text, and knows just enough Rust to tell code from
//! comments and strings. The invariant it guards: every rule is a function over sources in
//! memory, and beside each stands a sample on which it bites.
#![expect(clippy::disallowed_methods, reason = "this reads the source tree, not a store")]

mod docs;
mod law;
mod source;
mod text;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use source::Source;

/// Directories that hold nothing of ours to read.
const SKIPPED_DIRS: [&str; 6] = ["target", ".git", "corpus", "seeds", "artifacts", "coverage"];
const READ_EXTENSIONS: [&str; 6] = ["rs", "md", "toml", "sh", "yml", "patch"];

/// A rule: what it has to say about one file of the tree.
type Rule = fn(&Source, &[Source]) -> Vec<Finding>;

const RULES: [Rule; 12] = [
    text::opens_with_a_contract,
    text::fits_in_100_columns,
    text::has_no_unfinished_code,
    text::expects_instead_of_allowing,
    text::has_no_empty_names,
    text::file_is_short,
    text::functions_are_short,
    law::keeps_the_dependency_law,
    law::includes_no_foreign_file,
    docs::links_resolve,
    docs::named_functions_exist,
    docs::has_no_machine_paths,
];

struct Finding {
    path: String,
    line: usize,
    sentence: String,
}

impl Finding {
    /// `line` counts from 0, as indices do; it is shown counted from 1, as editors do.
    fn new(source: &Source, line: usize, sentence: impl Into<String>) -> Self {
        Self { path: source.path.clone(), line: line + 1, sentence: sentence.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.sentence)
    }
}

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = read_tree(root);
    assert!(tree.iter().any(|source| source.path == "src/lib.rs"), "this is not the tree");
    let findings: Vec<String> = tree
        .iter()
        .flat_map(|source| RULES.iter().flat_map(|rule| rule(source, &tree)))
        .map(|finding| finding.to_string())
        .collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

fn read_tree(root: &Path) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(root, &mut paths);
    paths.sort();
    let relative = |path: &Path| {
        let inside = path.strip_prefix(root).expect("it was found below the root");
        inside.to_str().expect("our names are ASCII").replace('\\', "/")
    };
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("sources are UTF-8 and readable");
            Source::new(&relative(path), &text)
        })
        .collect()
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the tree is readable") {
        let path = entry.expect("the tree is readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if path.is_symlink() {
            // What it points to is either read anyway or not ours.
        } else if path.is_dir() {
            if !SKIPPED_DIRS.contains(&&*name) {
                collect(&path, paths);
            }
        } else if READ_EXTENSIONS.contains(&&*extension) {
            paths.push(path);
        }
    }
}

/// The lines, counted from 1, that `rule` complains about in a tree of this one file.
fn bites(rule: Rule, path: &str, text: &str) -> Vec<usize> {
    let source = Source::new(path, text);
    let found = rule(&source, &[Source::new(path, text)]);
    found.iter().map(|finding| finding.line).collect()
}
