//! The services' books, added up.

use crate::{
    domain::Money,
    services::entries::{
        CHARGED, CREDITED, Letter, OPENED, PAID_BACK, Parcel, Payment, REFUNDED, SENT, STOPPED,
        Shelf,
    },
};
use sagalog::{Events, Read, ReadError, ReadOnlyStore, RecordedEvent, Store};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, error::Error, fmt};

/// Books that can be read, whether somebody has them open for writing or not.
pub trait Ledger {
    /// Reads events.
    fn read(&self, read: Read) -> Events;
}

impl Ledger for Store {
    fn read(&self, read: Read) -> Events {
        Self::read(self, read)
    }
}

impl Ledger for ReadOnlyStore {
    fn read(&self, read: Read) -> Events {
        Self::read(self, read)
    }
}

/// Why books cannot be audited.
#[derive(Debug)]
pub enum AuditError {
    /// They cannot be read.
    Read(ReadError),
    /// An entry is none.
    Entry(String, serde_json::Error),
    /// An entry of this stream has a name that nobody knows.
    Unknown(String, String),
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Entry(stream, error) => write!(f, "an entry of {stream} cannot be read: {error}"),
            Self::Unknown(stream, name) => write!(f, "{stream} has an entry {name}"),
        }
    }
}

impl Error for AuditError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Entry(_, error) => Some(error),
            Self::Unknown(..) => None,
        }
    }
}

impl From<ReadError> for AuditError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// One product's shelf.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShelfAccount {
    /// How many pieces there were at the beginning.
    pub opened: i64,
    /// All changes since.
    pub changed: i64,
    /// How many there are, by the last entry.
    pub on_hand: u64,
}

/// One order's payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentAccount {
    /// Each amount that was taken.
    pub charged: Vec<Money>,
    /// Each amount that was given back because the order came to nothing.
    pub paid_back: Vec<Money>,
    /// What was given back with which key of a return.
    pub refunded: BTreeMap<String, Vec<Money>>,
}

/// What was done under one key to one product: the name of each entry, and the change.
pub type Moves = Vec<(String, i64)>;

/// All books together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// By product.
    pub shelves: BTreeMap<String, ShelfAccount>,
    /// What was moved, by key and product.
    pub moves: BTreeMap<String, BTreeMap<String, Moves>>,
    /// By order.
    pub payments: BTreeMap<String, PaymentAccount>,
    /// Credits by return.
    pub credits: BTreeMap<String, Vec<Money>>,
    /// How many parcels were sent and how many stopped, by order.
    pub parcels: BTreeMap<String, (u32, u32)>,
    /// How many letters were written, by document.
    pub letters: BTreeMap<String, u32>,
}

impl Books {
    /// Adds the books of the inventory.
    ///
    /// # Errors
    /// [`AuditError`] says what cannot be read.
    ///
    /// # Cancel safety
    /// A dropped future leaves the sum incomplete: begin anew.
    pub async fn add_inventory(&mut self, books: &impl Ledger) -> Result<(), AuditError> {
        let mut events = books.read(Read::category("shelf"));
        while let Some(event) = events.next().await? {
            let (product, shelf): (_, Shelf) = entry(&event, "shelf-")?;
            let account = self.shelves.entry(product.clone()).or_default();
            account.on_hand = shelf.on_hand;
            match shelf.key {
                Some(key) => {
                    account.changed += shelf.change;
                    let moves = self.moves.entry(key).or_default().entry(product).or_default();
                    moves.push((event.event_type().to_owned(), shelf.change));
                }
                None if event.event_type() == OPENED => account.opened += shelf.change,
                None => account.changed += shelf.change,
            }
        }
        Ok(())
    }

    /// Adds the books of the payment service.
    ///
    /// # Errors
    /// [`AuditError`] says what cannot be read.
    ///
    /// # Cancel safety
    /// A dropped future leaves the sum incomplete: begin anew.
    pub async fn add_payment(&mut self, books: &impl Ledger) -> Result<(), AuditError> {
        let mut events = books.read(Read::category("payment"));
        while let Some(event) = events.next().await? {
            let (order, Payment { key, amount }) = entry(&event, "payment-")?;
            let account = self.payments.entry(order).or_default();
            match event.event_type() {
                CHARGED => account.charged.push(amount),
                PAID_BACK => account.paid_back.push(amount),
                REFUNDED => account.refunded.entry(key).or_default().push(amount),
                _ => return Err(unknown(&event)),
            }
        }
        let mut events = books.read(Read::category("credit"));
        while let Some(event) = events.next().await? {
            let (by, Payment { amount, .. }) = entry(&event, "credit-")?;
            match event.event_type() {
                CREDITED => self.credits.entry(by).or_default().push(amount),
                _ => return Err(unknown(&event)),
            }
        }
        Ok(())
    }

    /// Adds the books of the shipping service.
    ///
    /// # Errors
    /// [`AuditError`] says what cannot be read.
    ///
    /// # Cancel safety
    /// A dropped future leaves the sum incomplete: begin anew.
    pub async fn add_shipping(&mut self, books: &impl Ledger) -> Result<(), AuditError> {
        let mut events = books.read(Read::category("parcel"));
        while let Some(event) = events.next().await? {
            let (order, Parcel { .. }) = entry(&event, "parcel-")?;
            let (sent, stopped) = self.parcels.entry(order).or_default();
            match event.event_type() {
                SENT => *sent += 1,
                STOPPED => *stopped += 1,
                _ => return Err(unknown(&event)),
            }
        }
        Ok(())
    }

    /// Adds the books of the notification service.
    ///
    /// # Errors
    /// [`AuditError`] says what cannot be read.
    ///
    /// # Cancel safety
    /// A dropped future leaves the sum incomplete: begin anew.
    pub async fn add_notification(&mut self, books: &impl Ledger) -> Result<(), AuditError> {
        let mut events = books.read(Read::category("letter"));
        while let Some(event) = events.next().await? {
            let (about, Letter { .. }) = entry(&event, "letter-")?;
            *self.letters.entry(about).or_default() += 1;
        }
        Ok(())
    }

    /// The pieces of a product that a key has taken in all, with what was put back: by product.
    pub fn moved(&self, key: &str) -> BTreeMap<String, i64> {
        let Some(products) = self.moves.get(key) else { return BTreeMap::new() };
        let sum = |moves: &Moves| moves.iter().map(|(_, change)| change).sum::<i64>();
        products.iter().map(|(product, moves)| (product.clone(), sum(moves))).collect()
    }
}

fn unknown(event: &RecordedEvent) -> AuditError {
    AuditError::Unknown(event.stream().to_owned(), event.event_type().to_owned())
}

/// What an entry is about, by the name of its stream, and the entry.
fn entry<E: DeserializeOwned>(
    event: &RecordedEvent,
    prefix: &str,
) -> Result<(String, E), AuditError> {
    let stream = event.stream();
    let about = stream.strip_prefix(prefix).unwrap_or(stream).to_owned();
    let entry = serde_json::from_slice(&event.payload());
    Ok((about, entry.map_err(|error| AuditError::Entry(stream.to_owned(), error))?))
}
