//! A service on a simulated machine: a stock of pieces that are reserved and released, its books,
//! and calls to it.
//!
//! It judges nothing. Each effect is an event of one stream that names its key, so that whoever
//! reads that stream sees what was done, without asking the kit.

use sagalog::{
    EventType, NewEvent, Options, Read, ReadError, Store, StreamId,
    participant::{Books, Business, Busy, Decision, Effect, Participant},
    runtime::{Answer, Call, CallFence, CallKind, Responder, Tasks, Unanswered},
};
use sagalog_testkit::{SimDisk, World};
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// How many pieces there are.
pub(crate) const PIECES: usize = 2;

/// The payload of calls for which there is no time now.
pub(crate) const RUSH_HOUR: &str = "rush hour";

pub(crate) struct Stock;

impl Business for Stock {
    async fn act(&self, call: &Call, books: &Books<'_>) -> Result<Decision, Busy> {
        if call.payload == RUSH_HOUR {
            return Err(Busy::new(RUSH_HOUR));
        }
        let (events, expected) = books.stream(&shelf()).await?;
        let count = |name: &str| events.iter().filter(|event| event.event_type() == name).count();
        let reserved = count("Reserved");
        if reserved - count("Released") == PIECES {
            return Ok(Decision::Refused("sold out".into()));
        }
        // No two reservations have the same reply: a repetition has to bring this one's.
        let effect = Effect::new(format!("reservation {reserved}")).expect(shelf(), expected);
        Ok(Decision::Effect(effect.event(shelf(), event("Reserved", call))))
    }

    async fn compensate(
        &self,
        call: &Call,
        reply: &bytes::Bytes,
        _: &Books<'_>,
    ) -> Result<Effect, Busy> {
        let reply = format!("released {}", String::from_utf8_lossy(reply));
        Ok(Effect::new(reply).event(shelf(), event("Released", call)))
    }
}

fn shelf() -> StreamId {
    StreamId::parse("shelf").expect("a name")
}

fn event(name: &str, call: &Call) -> NewEvent {
    NewEvent::new(EventType::parse(name).expect("a name"), call.key.as_str().to_owned())
}

/// What one delivery was answered.
pub(crate) type Answered = Result<Answer, Unanswered>;

/// A machine with the service on it.
pub(crate) struct Service {
    world: World,
    participant: Option<Arc<Participant<Stock>>>,
}

impl Service {
    pub(crate) fn new(seed: u64) -> Self {
        Self::on(seed, SimDisk::new())
    }

    /// The service on a machine with `disk`.
    pub(crate) fn on(seed: u64, disk: SimDisk) -> Self {
        let mut service = Self { world: World::with_disk(seed, disk), participant: None };
        service.start();
        service
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    fn start(&mut self) {
        let runtime = self.world.runtime();
        let options = Options::default().segment_bytes(16 << 10).group_bytes_max(4 << 10);
        let opening = Store::open_with(&runtime, options);
        let (store, _) = self.world.block_on(opening).expect("it opens");
        self.participant = Some(Arc::new(Participant::new(store, Stock)));
    }

    pub(crate) fn participant(&self) -> Arc<Participant<Stock>> {
        Arc::clone(self.participant.as_ref().expect("it was started"))
    }

    /// The process dies, and the service starts again.
    pub(crate) fn restart_after_crash(&mut self) {
        self.world.crash_process();
        self.start();
    }

    /// The power goes, and the service starts again.
    pub(crate) fn restart_after_power_failure(&mut self) {
        self.world.power_failure();
        self.start();
    }

    pub(crate) fn deliver(&self, call: &Call) -> Answered {
        let participant = self.participant();
        self.world.block_on(participant.answer(call.clone()))
    }

    /// Delivers a call, which has to be answered.
    pub(crate) fn answer(&self, call: &Call) -> Answer {
        self.deliver(call).expect("nothing failed")
    }

    /// Delivers several calls at the same time.
    pub(crate) fn deliver_together(&self, calls: &[Call]) -> Vec<Answered> {
        let answers = self.start_deliveries(calls);
        self.world.block_on(async {
            let mut answered = Vec::new();
            for answer in answers {
                answered.push(answer.await.expect("the delivery ends"));
            }
            answered
        })
    }

    /// Starts the deliveries of several calls, each a task of its own.
    pub(crate) fn start_deliveries(&self, calls: &[Call]) -> Vec<oneshot::Receiver<Answered>> {
        let start = |call: &Call| {
            let (tell, answer) = oneshot::channel();
            let (participant, call) = (self.participant(), call.clone());
            let delivery = async move {
                // Nobody listens to a delivery whose caller has gone.
                let _ = tell.send(participant.answer(call).await);
            };
            self.world.runtime().spawn("delivery", delivery).expect("the process lives");
            answer
        };
        calls.iter().map(start).collect()
    }

    /// What was done, as the shelf says: names of events and keys.
    pub(crate) fn done(&self) -> Vec<(String, String)> {
        let store = self.participant().store().clone();
        let events = match self.world.block_on(store.read(Read::stream(shelf())).collect()) {
            Ok(events) => events,
            Err(ReadError::StreamNotFound(_)) => Vec::new(),
            Err(error) => panic!("{error}"),
        };
        let shown = events.iter().map(|event| {
            let key = String::from_utf8_lossy(&event.payload()).into_owned();
            (event.event_type().to_owned(), key)
        });
        shown.collect()
    }

    /// How often this key was reserved, and released.
    pub(crate) fn counts(&self, key: &str) -> (usize, usize) {
        let done = self.done();
        let count =
            |name: &str| done.iter().filter(|(event, of)| event == name && of == key).count();
        (count("Reserved"), count("Released"))
    }

    /// How many positions the books have.
    pub(crate) fn head(&self) -> u64 {
        self.participant().store().head().get()
    }
}

/// A call to reserve a piece.
pub(crate) fn reserve(key: &str, epoch: u64, attempt: u32) -> Call {
    Call {
        operation: "reserve".parse().expect("a name"),
        key: key.parse().expect("a key"),
        kind: CallKind::Action,
        fence: CallFence { epoch, attempt },
        trace_context: None,
        deadline: Duration::from_secs(1),
        payload: "".into(),
    }
}

/// The compensation of [`reserve`].
pub(crate) fn release(key: &str, epoch: u64, attempt: u32) -> Call {
    let operation = "release".parse().expect("a name");
    Call { operation, kind: CallKind::Compensation, ..reserve(key, epoch, attempt) }
}

pub(crate) fn done(reply: &str) -> Answer {
    Answer::Done(reply.to_owned().into())
}
