//! Japan Standard Time: a fixed nine hours ahead of UTC, and the fiscal year that begins in April.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::Offset,
};

/// Japan Standard Time; it has no summer time.
pub const JST: Offset = Offset::constant(9);

/// The date and time in Japan at `at`.
pub fn jst_datetime(at: Timestamp) -> DateTime {
    JST.to_datetime(at)
}

/// The date in Japan at `at`.
pub fn jst_date(at: Timestamp) -> Date {
    jst_datetime(at).date()
}

/// The time of day in Japan at `at`.
pub fn jst_time(at: Timestamp) -> Time {
    jst_datetime(at).time()
}

/// The first moment of a day in Japan.
pub fn start_of_day(day: Date) -> Timestamp {
    let at = JST.to_timestamp(day.to_datetime(Time::midnight()));
    at.unwrap_or(Timestamp::MIN)
}

/// 年度: the year in which the fiscal year of `at` began.
pub fn fiscal_year(at: Timestamp) -> i16 {
    let date = jst_date(at);
    if date.month() >= 4 {
        date.year()
    } else {
        date.year() - 1
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_japan() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(jst_date(at("2026-03-31T14:59:59Z")), date(2026, 3, 31));
        assert_eq!(jst_date(at("2026-03-31T15:00:00Z")), date(2026, 4, 1));
    }

    #[test]
    fn a_fiscal_year_begins_in_april() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(fiscal_year(at("2026-03-31T14:59:59Z")), 2025);
        assert_eq!(fiscal_year(at("2026-03-31T15:00:00Z")), 2026);
    }
}
