//! What is counted, and the plain HTTP endpoint that shows it to Prometheus.

mod texts;

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tokio::net::TcpListener;
use tonic::Code;

use texts::{
    BACKUP_OVERDUE, CALLS, CONDITION, CONNECTIONS, DISK_FREE, DOWNLOAD_BYTES, DOWNLOADS_EXPIRED,
    DOWNLOADS_FETCHED, DOWNLOADS_READY, EXCHANGES, EXCHANGES_UNDER_WAY, EXCHANGES_WAITING,
    IN_FLIGHT, LEDGER_ENTRIES, LEDGER_WAITING, RECORDS_WRITABLE, REFUSED, SECONDS, STATE_WAITING,
    SUBMISSIONS_UNDER_WAY, SUBMISSIONS_WAITING, VOLUME_WARNINGS, describe,
};

use super::{ServerFault, catalogue, health::HealthHandle, paces::Paces};
use crate::config::Secret;
use crate::world::{Condition, World};

/// Upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 15.0, 60.0,
];

/// gRPC codes, in the order of their numbers: 0 (OK) to 16 (UNAUTHENTICATED).
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// The counters of one server.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    methods: HashMap<String, MethodMetrics>,
    unknown: MethodMetrics,
    paces: Paces,
    pub(super) connections: Gauge,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The counters of one method.
pub(super) struct MethodMetrics {
    path: String,
    pub(super) in_flight: Gauge,
    pub(super) seconds: Histogram,
    calls: [OnceLock<Counter>; CODES.len()],
}

impl Metrics {
    /// Counters at zero.
    ///
    /// # Errors
    /// When the descriptors inside the program cannot be read.
    pub fn new() -> Result<Self, ServerFault> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(SECONDS.to_owned()), &BUCKETS)?;
        let recorder = builder.build_recorder();
        describe(&recorder);
        let methods = catalogue::method_paths()?.into_iter();
        let methods = methods.map(|path| (path.clone(), MethodMetrics::new(&recorder, path)));
        Ok(Self {
            methods: methods.collect(),
            unknown: MethodMetrics::new(&recorder, "unknown".to_owned()),
            connections: recorder.register_gauge(&Key::from_name(CONNECTIONS), &METADATA),
            paces: Paces::default(),
            handle: recorder.handle(),
            recorder,
        })
    }

    /// The counters of the method at `path`; all methods that do not exist share one set.
    pub(super) fn method(&self, path: &str) -> &MethodMetrics {
        self.methods.get(path).unwrap_or(&self.unknown)
    }

    pub(super) fn count(&self, method: &MethodMetrics, code: Code) {
        let number = usize::try_from(i32::from(code)).unwrap_or_default();
        if let (Some(counter), Some(name)) = (method.calls.get(number), CODES.get(number)) {
            let counter = counter.get_or_init(|| {
                let labels = vec![method.label(), Label::from_static_parts("code", name)];
                let key = Key::from_parts(CALLS, labels);
                self.recorder.register_counter(&key, &METADATA)
            });
            counter.increment(1);
        }
    }

    pub(super) fn connection_refused(&self, reason: &'static str) {
        let labels = vec![Label::from_static_parts("reason", reason)];
        let key = Key::from_parts(REFUSED, labels);
        self.recorder.register_counter(&key, &METADATA).increment(1);
    }

    /// Takes over what a world has counted.
    pub fn show_world(&self, world: &World) {
        let label = |name, value: &str| Label::new(name, value.to_owned());
        let world_label = label("world", world.name().as_str());
        for (code, total) in world.tally() {
            let labels = vec![world_label.clone(), label("result", code.status_code())];
            let key = Key::from_parts(EXCHANGES, labels);
            self.recorder
                .register_counter(&key, &METADATA)
                .absolute(total);
        }
        let key = Key::from_parts(VOLUME_WARNINGS, vec![world_label.clone()]);
        let warnings = self.recorder.register_counter(&key, &METADATA);
        warnings.absolute(world.volume_warnings());
        let downloads = world.download_counts();
        for (name, total) in [
            (DOWNLOADS_READY, downloads.ready),
            (DOWNLOADS_FETCHED, downloads.fetched),
            (DOWNLOAD_BYTES, downloads.bytes),
            (DOWNLOADS_EXPIRED, downloads.expired),
        ] {
            let key = Key::from_parts(name, vec![world_label.clone()]);
            let counter = self.recorder.register_counter(&key, &METADATA);
            counter.absolute(total);
        }
        let gauge = |name| {
            let key = Key::from_parts(name, vec![world_label.clone()]);
            self.recorder.register_gauge(&key, &METADATA)
        };
        let entries = u32::try_from(world.records().ledger().next_sequence()).unwrap_or(u32::MAX);
        gauge(LEDGER_ENTRIES).set(entries);
        let (exchanges, submissions) = (world.exchanges_now(), world.submissions_now());
        for (name, length) in [
            (EXCHANGES_UNDER_WAY, exchanges.0),
            (EXCHANGES_WAITING, exchanges.1),
            (SUBMISSIONS_UNDER_WAY, submissions.0),
            (SUBMISSIONS_WAITING, submissions.1),
        ] {
            gauge(name).set(u32::try_from(length).unwrap_or(u32::MAX));
        }
        for (name, pace) in [
            (LEDGER_WAITING, world.records().ledger().pace()),
            (STATE_WAITING, world.state_pace()),
        ] {
            gauge(name).set(u32::try_from(pace.waiting()).unwrap_or(u32::MAX));
        }
        self.paces.take(world);
        gauge(BACKUP_OVERDUE).set(u32::from(world.backup_overdue()));
        gauge(RECORDS_WRITABLE).set(u32::from(world.is_writable()));
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge(DISK_FREE).set(world.free_bytes() as f64);
        let now = world.conditions();
        for condition in Condition::ALL {
            let labels = vec![world_label.clone(), label("condition", condition.name())];
            let key = Key::from_parts(CONDITION, labels);
            let gauge = self.recorder.register_gauge(&key, &METADATA);
            gauge.set(u32::from(now.contains(&condition)));
        }
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render() + &self.paces.render()
    }
}

