//! Events that a store showed, in plain form: one that is shown again is not copied again.
//!
//! It judges nothing, and it is no cache of what a store holds: the store is asked each time, and
//! what it shows now decides. The invariant it guards: whoever asks for the plain form of an event
//! gets just that, whatever was shown at its position before.

use super::Recorded;
use sagalog::RecordedEvent;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The plain forms of the events that a store showed.
///
/// A long run reads most of its events many times. Events whose bytes are the same share one plain
/// form, and a form is equal to itself at a glance.
#[derive(Debug, Default)]
pub struct Shown {
    by_position: Mutex<BTreeMap<u64, (RecordedEvent, Arc<Recorded>)>>,
}

impl Shown {
    /// The plain form of an event that was read.
    pub fn plain(&self, event: &RecordedEvent) -> Arc<Recorded> {
        let mut known = self.by_position.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((same, plain)) = known.get(&event.position().get())
            && same == event
        {
            return Arc::clone(plain);
        }
        let plain = Arc::new(Recorded::from(event));
        known.insert(event.position().get(), (event.clone(), Arc::clone(&plain)));
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{World, model::PlainAppend, model::PlainEvent};
    use sagalog::{Append, Options, Read, Store};

    /// The events of a store that a writer told this.
    fn read(payload: &str) -> Vec<RecordedEvent> {
        let world = World::new(1);
        let writes = vec![("a".into(), PlainEvent::new("A", payload))];
        let append = PlainAppend { writes, ..PlainAppend::default() };
        world.block_on(async {
            let options = Options::default().segment_bytes(64 << 10).group_bytes_max(16 << 10);
            let opened = Store::open_with(&world.runtime(), options).await;
            let (store, _) = opened.expect("a healthy disk");
            store.append(Append::from(&append)).await.expect("a healthy disk");
            store.read(Read::all()).collect().await.expect("a healthy disk")
        })
    }

    #[test]
    fn an_event_that_is_shown_again_is_not_copied_again() {
        let (shown, events) = (Shown::default(), read("one"));
        let first = shown.plain(&events[0]);
        assert_eq!(*first, Recorded::from(&events[0]));
        assert!(Arc::ptr_eq(&first, &shown.plain(&events[0])));
    }

    #[test]
    fn another_event_at_the_same_position_is_itself() {
        let (shown, one, two) = (Shown::default(), read("one"), read("two"));
        for event in [&one[0], &two[0], &one[0]] {
            assert_eq!(*shown.plain(event), Recorded::from(event));
        }
    }
}
