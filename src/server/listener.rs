//! The gate: accepts sockets, shakes hands in bounded time and number, and admits who has one identity of ours.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    connection::{Connection, OpenConnections},
    metrics::Metrics,
    tls::Tls,
};
use crate::crypto::identity::{Identity, IdentityFault};

/// Wait after a failed accept: it fails for want of memory or file descriptors, and at once again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Gate {
    pub(super) tls: Arc<Tls>,
    pub(super) open: Arc<OpenConnections>,
    pub(super) handshakes_max: usize,
    pub(super) handshake_max: Duration,
    pub(super) metrics: Arc<Metrics>,
}

impl Gate {
    /// Accepts until `admitted` has lost its receiver; handshakes under way end with it.
    pub(super) async fn run(
        self: Arc<Self>,
        listener: TcpListener,
        admitted: mpsc::Sender<io::Result<Connection>>,
    ) {
        let handshakes = Arc::new(Semaphore::new(self.handshakes_max));
        let mut running = JoinSet::new();
        loop {
            while running.try_join_next().is_some() {}
            let accepted = tokio::select! {
                () = admitted.closed() => break,
                accepted = accept(&listener, &handshakes) => accepted,
            };
            match accepted {
                Ok(Some((socket, peer, turn))) => match self.open.seat() {
                    Some(seat) => {
                        let (gate, admitted) = (Arc::clone(&self), admitted.clone());
                        running.spawn(async move {
                            gate.let_in(socket, peer, seat, admitted).await;
                            drop(turn);
                        });
                    }
                    None => self.refuse(peer, &Refused::Full),
                },
                Ok(None) => break,
                Err(fault) => {
                    tracing::warn!(%fault, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn let_in(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
        seat: OwnedSemaphorePermit,
        admitted: mpsc::Sender<io::Result<Connection>>,
    ) {
        let admission = timeout(self.handshake_max, self.admit(socket, peer, seat));
        match admission.await.unwrap_or(Err(Refused::Slow)) {
            // When the receiver has gone the server is stopping, and the connection ends here.
            Ok(connection) => drop(admitted.send(Ok(connection)).await),
            Err(refused) => self.refuse(peer, &refused),
        }
    }

    async fn admit(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
        seat: OwnedSemaphorePermit,
    ) -> Result<Connection, Refused> {
        socket.set_nodelay(true).map_err(Refused::Socket)?;
        let mut generation = self.tls.generation();
        generation.mark_unchanged();
        let acceptor = TlsAcceptor::from(self.tls.settings());
        let stream = acceptor.accept(socket).await.map_err(Refused::Handshake)?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let holder = chain.first().ok_or(IdentityFault::Unreadable)?;
        let identity = Arc::new(Identity::from_certificate_der(holder)?);
        let place = self.open.place(seat, chain.to_vec());
        // A reload during the handshake has not seen this connection.
        if generation.has_changed().unwrap_or(true) && !self.tls.admits(chain) {
            return Err(Refused::Revoked);
        }
        Ok(Connection {
            caller: crate::grpc::Caller { identity, peer },
            stream,
            place,
        })
    }

    fn refuse(&self, peer: SocketAddr, refused: &Refused) {
        self.metrics.connection_refused(refused.label());
        tracing::info!(%peer, reason = %refused, "connection refused");
    }
}

/// Why a connection is not admitted.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("as many connections are open as may be")]
    Full,
    #[error("the TLS handshake took too long")]
    Slow,
    #[error("the socket failed: {0}")]
    Socket(io::Error),
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    #[error("the certificate was revoked during the handshake")]
    Revoked,
}

impl Refused {
    fn label(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Slow => "slow",
            Self::Socket(_) => "socket",
            Self::Handshake(_) => "handshake",
            Self::Identity(_) => "identity",
            Self::Revoked => "revoked",
        }
    }
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

/// `None` when there is no turn any more, which does not happen: nobody closes the semaphore.
async fn accept(
    listener: &TcpListener,
    handshakes: &Arc<Semaphore>,
) -> io::Result<Option<Accepted>> {
    let Ok(turn) = Arc::clone(handshakes).acquire_owned().await else {
        return Ok(None);
    };
    let (socket, peer) = listener.accept().await?;
    Ok(Some((socket, peer, turn)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        crypto::{
            certificate::Validity,
            pki::{DevelopmentPki, PkiPlan},
        },
        server::{
            connect::{ClientPem, connect},
            tls::TlsFiles,
        },
    };

    #[tokio::test]
    async fn what_an_admitted_connection_writes_leaves_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let plan = PkiPlan {
            server_names: &[],
            clients: &[],
            validity: Validity {
                not_before: at(1_500_000_000),
                not_after: at(4_000_000_000),
            },
        };
        let pki = DevelopmentPki::create(&dir.path().join("pki"), &plan).unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let gate = Gate {
            tls: Arc::new(Tls::load(TlsFiles::from(&pki)).unwrap()),
            open: Arc::new(OpenConnections::new(1, metrics.connections.clone())),
            handshakes_max: 1,
            handshake_max: Duration::from_secs(20),
            metrics,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("https://{}", listener.local_addr().unwrap());
        let (admitted, mut connections) = mpsc::channel(1);
        tokio::spawn(Arc::new(gate).run(listener, admitted));
        tokio::spawn(async move {
            let read = |file| std::fs::read(file).unwrap();
            let pem = ClientPem {
                authority: &read(pki.authority_certificate()),
                certificate: &read(pki.client_certificate(&Identity::Operator)),
                key: &read(pki.client_key(&Identity::Operator)),
            };
            connect(&endpoint, pem).await
        });
        let connection = connections.recv().await.unwrap().unwrap();
        // TCP_NODELAY: without it a small answer waits for the acknowledgement of the one before.
        assert!(connection.stream.get_ref().0.nodelay().unwrap());
    }
}
