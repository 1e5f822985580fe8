//! The inventory: shelves, and what is set aside of them.
//!
//! The invariant it guards: the pieces of a product on hand are those of the beginning and all
//! changes since, and never below nothing.

use super::{
    Conditions,
    entries::{OPENED, RELEASED, RESERVED, RESTOCKED, Shelf, TAKEN_OFF},
    entry, request, stream, unknown,
};
use crate::{
    domain::StockCode,
    ports::{Request, Reserve, Restock, TakeOff},
};
use bytes::Bytes;
use sagalog::{
    ExpectedRevision, Read, ReadError,
    participant::{Books, Business, Busy, Decision, Effect},
    runtime::Call,
};

/// The inventory.
#[derive(Clone, Copy, Debug)]
pub struct Inventory(Conditions);

/// What a shelf has, and the guard that nothing has changed since.
struct OnHand {
    pieces: u64,
    expected: ExpectedRevision,
}

/// In which direction pieces go.
#[derive(Clone, Copy)]
enum Direction {
    In,
    Out,
}

impl Inventory {
    /// An inventory under these conditions.
    pub const fn new(conditions: Conditions) -> Self {
        Self(conditions)
    }

    async fn on_hand(&self, product: &StockCode, books: &Books<'_>) -> Result<OnHand, Busy> {
        let last = Read::stream(stream("shelf", product)).backward().limit(1);
        match books.read(last).next().await {
            Ok(Some(event)) => {
                let shelf: Shelf = serde_json::from_slice(&event.payload()).map_err(Busy::new)?;
                let expected = ExpectedRevision::Exact(event.revision());
                Ok(OnHand { pieces: shelf.on_hand, expected })
            }
            Ok(None) | Err(ReadError::StreamNotFound(_)) => {
                let (pieces, expected) = (self.0.opening_stock, ExpectedRevision::NoStream);
                Ok(OnHand { pieces, expected })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Moves pieces of several products, all or none; `Err` says of which there are too few.
    async fn move_pieces(
        &self,
        (key, name): (&str, &'static str),
        lines: &[(StockCode, u64)],
        direction: Direction,
        books: &Books<'_>,
    ) -> Result<Result<Effect, String>, Busy> {
        let mut effect = Effect::new("");
        for (product, pieces) in lines {
            let shelf = stream("shelf", product);
            let OnHand { pieces: before, expected } = self.on_hand(product, books).await?;
            let after = match direction {
                Direction::In => before.checked_add(*pieces),
                Direction::Out => before.checked_sub(*pieces),
            };
            let Some((on_hand, change)) = after.zip(change(*pieces, direction)) else {
                return Ok(Err(format!("{before} pieces of {product} are there, not {pieces}")));
            };
            effect = effect.expect(shelf.clone(), expected);
            if expected == ExpectedRevision::NoStream {
                let change = i64::try_from(before).map_err(Busy::new)?;
                let opened = Shelf { key: None, change, on_hand: before };
                effect = effect.event(shelf.clone(), entry(OPENED, &opened));
            }
            let moved = Shelf { key: Some(key.to_owned()), change, on_hand };
            effect = effect.event(shelf, entry(name, &moved));
        }
        Ok(Ok(effect))
    }
}

fn change(pieces: u64, direction: Direction) -> Option<i64> {
    let pieces = i64::try_from(pieces).ok()?;
    Some(match direction {
        Direction::In => pieces,
        Direction::Out => -pieces,
    })
}

impl Business for Inventory {
    async fn act(&self, call: &Call, books: &Books<'_>) -> Result<Decision, Busy> {
        let (name, lines, direction) = match call.operation.as_str() {
            Reserve::OPERATION => (RESERVED, request::<Reserve>(call)?.lines, Direction::Out),
            Restock::OPERATION => (RESTOCKED, request::<Restock>(call)?.lines, Direction::In),
            TakeOff::OPERATION => (TAKEN_OFF, request::<TakeOff>(call)?.lines, Direction::Out),
            _ => return Ok(unknown(call)),
        };
        let moved = self.move_pieces((call.key.as_str(), name), &lines, direction, books).await?;
        Ok(match moved {
            Ok(effect) => Decision::Effect(effect),
            Err(shortage) => Decision::Refused(shortage.into()),
        })
    }

    async fn compensate(
        &self,
        call: &Call,
        _reply: &Bytes,
        books: &Books<'_>,
    ) -> Result<Effect, Busy> {
        let lines = request::<Reserve>(call)?.lines;
        let how = (call.key.as_str(), RELEASED);
        let moved = self.move_pieces(how, &lines, Direction::In, books).await?;
        moved.map_err(Busy::new)
    }
}
