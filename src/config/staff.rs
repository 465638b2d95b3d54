//! What institutions ask of their staff.

use serde::{Deserialize, Serialize};

use super::flaw::Range;

/// What institutions ask of their staff, by the world's clock. The rules are those of cities; the numbers are ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StaffConfig {
    /// The fewest characters of a password. Default: 10.
    pub password_characters_min: usize,
    /// How long a password may be used, in days. Default: 90.
    pub password_days: u32,
    /// How many former passwords may not be used again. Default: 5.
    pub passwords_remembered: usize,
    /// After how many wrong passwords in a row an account is locked. Default: 5.
    pub failures_max: u32,
    /// How long a session lives without a sign of life, in minutes. Default: 15.
    pub idle_minutes: u32,
    /// How long a session lives at most, in minutes. Default: 480.
    pub session_minutes: u32,
    /// Whether a new world has the documented accounts for training, all with one known password. Default: true.
    pub training_accounts: bool,
}

impl Default for StaffConfig {
    fn default() -> Self {
        Self {
            password_characters_min: 10,
            password_days: 90,
            passwords_remembered: 5,
            failures_max: 5,
            idle_minutes: 15,
            session_minutes: 480,
            training_accounts: true,
        }
    }
}

impl StaffConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        vec![
            Range::new(
                "staff.password_characters_min",
                count(self.password_characters_min),
                8,
                64,
            ),
            Range::new("staff.password_days", self.password_days.into(), 1, 3660),
            Range::new(
                "staff.passwords_remembered",
                count(self.passwords_remembered),
                1,
                24,
            ),
            Range::new("staff.failures_max", self.failures_max.into(), 1, 100),
            Range::new("staff.idle_minutes", self.idle_minutes.into(), 1, 1440),
            Range::new(
                "staff.session_minutes",
                self.session_minutes.into(),
                1,
                1440,
            ),
        ]
    }
}
