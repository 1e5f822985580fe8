//! A service to call, callers, and what stands between them.
//!
//! It judges nothing. The invariant it guards: nothing here waits longer than a test is patient.

use bytes::Bytes;
use sagalog::runtime::{
    Address, Answer, Call, CallError, CallFence, CallKind, Responder, Transport, Unanswered,
};
use sagalog_http::{HttpServer, HttpTransport, ServerOptions, TransportOptions};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// Longer than anything here takes that goes well, and shorter than the 30 s after which hyper ends
/// what it was told no limit for.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// Short enough to wait for its end.
pub(crate) const SHORT: Duration = Duration::from_millis(100);

/// Does as the operation says, and counts.
pub(crate) struct Service {
    pub(crate) seen: Mutex<Vec<Call>>,
    now: AtomicUsize,
    /// How many calls there were at the same time.
    pub(crate) most: AtomicUsize,
    /// What `hold` waits for: one permit a call.
    pub(crate) release: Semaphore,
}

impl Service {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            now: AtomicUsize::default(),
            most: AtomicUsize::default(),
            release: Semaphore::new(0),
        })
    }

    pub(crate) fn seen(&self) -> usize {
        self.seen.lock().expect("nobody panics with it").len()
    }

    /// Waits until so many calls have arrived.
    pub(crate) async fn has_seen(&self, calls: usize) {
        while self.seen() < calls {
            tokio::task::yield_now().await;
        }
    }
}

impl Responder for Service {
    async fn answer(&self, call: Call) -> Result<Answer, Unanswered> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.seen.lock().expect("nobody panics with it").push(call.clone());
        let answer = match call.operation.as_str() {
            "refuse" => Answer::Refused("sold out: nichts übrig".into()),
            "be busy" => Answer::Busy("later".into()),
            "fence" => Answer::Fenced { current: CallFence { epoch: u64::MAX, attempt: 7 } },
            "entomb" => Answer::Compensated,
            "forget" => return Err(Unanswered("the disk is gone".into())),
            "panic" => panic!("on purpose"),
            "swell" => Answer::Done(vec![0; (1 << 20) + 1].into()),
            "fill" => Answer::Done(vec![7; 1 << 20].into()),
            "hold" => {
                self.release.acquire().await.expect("it is never closed").forget();
                Answer::Done("released".into())
            }
            _ => Answer::Done(call.payload),
        };
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(answer)
    }
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub(crate) async fn serve(service: &Arc<Service>, options: ServerOptions) -> HttpServer {
    HttpServer::start(loopback(), Arc::clone(service), options).await.expect("loopback is free")
}

/// A service with a server that answers for it.
pub(crate) async fn started() -> (Arc<Service>, HttpServer) {
    let service = Service::new();
    let server = serve(&service, ServerOptions::default()).await;
    (service, server)
}

pub(crate) fn transport() -> Arc<HttpTransport> {
    Arc::new(HttpTransport::new(TransportOptions::default()))
}

pub(crate) fn address(of: SocketAddr) -> Address {
    Address::parse(&of.to_string()).expect("an address")
}

pub(crate) fn call(operation: &str) -> Call {
    Call {
        operation: operation.parse().expect("a name"),
        key: "saga-1/0/step".parse().expect("a key"),
        kind: CallKind::Action,
        fence: CallFence { epoch: 1, attempt: 1 },
        trace_context: None,
        deadline: LONG,
        payload: "payload".into(),
    }
}

pub(crate) fn within(deadline: Duration, operation: &str) -> Call {
    Call { deadline, ..call(operation) }
}

/// Calls from a task of its own.
pub(crate) fn spawn_call(
    transport: &Arc<HttpTransport>,
    to: SocketAddr,
    call: Call,
) -> tokio::task::JoinHandle<Result<Answer, CallError>> {
    let transport = Arc::clone(transport);
    tokio::spawn(async move { transport.call(&address(to), call).await })
}

pub(crate) fn done(reply: &'static str) -> Answer {
    Answer::Done(Bytes::from_static(reply.as_bytes()))
}

pub(crate) fn is_unknown(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Err(CallError::Unknown(_)))
}

pub(crate) fn is_not_delivered(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Err(CallError::NotDelivered(_)))
}

/// Hands every connection on to `to`, and counts them.
pub(crate) async fn relay(to: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(loopback()).await.expect("loopback is free");
    let address = listener.local_addr().expect("it listens");
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut far = TcpStream::connect(to).await.expect("the server listens");
                // It ends when either side does.
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (address, count)
}

/// Reads one request of a call and answers with these bytes, whatever they are; then hangs up.
pub(crate) async fn impostor(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind(loopback()).await.expect("loopback is free");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.expect("somebody calls");
        let mut request = Vec::new();
        while !request.ends_with(b"payload") {
            connection.read_buf(&mut request).await.expect("the caller sends");
        }
        // The caller may have seen enough before the end.
        let _ = connection.write_all(&answer).await;
    });
    address
}

/// Sends these bytes, and reads until the server hangs up.
pub(crate) async fn raw(to: SocketAddr, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(to).await.expect("the server listens");
    // The server may hang up before it has read all of it.
    let _ = connection.write_all(request).await;
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = connection.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
