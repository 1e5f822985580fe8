//! Calls on their way between machines.
//!
//! Not a participant and not a caller; both come from outside. The invariant it guards: what was
//! sent goes on although its sender dies, and what a participant was doing ends when it dies.

use super::link::{Cut, Journey, Link, Passage};
use crate::door::locked;
use sagalog::runtime::{
    Address, Answer, Call, CallError, Clock, Reason, Responder, Tasks, Transport, Unanswered,
};
use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// A network. Clones share it.
///
/// `R` is the runtime of a machine. The network itself lives on one that never crashes.
#[derive(Clone)]
pub struct SimNetwork<R> {
    ether: R,
    peers: Arc<Mutex<BTreeMap<Address, Peer<R>>>>,
}

type Answering = Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send>>;
type Serving = Arc<dyn Fn(Call) -> Answering + Send + Sync>;

struct Peer<R> {
    link: Link,
    /// What nobody serves on is silent, and does not refuse.
    silent: bool,
    serving: Option<(R, Serving)>,
}

impl<R> Default for Peer<R> {
    fn default() -> Self {
        Self { link: Link::default(), silent: false, serving: None }
    }
}

/// Decides what becomes of calls.
pub trait Journeys: Send + Sync + 'static {
    /// What becomes of this call.
    fn of(&self, to: &Address, call: &Call) -> Journey;
}

/// Whom a message meets.
enum Met<R> {
    Nobody,
    Silence,
    Peer(R, Serving),
}

impl<R: Clock + Tasks + Clone + Send + Sync + 'static> SimNetwork<R> {
    /// A network without participants, on a machine that never crashes.
    pub fn new(ether: R) -> Self {
        Self { ether, peers: Arc::default() }
    }

    fn with<T>(&self, address: &Address, look: impl FnOnce(&mut Peer<R>) -> T) -> T {
        let mut peers = locked(&self.peers);
        look(peers.entry(address.clone()).or_default())
    }

    /// From here on `responder` answers at this address, on `machine`.
    pub fn serve(&self, address: &Address, machine: R, responder: impl Responder) {
        let responder = Arc::new(responder);
        let serving: Serving = Arc::new(move |call| {
            let responder = Arc::clone(&responder);
            Box::pin(async move { responder.answer(call).await })
        });
        let before = self.with(address, |peer| peer.serving.replace((machine, serving)));
        drop(before);
    }

    /// Nobody answers at this address any more. Its machine refuses calls, or is silent.
    pub fn leave(&self, address: &Address, silent: bool) {
        let before = self.with(address, |peer| {
            peer.silent = silent;
            peer.serving.take()
        });
        drop(before);
    }

    /// Whether somebody answers at this address.
    pub fn is_served(&self, address: &Address) -> bool {
        self.with(address, |peer| peer.serving.is_some())
    }

    /// Cuts the link to this address for so long.
    pub fn cut(&self, address: &Address, which: Cut, long: Duration) {
        let until = self.ether.now().as_nanos().saturating_add(nanos(long));
        self.with(address, |peer| {
            peer.link.cut(which, sagalog::runtime::Moment::from_nanos(until));
        });
    }

    /// No link is cut any more.
    pub fn heal(&self) {
        locked(&self.peers).values_mut().for_each(|peer| peer.link = Link::default());
    }

    /// A way to call, from a machine with this runtime.
    pub fn transport(&self, machine: R, journeys: impl Journeys) -> SimTransport<R> {
        SimTransport { network: self.clone(), machine, journeys: Arc::new(journeys) }
    }

    fn meet(&self, address: &Address) -> Met<R> {
        let now = self.ether.now();
        self.with(address, |peer| match &peer.serving {
            _ if !peer.link.request_passes(now) => Met::Silence,
            Some((machine, serving)) => Met::Peer(machine.clone(), Arc::clone(serving)),
            None if peer.silent => Met::Silence,
            None => Met::Nobody,
        })
    }

    /// Carries one copy of a request there, and its answer back. `None` if nothing is heard.
    async fn carry(
        self,
        address: Address,
        call: Call,
        request: Passage,
        back: Passage,
    ) -> Option<Result<Answer, CallError>> {
        if request.ms > 0 {
            self.ether.sleep(request.time()).await;
        }
        if request.lost {
            return None;
        }
        let (machine, serving) = match self.meet(&address) {
            Met::Nobody => return Some(Err(CallError::NotDelivered("nobody listens".into()))),
            Met::Silence => return None,
            Met::Peer(machine, serving) => (machine, serving),
        };
        let (told, heard) = oneshot::channel();
        let answering = async move {
            // Whoever asked may be gone.
            let _ = told.send(serving(call).await);
        };
        // A machine that crashed a moment ago takes nothing, as if it had crashed a moment later.
        let _ = machine.spawn_light(answering);
        let answer = match heard.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Unanswered(reason))) => Err(CallError::Unknown(reason)),
            Err(_) if self.with(&address, |peer| peer.silent) => return None,
            Err(_) => Err(CallError::Unknown("the connection broke".into())),
        };
        if back.ms > 0 {
            self.ether.sleep(back.time()).await;
        }
        let now = self.ether.now();
        let passes = self.with(&address, |peer| peer.link.answer_passes(now));
        (passes && !back.lost).then_some(answer)
    }
}

