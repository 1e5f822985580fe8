//! How much is measured: sizes, counts and times, as arguments and back.
//!
//! Decides nothing about what is measured. The invariant: a child process that is given
//! [`Scale::arguments`] parses the same scale from them.

use crate::support::{Failure, args::Args};
use std::time::Duration;

/// The sizes of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) events: u64,
    pub(crate) streams: u64,
    /// How many tags the events of the case `query_guard` are spread over; 0 for no tags.
    pub(crate) tags: u64,
    pub(crate) payload_bytes: usize,
    pub(crate) writers: usize,
    /// How long each side of the case `append` writes in a round.
    pub(crate) secs: f64,
    pub(crate) rounds: usize,
    /// Streams read by `load`, guards tried by `query_guard`.
    pub(crate) reads: u64,
    pub(crate) cache_mib: usize,
    pub(crate) ids: Ids,
}

/// Who gives the events their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// The store.
    Drawn,
    /// The writer, 16 random bytes for each.
    Given,
}

impl Ids {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Drawn => "drawn",
            Self::Given => "given",
        }
    }
}

/// The smallest number of streams: the peers' binary reads stream 77.
const STREAMS_MIN: u64 = 100;
/// The largest append that the store takes.
const STREAM_EVENTS_MAX: u64 = 4096;

impl Scale {
    pub(crate) const KEYS: [&'static str; 10] = [
        "--events",
        "--streams",
        "--tags",
        "--payload",
        "--writers",
        "--secs",
        "--rounds",
        "--reads",
        "--cache-mib",
        "--ids",
    ];

    pub(crate) fn parse(args: &Args) -> Result<Self, Failure> {
        let events = args.number("--events", STREAMS_MIN, 1_000_000_000)?.unwrap_or(200_000);
        let usual = (events / 10).max(STREAMS_MIN);
        let streams = args.number("--streams", STREAMS_MIN, events)?.unwrap_or(usual);
        if events / streams > STREAM_EVENTS_MAX {
            return Err(format!("at most {STREAM_EVENTS_MAX} events a stream, not more").into());
        }
        let ids = match args.text("--ids") {
            None | Some("drawn") => Ids::Drawn,
            Some("given") => Ids::Given,
            Some(other) => return Err(format!("--ids takes drawn or given, not `{other}`").into()),
        };
        Ok(Self {
            events: streams * (events / streams),
            streams,
            tags: args.number("--tags", 0, 1_000_000_000)?.unwrap_or(usual),
            payload_bytes: args.number("--payload", 8, 512 << 10)?.unwrap_or(256),
            writers: args.number("--writers", 1, 4096)?.unwrap_or(256),
            secs: args.number("--secs", 0.1, 600.0)?.unwrap_or(2.0),
            rounds: args.number("--rounds", 1, 99)?.unwrap_or(3),
            reads: args.number("--reads", 1, 100_000_000)?.unwrap_or(20_000),
            cache_mib: args.number("--cache-mib", 0, 1 << 20)?.unwrap_or(64),
            ids,
        })
    }

    /// What a child process is given to have the same scale.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let values = [
            self.events.to_string(),
            self.streams.to_string(),
            self.tags.to_string(),
            self.payload_bytes.to_string(),
            self.writers.to_string(),
            self.secs.to_string(),
            self.rounds.to_string(),
            self.reads.to_string(),
            self.cache_mib.to_string(),
            self.ids.name().to_owned(),
        ];
        let pairs = Self::KEYS.iter().zip(values);
        pairs.flat_map(|(key, value)| [(*key).to_owned(), value]).collect()
    }

    /// Events in each stream, and in each append that fills one.
    pub(crate) fn stream_events(&self) -> u64 {
        self.events / self.streams
    }

    /// This scale without tags.
    pub(crate) fn untagged(&self) -> Self {
        Self { tags: 0, ..self.clone() }
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.secs)
    }

    pub(crate) fn options(&self) -> sagalog::Options {
        sagalog::Options::default().cache_bytes(self.cache_mib << 20)
    }
}
