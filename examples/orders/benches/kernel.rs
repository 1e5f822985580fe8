//! The kernel's own part of an order: `cargo bench -p orders --bench kernel`.
//!
//! Two stores take turns of equal length, each with as many callers in a closed loop: one with the
//! shop's sagas, whose services answer at once and keep no books; one with the saga of the kernel's
//! own bench: three steps that do nothing. Prints one JSON object a line. Judges nothing.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench takes real time and prints what it took"
)]

use orders::{
    domain::Order,
    intake::{Document, day},
    sagas::{Book, Definitions, OrderRequest, Patience, saga_id, take_in},
};
use sagalog::{
    CommandKey, Options, SagaId, SagaOptions, SagaOutcome, Sagas, Store,
    definition::{Definition, Outcome, Saga, step_fn},
    runtime::{Address, Answer, Call, CallError, Transport, tokio::TokioRuntime},
    saga::Effect,
};
use std::{
    error::Error,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::JoinSet};

/// How long each side has before it is the other's turn.
const SLICE: Duration = Duration::from_millis(500);

type Failure = Box<dyn Error + Send + Sync>;

/// Everything is done at once.
struct AtOnce;

impl Transport for AtOnce {
    async fn call(&self, _: &Address, _: Call) -> Result<Answer, CallError> {
        Ok(Answer::Done("ok".into()))
    }
}

/// One side: a store, its sagas, and a way to run one more.
struct Side {
    sagas: Sagas,
    kind: Kind,
    done: AtomicU64,
}

enum Kind {
    Shop { definitions: Definitions, requests: tokio::sync::Mutex<mpsc::Receiver<OrderRequest>> },
    Bench(Definition<(String, u64), u64>),
}

impl Side {
    /// Runs one saga; whether there was one left.
    async fn one(&self) -> Result<bool, Failure> {
        match &self.kind {
            Kind::Shop { definitions, requests } => {
                let request = requests.lock().await.recv().await;
                let Some(request) = request else { return Ok(false) };
                let saga = saga_id::<Order>(&request.order);
                let outcome = self.sagas.run(&definitions.order, saga, &request).await?;
                completed(outcome)?;
            }
            Kind::Bench(definition) => {
                let number = self.done.load(Ordering::Relaxed) << 20 | rank();
                let saga = SagaId::parse(&format!("bench-{number}-{}", rank()))?;
                let input = ("customer-17".to_owned(), 1250);
                completed(self.sagas.run(definition, saga, &input).await?)?;
            }
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }
}

/// A number that nobody else has.
fn rank() -> u64 {
    static RANKS: AtomicU64 = AtomicU64::new(0);
    RANKS.fetch_add(1, Ordering::Relaxed)
}

fn completed<O: std::fmt::Debug>(outcome: SagaOutcome<O>) -> Result<(), Failure> {
    match outcome {
        SagaOutcome::Completed(_) => Ok(()),
        other => Err(format!("a saga came to {other:?}").into()),
    }
}

fn bench_definition() -> Result<Definition<(String, u64), u64>, Failure> {
    let nothing = || step_fn(Effect::Keyed, |_cx, pence: u64| async move { Outcome::Done(pence) });
    let mut saga = Saga::<(String, u64)>::define("bench", 1);
    let undone = |_cx, _pence, _output| async { Outcome::Done(()) };
    let reserve =
        saga.step("reserve", nothing()).compensation_fn(undone).takes(|order, ()| order.1);
    let charge = saga.step("charge", nothing()).after(reserve).compensation_fn(undone);
    let charge = charge.takes(|_, pence| pence);
    let ship = saga.step("ship", nothing()).after(charge).compensation_fn(undone);
    let ship = ship.takes(|_, pence| pence);
    Ok(saga.returns(ship).build()?)
}

async fn open(dir: &Path) -> Result<(TokioRuntime, Store), Failure> {
    let runtime = TokioRuntime::create(dir)?;
    let (store, _) = Store::open_with(&runtime, Options::default()).await?;
    Ok((runtime, store))
}

/// The shop, with so many orders that have come in.
async fn shop(dir: &Path, orders: u32) -> Result<Side, Failure> {
    let (runtime, store) = open(dir).await?;
    let definitions = Definitions::build(&store, AtOnce, Patience::default())?;
    let options = SagaOptions::default();
    let sagas = Sagas::open_with(&runtime, &store, definitions.codes(), options).await?;
    let (book, intake) = (Book::<Order>::new(store.clone()), day(1, orders));
    let (give, requests) = mpsc::channel(intake.documents.len().max(1));
    for batch in intake.documents.chunks(256) {
        let mut taken_in = JoinSet::new();
        for document in batch {
            let Document::Order(order, placed) = document else { continue };
            let key = CommandKey::parse(&format!("order-{order}"))?;
            let (store, events) = (store.clone(), vec![book.placed(order, placed.clone())?]);
            taken_in.spawn(async move { take_in(&store, key, events).await });
            let (method, total) = (placed.payment, placed.total());
            if placed.objection().is_none() {
                let request = OrderRequest { order: order.clone(), method, total };
                give.try_send(request).map_err(|_| "there is room for all")?;
            }
        }
        while let Some(taken_in) = taken_in.join_next().await {
            taken_in??;
        }
    }
    let requests = tokio::sync::Mutex::new(requests);
    Ok(Side { sagas, kind: Kind::Shop { definitions, requests }, done: AtomicU64::new(0) })
}

async fn bench(dir: &Path) -> Result<Side, Failure> {
    let (runtime, store) = open(dir).await?;
    let definition = bench_definition()?;
    let options = SagaOptions::default();
    let sagas = Sagas::open_with(&runtime, &store, [definition.code()], options).await?;
    Ok(Side { sagas, kind: Kind::Bench(definition), done: AtomicU64::new(0) })
}

/// Sagas a second over one slice; nothing if there were too few.
async fn slice(side: &Arc<Side>, callers: usize) -> Result<Option<f64>, Failure> {
    let (start, before) = (Instant::now(), side.done.load(Ordering::Relaxed));
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let side = Arc::clone(side);
        tasks.spawn(async move {
            while start.elapsed() < SLICE {
                if !side.one().await? {
                    return Ok::<_, Failure>(false);
                }
            }
            Ok(true)
        });
    }
    let mut enough = true;
    while let Some(ended) = tasks.join_next().await {
        enough &= ended??;
    }
    let done = side.done.load(Ordering::Relaxed) - before;
    let rate = f64::from(u32::try_from(done)?) / start.elapsed().as_secs_f64();
    Ok(enough.then_some(rate))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn measure(orders: u32, callers: usize) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let ours = Arc::new(shop(&dir.path().join("shop"), orders).await?);
    let theirs = Arc::new(bench(&dir.path().join("bench")).await?);
    let (mut rates, mut others, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(rate) = slice(&ours, callers).await? {
        let Some(other) = slice(&theirs, callers).await? else { break };
        rates.push(rate);
        others.push(other);
        ratios.push(rate / other);
    }
    let turns = ratios.len();
    let (rate, other, ratio) = (median(rates), median(others), median(ratios));
    println!(
        "{{\"callers\":{callers},\"orders_per_s\":{rate:.0},\"bench_sagas_per_s\":{other:.0},\
         \"ratio\":{ratio:.2},\"turns\":{turns}}}"
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let orders = words.next().map_or(Ok(60_000), |word| word.parse())?;
    let callers = words.next().map_or(Ok(256), |word| word.parse())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(orders, callers))
}
