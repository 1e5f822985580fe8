//! A store for the examples in the documentation: they show the calls, this the surroundings.
//!
//! Not for tests, which say themselves what stands in their store.

use crate::World;
use sagalog::{
    Append, CommandKey, EventType, ExpectedRevision, NewEvent, Options, Store, StreamId, Tag,
};
use std::error::Error;

/// Runs `example` on a simulated machine, with a store in which stream `order-17` has an
/// `OrderPlaced`, tagged `customer:ada` and appended with the key `place-order-17`, and an
/// `OrderPaid`.
///
/// # Panics
/// If the example fails.
pub fn with_orders(example: impl AsyncFnOnce(Store) -> Result<(), Box<dyn Error>>) {
    let world = World::new(1);
    let runtime = world.runtime();
    let outcome: Result<(), Box<dyn Error>> = world.block_on(async {
        let options = Options::default().segment_bytes(1 << 20).group_bytes_max(64 << 10);
        let (store, _) = Store::open_with(&runtime, options).await?;
        let order = StreamId::parse("order-17")?;
        let placed = NewEvent::new(EventType::parse("OrderPlaced")?, r#"{"total_cents":1250}"#)
            .tag(Tag::parse("customer:ada")?);
        let paid = NewEvent::new(EventType::parse("OrderPaid")?, "{}");
        let append = Append::new()
            .expect(order.clone(), ExpectedRevision::NoStream)
            .event(order.clone(), placed)
            .key(CommandKey::parse("place-order-17")?);
        store.append(append).await?;
        store.append(Append::new().event(order, paid)).await?;
        example(store.clone()).await?;
        store.close().await?;
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("the example fails: {error}");
    }
}
