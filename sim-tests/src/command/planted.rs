//! `cargo sim planted`: tries every planted bug and says which suite noticed, and when.
//!
//! It reads the command line and tells; the work is the workshop's. A bug that nobody catches fails
//! the run, unless its header says why; a header that says so in vain fails it too.

#![expect(clippy::disallowed_methods, reason = "it reads sources and asks git for the commit")]

use super::arguments::{Misuse, number, text, unexpected};
use crate::planted::{
    coverage,
    outcome::Outcome,
    patch::Patch,
    pick::pick,
    table,
    workshop::{self, Tried, Workshop},
};
use lexopt::{Parser, prelude::Long};
use std::{fs, path::PathBuf, process::Command, process::ExitCode};

/// How much of a violation a line of progress shows, in characters.
const WHAT_SHOWN: usize = 100;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Task {
    #[default]
    Run,
    List,
    Check,
}

/// What was tried, by name; and what could not be tried.
type Results = (Vec<(Patch, Outcome)>, Vec<String>);

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Arguments {
    task: Task,
    json: bool,
    again: bool,
    new: bool,
    write: bool,
    only: Vec<String>,
    pick: Option<usize>,
    by: Option<String>,
    workers: Option<usize>,
}

impl Arguments {
    fn is_of_all(&self) -> bool {
        self.only.is_empty() && self.pick.is_none()
    }
}

/// Runs the command with what follows its name.
pub(super) fn main(parser: &mut Parser) -> Result<ExitCode, Misuse> {
    let arguments = parse(parser)?;
    if arguments.write && !arguments.is_of_all() {
        return Err(Misuse("the page is written from all planted bugs".to_owned()));
    }
    Ok(match perform(&arguments) {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            eprintln!("{}", complaints.join("\n"));
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(2)
        }
    })
}

fn parse(parser: &mut Parser) -> Result<Arguments, Misuse> {
    let mut arguments = Arguments::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("json") => arguments.json = true,
            Long("list") => arguments.task = Task::List,
            Long("check") => arguments.task = Task::Check,
            Long("again") => arguments.again = true,
            Long("new") => arguments.new = true,
            Long("write") => arguments.write = true,
            Long("only") => arguments.only.push(text("only", parser)?),
            Long("pick") => arguments.pick = Some(number("pick", parser)?),
            Long("by") => arguments.by = Some(text("by", parser)?),
            Long("workers") => arguments.workers = Some(number("workers", parser)?),
            other => return Err(unexpected(other)),
        }
    }
    Ok(arguments)
}

/// What is wrong with the planted bugs; an error if that could not be found out.
fn perform(arguments: &Arguments) -> Result<Vec<String>, String> {
    let mut patches = workshop::patches()?;
    if let Some(unknown) =
        arguments.only.iter().find(|name| patches.iter().all(|patch| patch.name != **name))
    {
        return Err(format!("there is no planted bug `{unknown}`"));
    }
    let gaps = coverage::gaps(&patches);
    if !arguments.only.is_empty() {
        patches.retain(|patch| arguments.only.contains(&patch.name));
    }
    match arguments.task {
        Task::Run => run(patches, arguments),
        Task::List => {
            for patch in &patches {
                println!("{}: {}", patch.name, patch.mistake);
            }
            Ok(Vec::new())
        }
        Task::Check => Ok(patches.iter().filter_map(complaint_of_check).chain(gaps).collect()),
    }
}

fn run(mut patches: Vec<Patch>, arguments: &Arguments) -> Result<Vec<String>, String> {
    let workshop = Workshop::open().map_err(|error| error.to_string())?;
    if let Some(count) = arguments.pick {
        let word = arguments.by.clone().or_else(commit).unwrap_or_else(|| workshop.word());
        let new = if arguments.new { take_new(&mut patches)? } else { Vec::new() };
        patches = pick(patches, count, &word, |patch| &patch.name);
        patches.extend(new);
    }
    let count = patches.len();
    let (tried, mut complaints) = try_all(&workshop, patches, arguments)?;
    complaints.extend(tried.iter().filter_map(complaint));
    if arguments.write && tried.len() == count {
        fs::write(page_file(), table::page(&tried)).map_err(|error| error.to_string())?;
    }
    let summary = table::summary(&tried);
    println!("{}", if arguments.json { summary.to_string() } else { format!("{summary:#}") });
    Ok(complaints)
}

/// Takes out what the page does not tell of yet.
fn take_new(patches: &mut Vec<Patch>) -> Result<Vec<Patch>, String> {
    let page = fs::read_to_string(page_file()).map_err(|error| error.to_string())?;
    Ok(patches.extract_if(.., |patch| !table::tells_of(&page, patch)).collect())
}

fn page_file() -> PathBuf {
    workshop::root().join("docs").join("PLANTED.md")
}

fn try_all(
    workshop: &Workshop,
    patches: Vec<Patch>,
    arguments: &Arguments,
) -> Result<Results, String> {
    let known = |patch: &Patch| workshop.known(patch).filter(|_| !arguments.again);
    let (old, new): (Vec<Patch>, Vec<Patch>) =
        patches.into_iter().partition(|patch| known(patch).is_some());
    let found = workshop
        .try_all(new, arguments.workers.unwrap_or(1), |tried| eprintln!("{}", progress(tried)))
        .map_err(|error| error.to_string())?;
    let mut complaints = Vec::new();
    let mut tried: Vec<(Patch, Outcome)> =
        old.into_iter().filter_map(|patch| known(&patch).map(|outcome| (patch, outcome))).collect();
    for (patch, outcome) in found {
        match outcome {
            Ok(outcome) => tried.push((patch, outcome)),
            Err(reason) => complaints.push(format!("{}: {reason}", patch.name)),
        }
    }
    tried.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    Ok((tried, complaints))
}

fn progress((patch, outcome): &Tried) -> String {
    let Patch { name, guarantee, .. } = patch;
    match outcome {
        Ok(Outcome { catch, build_cpu_s, run_cpu_s }) => {
            let what = match catch {
                Some(catch) => {
                    let what: String = catch.what.chars().take(WHAT_SHOWN).collect();
                    format!("seed {}: {} {what}", catch.seed, catch.by)
                }
                None => format!("not caught within {} seeds", patch.seeds),
            };
            format!("{name} ({guarantee}), {build_cpu_s:.1} s and {run_cpu_s:.1} s: {what}")
        }
        Err(reason) => format!("{name}: {reason}"),
    }
}

fn complaint((patch, outcome): &(Patch, Outcome)) -> Option<String> {
    let name = &patch.name;
    match (&outcome.catch, &patch.missed) {
        (None, None) => Some(format!("{name}: nobody noticed, and its header does not say why")),
        (Some(_), Some(_)) => Some(format!("{name}: it is caught, yet its header says why not")),
        (None, Some(_)) | (Some(_), None) => None,
    }
}

fn complaint_of_check(patch: &Patch) -> Option<String> {
    workshop::check(patch).err().map(|reason| format!("{}: {reason}", patch.name))
}

fn commit() -> Option<String> {
    let mut git = Command::new("git");
    let output = git.args(["rev-parse", "HEAD"]).current_dir(workshop::root()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
