//! Guards by query: how long the decision takes, in a store of many events and many tags.
//!
//! Stores nothing: the appends are pure checks, so no disk write stands between the question and
//! the answer. Every event carries one of the tags, spread over the whole log.

use super::{
    Run,
    child::{self, Role},
    fill::{EVENT_TYPE, XorShift, tag},
    reads::push_quantiles,
    scale::Scale,
};
use crate::support::{
    Failure, cache, median,
    output::{Fields, Value},
    raw::nanos,
    words::Words,
};
use sagalog::{
    Append, AppendError, EventType, Position, Query, QueryItem, Read, ReadError, Store, Tag,
};
use std::{fs, time::Instant};
use tokio::runtime::Runtime;

/// How many events match, at most, behind the position of a guard that is to be refused.
const UNSEEN_MAX: u64 = 3;

pub(crate) fn rows(run: &Run) -> Result<Vec<Fields>, Failure> {
    let scale = &run.scale;
    if scale.tags == 0 {
        return Err("it takes --tags of 1 or more".into());
    }
    let dir = run.dir.join("guard");
    child::run(Role::Fill, &dir, scale)?;
    child::run(Role::Settle, &dir, scale)?;
    cache::warm(&dir)?;
    let told: Vec<Words> = (0..scale.rounds)
        .map(|_| child::run(Role::Guard, &dir, scale))
        .collect::<Result<_, _>>()?;
    let of = |key: &str| -> Result<Value, Failure> {
        let numbers = told.iter().map(|words| words.number(key)).collect::<Result<Vec<_>, _>>()?;
        Ok(Value::Number(median(&numbers)))
    };
    let mut row = vec![
        ("case", Value::Word("query_guard".to_owned())),
        ("events", Value::Count(scale.events)),
        ("tags", Value::Count(scale.tags)),
        ("cache_limit_mib", Value::Count(scale.cache_mib as u64)),
    ];
    for key in NUMBERS {
        row.push((key, of(key)?));
    }
    fs::remove_dir_all(&dir)?;
    Ok(vec![row])
}

const NUMBERS: [&str; 10] = [
    "p50_us",
    "p99_us",
    "refused_p50_us",
    "refused_p99_us",
    "unseen_p50_us",
    "unseen_p99_us",
    "last_match_p50_us",
    "last_match_p99_us",
    "rss_mib",
    "runs",
];

/// The latencies of each question, in nanoseconds.
#[derive(Default)]
struct Latencies {
    /// Guards that hold: nothing matches behind the last match.
    held: Vec<u64>,
    /// Guards that do not: a few events match behind the position.
    refused: Vec<u64>,
    /// Guards over the whole log, on a tag that no event carries.
    unseen: Vec<u64>,
    /// Reading the last match, from which a decision begins.
    last_match: Vec<u64>,
}

/// Asks `scale.reads` times, each time about a tag at random.
pub(crate) fn probe(runtime: &Runtime, store: &Store, scale: &Scale) -> Result<Words, Failure> {
    let mut random = XorShift(88_172_645_463_325_252);
    let mut latencies = Latencies::default();
    for _ in 0..scale.reads {
        let number = random.next() % scale.tags;
        runtime.block_on(latencies.ask(store, number, scale.tags))?;
    }
    if latencies.held.is_empty() {
        return Err("no event carries any of the tags that were asked about".into());
    }
    let mut words = Words::default();
    push_quantiles(&mut words, &mut latencies.held, ("p50_us", "p99_us"));
    push_quantiles(&mut words, &mut latencies.refused, ("refused_p50_us", "refused_p99_us"));
    push_quantiles(&mut words, &mut latencies.unseen, ("unseen_p50_us", "unseen_p99_us"));
    let names = ("last_match_p50_us", "last_match_p99_us");
    push_quantiles(&mut words, &mut latencies.last_match, names);
    Ok(words)
}

impl Latencies {
    /// Asks everything about tag `number` of `tags`, as far as an event carries it.
    async fn ask(&mut self, store: &Store, number: u64, tags: u64) -> Result<(), Failure> {
        let unseen = query(tags + number)?;
        if !holds(store, &unseen, None, &mut self.unseen).await? {
            return Err(format!("an event matches that nobody wrote: {unseen:?}").into());
        }
        let query = query(number)?;
        let before = Instant::now();
        let last = newest(store, &query, 1).await?;
        let took = nanos(before.elapsed());
        let Some(last) = last.first() else {
            return Ok(());
        };
        self.last_match.push(took);
        if !holds(store, &query, Some(*last), &mut self.held).await? {
            return Err(format!("an event matches behind the last match {last}").into());
        }
        let seen = newest(store, &query, UNSEEN_MAX + 1).await?;
        let after = seen.get(usize::try_from(UNSEEN_MAX)?).copied();
        if holds(store, &query, after, &mut self.refused).await? {
            return Err(format!("no event matches behind {after:?}, where {last} does").into());
        }
        Ok(())
    }
}

fn query(tag_number: u64) -> Result<Query, Failure> {
    let item = QueryItem::new()
        .event_type(EventType::parse(EVENT_TYPE)?)
        .tag(Tag::parse(&tag(tag_number))?);
    Ok(Query::new(item))
}

/// The positions of the newest matches, the newest first.
async fn newest(store: &Store, query: &Query, limit: u64) -> Result<Vec<Position>, ReadError> {
    let mut events = store.read(Read::query(query.clone()).backward().limit(limit));
    let mut positions = Vec::new();
    while let Some(event) = events.next().await? {
        positions.push(event.position());
    }
    Ok(positions)
}

/// Whether nothing matches behind `after`; notes how long the answer took.
async fn holds(
    store: &Store,
    query: &Query,
    after: Option<Position>,
    latencies: &mut Vec<u64>,
) -> Result<bool, Failure> {
    let check = Append::new().no_match(query.clone(), after);
    let before = Instant::now();
    let answer = store.append(check).await;
    latencies.push(nanos(before.elapsed()));
    match answer {
        Ok(_) => Ok(true),
        Err(AppendError::Conflict(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
