//! What the shop does about a document: one saga each.
//!
//! The services stand behind [`ports`](crate::ports), the history of a document in its stream in
//! the sagas' own store ([`Book`]). The invariant it guards: every step that asks somebody asks
//! under its key, and what came of it stands in the document's stream in the append that stores the
//! step's result.

mod book;
mod order;
mod returning;
mod steps;
mod write_off;

pub use book::{Book, BookError, Found, take_in};
pub use order::{OrderEnd, OrderRequest};
pub use returning::{ReturnEnd, ReturnRequest};
pub use write_off::WriteOffRequest;

use crate::domain::{Document, DocumentNo, Order, Return, StockCode, WriteOff};
use sagalog::{
    SagaId, Store,
    definition::{Code, Definition},
    runtime::Transport,
    saga::{DefinitionError, Retry},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How patient the shop is with its services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long it waits for one answer.
    pub timeout: Duration,
    /// The delay after a failure; it doubles, up to a hundred times as long.
    pub delay: Duration,
    /// How often it asks for what may still be refused.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        let (timeout, delay) = (Duration::from_millis(500), Duration::from_millis(5));
        Self { timeout, delay, attempts: 12 }
    }
}

impl Patience {
    fn until_done(&self) -> Retry {
        Retry::exponential(self.delay, self.delay * 100)
    }

    fn bounded(&self) -> Retry {
        self.until_done().attempts(self.attempts)
    }
}

/// The definitions of all sagas of the shop.
#[derive(Clone, Debug)]
pub struct Definitions {
    /// Of an order.
    pub order: Definition<OrderRequest, OrderEnd>,
    /// Of a return.
    pub returning: Definition<ReturnRequest, ReturnEnd>,
    /// Of a write-off.
    pub write_off: Definition<WriteOffRequest, ()>,
}

/// The steps of each saga by the name of its definition, in order: what journals call by numbers.
pub const STEPS: [(&str, &[&str]); 3] =
    [("order", &order::STEPS), ("return", &returning::STEPS), ("writeoff", &write_off::STEPS)];

/// What the steps of all sagas have around them.
struct Around<T> {
    transport: T,
    orders: Book<Order>,
    returns: Book<Return>,
    write_offs: Book<WriteOff>,
    patience: Patience,
}

impl Definitions {
    /// Sagas that keep their documents in `store` and ask services over `transport`.
    ///
    /// # Errors
    /// [`DefinitionError`] if one of them could not end, which is a bug.
    pub fn build<T: Transport>(
        store: &Store,
        transport: T,
        patience: Patience,
    ) -> Result<Self, DefinitionError> {
        let around = Arc::new(Around {
            transport,
            orders: Book::new(store.clone()),
            returns: Book::new(store.clone()),
            write_offs: Book::new(store.clone()),
            patience,
        });
        Ok(Self {
            order: order::definition(&around)?,
            returning: returning::definition(&around)?,
            write_off: write_off::definition(&around)?,
        })
    }

    /// What an executor runs.
    pub fn codes(&self) -> [Arc<dyn Code>; 3] {
        [self.order.code(), self.returning.code(), self.write_off.code()]
    }
}

/// The saga of a document, which has the name of its stream.
///
/// # Panics
/// Never: the numbers of documents are bounded.
pub fn saga_id<D: Document>(number: &DocumentNo) -> SagaId {
    SagaId::parse(&D::name(number)).expect("the number of a document is part of a name")
}

/// Each product once, with all its pieces, in order.
fn by_product<'a>(lines: impl Iterator<Item = (&'a StockCode, u64)>) -> Vec<(StockCode, u64)> {
    let mut products = BTreeMap::new();
    for (product, pieces) in lines {
        *products.entry(product.clone()).or_insert(0) += pieces;
    }
    products.into_iter().collect()
}
