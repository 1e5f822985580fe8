//! A planted bug as a file: a header that says what it breaks, above the diff that breaks it.
//!
//! Nothing is applied here. The invariant: a header that does not say what the runner and the
//! reader need is an error with the file's name, never a guess.

use super::pick::digest;
use sagalog_testkit::FaultKind;
use std::{fs, io, path::Path};

/// The suites that a patch may name.
const SUITES: [&str; 4] = ["disk", "store", "saga", "orders"];
/// Where mistakes are planted: in the kernel, and in the application that is built on it.
const PRODUCT: [&str; 2] = ["b/src/", "b/examples/orders/src/"];
/// How many lines a mistake takes at most: a longer one is not a slip.
pub(crate) const LINES_MAX: usize = 10;

/// A planted bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    /// The file's name without its ending: what the mistake does.
    pub(crate) name: String,
    /// The promise of `docs/GUARANTEES.md` that it breaks.
    pub(crate) guarantee: String,
    /// The suite that has to notice.
    pub(crate) suite: String,
    /// How many seeds it may take.
    pub(crate) seeds: u64,
    /// Faults of which one has to strike, or nobody can notice. None: crashes are enough.
    pub(crate) faults: Vec<FaultKind>,
    /// The mistake, in a sentence.
    pub(crate) mistake: String,
    /// Why no suite notices, if that is so.
    pub(crate) missed: Option<String>,
    /// The whole file: what `git apply` takes.
    pub(crate) text: String,
}

/// Reads all patches of a folder, by name.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Patch>, String> {
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    let mut patches = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = name.strip_suffix(".patch") else { continue };
        let text = fs::read_to_string(&path).map_err(failed)?;
        patches.push(Patch::parse(name, &text).map_err(|reason| format!("{name}: {reason}"))?);
    }
    patches.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(patches)
}

impl Patch {
    /// Parses the text of the patch `name`.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.chars().all(kebab) {
            return Err("a name is written in kebab case".into());
        }
        let (header, diff) = text.split_once("\n\n").ok_or("no empty line ends the header")?;
        let mut header = Header::parse(header)?;
        judge_diff(diff)?;
        let seeds = header.one("seeds")?;
        let mut faults = Vec::new();
        while let Some(fault) = header.take("fault") {
            faults.push(fault.parse().map_err(|_| format!("there is no fault `{fault}`"))?);
        }
        let patch = Self {
            name: name.to_owned(),
            guarantee: header.one("guarantee")?,
            suite: header.one("suite")?,
            seeds: seeds.parse().map_err(|_| format!("`{seeds}` is no number of seeds"))?,
            faults,
            mistake: header.one("mistake")?,
            missed: header.take("missed"),
            text: text.to_owned(),
        };
        match header.0.first() {
            Some((key, _)) => Err(format!("`{key}` is unknown, or there twice")),
            None if !SUITES.contains(&patch.suite.as_str()) => {
                Err(format!("there is no suite `{}`", patch.suite))
            }
            None if !is_guarantee(&patch.guarantee) => {
                Err(format!("`{}` is no guarantee", patch.guarantee))
            }
            None => Ok(patch),
        }
    }
}

impl Patch {
    /// Tells mistakes apart: a few digits that stay the same when only the code around it moves.
    pub(crate) fn mark(&self) -> String {
        let changed = |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("---");
        let lines = self.text.lines().filter(changed).map(str::as_bytes);
        let (suite, seeds) = (self.suite.as_bytes(), self.seeds.to_le_bytes());
        let sum = digest([suite, &seeds].into_iter().chain(lines));
        format!("{:08x}", sum & 0xFFFF_FFFF)
    }
}

/// The lines of a header that were not taken yet.
struct Header(Vec<(String, String)>);

impl Header {
    fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(|line| {
            let parts = line.split_once(": ").ok_or(format!("`{line}` is not `key: value`"))?;
            Ok((parts.0.to_owned(), parts.1.to_owned()))
        });
        lines.collect::<Result<_, String>>().map(Self)
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|(found, _)| found == key)?;
        Some(self.0.remove(at).1)
    }

    fn one(&mut self, key: &str) -> Result<String, String> {
        self.take(key).ok_or(format!("the header lacks `{key}`"))
    }
}

