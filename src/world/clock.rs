//! The clock of a world: the computer's, one with an offset, or one that stands still.

use std::sync::{PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How a world's clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockMode {
    /// The computer's clock.
    #[default]
    System,
    /// The computer's clock, so many milliseconds ahead or, where negative, behind.
    OffsetMs(i64),
    /// It stands still.
    Frozen(Timestamp),
}

/// The times that a world's clock may show (ours): the network is of this century.
const EARLIEST: Timestamp = Timestamp::constant(946_684_800, 0);
const LATEST: Timestamp = Timestamp::constant(7_258_118_400, 0);

impl ClockMode {
    /// Whether a clock that runs like this shows a time from 2000 to 2199, UTC.
    pub fn is_sensible(self) -> bool {
        (EARLIEST..LATEST).contains(&Clock::new(self).now())
    }
}

/// The only place in a world that knows the time.
#[derive(Debug)]
pub(super) struct Clock {
    mode: RwLock<ClockMode>,
}

impl Clock {
    pub(super) fn new(mode: ClockMode) -> Self {
        Self {
            mode: RwLock::new(mode),
        }
    }

    pub(super) fn mode(&self) -> ClockMode {
        *self.mode.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, mode: ClockMode) {
        *self.mode.write().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Now, in whole milliseconds.
    pub(super) fn now(&self) -> Timestamp {
        let at = match self.mode() {
            ClockMode::System => computer_time(),
            ClockMode::OffsetMs(ms) => computer_time()
                .checked_add(SignedDuration::from_millis(ms))
                .unwrap_or(Timestamp::MAX),
            ClockMode::Frozen(at) => at,
        };
        Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where the world's time comes from"
)]
pub(super) fn computer_time() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_stands_still_until_it_is_set() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let clock = Clock::new(ClockMode::Frozen(at("2026-11-22T00:00:00Z")));
        assert_eq!(clock.now(), at("2026-11-22T00:00:00Z"));
        clock.set(ClockMode::Frozen(at("2033-11-22T00:00:00Z")));
        assert_eq!(clock.now(), at("2033-11-22T00:00:00Z"));
    }

    #[test]
    fn an_offset_runs_beside_the_computers_clock() {
        let system = Clock::new(ClockMode::System);
        let ahead = Clock::new(ClockMode::OffsetMs(3_600_000));
        let gap = ahead.now().duration_since(system.now());
        // The computer's clock is read twice, and may be set between.
        let beside = gap - SignedDuration::from_hours(1);
        assert!(beside.abs() < SignedDuration::from_mins(30), "{gap:?}");
    }
}
