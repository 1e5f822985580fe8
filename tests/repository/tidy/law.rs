//! Who may name whom. The dependency law of STYLE.md as a table.
//!
//! Visibility is the compiler's matter: here stands what compiles and is forbidden all the same.

use super::{Finding, source::Source};

/// Names that must not occur in some places.
struct Ban {
    within: &'static [&'static str],
    except: &'static [&'static str],
    /// Paths, or parts of paths: `tokio::fs` is found in `::tokio::fs::File` too.
    names: &'static [&'static str],
    sentence: &'static str,
}

const LAW: [Ban; 11] = [
    Ban {
        within: &["src/log", "src/store", "src/saga"],
        except: &[],
        names: &[
            "runtime",
            "engine",
            "tokio",
            "async",
            "await",
            "std::fs",
            "std::time",
            "std::thread",
            "std::net",
            "std::env",
            "std::process",
        ],
        sentence: "pure machines know neither time nor files nor tasks",
    },
    Ban {
        within: &["src/log"],
        except: &[],
        names: &["crate::store", "crate::saga", "super::store", "super::saga"],
        sentence: "the log knows groups of bytes, not what they mean",
    },
    Ban {
        within: &["src/store"],
        except: &[],
        names: &["crate::saga", "super::saga"],
        sentence: "streams do not know who writes them",
    },
    Ban {
        within: &["src/saga"],
        except: &[],
        names: &["crate::store", "super::store"],
        sentence: "sagas persist through the public append, as any user does",
    },
    Ban {
        within: &["src/runtime"],
        except: &[],
        names: &[
            "crate::log",
            "crate::store",
            "crate::saga",
            "crate::engine",
            "super::log",
            "super::store",
            "super::saga",
            "super::engine",
        ],
        sentence: "a runtime can be written without knowing what runs on it",
    },
    Ban {
        within: &["src"],
        except: &["src/runtime/tokio"],
        names: &[
            "tokio::fs",
            "tokio::net",
            "tokio::time",
            "tokio::spawn",
            "tokio::runtime",
            "tokio::task",
            "tokio::process",
            "tokio::signal",
        ],
        sentence: "only the production runtime uses tokio beyond `tokio::sync`",
    },
    Ban {
        within: &["src/app"],
        except: &[],
        names: &["crate::log", "crate::engine", "crate::runtime"],
        sentence: "this layer stands on the public interface, as a user's code does",
    },
    Ban {
        within: &["src/codec"],
        except: &[],
        names: &[
            "crate::log",
            "crate::store",
            "crate::engine",
            "crate::runtime",
            "super::log",
            "super::store",
            "super::engine",
            "super::runtime",
        ],
        sentence: "typed events stand on the public vocabulary, as a user's codec does",
    },
    Ban {
        within: &["src/participant"],
        except: &[],
        names: &[
            "crate::log",
            "crate::store",
            "crate::engine",
            "crate::saga",
            "crate::runtime::Clock",
            "crate::runtime::Tasks",
            "crate::runtime::Entropy",
            "crate::runtime::Disk",
            "crate::runtime::Runtime",
        ],
        sentence: "a participant knows its books and the calls, not who calls and on what it runs",
    },
    Ban {
        within: &["src/definition"],
        except: &[],
        names: &[
            "crate::log",
            "crate::store",
            "crate::engine",
            "crate::runtime::Clock",
            "crate::runtime::Tasks",
            "crate::runtime::Entropy",
            "crate::runtime::Disk",
            "crate::runtime::Runtime",
            "super::log",
            "super::store",
            "super::engine",
            "super::runtime",
            "tokio",
        ],
        sentence: "a definition is made of words and code; who runs it is not its matter",
    },
    Ban {
        within: &["src"],
        except: &[],
        names: &["madsim"],
        sentence: "the product does not know that it is simulated",
    },
];

pub(crate) fn keeps_the_dependency_law(source: &Source, _: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if source.path == "Cargo.toml" {
        findings.extend(simulator_dependency(source));
    }
    for ban in LAW.iter().filter(|ban| ban.applies_to(&source.path)) {
        for (at, path) in source.paths() {
            if let Some(name) = ban.names.iter().find(|name| contains(&path, name)) {
                let sentence = format!("`{name}` is not to be named here: {}", ban.sentence);
                findings.push(Finding::new(source, at, sentence));
            }
        }
    }
    findings
}