fn is_guarantee(text: &str) -> bool {
    text.strip_prefix('G').is_some_and(|number| number.parse::<u8>().is_ok())
}

/// A mistake is one of the product, and short.
fn judge_diff(diff: &str) -> Result<(), String> {
    let mut files = diff.lines().filter_map(|line| line.strip_prefix("+++ "));
    let of_product = |file: &str| PRODUCT.iter().any(|folder| file.starts_with(folder));
    if files.clone().next().is_none() || !files.all(of_product) {
        return Err("the diff changes `src/` or the reference application, nothing else".into());
    }
    let count = |sign: char, head: &str| {
        let changed = diff.lines().filter_map(|line| line.strip_prefix(sign));
        changed.filter(|line| !line.starts_with(head) && !line.trim().is_empty()).count()
    };
    let lines = count('+', "++ ").max(count('-', "-- "));
    if lines > LINES_MAX {
        return Err(format!("{lines} lines: a slip has {LINES_MAX} at most"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1 +1 @@\n-one\n+two\n";
    const HEADER: &str = "guarantee: G1\nsuite: disk\nseeds: 200\nmistake: Two is one.\n";

    fn parse(header: &str) -> Result<Patch, String> {
        Patch::parse("says-two", &format!("{header}\n{DIFF}"))
    }

    #[test]
    fn a_header_says_what_is_broken_and_who_notices() {
        let patch = parse(&format!("{HEADER}fault: sync-error\nfault: stall\n")).expect("sound");
        assert_eq!((patch.guarantee.as_str(), patch.seeds), ("G1", 200));
        assert_eq!(patch.faults, [FaultKind::SyncError, FaultKind::Stall]);
        assert_eq!(patch.missed, None);
        let missed = parse(&format!("{HEADER}missed: nobody looks\n")).expect("sound");
        assert_eq!(missed.missed.as_deref(), Some("nobody looks"));
    }

    #[test]
    fn a_header_that_lacks_or_invents_something_is_an_error() {
        for (header, reason) in [
            (HEADER.replace("suite: disk\n", ""), "the header lacks `suite`"),
            (HEADER.replace("disk", "moon"), "there is no suite `moon`"),
            (HEADER.replace("G1", "all"), "`all` is no guarantee"),
            (HEADER.replace("200", "few"), "`few` is no number of seeds"),
            (format!("{HEADER}fault: rust\n"), "there is no fault `rust`"),
            (format!("{HEADER}seeds: 3\n"), "`seeds` is unknown, or there twice"),
            (format!("{HEADER}why\n"), "`why` is not `key: value`"),
        ] {
            assert_eq!(parse(&header).expect_err("unsound"), reason);
        }
    }

    #[test]
    fn a_mark_follows_the_mistake_and_not_the_code_around_it() {
        let mark = |header: &str, diff: &str| {
            Patch::parse("a", &format!("{header}\n{diff}")).expect("sound").mark()
        };
        let known = mark(HEADER, DIFF);
        assert_eq!(mark(HEADER, &DIFF.replace("@@ -1 +1 @@", "@@ -9 +9 @@\n around")), known);
        assert_ne!(mark(HEADER, &DIFF.replace("+two", "+three")), known);
        assert_ne!(mark(&HEADER.replace("200", "300"), DIFF), known);
    }

    #[test]
    fn a_mistake_is_short_and_in_the_product() {
        let reason = |diff: &str| Patch::parse("a", &format!("{HEADER}\n{diff}")).err();
        assert_eq!(reason(DIFF), None);
        assert!(reason(&DIFF.replace("src", "testkit")).is_some_and(|it| it.contains("`src/`")));
        let long = format!("{DIFF}{}", "+more\n".repeat(LINES_MAX));
        assert!(reason(&long).is_some_and(|it| it.starts_with("11 lines")));
        assert!(Patch::parse("Says_two", &format!("{HEADER}\n{DIFF}")).is_err());
    }
}
