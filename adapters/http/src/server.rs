//! The participant's side: listens, bounds what comes, and hands calls to a responder.
//!
//! It decides nothing about calls. The invariant it guards: a responder sees only calls that were
//! read whole, within every bound and from who is known; and nobody can hold a connection for
//! longer than the options say, except by waiting for its own answer.

mod connections;
mod respond;

use crate::Token;
use connections::Connections;
use respond::Service;
use sagalog::runtime::Responder;
use std::{error::Error, fmt, io, net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// How an [`HttpServer`] listens.
#[derive(Clone, Debug)]
#[must_use]
pub struct ServerOptions {
    token: Option<Token>,
    connections_max: usize,
    patience: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { token: None, connections_max: 1024, patience: Duration::from_secs(10) }
    }
}

impl ServerOptions {
    /// Answers only those who show this token (default: none, which only loopback may do).
    pub fn token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// How many connections there may be (default 1024). Others wait to be accepted.
    pub fn connections_max(self, connections: usize) -> Self {
        Self { connections_max: connections, ..self }
    }

    /// How long a caller may take to send the head of a request, then its body, and to take what
    /// it is sent (default 10 s each). An idle connection is closed after the same time.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// Why a server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Others than this machine could call, and nothing would tell friend from foe. Give it a
    /// [`Token`], or listen on loopback.
    TokenMissing {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The operating system refused the address.
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What it said.
        source: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenMissing { address } => {
                write!(f, "others could call {address}: it takes a token, or a loopback address")
            }
            Self::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TokenMissing { .. } => None,
            Self::Listen { source, .. } => Some(source),
        }
    }
}

/// A server that answers calls. Dropped, it stops at once; [`HttpServer::shutdown`] lets it finish.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    stop: oneshot::Sender<Duration>,
    serving: Serving,
}

/// The task that serves. It ends with this.
#[derive(Debug)]
struct Serving(JoinHandle<usize>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl HttpServer {
    /// Listens on `address` (port 0 for any) and answers with `responder` from here on.
    ///
    /// # Errors
    /// [`StartError`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future starts nothing.
    pub async fn start(
        address: SocketAddr,
        responder: impl Responder,
        options: ServerOptions,
    ) -> Result<Self, StartError> {
        if options.token.is_none() && !address.ip().is_loopback() {
            return Err(StartError::TokenMissing { address });
        }
        let refused = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let ServerOptions { token, connections_max, patience } = options;
        let service = Service::new(responder, token, patience);
        let (stop, stopped) = oneshot::channel();
        let connections = Connections::new(connections_max, patience);
        let serving = tokio::spawn(connections.serve(listener, service, stopped));
        Ok(Self { address, stop, serving: Serving(serving) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections and requests, and gives those that are being answered `grace` to
    /// end. Returns how many connections were cut off then: their callers do not know the outcome.
    ///
    /// # Cancel safety
    /// Dropping the future cuts off all of them.
    pub async fn shutdown(self, grace: Duration) -> usize {
        let Self { stop, mut serving, .. } = self;
        // It can only have ended by itself if it was aborted with its runtime.
        let _ = stop.send(grace);
        (&mut serving.0).await.unwrap_or_default()
    }
}
