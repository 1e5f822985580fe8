//! What there is at the end: documents, as the application reads them; and entries in all books,
//! both as the application's audit adds them up and as they stand there.
//!
//! It judges nothing but what cannot be read. The invariant it guards: entries are taken from the
//! books as text, by names of their own, so that a mistake in how the application reads its books
//! does not hide itself.

use crate::{
    orders::paper::{Paper, document_no},
    report::{Violation, broken},
};
use ::orders::{
    audit,
    domain::{Order, Return, WriteOff},
    sagas::{Book, BookError},
};
use sagalog::{Read, ReadError, Store};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The kinds of streams that documents have.
const KINDS: [&str; 3] = ["order", "return", "writeoff"];

/// A document, as it was found.
#[derive(Clone, Debug)]
pub(in crate::orders) enum Found {
    Nothing,
    Order(Box<Order>),
    Return(Return),
    WriteOff(WriteOff),
}

/// Looks a document up.
pub(in crate::orders) async fn look_up(
    store: &Store,
    number: u64,
    paper: &Paper,
) -> Result<Found, BookError> {
    let number = document_no(number);
    let found = match paper {
        Paper::Order { .. } => {
            let found = Book::<Order>::new(store.clone()).find(&number).await;
            found.map(|found| Found::Order(Box::new(found.document)))
        }
        Paper::Return { .. } => {
            let found = Book::<Return>::new(store.clone()).find(&number).await;
            found.map(|found| Found::Return(found.document))
        }
        Paper::WriteOff { .. } => {
            let found = Book::<WriteOff>::new(store.clone()).find(&number).await;
            found.map(|found| Found::WriteOff(found.document))
        }
    };
    match found {
        Err(BookError::NotFound(_)) => Ok(Found::Nothing),
        found => found,
    }
}

/// An entry of somebody's books.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The kind of its stream, and what that is about.
    pub(super) kind: String,
    pub(super) about: String,
    /// What it is called.
    pub(super) name: String,
    pub(super) says: Value,
}

impl Entry {
    /// A number that it says.
    pub(super) fn number(&self, field: &str) -> i64 {
        self.says[field].as_i64().unwrap_or(i64::MIN)
    }
}

/// Everything.
#[derive(Debug)]
pub(in crate::orders) struct Seen {
    pub(super) documents: BTreeMap<u64, Found>,
    /// The streams of documents that there are.
    pub(super) streams: BTreeSet<String>,
    /// In the order of each service's books.
    pub(super) entries: Vec<Entry>,
    pub(super) books: audit::Books,
}

impl Seen {
    /// Reads everything.
    pub(in crate::orders) async fn of(
        store: &Store,
        books: &[Store],
        papers: &BTreeMap<u64, Paper>,
    ) -> Result<Self, Violation> {
        let mut documents = BTreeMap::new();
        for (number, paper) in papers {
            match look_up(store, *number, paper).await {
                Ok(found) => drop(documents.insert(*number, found)),
                Err(error) => return broken("G50", format!("document {number}: {error}")),
            }
        }
        let mut streams = BTreeSet::new();
        for kind in KINDS {
            let events = read(store, Read::category(kind)).await?;
            streams.extend(events.into_iter().map(|event| event.stream().to_owned()));
        }
        let mut entries = Vec::new();
        for store in books {
            for event in read(store, Read::all()).await? {
                let stream = event.stream();
                let (kind, about) = stream.split_once('-').unwrap_or((stream, ""));
                let Ok(says) = serde_json::from_slice(&event.payload()) else {
                    return broken("G50", format!("an entry of {stream} cannot be read"));
                };
                let (kind, about) = (kind.to_owned(), about.to_owned());
                entries.push(Entry { kind, about, name: event.event_type().to_owned(), says });
            }
        }
        let books = audited(books).await;
        let books = books.or_else(|error| broken("G50", format!("an audit fails: {error}")))?;
        Ok(Self { documents, streams, entries, books })
    }

    /// A document that is there.
    pub(super) fn there(&self, number: u64) -> Option<&Found> {
        self.documents.get(&number).filter(|found| !matches!(found, Found::Nothing))
    }
}

async fn audited(books: &[Store]) -> Result<audit::Books, audit::AuditError> {
    let mut audited = audit::Books::default();
    if let [inventory, payment, shipping, notification] = books {
        audited.add_inventory(inventory).await?;
        audited.add_payment(payment).await?;
        audited.add_shipping(shipping).await?;
        audited.add_notification(notification).await?;
    }
    Ok(audited)
}

async fn read(store: &Store, read: Read) -> Result<Vec<sagalog::RecordedEvent>, Violation> {
    match store.read(read).collect().await {
        Ok(events) => Ok(events),
        Err(ReadError::StreamNotFound(_)) => Ok(Vec::new()),
        Err(error) => broken("G31", format!("what is healthy cannot be read: {error}")),
    }
}
