//! The staff's terminal.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::flaw::Range;

/// The staff's terminal: pages over TLS for browsers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Whether there is one. Default: true.
    pub enabled: bool,
    /// Address and port; port 0 takes a free one. Default: `127.0.0.1:50553`.
    pub listen: SocketAddr,
    /// Plain HTTP in place of TLS, only where `listen` is an address of the loopback. Default: false.
    pub plain_http: bool,
    /// Connections at once, those in a handshake too; one more is closed. Default: 256.
    pub connections_max: usize,
    /// TLS handshakes at once; more wait in the kernel's queue. Default: 64.
    pub handshakes_max: usize,
    /// Longest TLS handshake, in milliseconds. Default: 10,000.
    pub handshake_ms_max: u64,
    /// Longest wait for the head of a request, in milliseconds, from the connection's beginning or the answer before.
    /// Default: 30,000.
    pub header_ms_max: u64,
    /// Longest time until a request is read and answered, in milliseconds. Default: 60,000.
    pub request_ms_max: u64,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 50553)),
            plain_http: false,
            connections_max: 256,
            handshakes_max: 64,
            handshake_ms_max: 10_000,
            header_ms_max: 30_000,
            request_ms_max: 60_000,
        }
    }
}

impl ConsoleConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        const DAY_MS: u64 = 86_400_000;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        vec![
            Range::new(
                "console.connections_max",
                count(self.connections_max),
                1,
                1 << 20,
            ),
            Range::new(
                "console.handshakes_max",
                count(self.handshakes_max),
                1,
                1 << 20,
            ),
            Range::new("console.handshake_ms_max", self.handshake_ms_max, 1, DAY_MS),
            Range::new("console.header_ms_max", self.header_ms_max, 1, DAY_MS),
            Range::new("console.request_ms_max", self.request_ms_max, 1, DAY_MS),
        ]
    }
}
