//! One event an append, many writers, each with a stream of its own, beside the bare log.
//!
//! The log stores the same payload as a commit's body and nothing else: no stream, no type, no
//! guard, no index. So its figure is the limit, and the ratio is what the store costs.

use super::{
    Run,
    contest::Contest,
    fill::{EVENT_TYPE, payload},
    peers::Engine,
};
use crate::support::{
    Failure,
    drive::{self, Load, Slice},
    histogram::Histogram,
    median,
    output::{Fields, Value},
    prepare,
    raw::{nanos, rate},
    real, writers_runtime,
};
use bytes::Bytes;
use sagalog::{
    Append, EventType, ExpectedRevision, Log, NewEvent, Revision, SegmentId, Store, StreamId,
    log::segment,
};
use std::{
    cell::RefCell,
    fs,
    path::Path,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How long the log and the store take turns: long enough that what the store does
/// behind its appends mostly ends in the turn in which it began.
const SLICE: Duration = Duration::from_millis(500);
/// The default of the options, which both sides have.
const SEGMENT_BYTES: u64 = 64 << 20;
/// Size of the events that only fill, and how many of them are under way.
const FILL_BYTES: usize = 1 << 20;
const FILLERS: u64 = 8;

pub(crate) fn rows(run: &Run) -> Result<Vec<Fields>, Failure> {
    let runtime = writers_runtime()?;
    let (log_dir, store_dir) = (run.dir.join("append-log"), run.dir.join("append-store"));
    runtime.block_on(prepare::grow(&log_dir, SEGMENT_BYTES))?;
    let options = prepare::options(SEGMENT_BYTES);
    let (log, _) = runtime.block_on(Log::open(&log_dir, options))?;
    let (store, _) = runtime.block_on(Store::open(&store_dir, run.scale.options()))?;
    runtime.block_on(grow(&store, &store_dir))?;
    let sides = RefCell::new(Sides {
        runtime: &runtime,
        log: &log,
        store: &store,
        body: payload(7, run.scale.payload_bytes),
        writers: (0..run.scale.writers).map(Writer::new).collect::<Result<_, _>>()?,
        log_rates: Vec::new(),
        ratios: Vec::new(),
        latency: Histogram::default(),
    });
    let contest = Contest::hold(
        run.scale.rounds,
        &run.peers,
        || sides.borrow_mut().take_turns(run.scale.time()),
        |engine| peer(run, engine),
    )?;
    let row = fields(run, &sides.into_inner(), &contest);
    runtime.block_on(log.close())?;
    runtime.block_on(store.close())?;
    fs::remove_dir_all(&log_dir)?;
    fs::remove_dir_all(&store_dir)?;
    Ok(vec![row])
}

fn peer(run: &Run, engine: Engine) -> Result<f64, Failure> {
    let dir = run.dir.join("append-peer");
    // The binary takes whole seconds.
    let secs = run.scale.time().as_secs().max(1);
    let told = run.peers.run("durable", engine, &dir, &[secs, run.scale.writers as u64])?;
    fs::remove_dir_all(&dir)?;
    told.first().ok_or("nothing was told")?.number("ops/s")
}

fn fields(run: &Run, sides: &Sides<'_>, contest: &Contest) -> Fields {
    let mut row = vec![
        ("case", Value::Word("append".to_owned())),
        ("payload_bytes", Value::Count(run.scale.payload_bytes as u64)),
        ("writers", Value::Count(run.scale.writers as u64)),
        ("events_per_s", Value::Number(contest.median())),
        ("p50_us", Value::Number(sides.latency.quantile_us(500))),
        ("p99_us", Value::Number(sides.latency.quantile_us(990))),
        ("log_per_s", Value::Number(median(&sides.log_rates))),
        ("log_ratio", Value::Number(median(&sides.ratios))),
    ];
    row.extend(contest.fields());
    row
}

/// Both sides, and what their turns came to.
struct Sides<'a> {
    runtime: &'a Runtime,
    log: &'a Log,
    store: &'a Store,
    body: Bytes,
    writers: Vec<Writer>,
    log_rates: Vec<f64>,
    /// Store to log, of each pair of turns.
    ratios: Vec<f64>,
    latency: Histogram,
}

