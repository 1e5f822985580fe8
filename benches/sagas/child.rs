//! Child processes of the saga benchmark: each opens a store, does one thing with its sagas, and
//! tells in one line what it measured.
//!
//! A process of its own for each, since memory is a process's, a fresh one has nothing in memory,
//! and only one that is killed leaves what a killed one leaves.

use super::{
    engine::{Engine, Opened},
    order::Charge,
};
use crate::support::{Failure, cache::rss_mib, real, words::Words, writers_runtime};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How often a child looks whether its sagas have got where it waits for them.
const LOOK: Duration = Duration::from_millis(1);
/// How long what is left of the work, such as an index being written, may go on.
const CALM: Duration = Duration::from_secs(2);

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Starts sagas until each is suspended in its second step, says so, and waits to be killed.
    Suspend(Charge),
    /// Opens what such a process left, until each is suspended again.
    Resume(Charge),
    /// Opens what such a process left, until each has ended.
    Recover,
    /// Lets sagas end, a tenth of them first.
    End,
    /// Opens the store of sagas that have ended.
    Reopen,
}

const ROLES: [(&str, Role); 7] = [
    ("suspend-hanging", Role::Suspend(Charge::Hangs)),
    ("suspend-waiting", Role::Suspend(Charge::Later)),
    ("resume-hanging", Role::Resume(Charge::Hangs)),
    ("resume-waiting", Role::Resume(Charge::Later)),
    ("recover", Role::Recover),
    ("end", Role::End),
    ("reopen", Role::Reopen),
];

/// The role of this name.
pub(crate) fn role_named(name: &str) -> Option<Role> {
    let found = ROLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, role)| *role)
}

/// Runs a child in `role` and returns what it measured.
pub(crate) fn run(role: Role, dir: &Path, sagas: u64) -> Result<Words, Failure> {
    let mut child = spawn(role, dir, sagas)?;
    let line = first_line(&mut child)?;
    if !child.wait()?.success() {
        return Err(format!("the child that was to {role:?} failed").into());
    }
    Ok(Words::parse(&line))
}

/// Runs a child that suspends sagas, and kills it as soon as it says that all are.
pub(crate) fn suspend_and_kill(charge: Charge, dir: &Path, sagas: u64) -> Result<Words, Failure> {
    let mut child = spawn(Role::Suspend(charge), dir, sagas)?;
    let line = first_line(&mut child)?;
    child.kill()?;
    let _ = child.wait()?;
    if line.is_empty() {
        return Err("the child that was to be killed ended before".into());
    }
    Ok(Words::parse(&line))
}

fn spawn(role: Role, dir: &Path, sagas: u64) -> Result<Child, Failure> {
    let name = ROLES.iter().find(|(_, known)| *known == role);
    let (name, _) = name.ok_or("a role without a name")?;
    let child = Command::new(std::env::current_exe()?)
        .args(["--role", name, "--sagas", &sagas.to_string(), "--dir"])
        .arg(dir)
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
pub(crate) fn act(role: Role, dir: &Path, sagas: u64) -> Result<(), Failure> {
    writers_runtime()?.block_on(async {
        match role {
            Role::Suspend(charge) => suspend(charge, dir, sagas).await,
            Role::Resume(charge) => resume(charge, dir, sagas).await,
            Role::Recover => recover(dir, sagas).await,
            Role::End => end(dir, sagas).await,
            Role::Reopen => reopen(dir).await,
        }
    })
}

fn print(words: &Words) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", words.line())?;
    Ok(out.flush()?)
}

/// Tells how much memory the process holds now, and how much of it the index of the log's tail.
fn tell_memory(words: &mut Words, keys: [&str; 2], opened: &Opened) {
    words.push(keys[0], rss_mib().unwrap_or(f64::NAN));
    words.push(keys[1], real(opened.store.stats().memory_bytes as u64) / 1_048_576.0);
}

