//! Reading: the whole log, and streams at random.
//!
//! Checks no content, only that all of it was read. Our side does what the peers' binary does: a
//! fresh process on files that are in the page cache, one read after the other.

use super::{
    Case, Run, bulk,
    child::{self, Role},
    contest::Contest,
    fill::{XorShift, stream},
    peers::Engine,
    scale::Scale,
};
use crate::support::{
    Failure, cache, median,
    output::{Fields, Value},
    raw::nanos,
    real,
    words::Words,
};
use sagalog::{Position, Read, Store, StreamId};
use std::{cell::RefCell, fs, path::PathBuf, time::Instant};
use tokio::runtime::Runtime;

/// The directory that is filled once for both cases.
const OURS: &str = "reads";
/// How often a child reads the whole log.
const PASSES: usize = 3;

/// The row of `case`, which is one of the two that read.
pub(crate) fn rows(run: &Run, case: Case) -> Result<Vec<Fields>, Failure> {
    let scale = run.scale.untagged();
    let ours = run.dir.join(OURS);
    let filled = ours.exists();
    if !filled {
        child::run(Role::Fill, &ours, &scale)?;
    }
    for engine in run.peers.engines() {
        if !filled {
            run.peers.run("fill", *engine, &theirs(run, *engine), &bulk::peer_sizes(&scale))?;
        }
        cache::warm(&theirs(run, *engine))?;
    }
    cache::warm(&ours)?;
    let role = if case == Case::ReadAll { Role::ReadAll } else { Role::Load };
    let told = RefCell::new(Vec::new());
    let contest = Contest::hold(
        scale.rounds,
        &run.peers,
        || {
            let words = child::run(role, &ours, &scale)?;
            let figure =
                words.number(if case == Case::ReadAll { "events_per_s" } else { "p50_us" });
            told.borrow_mut().push(words);
            figure
        },
        |engine| peer(run, case, engine),
    )?;
    fields(case, &scale, &contest, &told.into_inner()).map(|row| vec![row])
}

/// Removes what the cases read.
pub(crate) fn clear(run: &Run) -> Result<(), Failure> {
    let peers = run.peers.engines().iter().map(|engine| theirs(run, *engine));
    for dir in peers.chain([run.dir.join(OURS)]).filter(|dir| dir.exists()) {
        fs::remove_dir_all(dir)?;
    }
    Ok(())
}

fn theirs(run: &Run, engine: Engine) -> PathBuf {
    run.dir.join(format!("reads-{}", engine.name))
}

fn peer(run: &Run, case: Case, engine: Engine) -> Result<f64, Failure> {
    let dir = &theirs(run, engine);
    if case == Case::ReadAll {
        let passes = run.peers.run("readall", engine, dir, &[])?;
        let each = passes.iter().map(|pass| pass.number("events/s"));
        return Ok(median(&each.collect::<Result<Vec<_>, _>>()?));
    }
    let sizes = [run.scale.streams, run.scale.reads];
    let told = run.peers.run("load", engine, dir, &sizes)?;
    told.first().ok_or("nothing was told")?.number("p50us")
}

fn fields(case: Case, scale: &Scale, contest: &Contest, told: &[Words]) -> Result<Fields, Failure> {
    let of = |key: &str| -> Result<Value, Failure> {
        let numbers = told.iter().map(|words| words.number(key)).collect::<Result<Vec<_>, _>>()?;
        Ok(Value::Number(median(&numbers)))
    };
    let mut row = vec![
        ("case", Value::Word(case.name().to_owned())),
        ("events", Value::Count(scale.events)),
        ("streams", Value::Count(scale.streams)),
        ("payload_bytes", Value::Count(scale.payload_bytes as u64)),
    ];
    if case == Case::ReadAll {
        row.push(("events_per_s", Value::Number(contest.median())));
    } else {
        row.push(("events_per_s", of("events_per_s")?));
        row.push(("p50_us", Value::Number(contest.median())));
        row.push(("p99_us", of("p99_us")?));
    }
    row.push(("rss_mib", of("rss_mib")?));
    row.extend(contest.fields());
    Ok(row)
}

/// Reads stream `number`; returns how many events it has.
pub(crate) async fn one(store: &Store, number: u64) -> Result<u64, Failure> {
    let mut events = store.read(Read::stream(StreamId::parse(&stream(number))?));
    let (mut count, mut bytes) = (0, 0);
    while let Some(event) = events.next().await? {
        count += 1;
        bytes += event.payload().len();
    }
    // Nothing may be left out because nobody looks at it.
    std::hint::black_box(bytes);
    Ok(count)
}

/// Reads the whole log a few times.
pub(crate) async fn all(store: &Store, scale: &Scale) -> Result<Words, Failure> {
    let mut rates = Vec::new();
    for _ in 0..PASSES {
        let began = Instant::now();
        let mut events = store.read(Read::all());
        let (mut count, mut bytes) = (0, 0);
        while let Some(event) = events.next().await? {
            count += 1;
            bytes += event.payload().len();
            std::hint::black_box((event.stream(), event.event_type(), event.id()));
        }
        rates.push(real(count) / began.elapsed().as_secs_f64().max(1e-9));
        if Position::new(count) != store.head() || bytes as u64 != count * payload_bytes(scale) {
            return Err(format!("read {count} events of {}, {bytes} bytes", store.head()).into());
        }
    }
    let mut words = Words::default();
    words.push("events_per_s", median(&rates));
    Ok(words)
}

fn payload_bytes(scale: &Scale) -> u64 {
    scale.payload_bytes as u64
}

/// Reads streams at random, in the order that the peers' binary takes too.
pub(crate) fn load(runtime: &Runtime, store: &Store, scale: &Scale) -> Result<Words, Failure> {
    let mut random = XorShift(88_172_645_463_325_252);
    let mut latencies = Vec::new();
    let mut events = 0;
    let began = Instant::now();
    for _ in 0..scale.reads {
        let number = random.next() % scale.streams;
        let before = Instant::now();
        let count = runtime.block_on(one(store, number))?;
        latencies.push(nanos(before.elapsed()));
        if count != scale.stream_events() {
            return Err(format!("stream {number} has {count} events").into());
        }
        events += count;
    }
    let took = began.elapsed().as_secs_f64();
    let mut words = Words::default();
    words.push("events_per_s", real(events) / took.max(1e-9));
    push_quantiles(&mut words, &mut latencies, ("p50_us", "p99_us"));
    Ok(words)
}

/// Tells the middle of `nanos` and what one in a hundred exceeds, in microseconds.
pub(crate) fn push_quantiles(words: &mut Words, nanos: &mut [u64], names: (&str, &str)) {
    nanos.sort_unstable();
    let at = |percent: usize| nanos.get(nanos.len() * percent / 100).copied().unwrap_or(0);
    words.push(names.0, real(at(50)) / 1e3);
    words.push(names.1, real(at(99)) / 1e3);
}
