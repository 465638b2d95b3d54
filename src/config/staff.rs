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
    /// The hour of the day, Japanese time, from which staff sign in as a rule; earlier is a finding of the analysis.
    /// Default: 7.
    pub opens_hour: u32,
    /// The hour until which they do; 24 is midnight. Default: 20.
    pub closes_hour: u32,
    /// From how many failed sign-ins of an account on one day there is a finding. Default: 3.
    pub failures_found: u32,
    /// After how many days without a sign-in an account is a finding. Default: 90.
    pub unused_days: u32,
    /// How many reveals and exports of an account on one day are nothing special; one more is a finding, and a warning
    /// at once. Default: 50.
    pub volume_max: u32,
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
            opens_hour: 7,
            closes_hour: 20,
            failures_found: 3,
            unused_days: 90,
            volume_max: 50,
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
            Range::new("staff.opens_hour", self.opens_hour.into(), 0, 24),
            Range::new("staff.closes_hour", self.closes_hour.into(), 0, 24),
            Range::new("staff.failures_found", self.failures_found.into(), 1, 1000),
            Range::new("staff.unused_days", self.unused_days.into(), 1, 3660),
            Range::new("staff.volume_max", self.volume_max.into(), 0, 1_000_000),
        ]
    }
}
