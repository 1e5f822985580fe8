//! Child processes of the store benchmark: each opens the store, does one thing to it, and tells
//! in one line what it measured.
//!
//! A process of its own for each, as the peers' binary is: memory is a process's, a fresh process
//! has nothing cached but what the kernel has, and only one that is killed leaves what a killed
//! one leaves.

use super::{fill, guard, reads, scale::Scale};
use crate::support::{
    Failure,
    cache::{rss_mib, rss_peak_mib},
    real,
    words::Words,
    writers_runtime,
};
use sagalog::{Store, StoreStats};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// For how long nothing may change before a store counts as settled.
const CALM: Duration = Duration::from_secs(1);
/// How much processor time looking at it may take meanwhile, in hundredths of a second.
const CALM_TICKS: u64 = 3;
/// Which field behind the name of the program counts its time in user mode; the next one counts
/// that in the kernel.
const UTIME_FIELD: usize = 11;
/// When it is taken as it is, settled or not.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Fills the store and closes it.
    Fill,
    /// Fills the store, says so, and waits to be killed.
    FillAndWait,
    /// Opens the store, waits until it works on nothing any more, and closes it.
    Settle,
    /// Opens the store and reads one stream.
    Open,
    /// Reads the whole log, three times.
    ReadAll,
    /// Reads streams at random.
    Load,
    /// Tries guards by query.
    Guard,
}

const ROLES: [(&str, Role); 7] = [
    ("fill", Role::Fill),
    ("fill-and-wait", Role::FillAndWait),
    ("settle", Role::Settle),
    ("open", Role::Open),
    ("read-all", Role::ReadAll),
    ("load", Role::Load),
    ("guard", Role::Guard),
];

/// The role of this name.
pub(crate) fn role_named(name: &str) -> Option<Role> {
    let found = ROLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, role)| *role)
}

/// Runs a child in `role` and returns what it measured.
pub(crate) fn run(role: Role, dir: &Path, scale: &Scale) -> Result<Words, Failure> {
    let mut child = spawn(role, dir, scale)?;
    let line = first_line(&mut child)?;
    if !child.wait()?.success() {
        return Err(format!("the child that was to {role:?} failed").into());
    }
    Ok(Words::parse(&line))
}

/// Runs a child that fills the store, and kills it as soon as it says that everything is
/// acknowledged.
pub(crate) fn fill_and_kill(dir: &Path, scale: &Scale) -> Result<Words, Failure> {
    let mut child = spawn(Role::FillAndWait, dir, scale)?;
    let line = first_line(&mut child)?;
    child.kill()?;
    let _ = child.wait()?;
    if line.is_empty() {
        return Err("the child that was to be killed ended before".into());
    }
    Ok(Words::parse(&line))
}

fn spawn(role: Role, dir: &Path, scale: &Scale) -> Result<Child, Failure> {
    let name = ROLES.iter().find(|(_, known)| *known == role);
    let (name, _) = name.ok_or("a role without a name")?;
    let child = Command::new(std::env::current_exe()?)
        .args(["--role", name, "--dir"])
        .arg(dir)
        .args(scale.arguments())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(child)
}

fn first_line(child: &mut Child) -> Result<String, Failure> {
    let stdout = child.stdout.take().ok_or("the child has no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line)
}

/// What a child's `main` does.
pub(crate) fn act(role: Role, dir: &Path, scale: &Scale) -> Result<(), Failure> {
    let runtime = writers_runtime()?;
    let began = Instant::now();
    let (store, _) = runtime.block_on(Store::open(dir, scale.options()))?;
    let opened = began.elapsed();
    let mut words = match role {
        Role::Fill | Role::FillAndWait => fill_it(&runtime, &store, scale)?,
        Role::Settle => settle(&store),
        Role::Open => {
            let mut words = Words::default();
            words.push("open_ms", opened.as_secs_f64() * 1e3);
            words.push("events", real(runtime.block_on(reads::one(&store, 77))?));
            words.push("first_read_ms", began.elapsed().as_secs_f64() * 1e3);
            words
        }
        Role::ReadAll => runtime.block_on(reads::all(&store, scale))?,
        Role::Load => reads::load(&runtime, &store, scale)?,
        Role::Guard => guard::probe(&runtime, &store, scale)?,
    };
    tell_of(&store.stats(), &mut words);
    if role == Role::FillAndWait {
        print(&words)?;
        // Until it is killed, or nobody is left who could.
        std::io::stdin().read_to_end(&mut Vec::new())?;
        return Err("nobody killed this process".into());
    }
    runtime.block_on(store.close())?;
    print(&words)
}

fn tell_of(stats: &StoreStats, words: &mut Words) {
    words.push("rss_mib", rss_mib().unwrap_or(f64::NAN));
    words.push("peak_mib", rss_peak_mib().unwrap_or(f64::NAN));
    words.push("runs", real(stats.runs as u64));
    words.push("index_bytes", real(stats.index_bytes));
    words.push("cache_bytes", real(stats.cache_bytes as u64));
    words.push("memory_bytes", real(stats.memory_bytes as u64));
}

fn print(words: &Words) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", words.line())?;
    Ok(out.flush()?)
}

fn fill_it(runtime: &Runtime, store: &Store, scale: &Scale) -> Result<Words, Failure> {
    let began = Instant::now();
    runtime.block_on(fill::fill(store, scale))?;
    let took = began.elapsed().as_secs_f64();
    let mut words = Words::default();
    words.push("secs", took);
    words.push("events_per_s", real(scale.events) / took.max(1e-9));
    Ok(words)
}

/// Waits until the index is neither written nor merged any more: until for a while nothing has
/// changed and nothing was computed.
fn settle(store: &Store) -> Words {
    let began = Instant::now();
    let look = || (store.stats().runs, store.stats().index_bytes, store.stats().memory_bytes);
    let (mut last, mut ticks, mut since) = (look(), cpu_ticks(), Instant::now());
    while since.elapsed() < CALM && began.elapsed() < SETTLE_MAX {
        std::thread::sleep(LOOK);
        let (now, now_ticks) = (look(), cpu_ticks());
        if now != last || now_ticks > ticks + CALM_TICKS {
            (last, ticks, since) = (now, now_ticks, Instant::now());
        }
    }
    Words::default()
}

/// Hundredths of a second of processor time that this process has used; 0 if that is not known.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program stands in parentheses and may contain anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let times = fields.split_whitespace().skip(UTIME_FIELD).take(2);
    times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}
