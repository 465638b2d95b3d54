//! The state store.

use serde::{Deserialize, Serialize};

use super::flaw::Range;

/// The state store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Memory for cached pages, in bytes; resident memory is some times that. Default: 67,108,864 (64 MiB).
    pub cache_bytes: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
        }
    }
}

impl StoreConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        vec![Range::new(
            "store.cache_bytes",
            self.cache_bytes,
            1 << 20,
            1 << 40,
        )]
    }
}
