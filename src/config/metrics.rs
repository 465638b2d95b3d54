//! The endpoint for Prometheus.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::Secret;

/// The endpoint for Prometheus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Loopback address and port of `/metrics` and `/healthz`, which are plain HTTP. Default: none, no endpoint.
    pub listen: Option<SocketAddr>,
    /// Who asks for `/metrics` must send `Authorization: Bearer <token>`. Set it by `CHUKAN_METRICS_TOKEN` or in a file that only the server's user can read, not by a flag,
    /// which other users of the machine can see. Default: none, every process of the machine may ask.
    pub token: Option<Secret>,
}
