//! Working through an intake: many sagas at a time, in the order of the file where it matters.
//!
//! It can be stopped and begun again anywhere: documents are taken in under keys, and sagas are
//! joined by their names. The invariant it guards: a return is begun when everything that came in
//! before it from its customer is settled.

use super::{IntakeLog, Shop, ShopError};
use crate::{
    domain::{CustomerNo, DocumentNo, Order, Placed, Return, WriteOff},
    intake::{Document, Intake},
    sagas::{Book, OrderRequest, ReturnRequest, WriteOffRequest, saga_id, take_in},
};
use sagalog::{CommandKey, NewEvent, SagaOutcome, Store, StreamId};
use std::{collections::BTreeMap, future::Future, sync::Arc};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinError, JoinSet},
};

/// How far the work has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many documents are settled.
    pub settled: usize,
    /// Of how many.
    pub documents: usize,
}

/// Sagas that wait for an operator, by name.
pub type Stuck = Vec<String>;

/// When a document is settled.
type Settled = watch::Receiver<bool>;

impl Shop {
    /// Works through the intake, `in_flight` documents at a time. Returns when everything of it is
    /// settled, with what is stuck.
    ///
    /// # Errors
    /// [`ShopError::OtherIntake`] if the shop has another one.
    ///
    /// # Panics
    /// If a task of the work does, which is a bug.
    ///
    /// # Cancel safety
    /// What was begun goes on; run it again to learn what it came to.
    pub async fn run(
        &self,
        intake: &Intake,
        in_flight: usize,
        mut progress: impl FnMut(Progress),
    ) -> Result<Stuck, ShopError> {
        IntakeLog::write(&self.store, intake).await?;
        let books = Arc::new(Books {
            store: self.store.clone(),
            fingerprint: intake.fingerprint,
            orders: Book::new(self.store.clone()),
            returns: Book::new(self.store.clone()),
            write_offs: Book::new(self.store.clone()),
        });
        let mut work = Work::new(in_flight, intake.documents.len());
        for document in &intake.documents {
            let taken_in = books.take_in(document)?;
            work.begin(document, taken_in, self.settle(document), &mut progress).await?;
        }
        work.end(&mut progress).await
    }

    /// Runs the saga of a document, or joins it; whether it is stuck.
    fn settle(&self, document: &Document) -> impl Future<Output = Result<bool, ShopError>> + use<> {
        let (sagas, definitions) = (self.sagas.clone(), self.definitions.clone());
        let request = Request::of(document);
        async move {
            Ok(match request {
                Request::Order(order) => {
                    let saga = saga_id::<Order>(&order.order);
                    is_stuck(&sagas.run(&definitions.order, saga, &order).await?)
                }
                Request::Return(by) => {
                    let saga = saga_id::<Return>(&by.by);
                    is_stuck(&sagas.run(&definitions.returning, saga, &by).await?)
                }
                Request::WriteOff(by) => {
                    let saga = saga_id::<WriteOff>(&by.by);
                    is_stuck(&sagas.run(&definitions.write_off, saga, &by).await?)
                }
            })
        }
    }
}

fn is_stuck<O>(outcome: &SagaOutcome<O>) -> bool {
    matches!(outcome, SagaOutcome::Stuck(_))
}

/// What the saga of a document is started with.
enum Request {
    Order(OrderRequest),
    Return(ReturnRequest),
    WriteOff(WriteOffRequest),
}

impl Request {
    fn of(document: &Document) -> Self {
        match document {
            Document::Order(number, placed) => Self::Order(OrderRequest {
                order: number.clone(),
                method: placed.payment,
                total: placed.total(),
            }),
            Document::Return(number, _) => Self::Return(ReturnRequest { by: number.clone() }),
            Document::WriteOff(number, _) => Self::WriteOff(WriteOffRequest { by: number.clone() }),
        }
    }
}

/// Where documents are kept.
struct Books {
    store: Store,
    fingerprint: u64,
    orders: Book<Order>,
    returns: Book<Return>,
    write_offs: Book<WriteOff>,
}

impl Books {
    /// Stores a document, once however often it comes in.
    fn take_in(
        &self,
        document: &Document,
    ) -> Result<impl Future<Output = Result<(), ShopError>> + use<>, ShopError> {
        let key = format!("{:016x}-{}", self.fingerprint, name_of(document));
        let key = CommandKey::parse(&key).expect("digits and a name are a name");
        let (store, begun) = (self.store.clone(), self.begin(document)?);
        Ok(async move { Ok(take_in(&store, key, vec![begun]).await?) })
    }

