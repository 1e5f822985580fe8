//! All documents of a shop, read in one go.

use super::Ledger;
use crate::{
    domain::{Document, DocumentNo, Order, Return, WriteOff},
    sagas::BookError,
};
use sagalog::{
    Read,
    codec::{CodedBy, EventCodec, Json},
};
use std::collections::BTreeMap;

/// The documents of a shop.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// By number.
    pub orders: BTreeMap<DocumentNo, Order>,
    /// By number.
    pub returns: BTreeMap<DocumentNo, Return>,
    /// By number.
    pub write_offs: BTreeMap<DocumentNo, WriteOff>,
}

impl Documents {
    /// Reads them.
    ///
    /// # Errors
    /// [`BookError`] says what cannot be read, or which history cannot be.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn read(store: &impl Ledger) -> Result<Self, BookError> {
        let (orders, returns) = (all(store).await?, all(store).await?);
        Ok(Self { orders, returns, write_offs: all(store).await? })
    }
}

async fn all<D>(store: &impl Ledger) -> Result<BTreeMap<DocumentNo, D>, BookError>
where
    D: Document<Event: CodedBy<Json>>,
{
    let codec =
        EventCodec::<D::Event, Json>::try_new(Json).expect("events have names, each its own");
    let mut documents: BTreeMap<DocumentNo, D> = BTreeMap::new();
    let mut events = store.read(Read::category(D::KIND));
    while let Some(event) = events.next().await? {
        let number = event.stream().strip_prefix(D::KIND).and_then(|rest| rest.strip_prefix('-'));
        let Some(Ok(number)) = number.map(DocumentNo::parse) else { continue };
        let (name, at) = (event.stream().to_owned(), event.recorded_at());
        let event = codec.decode(&event)?;
        let impossible = |impossible| BookError::Impossible(name, impossible);
        match documents.get_mut(&number) {
            Some(document) => document.apply(at, event).map_err(impossible)?,
            None => {
                documents.insert(number, D::begin(at, event).map_err(impossible)?);
            }
        }
    }
    Ok(documents)
}