impl Ban {
    fn applies_to(&self, path: &str) -> bool {
        let lies_in = |folders: &[&str]| folders.iter().any(|folder| lies_in(path, folder));
        lies_in(self.within) && !lies_in(self.except)
    }
}

/// Whether `path` is the module `folder`: `src/log/…` or `src/log.rs`, not `src/logic.rs`.
fn lies_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// Whether the segments of `name` occur in `path`, side by side.
fn contains(path: &str, name: &str) -> bool {
    format!("::{path}::").contains(&format!("::{name}::"))
}

fn simulator_dependency(manifest: &Source) -> Option<Finding> {
    let mut lines = manifest.text.lines().enumerate();
    let (at, _) = lines.find(|(_, line)| line.starts_with("madsim"))?;
    Some(Finding::new(manifest, at, "the simulator is a dependency of sim-tests only"))
}

/// The side door around visibility: compiling another package's file as one's own.
pub(crate) fn includes_no_foreign_file(source: &Source, _: &[Source]) -> Vec<Finding> {
    let opens = |line: &str| {
        let line: String = line.split_whitespace().collect();
        line.contains("#[path=") || line.contains("include!(")
    };
    let sentence = "use the public interface: a file belongs to one package, in its own place";
    let lines = source.code_lines().filter(|(_, line)| opens(line));
    lines.map(|(at, _)| Finding::new(source, at, sentence)).collect()
}

mod samples {
    use super::{super::bites, *};

    #[test]
    fn every_ban_bites() {
        let table = [
            ("src/log/a.rs", "use std::{fmt, time::Duration};"),
            ("src/log.rs", "use crate::runtime::Moment;"),
            ("src/saga/a.rs", "async fn f() {}"),
            ("src/store/a.rs", "let x = f().await;"),
            ("src/log/a.rs", "use crate::{ids, store::Stream};"),
            ("src/saga/a.rs", "use crate::store::Stream;"),
            ("src/store/mod.rs", "use crate::saga::Saga;"),
            ("src/runtime/mod.rs", "use crate::log::Group;"),
            ("src/engine/a.rs", "::tokio::time::sleep(d);"),
            ("src/lib.rs", "use tokio::{sync::mpsc, task::spawn_blocking};"),
            ("src/app/a.rs", "crate::engine::open();"),
            ("src/codec/a.rs", "use crate::{event::NewEvent, store::body};"),
            ("src/codec/a.rs", "use super::super::log::Place;"),
            ("src/participant/a.rs", "use crate::{Store, runtime::{Call, Clock}};"),
            ("src/participant/mod.rs", "crate::engine::store::Store"),
            ("src/definition/a.rs", "use crate::{engine::Store, saga::Plan};"),
            ("src/definition/mod.rs", "use tokio::sync::oneshot;"),
            ("src/engine/a.rs", "#[cfg(madsim)]"),
            ("Cargo.toml", "madsim = \"0.2\""),
        ];
        for (path, text) in table {
            assert_eq!(bites(keeps_the_dependency_law, path, text), [1], "{path}: {text}");
        }
    }

    #[test]
    fn what_is_lawful_stays() {
        let table = [
            ("src/log/a.rs", "// async, tokio\nuse std::fmt; let x = \"std::fs\";"),
            ("src/logic.rs", "use std::time::Duration;"),
            ("src/runtime/tokio/mod.rs", "use ::tokio::time::sleep;"),
            ("src/engine/a.rs", "use tokio::sync::mpsc; use crate::{log, runtime};"),
            ("src/participant/a.rs", "use crate::{Store, runtime::{Call, Responder}};"),
            ("src/definition/a.rs", "use crate::{codec, saga}; async fn f() {}"),
            ("sim-tests/src/a.rs", "use madsim::time;"),
            ("Cargo.toml", "[workspace.lints.rust]\nunexpected_cfgs = [\"cfg(madsim)\"]"),
        ];
        for (path, text) in table {
            assert!(bites(keeps_the_dependency_law, path, text).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn foreign_files() {
        let text = "#[path = \"../../src/log/mod.rs\"]\nmod log;\ninclude!(\"x.rs\");\n";
        assert_eq!(bites(includes_no_foreign_file, "sim-tests/src/a.rs", text), [1, 3]);
    }
}
