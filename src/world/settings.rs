//! What every world of a process goes by.

use std::path::PathBuf;

use jiff::SignedDuration;

use super::condition::WatchRules;
use crate::{
    crypto::kept_context::Rotation,
    domain::{deciding::HoldRules, download::DownloadRules},
    institution::{Periods, StaffRules},
};

/// What every world of a process goes by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory of the definition files.
    pub definitions: PathBuf,
    /// The bound of each world's store cache.
    pub cache_bytes: u64,
    /// The periods of the intermediate servers.
    pub periods: Periods,
    /// How long a permit is accepted.
    pub permit_period: SignedDuration,
    /// How held requests are decided.
    pub hold: HoldRules,
    /// When a provider begins a new sealing context.
    pub rotation: Rotation,
    /// What is asked of the staff.
    pub staff: StaffRules,
    /// When a result is handed out as a download.
    pub downloads: DownloadRules,
    /// When the conditions begin.
    pub watch: WatchRules,
    /// How many inquiries of one institution may wait for their exchanges to begin.
    pub inquiries_each_max: usize,
    /// Whether a new world has the accounts for training.
    pub training_accounts: bool,
}
