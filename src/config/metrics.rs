//! The endpoint for Prometheus.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The endpoint for Prometheus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Loopback address and port of `/metrics` and `/healthz`, which are plain HTTP. Default: none, no endpoint.
    pub listen: Option<SocketAddr>,
}