    fn begin(&self, document: &Document) -> Result<(StreamId, NewEvent), ShopError> {
        Ok(match document {
            Document::Order(number, placed) => self.orders.placed(number, placed.clone())?,
            Document::Return(number, placed) => {
                self.returns.begin(number, &crate::domain::ReturnEvent::Placed(placed.clone()))?
            }
            Document::WriteOff(number, placed) => self
                .write_offs
                .begin(number, &crate::domain::WriteOffEvent::Placed(placed.clone()))?,
        })
    }
}

/// What is under way.
struct Work {
    room: Arc<Semaphore>,
    tasks: JoinSet<Result<Option<String>, ShopError>>,
    /// By customer, when each of their documents so far is settled.
    before: BTreeMap<CustomerNo, Vec<Settled>>,
    stuck: Stuck,
    progress: Progress,
}

impl Work {
    fn new(in_flight: usize, documents: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(in_flight.max(1))),
            tasks: JoinSet::new(),
            before: BTreeMap::new(),
            stuck: Stuck::new(),
            progress: Progress { settled: 0, documents },
        }
    }

    async fn begin(
        &mut self,
        document: &Document,
        taking_in: impl Future<Output = Result<(), ShopError>> + Send + 'static,
        settling: impl Future<Output = Result<bool, ShopError>> + Send + 'static,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), ShopError> {
        let permit = self.permit(progress).await?;
        let (settles, settled) = watch::channel(false);
        let (customer, waits) = match document {
            Document::Order(_, Placed { customer, .. }) => (customer.number.clone(), false),
            Document::Return(_, returned) => (returned.customer.clone(), true),
            Document::WriteOff(..) => (None, false),
        };
        let mut earlier = Vec::new();
        if let Some(customer) = customer {
            let before = self.before.entry(customer).or_default();
            before.retain(|settled| !*settled.borrow());
            if waits {
                earlier.clone_from(before);
            }
            before.push(settled);
        }
        let name = name_of(document);
        self.tasks.spawn(async move {
            taking_in.await?;
            for mut settled in earlier {
                if settled.wait_for(|settled| *settled).await.is_err() {
                    // Gone without a word: it failed, which ends the work, and this with it. To go
                    // on would be to match against what is not there yet.
                    std::future::pending::<()>().await;
                }
            }
            let stuck = settling.await?;
            let _ = settles.send(true);
            drop(permit);
            Ok(stuck.then_some(name))
        });
        Ok(())
    }

    /// Room for one more, which there is when one before has settled. Nobody waits in vain: what a
    /// return waits for was begun before it.
    async fn permit(
        &mut self,
        progress: &mut impl FnMut(Progress),
    ) -> Result<OwnedSemaphorePermit, ShopError> {
        while let Some(ended) = self.tasks.try_join_next() {
            self.has_settled(ended, progress)?;
        }
        loop {
            if let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
                return Ok(permit);
            }
            self.one_settles(progress).await?;
        }
    }

    async fn one_settles(
        &mut self,
        progress: &mut impl FnMut(Progress),
    ) -> Result<bool, ShopError> {
        let Some(ended) = self.tasks.join_next().await else { return Ok(false) };
        self.has_settled(ended, progress)?;
        Ok(true)
    }

    fn has_settled(
        &mut self,
        ended: Result<Result<Option<String>, ShopError>, JoinError>,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), ShopError> {
        self.stuck.extend(ended.expect("a task of the work does not panic")?);
        self.progress.settled += 1;
        progress(self.progress);
        Ok(())
    }

    async fn end(mut self, progress: &mut impl FnMut(Progress)) -> Result<Stuck, ShopError> {
        while self.one_settles(progress).await? {}
        self.stuck.sort();
        Ok(self.stuck)
    }
}

fn name_of(document: &Document) -> String {
    use crate::domain::Document as _;
    let name: fn(&DocumentNo) -> String = match document {
        Document::Order(..) => Order::name,
        Document::Return(..) => Return::name,
        Document::WriteOff(..) => WriteOff::name,
    };
    match document {
        Document::Order(number, _)
        | Document::Return(number, _)
        | Document::WriteOff(number, _) => name(number),
    }
}
