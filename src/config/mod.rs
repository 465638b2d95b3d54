//! What can be set, in one file of TOML, in the environment or by flags: one struct per concern, each with its defaults.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

mod backup;
mod console;
mod flaw;
mod folder;
mod hold;
mod inquiry;
mod load;
mod log;
mod metrics;
mod secret;
mod server;
mod staff;
mod store;

pub use backup::BackupConfig;
pub use console::ConsoleConfig;
pub use flaw::ConfigFlaw;
pub use folder::FolderConfig;
pub use hold::HoldConfig;
pub use inquiry::InquiryConfig;
pub use load::{CONFIG_FILE_VARIABLE, Loaded, Origin, Overrides};
pub use log::{LogConfig, LogFormat};
pub use metrics::MetricsConfig;
pub use secret::Secret;
pub use server::ServerConfig;
pub use staff::StaffConfig;
pub use store::StoreConfig;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The directory of the world: its PKI, ledger and state. Default: `chukan-data` in the working directory.
    pub data: PathBuf,
    /// The gRPC server and its limits.
    pub server: ServerConfig,
    /// The staff's terminal.
    pub console: ConsoleConfig,
    /// The endpoint for Prometheus.
    pub metrics: MetricsConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// The periods of an exchange.
    pub inquiry: InquiryConfig,
    /// How held requests are decided.
    pub hold: HoldConfig,
    /// The watched folder.
    pub folder: FolderConfig,
    /// What institutions ask of their staff.
    pub staff: StaffConfig,
    /// The state store.
    pub store: StoreConfig,
    /// Daily backups.
    pub backup: BackupConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("chukan-data"),
            server: ServerConfig::default(),
            console: ConsoleConfig::default(),
            metrics: MetricsConfig::default(),
            log: LogConfig::default(),
            inquiry: InquiryConfig::default(),
            hold: HoldConfig::default(),
            folder: FolderConfig::default(),
            staff: StaffConfig::default(),
            store: StoreConfig::default(),
            backup: BackupConfig::default(),
        }
    }
}
