//! 保存期間: how long the records of exchanges are kept, and when they are to be disposed of.
//!
//! Source: 番号法 §23(1), (2) and the period that its 施行令 sets.

use jiff::{Span, Timestamp};

use super::jst::{JST, jst_datetime};

/// For how many years a record is kept, counted from the day it was written.
pub const RECORD_YEARS: i16 = 7;

/// The provision of law that a disposal rests on, as its record names it.
pub const LEGAL_BASIS: &str = "番号法第23条第1項及び第2項に基づく保存期間（7年）の満了";

/// What was recorded before this moment has been kept long enough at `now`; nothing where no time is that long ago.
pub fn kept_long_enough(now: Timestamp) -> Option<Timestamp> {
    let years = Span::new().try_years(RECORD_YEARS).ok()?;
    let line = jst_datetime(now).checked_sub(years).ok()?;
    JST.to_timestamp(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_years_are_calendar_years_in_japan() {
        let line = |now: &str| kept_long_enough(now.parse().unwrap()).unwrap().to_string();
        assert_eq!(line("2033-05-11T01:00:00Z"), "2026-05-11T01:00:00Z");
        // 29 February 2032 in Japan, seven years before which has none.
        assert_eq!(line("2032-02-28T15:30:00Z"), "2025-02-27T15:30:00Z");
    }
}
