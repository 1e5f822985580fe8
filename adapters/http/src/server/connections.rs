//! Connections: how many, how slow, and how they end.
//!
//! What is said on them is `respond`'s. The invariant it guards: there are never more than allowed,
//! and none outlives the server.

use super::respond::Service;
use crate::wire::{HEAD_BYTES_MAX, HEADERS_MAX};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use sagalog::runtime::Responder;
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;

/// How long to wait when the operating system gives no connection, for want of descriptors mostly.
const BREATH: Duration = Duration::from_millis(50);

pub(super) struct Connections {
    turns: Arc<Semaphore>,
    patience: Duration,
    alive: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Connections {
    pub(super) fn new(connections_max: usize, patience: Duration) -> Self {
        let turns = Arc::new(Semaphore::new(connections_max));
        Self { turns, patience, alive: JoinSet::new(), graceful: GracefulShutdown::new() }
    }

    /// Serves until it is told to stop, and for how long it may take. Returns how many connections
    /// were cut off then.
    pub(super) async fn serve<R: Responder>(
        mut self,
        listener: TcpListener,
        service: Service<R>,
        mut stopped: oneshot::Receiver<Duration>,
    ) -> usize {
        let grace = loop {
            tokio::select! {
                biased;
                grace = &mut stopped => break grace.unwrap_or_default(),
                Some(_) = self.alive.join_next() => {}
                (connection, turn) = next(&listener, &self.turns) => {
                    self.start(connection, turn, service.clone());
                }
            }
        };
        drop(listener);
        let Self { mut alive, graceful, .. } = self;
        if timeout(grace, graceful.shutdown()).await.is_ok() {
            return 0;
        }
        while alive.try_join_next().is_some() {}
        alive.len()
    }

    fn start<R: Responder>(
        &mut self,
        connection: TcpStream,
        turn: OwnedSemaphorePermit,
        service: Service<R>,
    ) {
        let mut connection = TimeoutStream::new(connection);
        // Reading has its own limits: a caller who waits for an answer has nothing to send.
        connection.set_write_timeout(Some(self.patience));
        let answer = service_fn(move |request| {
            let service = service.clone();
            async move { service.respond(request).await }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(Box::pin(connection)), answer);
        let serving = self.graceful.watch(serving);
        self.alive.spawn(async move {
            // How a connection ends is its caller's to see.
            let _ = serving.await;
            drop(turn);
        });
    }
}

/// The next connection, once there may be another one.
async fn next(listener: &TcpListener, turns: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    let turn = Arc::clone(turns).acquire_owned().await.expect("it is never closed");
    loop {
        match listener.accept().await {
            Ok((connection, _)) if connection.set_nodelay(true).is_ok() => {
                return (connection, turn);
            }
            // The caller has gone already.
            Ok(_) => {}
            Err(_) => sleep(BREATH).await,
        }
    }
}
