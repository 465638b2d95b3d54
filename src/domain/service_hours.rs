//! 運用時間: when the resident network, the national network and the institutions' servers work.

use jiff::{SignedDuration, Timestamp, civil::Time};
use serde::{Deserialize, Serialize};

use super::jst::jst_time;

/// 運用時間: the times of a day, in Japan, at which a system works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceHours {
    /// The first moment.
    pub from: Time,
    /// The first moment after; it works over midnight when this is not later.
    pub to: Time,
}

impl ServiceHours {
    /// Whether it works at `now`.
    pub fn hold(&self, now: Timestamp) -> bool {
        let time = jst_time(now);
        if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        }
    }

    /// How long it is closed from `now` on; zero while it works.
    pub fn until_open(&self, now: Timestamp) -> SignedDuration {
        const DAY: SignedDuration = SignedDuration::from_hours(24);
        if self.hold(now) {
            return SignedDuration::ZERO;
        }
        let wait = jst_time(now).duration_until(self.from);
        if wait.is_negative() { wait + DAY } else { wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from: &str, to: &str) -> ServiceHours {
        ServiceHours {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        }
    }

    /// 09:00 in Japan.
    fn nine() -> Timestamp {
        "2026-11-22T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn hours_are_japanese_and_may_go_over_midnight() {
        let now = nine();
        assert!(hours("09:00", "17:00").hold(now));
        assert!(!hours("09:01", "17:00").hold(now));
        assert!(!hours("08:00", "09:00").hold(now));
        assert!(hours("21:00", "09:30").hold(now));
        assert!(!hours("21:00", "09:00").hold(now));
    }

    #[test]
    fn what_is_closed_opens_today_or_tomorrow() {
        let closed = |from, to| hours(from, to).until_open(nine());
        assert_eq!(closed("08:00", "17:00"), SignedDuration::ZERO);
        assert_eq!(closed("09:30", "17:00"), SignedDuration::from_mins(30));
        assert_eq!(closed("07:00", "08:00"), SignedDuration::from_hours(22));
    }
}
