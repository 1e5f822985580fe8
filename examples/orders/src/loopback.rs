//! How calls get to services in one process: over channels that can fail as a network does.
//!
//! It decides nothing about a call but its way. The invariant it guards: "not delivered" is said
//! only of what no service is given, now or later; and what happens to a delivery follows from the
//! seed, its key and its attempt, so a run can be repeated.

mod faults;

pub use faults::{Fate, Faults};

use crate::ports::Service;
use sagalog::runtime::{
    Address, Answer, Call, CallError, Clock, Responder, Tasks, Transport, Unanswered,
};
use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// How many calls wait for a service; further ones wait for room, until their deadline.
const WAITING_MAX: usize = 1024;

/// How long a late answer takes beyond the deadline of its call.
const LATE: Duration = Duration::from_millis(20);

type Reply = oneshot::Sender<Result<Answer, Unanswered>>;

/// A call on its way to a service; without a reply nobody listens.
struct Delivery {
    call: Call,
    reply: Option<Reply>,
}

/// How many deliveries a service works on at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// One after the other: they would mostly ask for the same things.
    InTurn,
    /// Side by side.
    Together,
}

/// The way to the services. Cheap to clone.
pub struct Loopback<R> {
    runtime: R,
    services: Arc<BTreeMap<Address, mpsc::Sender<Delivery>>>,
    faults: Faults,
}

/// Services that are to be reached.
pub struct Exchange {
    services: BTreeMap<Address, mpsc::Sender<Delivery>>,
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

impl Exchange {
    /// Nobody yet.
    pub const fn new() -> Self {
        Self { services: BTreeMap::new() }
    }

    /// Lets a service answer from here on, in a task of its own on `runtime`. It ends when the last
    /// way to it is gone.
    ///
    /// # Errors
    /// The task cannot be started.
    pub fn serve<R>(
        &mut self,
        service: Service,
        runtime: &R,
        responder: impl Responder,
        work: Work,
    ) -> io::Result<()>
    where
        R: Tasks + Clone + Send + Sync + 'static,
    {
        let (sender, deliveries) = mpsc::channel(WAITING_MAX);
        let host = runtime.clone();
        runtime.spawn_light(answer_all(host, Arc::new(responder), deliveries, work))?;
        self.services.insert(service.address(), sender);
        Ok(())
    }

    /// The way to all of them.
    pub fn connect<R>(self, runtime: R, faults: Faults) -> Loopback<R> {
        Loopback { runtime, services: Arc::new(self.services), faults }
    }
}

async fn answer_all<R: Tasks>(
    runtime: R,
    responder: Arc<impl Responder>,
    mut deliveries: mpsc::Receiver<Delivery>,
    work: Work,
) {
    while let Some(Delivery { call, reply }) = deliveries.recv().await {
        let responder = Arc::clone(&responder);
        let answering = async move {
            let answer = responder.answer(call).await;
            if let Some(reply) = reply {
                // Who called may have given up.
                let _ = reply.send(answer);
            }
        };
        match work {
            Work::InTurn => answering.await,
            // It runs where this task runs, so there is a runtime.
            Work::Together => runtime.spawn_light(answering).expect("this task runs on one"),
        }
    }
}

impl<R> Loopback<R>
where
    R: Clock + Tasks + Clone + Send + Sync + 'static,
{
    async fn deliver(
        &self,
        service: &mpsc::Sender<Delivery>,
        call: Call,
        fate: Fate,
    ) -> Result<Answer, CallError> {
        let deadline = call.deadline;
        let (reply, answer) = oneshot::channel();
        let copy = Delivery { call: call.clone(), reply: None };
        let first = Delivery { call, reply: Some(reply) };
        match fate {
            Fate::Refused => return Err(CallError::NotDelivered("connection refused".into())),
            Fate::Late => return self.deliver_late(service.clone(), copy, deadline).await,
            Fate::Smooth | Fate::Slow(_) | Fate::Doubled | Fate::AnswerLost | Fate::AnswerLate => {}
        }
        if let Fate::Slow(delay) = fate {
            self.runtime.sleep(delay).await;
        }
        if service.send(first).await.is_err() {
            return Err(CallError::NotDelivered("nobody listens".into()));
        }
        if fate == Fate::Doubled {
            // If there is no room for it, it is lost, as a copy may be.
            let _ = service.try_send(copy);
        }
        let answer = match answer.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Unanswered(reason))) => return Err(CallError::Unknown(reason)),
            Err(_) => return Err(CallError::Unknown("the service is gone".into())),
        };
        match fate {
            Fate::AnswerLost => Err(CallError::Unknown("the connection broke".into())),
            Fate::AnswerLate => {
                self.runtime.sleep(deadline).await;
                Ok(answer)
            }
            // Of two copies only what a participant remembers for ever is certain.
            Fate::Doubled if matches!(answer, Answer::Busy(_) | Answer::Fenced { .. }) => {
                Err(CallError::Unknown("another copy of it is under way".into()))
            }
            _ => Ok(answer),
        }
    }

    /// It arrives when nobody waits for its answer any more.
    async fn deliver_late(
        &self,
        service: mpsc::Sender<Delivery>,
        late: Delivery,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let runtime = self.runtime.clone();
        let arriving = async move {
            runtime.sleep(deadline + LATE).await;
            let _ = service.send(late).await;
        };
        let sent = self.runtime.spawn_light(arriving);
        sent.map_err(|error| CallError::Unknown(error.to_string().into()))?;
        std::future::pending().await
    }
}

impl<R> Transport for Loopback<R>
where
    R: Clock + Tasks + Clone + Send + Sync + 'static,
{
    async fn call(&self, to: &Address, call: Call) -> Result<Answer, CallError> {
        if let Err(limit) = call.check() {
            return Err(CallError::NotDelivered(limit.to_string().into()));
        }
        let Some(service) = self.services.get(to) else {
            return Err(CallError::NotDelivered(format!("there is no service {to}").into()));
        };
        let fate = self.faults.fate(&call);
        let deadline = self.runtime.sleep(call.deadline);
        let answer = first_of(self.deliver(service, call, fate), deadline).await;
        answer.unwrap_or_else(|| Err(CallError::Unknown("no answer in time".into())))
    }
}

/// What `preferred` comes to, unless `other` is over first.
async fn first_of<T>(
    preferred: impl Future<Output = T>,
    other: impl Future<Output = ()>,
) -> Option<T> {
    let (mut preferred, mut other) = (pin!(preferred), pin!(other));
    poll_fn(|context| match preferred.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => other.as_mut().poll(context).map(|()| None),
    })
    .await
}

impl<R: Clone> Clone for Loopback<R> {
    fn clone(&self) -> Self {
        let services = Arc::clone(&self.services);
        Self { runtime: self.runtime.clone(), services, faults: self.faults }
    }
}

impl<R> fmt::Debug for Loopback<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.services.keys()).finish()
    }
}
