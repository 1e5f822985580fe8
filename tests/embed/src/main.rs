//! A program that embeds sagalog from its package, as a user's would; started by `ci.sh`.
//!
//! Not a test of the store: it proves that what is packed builds, alone and without the workspace,
//! and works. The only argument is an empty directory for the store.

use sagalog::{
    Append, ContentType, EventType, ExpectedRevision, NameError, NewEvent, Query, QueryItem, Read,
    StreamId, Tag,
};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let append = placed("order-17")?;
    assert_eq!(append.clone(), append);
    assert_eq!(StreamId::parse_bytes(b"order-17")?.category(), "order");
    assert_eq!(StreamId::parse_bytes(b"order\xff"), Err(NameError::NotUtf8 { at: 5 }));
    assert_eq!(StreamId::parse("$order"), Err(NameError::Reserved));
    let query = Query::new(QueryItem::new().tag(Tag::parse("customer:77")?));
    let read = Read::query(query).backward().limit(1);
    assert_ne!(read, Read::all());
    #[cfg(feature = "files")]
    files::keep(append, read)?;
    Ok(())
}

fn placed(stream: &str) -> Result<Append, NameError> {
    let stream = StreamId::parse(stream)?;
    let event = NewEvent::new(EventType::parse("OrderPlaced")?, r#"{"total_cents":1250}"#)
        .content_type(ContentType::Json)
        .tag(Tag::parse("customer:77")?);
    Ok(Append::new().expect(stream.clone(), ExpectedRevision::NoStream).event(stream, event))
}

#[cfg(feature = "files")]
mod files {
    //! With default features: a store on real files, opened twice.

    use sagalog::{Append, AppendError, Options, Position, Read, Store};
    use std::{env::args_os, error::Error, path::PathBuf};

    /// Appends, closes, opens again, and looks whether it is there.
    pub(crate) fn keep(append: Append, read: Read) -> Result<(), Box<dyn Error>> {
        let dir = PathBuf::from(args_os().nth(1).ok_or("name a directory")?);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(async {
            let (store, _) = Store::open(&dir, Options::default()).await?;
            let committed = store.append(append.clone()).await?;
            assert_eq!((committed.first, committed.positions), (Position::new(0), 1));
            store.close().await?;

            let (store, report) = Store::open(&dir, Options::default()).await?;
            assert_eq!(report.head, Position::new(1));
            let events = store.read(read).collect().await?;
            let payloads: Vec<_> = events.iter().map(|event| event.payload()).collect();
            assert_eq!(payloads, [r#"{"total_cents":1250}"#]);
            let again = store.append(append).await;
            assert!(matches!(again, Err(AppendError::Conflict(_))), "{again:?}");
            store.close().await?;
            println!("an event was stored and read back");
            Ok(())
        })
    }
}
