//! Why a configuration is not used: each flaw says where it stands and what would do.

use std::{io, path::PathBuf};

use super::Origin;

/// Why a configuration is not used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFlaw {
    /// The file could not be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is no TOML, has an unknown key or a value of the wrong kind.
    #[error("{}:{line}: {why}", path.display())]
    InFile {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong; for an unknown key also the known ones.
        why: String,
    },
    /// A variable of the environment begins with `CHUKAN_` and means nothing.
    #[error("{name}: unknown variable; known are {}", known.join(", "))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The names that mean something.
        known: Vec<String>,
    },
    /// A flag sets a key that does not exist.
    #[error("{key}: unknown key; known are {}", known.join(", "))]
    UnknownKey {
        /// The key.
        key: String,
        /// The keys that exist.
        known: &'static [&'static str],
    },
    /// A value of the environment or of a flag cannot be read.
    #[error("{key} ({origin}): {why}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// Who set it.
        origin: Origin,
        /// What is wrong.
        why: String,
    },
    /// A number is outside its limits.
    #[error("{key} = {value} ({origin}): must be from {min} to {max}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// The value.
        value: u64,
        /// The smallest that would do.
        min: u64,
        /// The largest that would do.
        max: u64,
        /// Who set it.
        origin: Origin,
    },
    /// Passwords and contents would leave the machine unprotected.
    #[error(
        "console.listen = {listen}: must be a loopback address, console.plain_http = true ({origin}) has no TLS"
    )]
    PlainHttpNotLoopback {
        /// The address.
        listen: std::net::SocketAddr,
        /// Who set `console.plain_http`.
        origin: Origin,
    },
    /// The metrics would leave the machine unprotected.
    #[error("metrics.listen = {listen} ({origin}): must be a loopback address, it is plain HTTP")]
    MetricsNotLoopback {
        /// The address.
        listen: std::net::SocketAddr,
        /// Who set it.
        origin: Origin,
    },
}

/// A number and its limits, both inclusive.
pub(super) struct Range {
    pub(super) key: &'static str,
    pub(super) value: u64,
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Range {
    pub(super) fn new(key: &'static str, value: u64, min: u64, max: u64) -> Self {
        Self {
            key,
            value,
            min,
            max,
        }
    }

    pub(super) fn holds(&self) -> bool {
        (self.min..=self.max).contains(&self.value)
    }
}
