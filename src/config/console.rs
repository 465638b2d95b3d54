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
    /// TLS handshakes at once; more wait in the kernel's queue. Default: 64.
    pub handshakes_max: usize,
    /// Longest TLS handshake, in milliseconds. Default: 10,000.
    pub handshake_ms_max: u64,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 50553)),
            handshakes_max: 64,
            handshake_ms_max: 10_000,
        }
    }
}

impl ConsoleConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        let handshakes = u64::try_from(self.handshakes_max).unwrap_or(u64::MAX);
        vec![
            Range::new("console.handshakes_max", handshakes, 1, 1 << 20),
            Range::new(
                "console.handshake_ms_max",
                self.handshake_ms_max,
                1,
                86_400_000,
            ),
        ]
    }
}