impl Sides<'_> {
    /// Log, store, log, store, until the store has written for `time`; returns its rate.
    fn take_turns(&mut self, time: Duration) -> Result<f64, Failure> {
        let load = Load {
            writers: self.writers.len(),
            outstanding: 1,
            blocking: false,
            body: self.body.clone(),
        };
        let mut sum = Slice::default();
        while sum.elapsed < time {
            let log = drive::slice(self.runtime, self.log, &load, SLICE, usize::MAX)?;
            let store = self.slice()?;
            self.log_rates.push(rate(&log));
            self.ratios.push(rate(&store) / rate(&log).max(1e-9));
            self.latency.merge(&store.latency);
            sum.appends += store.appends;
            sum.elapsed += store.elapsed;
        }
        Ok(real(sum.appends) / sum.elapsed.as_secs_f64().max(1e-9))
    }

    /// Lets all writers append until a turn is over.
    fn slice(&mut self) -> Result<Slice, Failure> {
        let began = Instant::now();
        let start = |writer: Writer| {
            self.runtime.spawn(writer.run(self.store.clone(), self.body.clone(), began))
        };
        let tasks: Vec<_> = std::mem::take(&mut self.writers).into_iter().map(start).collect();
        let mut whole = Slice::default();
        for task in tasks {
            let (writer, slice) = self.runtime.block_on(task)??;
            self.writers.push(writer);
            whole.appends += slice.appends;
            whole.elapsed = whole.elapsed.max(slice.elapsed);
            whole.latency.merge(&slice.latency);
        }
        Ok(whole)
    }
}

/// A writer and its stream.
struct Writer {
    stream: StreamId,
    event_type: EventType,
    last: Option<Revision>,
}

impl Writer {
    fn new(number: usize) -> Result<Self, Failure> {
        Ok(Self {
            stream: StreamId::parse(&format!("bench-{number}"))?,
            event_type: EventType::parse(EVENT_TYPE)?,
            last: None,
        })
    }

    async fn run(
        mut self,
        store: Store,
        body: Bytes,
        began: Instant,
    ) -> Result<(Self, Slice), Failure> {
        let mut slice = Slice::default();
        let mut before = Instant::now();
        while before - began < SLICE {
            let expected = self.last.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
            let event = NewEvent::new(self.event_type.clone(), body.clone());
            let append = Append::new()
                .expect(self.stream.clone(), expected)
                .event(self.stream.clone(), event);
            self.last = store.append(append).await?.revision(&self.stream);
            let now = Instant::now();
            slice.appends += 1;
            slice.latency.add(nanos(now - before));
            before = now;
        }
        slice.elapsed = before - began;
        Ok((self, slice))
    }
}

/// Fills a new store until its segments have their full size, as [`prepare::grow`] does a log.
async fn grow(store: &Store, dir: &Path) -> Result<(), Failure> {
    let body = Bytes::from(vec![0x5A; FILL_BYTES]);
    let event_type = EventType::parse(EVENT_TYPE)?;
    let active_bytes = |store: &Store| {
        let active = SegmentId::new(store.stats().segments as u64);
        fs::metadata(dir.join(segment::file_name(active))).map(|file| file.len())
    };
    while active_bytes(store)? < SEGMENT_BYTES {
        let fillers: Vec<_> = (0..FILLERS)
            .map(|number| {
                let (store, body, event_type) = (store.clone(), body.clone(), event_type.clone());
                tokio::spawn(async move {
                    let stream = StreamId::parse(&format!("fill-{number}"))?;
                    let append = Append::new().event(stream, NewEvent::new(event_type, body));
                    store.append(append).await?;
                    Ok::<_, Failure>(())
                })
            })
            .collect();
        for filler in fillers {
            filler.await??;
        }
    }
    Ok(())
}