impl MethodMetrics {
    fn new(recorder: &PrometheusRecorder, path: String) -> Self {
        let label = Label::new("method", path.clone());
        let key = |name| Key::from_parts(name, vec![label.clone()]);
        Self {
            in_flight: recorder.register_gauge(&key(IN_FLIGHT), &METADATA),
            seconds: recorder.register_histogram(&key(SECONDS), &METADATA),
            calls: [const { OnceLock::new() }; CODES.len()],
            path,
        }
    }

    /// The method's path, or `unknown`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    fn label(&self) -> Label {
        Label::new("method", self.path.clone())
    }
}

/// How often histograms are folded when nobody reads them, so that they do not grow.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The listener of `/metrics` and `/healthz`.
#[derive(Debug)]
pub struct MetricsEndpoint {
    listener: TcpListener,
    metrics: Arc<Metrics>,
    health: HealthHandle,
    token: Option<Secret>,
}

impl MetricsEndpoint {
    /// Listens on `listen`, which should be a loopback address. With a `token` only who sends it sees `/metrics`.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(
        listen: SocketAddr,
        token: Option<Secret>,
        metrics: Arc<Metrics>,
        health: HealthHandle,
    ) -> Result<Self, ServerFault> {
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| ServerFault::Bind { listen, source })?;
        Ok(Self {
            listener,
            metrics,
            health,
            token,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `shutdown` completes: `/metrics` with the counters, `/healthz` with 200 or 503.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerFault> {
        let Self {
            listener,
            metrics,
            health,
            token,
        } = self;
        let shown = Arc::clone(&metrics);
        let show = async move |headers: HeaderMap| match &token {
            Some(token) if !presents(&headers, token) => unauthorized(),
            Some(_) | None => shown.render().into_response(),
        };
        let router = Router::new()
            .route("/metrics", get(show))
            .route("/healthz", get(async move || healthz(&health)));
        let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown);
        let upkeep = async {
            let mut turns = tokio::time::interval(UPKEEP_INTERVAL);
            loop {
                turns.tick().await;
                metrics.handle.run_upkeep();
            }
        };
        tokio::select! {
            served = serving => served.map_err(ServerFault::Metrics),
            () = upkeep => Ok(()),
        }
    }
}

/// Source: RFC 6750, section 2.1.
fn presents(headers: &HeaderMap, token: &Secret) -> bool {
    let sent = headers.get(header::AUTHORIZATION);
    let sent = sent.and_then(|sent| sent.as_bytes().split_first_chunk());
    sent.is_some_and(|(scheme, presented): (&[u8; 7], _)| {
        scheme.eq_ignore_ascii_case(b"bearer ") && token.is(presented)
    })
}

fn unauthorized() -> Response {
    (
        StatusCode::UNAUTHORIZED,
        [(header::WWW_AUTHENTICATE, "Bearer")],
    )
        .into_response()
}

fn healthz(health: &HealthHandle) -> (StatusCode, String) {
    let status = if health.is_serving() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, health.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_codes_are_in_the_order_of_their_numbers() {
        for (number, name) in (0..).zip(CODES) {
            let code = format!("{:?}", Code::from_i32(number)).to_uppercase();
            assert_eq!(code, name.replace('_', ""));
        }
    }

    #[test]
    fn methods_that_do_not_exist_share_one_label() {
        let metrics = Metrics::new().unwrap();
        for path in ["/x", "/y", "/chukan.v1.InquiryService/Nothing"] {
            metrics.count(metrics.method(path), Code::Unimplemented);
        }
        let shown = metrics.render();
        let line = "chukan_rpc_calls_total{method=\"unknown\",code=\"UNIMPLEMENTED\"} 3";
        assert!(shown.contains(line), "{shown}");
    }
}
