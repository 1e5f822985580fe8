//! Reads over commits that the index names and that do not decode: a version of the store that took
//! what it could not read wrote such, and what it has indexed, no opening looks at again.
#![expect(clippy::disallowed_methods, reason = "`#[tokio::test]` makes a runtime, as a user does")]

use crate::{
    append::Append,
    engine::store::Store,
    error::ReadError,
    event::{ContentType, NewEvent},
    names::{EventType, StreamId},
    options::Options,
    read::Read,
};

fn stream(name: &str) -> StreamId {
    StreamId::parse(name).expect("a test names its streams properly")
}

fn event(content_type: ContentType) -> NewEvent {
    let event_type = EventType::parse("Noted").expect("a name");
    NewEvent::new(event_type, "x").content_type(content_type)
}

async fn shown(store: &Store, read: Read) -> Vec<Result<u64, u64>> {
    let (mut events, mut shown) = (store.read(read), Vec::new());
    loop {
        match events.next().await {
            Ok(Some(event)) => shown.push(Ok(event.position().get())),
            Ok(None) => return shown,
            Err(ReadError::Undecodable { position, .. }) => shown.push(Err(position.get())),
            Err(error) => panic!("{error}"),
        }
        assert!(shown.len() < 100, "it goes on and on: {shown:?}");
    }
}

#[tokio::test]
async fn a_commit_that_lists_name_and_that_does_not_decode_is_told_once_at_its_place() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let (store, _) = Store::open(dir.path(), Options::default()).await.expect("opens");
    let forged = ContentType::Custom(crate::event::CustomCode::forged(5));
    // 0; 1 and 2; 3; 4 and 5; 6: the pairs do not decode, though only one event of each is to
    // blame.
    for number in 0..5_u64 {
        let mut append = Append::new();
        if number % 2 == 1 {
            append = append.event(stream("a-1"), event(forged));
        }
        append = append.event(stream("a-1"), event(ContentType::Bytes));
        store.append(append).await.expect("durable");
    }
    let forward = [Ok(0), Err(1), Ok(3), Err(4), Ok(6)];
    let mut backward = forward;
    backward.reverse();
    for read in [Read::all(), Read::stream(stream("a-1")), Read::category("a")] {
        assert_eq!(shown(&store, read.clone()).await, forward, "{read:?}");
        assert_eq!(shown(&store, read.clone().backward()).await, backward, "{read:?}");
        let within = read.clone().from_position(crate::ids::Position::new(2));
        assert_eq!(shown(&store, within).await, forward[1..], "{read:?}");
        assert_eq!(shown(&store, read.limit(2)).await, forward[..3]);
    }
    store.close().await.expect("closes");
}
