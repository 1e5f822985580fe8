//! The closed loop: writers that send the next append when one was acknowledged.
//!
//! Knows nothing of the raw limit. The invariant: a slice ends at its deadline or when its
//! prepared space has run out, and every append that it counts was acknowledged.

use super::{Failure, histogram::Histogram, raw::nanos};
use bytes::Bytes;
use sagalog::{Appended, Commit, CommitError, Log};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How often the log is asked how many segments it has started.
const LOOK: Duration = Duration::from_millis(1);

/// Who appends what.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) writers: usize,
    pub(crate) outstanding: usize,
    pub(crate) blocking: bool,
    pub(crate) body: Bytes,
}

/// What came of a slice.
#[derive(Default)]
pub(crate) struct Slice {
    pub(crate) appends: u64,
    pub(crate) elapsed: Duration,
    pub(crate) latency: Histogram,
    /// The worst latency in microseconds of the appends that ended in each millisecond.
    pub(crate) worst_us: Vec<u32>,
    /// In which milliseconds a segment was started.
    pub(crate) rolls: Vec<usize>,
}

impl Slice {
    fn merge(&mut self, other: &Self) {
        self.appends += other.appends;
        self.elapsed = self.elapsed.max(other.elapsed);
        self.latency.merge(&other.latency);
        let len = self.worst_us.len().max(other.worst_us.len());
        self.worst_us.resize(len, 0);
        for (mine, theirs) in self.worst_us.iter_mut().zip(&other.worst_us) {
            *mine = (*mine).max(*theirs);
        }
    }
}

/// What one writer needs.
#[derive(Clone)]
struct Writer {
    log: Log,
    body: Bytes,
    outstanding: usize,
    began: Instant,
    deadline: Instant,
    stop: Arc<AtomicBool>,
}

/// Appends until `time` has passed or `segments_max` segments are started.
pub(crate) fn slice(
    runtime: &Runtime,
    log: &Log,
    load: &Load,
    time: Duration,
    segments_max: usize,
) -> Result<Slice, Failure> {
    let began = Instant::now();
    let writer = Writer {
        log: log.clone(),
        body: load.body.clone(),
        outstanding: load.outstanding,
        began,
        deadline: began + time,
        stop: Arc::new(AtomicBool::new(false)),
    };
    if load.blocking {
        in_threads(&writer, load.writers, segments_max)
    } else {
        in_tasks(runtime, &writer, load.writers, segments_max)
    }
}

fn in_threads(writer: &Writer, writers: usize, segments_max: usize) -> Result<Slice, Failure> {
    let start = |_| {
        let writer = writer.clone();
        std::thread::spawn(move || writer.run_blocking())
    };
    let threads: Vec<_> = (0..writers).map(start).collect();
    let mut whole = Slice {
        rolls: watch(writer, segments_max, || {
            threads.iter().all(std::thread::JoinHandle::is_finished)
        }),
        ..Slice::default()
    };
    for thread in threads {
        whole.merge(&thread.join().map_err(|_| "a writer panicked")??);
    }
    Ok(whole)
}

fn in_tasks(
    runtime: &Runtime,
    writer: &Writer,
    writers: usize,
    segments_max: usize,
) -> Result<Slice, Failure> {
    let start = |_| runtime.spawn(writer.clone().run());
    let tasks: Vec<_> = (0..writers).map(start).collect();
    let mut whole = Slice {
        rolls: watch(writer, segments_max, || {
            tasks.iter().all(tokio::task::JoinHandle::is_finished)
        }),
        ..Slice::default()
    };
    for task in tasks {
        whole.merge(&runtime.block_on(task)??);
    }
    Ok(whole)
}

/// Notes the milliseconds in which segments were started, and ends the slice when there are
/// enough.
fn watch(writer: &Writer, segments_max: usize, done: impl Fn() -> bool) -> Vec<usize> {
    let mut rolls = Vec::new();
    let mut segments = writer.log.stats().segments;
    while !done() {
        let now = writer.log.stats().segments;
        if now > segments {
            rolls.push(millis(writer.began.elapsed()));
            segments = now;
        }
        if now >= segments_max {
            writer.stop.store(true, Ordering::Relaxed);
        }
        std::thread::sleep(LOOK);
    }
    rolls
}

fn millis(duration: Duration) -> usize {
    usize::try_from(duration.as_millis()).unwrap_or(usize::MAX)
}

impl Writer {
    async fn run(self) -> Result<Slice, CommitError> {
        if self.outstanding > 1 {
            return self.run_several().await;
        }
        let mut slice = Slice::default();
        let mut before = Instant::now();
        while self.goes_on(before) {
            self.log.append(Commit::new(self.body.clone())).await?;
            before = self.note(&mut slice, before);
        }
        slice.elapsed = before - self.began;
        Ok(slice)
    }

    async fn run_several(self) -> Result<Slice, CommitError> {
        let mut slice = Slice::default();
        let mut flights: Vec<Flight> = Vec::with_capacity(self.outstanding);
        let mut now = Instant::now();
        loop {
            while flights.len() < self.outstanding && self.goes_on(now) {
                flights.push(Flight::start(&self, now));
            }
            if flights.is_empty() {
                slice.elapsed = now - self.began;
                return Ok(slice);
            }
            for sent in first_landed(&mut flights).await? {
                now = self.note(&mut slice, sent);
            }
        }
    }

    fn run_blocking(self) -> Result<Slice, CommitError> {
        let mut slice = Slice::default();
        let mut before = Instant::now();
        while self.goes_on(before) {
            self.log.append_blocking(&Commit::new(self.body.clone()))?;
            before = self.note(&mut slice, before);
        }
        slice.elapsed = before - self.began;
        Ok(slice)
    }

    fn goes_on(&self, now: Instant) -> bool {
        now < self.deadline && !self.stop.load(Ordering::Relaxed)
    }

    /// Counts an append that was sent at `sent`; returns the moment of its end.
    fn note(&self, slice: &mut Slice, sent: Instant) -> Instant {
        let now = Instant::now();
        slice.appends += 1;
        slice.latency.add(nanos(now - sent));
        let at = millis(now - self.began);
        if at >= slice.worst_us.len() {
            slice.worst_us.resize(at + 1, 0);
        }
        let took_us = u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX);
        slice.worst_us[at] = slice.worst_us[at].max(took_us);
        now
    }
}

/// One of several appends that a writer has under way.
struct Flight {
    sent: Instant,
    append: Pin<Box<dyn Future<Output = Result<Appended, CommitError>> + Send>>,
}

impl Flight {
    fn start(writer: &Writer, sent: Instant) -> Self {
        let (log, body) = (writer.log.clone(), writer.body.clone());
        let append = Box::pin(async move { log.append(Commit::new(body)).await });
        Self { sent, append }
    }
}

/// Takes out the flights that have landed; waits until there is one.
async fn first_landed(flights: &mut Vec<Flight>) -> Result<Vec<Instant>, CommitError> {
    poll_fn(|cx| {
        let mut landed = Vec::new();
        let mut at = 0;
        while at < flights.len() {
            match flights[at].append.as_mut().poll(cx) {
                Poll::Ready(Ok(_)) => landed.push(flights.swap_remove(at).sent),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => at += 1,
            }
        }
        if landed.is_empty() { Poll::Pending } else { Poll::Ready(Ok(landed)) }
    })
    .await
}
