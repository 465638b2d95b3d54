//! How held requests are decided.

use serde::{Deserialize, Serialize};

use super::flaw::Range;
use crate::domain::deciding::{FourEyes, Overdue};

/// How the staff of every institution decides held requests, and how long those may wait. All of it is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoldConfig {
    /// Who may approve: `two_accounts` (another person than the one who checked) or `record_only` (anybody; the
    /// records show it). Default: `two_accounts`.
    pub four_eyes: FourEyes,
    /// How long a held request may wait, in days by the world's clock. Default: 30.
    pub wait_days: u32,
    /// What happens then: `nothing`, `refuse` (it ends as expired) or `escalate` (it is marked for the superiors).
    /// Default: `nothing`.
    pub overdue: Overdue,
}

impl Default for HoldConfig {
    fn default() -> Self {
        Self {
            four_eyes: FourEyes::TwoAccounts,
            wait_days: 30,
            overdue: Overdue::Nothing,
        }
    }
}

impl HoldConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        vec![Range::new("hold.wait_days", self.wait_days.into(), 1, 3660)]
    }
}