impl<R> fmt::Debug for SimNetwork<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimNetwork").finish_non_exhaustive()
    }
}

/// [`Transport`] over a [`SimNetwork`].
pub struct SimTransport<R> {
    network: SimNetwork<R>,
    machine: R,
    journeys: Arc<dyn Journeys>,
}

impl<R: Clone> Clone for SimTransport<R> {
    fn clone(&self) -> Self {
        let (network, machine) = (self.network.clone(), self.machine.clone());
        Self { network, machine, journeys: Arc::clone(&self.journeys) }
    }
}

impl<R> fmt::Debug for SimTransport<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimTransport").finish_non_exhaustive()
    }
}

impl<R: Clock + Tasks + Clone + Send + Sync + 'static> Transport for SimTransport<R> {
    async fn call(&self, to: &Address, call: Call) -> Result<Answer, CallError> {
        if let Err(limit) = call.check() {
            return Err(CallError::NotDelivered(Reason::from(limit.to_string())));
        }
        let deadline = call.deadline;
        let Journey { request, copy, answer } = self.journeys.of(to, &call);
        let alone = copy.is_none();
        let (told, mut heard) = mpsc::unbounded_channel();
        for passage in [Some(request), copy].into_iter().flatten() {
            let carried = self.network.clone().carry(to.clone(), call.clone(), passage, answer);
            let told = told.clone();
            let carrying = async move {
                if let Some(answer) = carried.await {
                    // Whoever asked may be gone.
                    let _ = told.send(answer);
                }
            };
            if self.network.ether.spawn_light(carrying).is_err() {
                return Err(CallError::Unknown("the network is gone".into()));
            }
        }
        // It stays open, so that silence is silence until the deadline.
        let _told = told;
        let mut late = pin!(self.machine.sleep(deadline));
        poll_fn(|context| {
            if let Poll::Ready(Some(answer)) = heard.poll_recv(context) {
                return Poll::Ready(if alone { answer } else { of_two(answer) });
            }
            late.as_mut().poll(context).map(|()| Err(CallError::Unknown("no answer".into())))
        })
        .await
    }
}

/// What is certain when another copy of the request may still arrive.
fn of_two(answer: Result<Answer, CallError>) -> Result<Answer, CallError> {
    match answer {
        Ok(Answer::Busy(_) | Answer::Fenced { .. }) | Err(CallError::NotDelivered(_)) => {
            Err(CallError::Unknown("it may arrive once more".into()))
        }
        lasting => lasting,
    }
}

fn nanos(long: Duration) -> u64 {
    u64::try_from(long.as_nanos()).unwrap_or(u64::MAX)
}
