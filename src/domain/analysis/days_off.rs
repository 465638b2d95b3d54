//! 休日: the days on which offices are closed. Source: 行政機関の休日に関する法律 §1(1).

use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};

/// The national holidays of some years.
static HOLIDAYS: LazyLock<Vec<Date>> = LazyLock::new(|| {
    let lines = include_str!("holidays.txt").lines();
    let days = lines.filter_map(|line| line.split(' ').next()?.parse().ok());
    days.collect()
});

/// Whether offices are closed: at the weekend, on a national holiday, and from 29 December to 3 January. Of a year that
/// the file of holidays does not have, national holidays are not known.
pub(super) fn is_day_off(day: Date) -> bool {
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let turn_of_year = matches!((day.month(), day.day()), (12, 29..) | (1, ..=3));
    weekend || turn_of_year || HOLIDAYS.contains(&day)
}

/// Whether the national holidays of the year are known.
pub(super) fn knows_holidays_of(day: Date) -> bool {
    HOLIDAYS.iter().any(|holiday| holiday.year() == day.year())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn offices_are_closed_at_weekends_on_holidays_and_at_the_turn_of_the_year() {
        for day in [
            date(2026, 11, 22),
            date(2026, 11, 23),
            date(2026, 9, 22),
            date(2027, 3, 22),
            date(2026, 12, 29),
            date(2030, 1, 3),
        ] {
            assert!(is_day_off(day), "{day}");
        }
        for day in [date(2026, 11, 24), date(2026, 12, 28), date(2027, 1, 4)] {
            assert!(!is_day_off(day), "{day}");
        }
    }

    #[test]
    fn every_line_of_the_file_is_a_day_in_order() {
        let lines = include_str!("holidays.txt").lines();
        assert_eq!(lines.count() - 1, HOLIDAYS.len());
        assert!(HOLIDAYS.is_sorted());
        assert!(knows_holidays_of(date(2026, 1, 1)) && !knows_holidays_of(date(2031, 1, 1)));
    }
}