const BEFORE: [&str; 2] = ["before_mib", "tables_before_mib"];
const AFTER: [&str; 2] = ["after_mib", "tables_after_mib"];

async fn suspend(charge: Charge, dir: &Path, sagas: u64) -> Result<(), Failure> {
    let opened = Opened::open(dir).await?;
    let engine = opened.take_over(charge, Some(usize::try_from(sagas)?)).await?;
    let mut words = Words::default();
    tell_memory(&mut words, BEFORE, &opened);
    engine.begin_up_to(sagas).await?;
    suspended(&engine, charge, sagas).await?;
    tell_memory(&mut words, AFTER, &opened);
    print(&words)?;
    // Until it is killed, or nobody is left who could.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Err("nobody killed this process".into())
}

async fn resume(charge: Charge, dir: &Path, sagas: u64) -> Result<(), Failure> {
    let opened = Opened::open(dir).await?;
    let mut words = Words::default();
    tell_memory(&mut words, BEFORE, &opened);
    let engine = opened.take_over(charge, Some(usize::try_from(sagas)?)).await?;
    suspended(&engine, charge, sagas).await?;
    tell_memory(&mut words, AFTER, &opened);
    print(&words)?;
    engine.close(opened).await
}

/// Waits until all sagas are suspended, and the work behind that is done.
async fn suspended(engine: &Engine, charge: Charge, sagas: u64) -> Result<(), Failure> {
    let under_way = if charge == Charge::Hangs { sagas } else { 0 };
    loop {
        let stats = engine.stats().await?;
        if stats.unfinished as u64 == sagas && stats.attempts as u64 == under_way {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(CALM).await;
    Ok(())
}

async fn recover(dir: &Path, sagas: u64) -> Result<(), Failure> {
    let began = Instant::now();
    let opened = Opened::open(dir).await?;
    let store = began.elapsed();
    let engine = opened.take_over(Charge::Done, None).await?;
    let ready = began.elapsed();
    while engine.charged.count() < sagas {
        tokio::time::sleep(LOOK).await;
    }
    let all_started = began.elapsed();
    while engine.stats().await?.unfinished > 0 {
        tokio::time::sleep(LOOK).await;
    }
    let done = began.elapsed();
    if !engine.all_completed(sagas).await? {
        return Err("not every saga that was under way has completed".into());
    }
    let mut words = Words::default();
    push_ms(&mut words, "store_ms", store);
    push_ms(&mut words, "ready_ms", ready);
    push_ms(&mut words, "all_started_ms", all_started);
    push_ms(&mut words, "done_ms", done);
    print(&words)?;
    engine.close(opened).await
}

fn push_ms(words: &mut Words, key: &str, time: Duration) {
    words.push(key, time.as_secs_f64() * 1e3);
}

async fn end(dir: &Path, sagas: u64) -> Result<(), Failure> {
    let opened = Opened::open(dir).await?;
    let engine = opened.take_over(Charge::Done, None).await?;
    let mut words = Words::default();
    let began = Instant::now();
    engine.complete_up_to(sagas / 10).await?;
    tokio::time::sleep(CALM).await;
    tell_memory(&mut words, BEFORE, &opened);
    engine.complete_up_to(sagas).await?;
    words.push("secs", began.elapsed().saturating_sub(CALM).as_secs_f64());
    tokio::time::sleep(CALM).await;
    tell_memory(&mut words, AFTER, &opened);
    print(&words)?;
    engine.close(opened).await
}

async fn reopen(dir: &Path) -> Result<(), Failure> {
    let began = Instant::now();
    let opened = Opened::open(dir).await?;
    let store = began.elapsed();
    let engine = opened.take_over(Charge::Done, None).await?;
    let ready = began.elapsed();
    let mut words = Words::default();
    push_ms(&mut words, "store_ms", store);
    push_ms(&mut words, "ready_ms", ready);
    tell_memory(&mut words, AFTER, &opened);
    print(&words)?;
    engine.close(opened).await
}
