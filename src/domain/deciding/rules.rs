//! How the staff of a world's institutions decides: who may approve, and how long a request may wait.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::domain::{refusal::Refusal, staff::Actor};

/// 二者確認: who may approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FourEyes {
    /// Only another person than the one who checked.
    TwoAccounts,
    /// Anybody; the records show who did both.
    RecordOnly,
}

impl FourEyes {
    /// Lets the second of two people pass.
    ///
    /// # Errors
    /// When both are one person, be it through two accounts, and that is not permitted.
    pub fn pass(self, first: &Actor, second: &Actor) -> Result<(), Refusal> {
        let same = first.person == second.person || first.account == second.account;
        match self {
            Self::TwoAccounts if same => Err(Refusal::FourEyes),
            Self::TwoAccounts | Self::RecordOnly => Ok(()),
        }
    }
}

/// What happens to a held request that waited longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overdue {
    /// Nothing.
    Nothing,
    /// It ends as expired.
    Refuse,
    /// It is marked for the superiors.
    Escalate,
}

/// How the staff of every institution of a world decides.
#[derive(Debug, Clone, Copy)]
pub struct HoldRules {
    /// Who may approve.
    pub four_eyes: FourEyes,
    /// How long a request may wait.
    pub wait_max: SignedDuration,
    /// What happens then.
    pub overdue: Overdue,
}

impl Default for HoldRules {
    fn default() -> Self {
        Self {
            four_eyes: FourEyes::TwoAccounts,
            wait_max: SignedDuration::from_hours(30 * 24),
            overdue: Overdue::Nothing,
        }
    }
}
