//! The terminal's endpoint: pages over TLS 1.3, for browsers, which have no client certificate.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{ServerFault, Tls};
use crate::{config::ConsoleConfig, console::Peer};

/// Connections that have shaken hands and wait to be taken.
const ADMITTED_MAX: usize = 16;

/// Wait after a failed accept: it fails for want of memory or file descriptors, and at once again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Admitted = (TlsStream<TcpStream>, SocketAddr);

/// The endpoint of the terminal, listening.
#[derive(Debug)]
pub struct ConsoleEndpoint {
    listener: TcpListener,
    tls: Arc<Tls>,
    handshakes_max: usize,
    handshake_max: Duration,
}

impl ConsoleEndpoint {
    /// Takes the address.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn bind(config: &ConsoleConfig, tls: Arc<Tls>) -> Result<Self, ServerFault> {
        let listen = config.listen;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| ServerFault::Bind { listen, source })?;
        Ok(Self {
            listener,
            tls,
            handshakes_max: config.handshakes_max,
            handshake_max: Duration::from_millis(config.handshake_ms_max),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves the pages until `shutdown` completes.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        pages: Router,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerFault> {
        let local = self.local_addr().map_err(ServerFault::Console)?;
        let (admitted, connections) = mpsc::channel(ADMITTED_MAX);
        let gate = tokio::spawn(self.admit(admitted));
        let pages = pages.into_make_service_with_connect_info::<Peer>();
        let serving = axum::serve(Door { connections, local }, pages);
        let served = serving.with_graceful_shutdown(shutdown).await;
        gate.abort();
        served.map_err(ServerFault::Console)
    }

    /// Accepts and shakes hands, each in its own task and in bounded time and number.
    async fn admit(self, admitted: mpsc::Sender<Admitted>) {
        let places = Arc::new(Semaphore::new(self.handshakes_max));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let (socket, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(fault) => {
                    tracing::warn!(%fault, "a connection to the terminal could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let acceptor = TlsAcceptor::from(self.tls.for_browsers());
            let (admitted, handshake_max) = (admitted.clone(), self.handshake_max);
            tokio::spawn(async move {
                match timeout(handshake_max, acceptor.accept(socket)).await {
                    // When the receiver has gone the server is stopping, and the connection ends here.
                    Ok(Ok(stream)) => drop(admitted.send((stream, peer)).await),
                    Ok(Err(fault)) => tracing::debug!(%peer, %fault, "no handshake"),
                    Err(_) => tracing::debug!(%peer, "the handshake took too long"),
                }
                drop(place);
            });
        }
    }
}

/// Where the server takes connections that have shaken hands.
struct Door {
    connections: mpsc::Receiver<Admitted>,
    local: SocketAddr,
}

impl axum::serve::Listener for Door {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Admitted {
        match self.connections.recv().await {
            Some(admitted) => admitted,
            // The gate has gone, so nobody comes any more.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(*stream.remote_addr())
    }
}
