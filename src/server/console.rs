//! The terminal's endpoint: pages over TLS 1.3, for browsers, which have no client certificate; over plain HTTP only on the
//! loopback, when that was asked for. Connections, handshakes, heads and whole requests are bounded.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{ServerFault, Tls};
use crate::{config::ConsoleConfig, console::Peer};

/// Wait after a failed accept: it fails for want of memory or file descriptors, and at once again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The endpoint of the terminal, listening.
#[derive(Debug)]
pub struct ConsoleEndpoint {
    listener: TcpListener,
    tls: Arc<Tls>,
    config: ConsoleConfig,
}

/// What every connection needs.
#[derive(Clone)]
struct Attendant {
    tls: Arc<Tls>,
    plain: bool,
    handshake_max: Duration,
    header_max: Duration,
    pages: Router,
    stopping: CancellationToken,
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
            config: config.clone(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves the pages until `shutdown` completes and the requests that were under way have their answers.
    pub async fn serve(self, pages: Router, shutdown: impl Future<Output = ()> + Send + 'static) {
        let config = &self.config;
        let request_max = Duration::from_millis(config.request_ms_max);
        let attendant = Attendant {
            tls: self.tls,
            plain: config.plain_http,
            handshake_max: Duration::from_millis(config.handshake_ms_max),
            header_max: Duration::from_millis(config.header_ms_max),
            pages: pages.layer(middleware::from_fn_with_state(request_max, in_time)),
            stopping: CancellationToken::new(),
        };
        let seats = Arc::new(Semaphore::new(config.connections_max));
        let handshakes = Arc::new(Semaphore::new(config.handshakes_max));
        let mut open = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            while open.try_join_next().is_some() {}
            let (socket, peer, turn) = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&self.listener, &handshakes) => match accepted {
                    Ok(accepted) => accepted,
                    Err(fault) => {
                        tracing::warn!(%fault, "a connection to the terminal could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            match Arc::clone(&seats).try_acquire_owned() {
                Ok(seat) => {
                    let attendant = attendant.clone();
                    open.spawn(async move {
                        attendant.attend(socket, peer, turn).await;
                        drop(seat);
                    });
                }
                Err(_) => {
                    tracing::info!(%peer, "as many connections to the terminal are open as may be")
                }
            }
        }
        attendant.stopping.cancel();
        while open.join_next().await.is_some() {}
    }
}

impl Attendant {
    async fn attend(self, socket: TcpStream, peer: SocketAddr, turn: OwnedSemaphorePermit) {
        if self.plain {
            drop(turn);
            return self.talk(socket, peer).await;
        }
        let acceptor = TlsAcceptor::from(self.tls.for_browsers());
        let shaken = tokio::select! {
            () = self.stopping.cancelled() => return,
            shaken = timeout(self.handshake_max, acceptor.accept(socket)) => shaken,
        };
        drop(turn);
        match shaken {
            Ok(Ok(stream)) => self.talk(stream, peer).await,
            Ok(Err(fault)) => tracing::debug!(%peer, %fault, "no handshake"),
            Err(_) => tracing::debug!(%peer, "the handshake took too long"),
        }
    }

    async fn talk(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
    ) {
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_max);
        let pages = self
            .pages
            .map_request(move |mut request: http::Request<_>| {
                request.extensions_mut().insert(ConnectInfo(Peer(peer)));
                request
            });
        let pages = TowerToHyperService::new(pages);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), pages));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(fault) = ended {
            tracing::debug!(%peer, fault = &*fault, "a connection to the terminal broke off");
        }
    }
}

/// Answers a request that is not read and answered in time. An act that has begun goes on to its end.
async fn in_time(State(longest): State<Duration>, request: Request, next: Next) -> Response {
    match timeout(longest, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => {
            let text = "時間内に処理が終わりませんでした。画面を開き直して状態を確認してください。";
            (StatusCode::REQUEST_TIMEOUT, text).into_response()
        }
    }
}

async fn accept(
    listener: &TcpListener,
    handshakes: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // Nobody closes the semaphore.
    let turn = Arc::clone(handshakes).acquire_owned().await;
    let turn = turn.map_err(io::Error::other)?;
    let (socket, peer) = listener.accept().await?;
    Ok((socket, peer, turn))
}
