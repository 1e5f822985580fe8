//! Calls over madsim's own network, between its nodes.
//!
//! The suites have a network of their own, whose deliveries are recorded decisions; this one is
//! for runs in which madsim decides. It draws nothing and retries nothing. The invariant it guards:
//! once a request may have left, all but an answer is unknown.

use madsim::net::Endpoint;
use sagalog::runtime::{
    Address, Answer, Call, CallError, Reason, Responder, Transport, Unanswered,
};
use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The tag of requests; answers have tags above it.
const REQUESTS: u64 = 0;

/// A request, and the tag under which its answer is waited for.
type Request = (u64, Call);
type Response = Result<Answer, Unanswered>;

/// [`Transport`] from the node that it is made on.
pub struct EndpointTransport {
    endpoint: Endpoint,
    peers: BTreeMap<Address, SocketAddr>,
    answers: AtomicU64,
}

impl fmt::Debug for EndpointTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointTransport").field("peers", &self.peers).finish_non_exhaustive()
    }
}

impl EndpointTransport {
    /// A transport to these peers.
    ///
    /// # Errors
    /// The node has no address.
    pub async fn bind(peers: BTreeMap<Address, SocketAddr>) -> io::Result<Self> {
        let endpoint = Endpoint::bind("0.0.0.0:0").await?;
        Ok(Self { endpoint, peers, answers: AtomicU64::new(REQUESTS + 1) })
    }
}

impl Transport for EndpointTransport {
    async fn call(&self, to: &Address, call: Call) -> Result<Answer, CallError> {
        let Some(peer) = self.peers.get(to) else {
            return Err(CallError::NotDelivered(Reason::new("nobody is known by this name")));
        };
        let tag = self.answers.fetch_add(1, Ordering::Relaxed);
        let deadline = call.deadline;
        let unknown = |what: &str| Err(CallError::Unknown(Reason::new(what)));
        let exchange = async {
            let request: Request = (tag, call);
            self.endpoint.send_to_raw(*peer, REQUESTS, Box::new(request)).await?;
            self.endpoint.recv_from_raw(tag).await
        };
        match madsim::time::timeout(deadline, exchange).await {
            Err(_) => unknown("no answer before the deadline"),
            Ok(Err(error)) => unknown(&error.to_string()),
            Ok(Ok((payload, _))) => match payload.downcast::<Response>().map(|answer| *answer) {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(Unanswered(reason))) => Err(CallError::Unknown(reason)),
                Err(_) => unknown("what came back is no answer"),
            },
        }
    }
}

/// Answers calls that come to `address` of the node that it runs on, until the node dies.
///
/// # Errors
/// The address is taken.
pub async fn serve(address: SocketAddr, responder: Arc<impl Responder>) -> io::Result<()> {
    let endpoint = Arc::new(Endpoint::bind(address).await?);
    loop {
        let (payload, from) = endpoint.recv_from_raw(REQUESTS).await?;
        let Ok(request) = payload.downcast::<Request>() else { continue };
        let (tag, call) = *request;
        let (endpoint, responder) = (Arc::clone(&endpoint), Arc::clone(&responder));
        drop(madsim::task::spawn(async move {
            let answer: Response = responder.answer(call).await;
            // Whoever asked may have gone.
            let _ = endpoint.send_to_raw(from, tag, Box::new(answer)).await;
        }));
    }
}
