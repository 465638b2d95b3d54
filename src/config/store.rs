//! The state store.

use serde::{Deserialize, Serialize};

use super::flaw::Range;

/// The state store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Memory for cached pages, in bytes; resident memory is some times that. Default: 67,108,864 (64 MiB).
    pub cache_bytes: u64,
    /// Below so many free bytes on the disk the operator is warned. Default: 1,073,741,824 (1 GiB).
    pub disk_bytes_low: u64,
    /// Below so many free bytes on the disk nothing is begun until there is room again. Default: 67,108,864 (64 MiB).
    pub disk_bytes_min: u64,
    /// How long checkpoints may go without the witness's signature before the operator is warned, in seconds. Default: 600.
    pub unwitnessed_seconds_max: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            disk_bytes_low: 1 << 30,
            disk_bytes_min: 64 << 20,
            unwitnessed_seconds_max: 600,
        }
    }
}

impl StoreConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        vec![
            Range::new("store.cache_bytes", self.cache_bytes, 1 << 20, 1 << 40),
            // Zero is meant: never.
            Range::new("store.disk_bytes_low", self.disk_bytes_low, 0, 1 << 50),
            Range::new("store.disk_bytes_min", self.disk_bytes_min, 0, 1 << 50),
            Range::new(
                "store.unwitnessed_seconds_max",
                self.unwitnessed_seconds_max.into(),
                1,
                86_400,
            ),
        ]
    }
}
