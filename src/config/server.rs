//! The gRPC server: where it listens and what it refuses.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::flaw::Range;

/// The gRPC server and its limits. All of them are ours; the real network publishes none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port; port 0 takes a free one. Default: `127.0.0.1:50551`.
    pub listen: SocketAddr,
    /// Longest message of a request, in bytes. Default: 4,194,304 (4 MiB).
    pub message_bytes_max: usize,
    /// Longest header list of a request, in bytes with 32 for each header (RFC 9113 §6.5.2). Default: 16,384.
    pub header_bytes_max: u32,
    /// Calls at once on one connection. Default: 256.
    pub streams_max: u32,
    /// Calls at once on all connections; one more is answered RESOURCE_EXHAUSTED. Default: 4,096.
    pub calls_max: usize,
    /// Calls at once of one institution, on all its connections; one more is answered RESOURCE_EXHAUSTED. Default: 1,024.
    pub calls_each_max: usize,
    /// Connections at once; one more is closed. Default: 1,024.
    pub connections_max: usize,
    /// TLS handshakes at once; more wait in the kernel's queue. Default: 128.
    pub handshakes_max: usize,
    /// Longest TLS handshake, in milliseconds. Default: 10,000.
    pub handshake_ms_max: u64,
    /// Longest time until a call is answered, in milliseconds; a caller may ask for less by `grpc-timeout`. Default: 60,000.
    pub request_ms_max: u64,
    /// How long a caller may take nothing of an answer that is ready for it, in milliseconds; at most twice that later the connection
    /// is closed. Default: 30,000.
    pub stalled_ms_max: u64,
    /// Longest wait for running calls when the server stops, in milliseconds. Default: 30,000.
    pub drain_ms_max: u64,
    /// How often a connection is asked for a sign of life, in milliseconds. Default: 30,000.
    pub keepalive_interval_ms: u64,
    /// Longest wait for that sign, in milliseconds. Default: 10,000.
    pub keepalive_ms_max: u64,
    /// How often the revocation list is looked at, in milliseconds. Default: 2,000.
    pub revocation_interval_ms: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 50551)),
            message_bytes_max: 4 << 20,
            header_bytes_max: 16 << 10,
            streams_max: 256,
            calls_max: 4096,
            calls_each_max: 1024,
            connections_max: 1024,
            handshakes_max: 128,
            handshake_ms_max: 10_000,
            request_ms_max: 60_000,
            stalled_ms_max: 30_000,
            drain_ms_max: 30_000,
            keepalive_interval_ms: 30_000,
            keepalive_ms_max: 10_000,
            revocation_interval_ms: 2_000,
        }
    }
}

impl ServerConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        const DAY_MS: u64 = 86_400_000;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        vec![
            // gRPC's frame has a length of 32 bits; below 1 KiB no request of ours fits.
            Range::new(
                "server.message_bytes_max",
                count(self.message_bytes_max),
                1 << 10,
                (4 << 30) - 1,
            ),
            Range::new(
                "server.header_bytes_max",
                self.header_bytes_max.into(),
                1 << 10,
                1 << 20,
            ),
            Range::new("server.streams_max", self.streams_max.into(), 1, 1 << 20),
            Range::new(
                "server.calls_each_max",
                count(self.calls_each_max),
                1,
                1 << 20,
            ),
            Range::new("server.calls_max", count(self.calls_max), 1, 1 << 20),
            Range::new(
                "server.connections_max",
                count(self.connections_max),
                1,
                1 << 20,
            ),
            Range::new(
                "server.handshakes_max",
                count(self.handshakes_max),
                1,
                1 << 20,
            ),
            Range::new("server.handshake_ms_max", self.handshake_ms_max, 1, DAY_MS),
            Range::new("server.request_ms_max", self.request_ms_max, 1, DAY_MS),
            Range::new("server.stalled_ms_max", self.stalled_ms_max, 1, DAY_MS),
            // Zero is meant: stop at once.
            Range::new("server.drain_ms_max", self.drain_ms_max, 0, DAY_MS),
            Range::new(
                "server.keepalive_interval_ms",
                self.keepalive_interval_ms,
                1000,
                DAY_MS,
            ),
            Range::new("server.keepalive_ms_max", self.keepalive_ms_max, 1, DAY_MS),
            Range::new(
                "server.revocation_interval_ms",
                self.revocation_interval_ms,
                10,
                DAY_MS,
            ),
        ]
    }
}
