//! What a call costs beside a bare request: over loopback, one after the other.
//!
//! No load test. The invariant it guards: both sides of the ratio take turns in one run, so that a
//! slow moment of the machine slows both.
//!
//! `cargo bench -p sagalog-http --bench call -- [--json] [--calls N]`
#![expect(clippy::disallowed_methods, reason = "a measurement takes real time, on real sockets")]
#![expect(clippy::print_stdout, reason = "a benchmark tells its result")]

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::{Request, Response, body::Incoming, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use sagalog::runtime::{
    Address, Answer, Call, CallFence, CallKind, Responder, Transport, Unanswered,
};
use sagalog_http::{HttpServer, HttpTransport, ServerOptions, TransportOptions};
use std::{convert::Infallible, error::Error, net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

/// Calls of one side before it is the other one's turn.
const TURN: usize = 100;

struct Echo;

impl Responder for Echo {
    async fn answer(&self, call: Call) -> Result<Answer, Unanswered> {
        Ok(Answer::Done(call.payload))
    }
}

/// A connection to an echo that hyper alone serves.
struct Bare(client::conn::http1::SendRequest<Full<Bytes>>);

impl Bare {
    async fn start() -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let near = TcpStream::connect(listener.local_addr()?).await?;
        let (far, _) = listener.accept().await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let echo = service_fn(|request: Request<Incoming>| async {
            let body =
                request.into_body().collect().await.map_or(Bytes::new(), Collected::to_bytes);
            Ok::<_, Infallible>(Response::new(Full::new(body)))
        });
        tokio::spawn(server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), echo));
        let (sender, connection) = client::conn::http1::handshake(TokioIo::new(near)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    async fn request(&mut self, payload: &Bytes) -> Result<Bytes, Box<dyn Error>> {
        self.0.ready().await?;
        let request = Request::post("/").header("host", "x").body(Full::new(payload.clone()))?;
        Ok(self.0.send_request(request).await?.into_body().collect().await?.to_bytes())
    }
}

fn call(payload: &Bytes) -> Result<Call, Box<dyn Error>> {
    Ok(Call {
        operation: "reserve".parse()?,
        key: "order-17/0/reserve".parse()?,
        kind: CallKind::Action,
        fence: CallFence { epoch: 1, attempt: 1 },
        trace_context: None,
        deadline: Duration::from_secs(10),
        payload: payload.clone(),
    })
}

/// Microseconds of each call, and of each bare request.
async fn measure(calls: usize) -> Result<(Vec<f64>, Vec<f64>), Box<dyn Error>> {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = HttpServer::start(address, Echo, ServerOptions::default()).await?;
    let transport = HttpTransport::new(TransportOptions::default());
    let to = Address::parse(&server.address().to_string())?;
    let mut bare = Bare::start().await?;
    let payload = Bytes::from(vec![7; 256]);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    while ours.len() < calls {
        for _ in 0..TURN {
            let start = Instant::now();
            assert_eq!(transport.call(&to, call(&payload)?).await?, Answer::Done(payload.clone()));
            ours.push(start.elapsed().as_secs_f64() * 1e6);
        }
        for _ in 0..TURN {
            let start = Instant::now();
            assert_eq!(bare.request(&payload).await?, payload);
            theirs.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    server.shutdown(Duration::from_secs(1)).await;
    Ok((ours, theirs))
}

fn at(micros: &mut [f64], hundredths: usize) -> f64 {
    micros.sort_by(f64::total_cmp);
    micros[(micros.len() - 1) * hundredths / 100]
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let calls = arguments.iter().skip_while(|argument| *argument != "--calls").nth(1);
    let calls = calls.map_or(Ok(20_000), |calls| calls.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut ours, mut theirs) = runtime.block_on(measure(calls))?;
    let (p50, p99) = (at(&mut ours, 50), at(&mut ours, 99));
    let (bare_p50, bare_p99) = (at(&mut theirs, 50), at(&mut theirs, 99));
    let ratio = p50 / bare_p50;
    if json {
        println!(
            "{{\"calls\":{},\"p50_us\":{p50:.1},\"p99_us\":{p99:.1},\"bare_p50_us\":{bare_p50:.1},\
             \"bare_p99_us\":{bare_p99:.1},\"ratio_p50\":{ratio:.2}}}",
            ours.len()
        );
    } else {
        println!("a call:  p50 {p50:.1} us, p99 {p99:.1} us, {} calls", ours.len());
        println!("bare:    p50 {bare_p50:.1} us, p99 {bare_p99:.1} us");
        println!("ratio:   {ratio:.2} at p50");
    }
    Ok(())
}
