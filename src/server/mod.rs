//! The gRPC server over mutual TLS: joins listener, limits, health, reflection and metrics around the services.

use std::{convert::Infallible, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use metrics_exporter_prometheus::BuildError;
use prost::DecodeError;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    time::{interval, sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{service::Routes, transport};
use tonic_health::server::HealthReporter;

use crate::{config::ServerConfig, grpc::Surface, world::Shares};

mod catalogue;
pub mod connect;
mod connection;
mod console;
mod download;
mod health;
mod listener;
mod metrics;
mod paces;
mod rpc;
mod signals;
mod stall;
pub mod telemetry;
mod tls;
mod trace_context;

pub use console::ConsoleEndpoint;
pub use health::HealthHandle;
pub use metrics::{Metrics, MetricsEndpoint};
pub use signals::Signals;
pub use tls::{Tls, TlsFault, TlsFiles};

use connection::OpenConnections;
use download::DownloadLayer;
use listener::Gate;
use rpc::CallLayer;

/// Admitted connections that wait for tonic to take them.
const ADMITTED_MAX: usize = 16;

/// Wait for connections that were told to close; they only have to notice.
const CLOSING_MAX: Duration = Duration::from_secs(1);

/// A server that has its address and does not answer yet.
pub struct Server {
    config: ServerConfig,
    listener: TcpListener,
    tls: Arc<Tls>,
    metrics: Arc<Metrics>,
    health: HealthHandle,
    reporter: HealthReporter,
    stopping: CancellationToken,
    results: Option<Surface>,
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// All calls had their answers.
    Complete,
    /// Some calls were cut off after `drain_ms_max`.
    CutOff {
        /// On how many connections.
        connections: usize,
    },
}

impl Server {
    /// Takes the address. Every service is reported as SERVING until [`Server::health`] is told otherwise.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(
        config: &ServerConfig,
        tls: Arc<Tls>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ServerFault> {
        let listen = config.listen;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| ServerFault::Bind { listen, source })?;
        let reporter = HealthReporter::new();
        let health = HealthHandle::new(reporter.clone(), catalogue::our_services()?);
        health.set_serving().await;
        Ok(Self {
            config: config.clone(),
            listener,
            tls,
            metrics,
            health,
            reporter,
            stopping: CancellationToken::new(),
            results: None,
        })
    }

    /// Hands out the results of `surface` that are too big for a message.
    #[must_use]
    pub fn handing_out(mut self, surface: Surface) -> Self {
        self.results = Some(surface);
        self
    }

    /// Where it listens; the port is the one taken when the configured one is 0.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The handle by which the services' owner says whether they can be used.
    pub fn health(&self) -> HealthHandle {
        self.health.clone()
    }

    /// Cancelled when the server begins to stop. Streams without an end should end then, as those of health and
    /// reflection do; they hold up the stop for `drain_ms_max` otherwise.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Answers `routes`, health and reflection until `shutdown` completes, then accepts nothing more and lets
    /// running calls finish for at most `drain_ms_max`.
    ///
    /// The services in `routes` set their own `max_decoding_message_size` to `message_bytes_max`; tonic has no
    /// setting for all of them.
    ///
    /// # Errors
    /// When the reflection service or the server cannot be set up.
    pub async fn serve(
        self,
        routes: Routes,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Drained, ServerFault> {
        let routes = with_own_services(routes, &self.reporter)?;
        let calls = self.call_layer();
        let router = transport_settings(&self.config)
            .layer(DownloadLayer {
                calls: calls.clone(),
                surface: self.results.clone(),
            })
            .layer(tonic_web::GrpcWebLayer::new())
            .layer(calls)
            .add_routes(routes);
        let open = Arc::new(OpenConnections::new(
            self.config.connections_max,
            self.metrics.connections.clone(),
        ));
        let (admitted, connections) = mpsc::channel(ADMITTED_MAX);
        let gate = Gate {
            tls: Arc::clone(&self.tls),
            open: Arc::clone(&open),
            handshakes_max: self.config.handshakes_max,
            handshake_max: Duration::from_millis(self.config.handshake_ms_max),
            metrics: Arc::clone(&self.metrics),
        };
        let gate = tokio::spawn(Arc::new(gate).run(self.listener, admitted));

        let (stopping, health) = (self.stopping.clone(), self.health.clone());
        let stop = async move {
            shutdown.await;
            health.set_not_serving().await;
            stopping.cancel();
        };
        let serving = router.serve_with_incoming_shutdown(ReceiverStream::new(connections), stop);
        let mut serving = std::pin::pin!(serving);
        let drain_max = Duration::from_millis(self.config.drain_ms_max);
        let overdue = async {
            self.stopping.cancelled().await;
            sleep(drain_max).await;
        };
        let revocation_interval = Duration::from_millis(self.config.revocation_interval_ms);
        let drained = tokio::select! {
            served = &mut serving => served.map(|()| Drained::Complete)?,
            () = overdue => cut_off(&open, serving).await?,
            never = keep_revoked_out(&self.tls, &open, revocation_interval) => match never {},
        };
        gate.await.map_err(ServerFault::Gate)?;
        Ok(drained)
    }

    fn call_layer(&self) -> CallLayer {
        CallLayer {
            metrics: Arc::clone(&self.metrics),
            stopping: self.stopping.clone(),
            calls: Arc::new(Semaphore::new(self.config.calls_max)),
            shares: Shares::new(self.config.calls_each_max),
            request_max: Duration::from_millis(self.config.request_ms_max),
            stalled_max: Duration::from_millis(self.config.stalled_ms_max),
            header_bytes_max: usize::try_from(self.config.header_bytes_max).unwrap_or(usize::MAX),
        }
    }
}

/// The server could not be set up, or failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ServerFault {
    /// The address cannot be had.
    #[error("cannot listen on {listen}: {source}")]
    Bind {
        /// Which address.
        listen: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The descriptors inside the program cannot be read.
    #[error("the service descriptors cannot be read: {0}")]
    Descriptors(#[from] DecodeError),
    /// Reflection cannot use the descriptors.
    #[error("reflection cannot be set up: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The gRPC server failed.
    #[error("the gRPC server failed: {0}")]
    Transport(#[from] transport::Error),
    /// The task that accepts connections ended by a panic.
    #[error("the listener failed: {0}")]
    Gate(#[source] tokio::task::JoinError),
    /// The metrics cannot be set up.
    #[error("the metrics cannot be set up: {0}")]
    Buckets(#[from] BuildError),
    /// The metrics endpoint failed.
    #[error("the metrics endpoint failed: {0}")]
    Metrics(#[source] io::Error),
}

fn with_own_services(routes: Routes, reporter: &HealthReporter) -> Result<Routes, ServerFault> {
    let health = tonic_health::server::HealthService::from_health_reporter(reporter.clone());
    let reflection = || {
        let builder =
            tonic_reflection::server::Builder::configure().include_reflection_service(false);
        let sets = catalogue::DESCRIPTOR_SETS.into_iter();
        sets.fold(builder, |builder, set| {
            builder.register_encoded_file_descriptor_set(set)
        })
    };
    Ok(routes
        .add_service(tonic_health::pb::health_server::HealthServer::new(health))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}

fn transport_settings(config: &ServerConfig) -> transport::Server {
    transport::Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(config.streams_max)
        .http2_max_header_list_size(config.header_bytes_max)
        .http2_keepalive_interval(Some(Duration::from_millis(config.keepalive_interval_ms)))
        .http2_keepalive_timeout(Some(Duration::from_millis(config.keepalive_ms_max)))
}

/// Closes what is still open and waits for it to notice.
async fn cut_off(
    open: &OpenConnections,
    serving: impl Future<Output = Result<(), transport::Error>>,
) -> Result<Drained, ServerFault> {
    let connections = open.keep(|_| false);
    tracing::warn!(connections, "connections cut off after drain_ms_max");
    if let Ok(served) = timeout(CLOSING_MAX, serving).await {
        served?;
    }
    Ok(Drained::CutOff { connections })
}

/// Follows the revocation list and closes the connections that a reload no longer admits. It does not complete.
async fn keep_revoked_out(tls: &Tls, open: &OpenConnections, every: Duration) -> Infallible {
    let mut generation = tls.generation();
    let mut turns = interval(every);
    loop {
        tokio::select! {
            _ = turns.tick() => match tls.list_changed() {
                Ok(true) => signals::reload(tls),
                Ok(false) => {}
                Err(fault) => tracing::error!(%fault, "the revocation list cannot be looked at"),
            },
            // `tls` holds the sending half, so the only news is a reload.
            _ = generation.changed() => {
                let closed = open.keep(|chain| tls.admits(chain));
                if closed > 0 {
                    tracing::info!(closed, "connections closed: their certificates are no longer admitted");
                }
            }
        }
    }
}
