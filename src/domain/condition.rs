//! The condition of an inquiry: which fiscal year or period the records asked for belong to.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// 年度: a fiscal year, from 1 April of its year to 31 March; 2000 to 2100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i16", into = "i16")]
pub struct FiscalYear(i16);

impl FiscalYear {
    /// The first fiscal year that can be asked for.
    pub const MIN: i16 = 2000;
    /// The last fiscal year that can be asked for.
    pub const MAX: i16 = 2100;

    /// The year in which it begins.
    pub fn year(self) -> i16 {
        self.0
    }

    /// The fiscal year of a date, if it is one that can be asked for.
    pub fn of(date: Date) -> Option<Self> {
        let year = if date.month() >= 4 {
            date.year()
        } else {
            date.year() - 1
        };
        Self::try_from(year).ok()
    }
}

impl TryFrom<i16> for FiscalYear {
    type Error = UnfitCondition;

    fn try_from(year: i16) -> Result<Self, UnfitCondition> {
        if (Self::MIN..=Self::MAX).contains(&year) {
            Ok(Self(year))
        } else {
            Err(UnfitCondition::FiscalYear)
        }
    }
}

impl From<FiscalYear> for i16 {
    fn from(year: FiscalYear) -> Self {
        year.0
    }
}

/// 期間: a period of days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Ends", into = "Ends")]
pub struct Period {
    from: Date,
    to: Date,
}

impl Period {
    /// The period from one day to another.
    ///
    /// # Errors
    /// [`UnfitCondition::Inverted`] when it would end before it begins.
    pub fn new(from: Date, to: Date) -> Result<Self, UnfitCondition> {
        if from <= to {
            Ok(Self { from, to })
        } else {
            Err(UnfitCondition::Inverted)
        }
    }

    /// The first day.
    pub fn from(self) -> Date {
        self.from
    }

    /// The last day.
    pub fn to(self) -> Date {
        self.to
    }

    /// Whether the day lies in the period.
    pub fn contains(self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    from: Date,
    to: Date,
}

impl TryFrom<Ends> for Period {
    type Error = UnfitCondition;

    fn try_from(ends: Ends) -> Result<Self, UnfitCondition> {
        Self::new(ends.from, ends.to)
    }
}

impl From<Period> for Ends {
    fn from(period: Period) -> Self {
        Self {
            from: period.from,
            to: period.to,
        }
    }
}

/// 照会条件: what the records asked for must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Every record fits.
    #[default]
    None,
    /// Records of one fiscal year fit.
    FiscalYear(FiscalYear),
    /// Records of a period fit.
    Period(Period),
}

impl Condition {
    /// Whether it asks for nothing that has begun by this day: a fiscal year or a period that is still to come.
    pub fn is_to_come(self, today: Date) -> bool {
        match self {
            Self::None => false,
            Self::FiscalYear(asked) => FiscalYear::of(today).is_some_and(|this| this < asked),
            Self::Period(period) => today < period.from,
        }
    }

    /// Whether a record of this fiscal year and date fits.
    ///
    /// A fiscal year is compared with the record's own one, or else with that of its date. A period is compared
    /// with the record's date, or else must touch the record's fiscal year. A record that names neither holds at
    /// all times and fits every condition (ours).
    pub fn fits(self, fiscal_year: Option<FiscalYear>, date: Option<Date>) -> bool {
        match (self, fiscal_year, date) {
            (Self::None, _, _) | (_, None, None) => true,
            (Self::FiscalYear(asked), Some(own), _) => own == asked,
            (Self::FiscalYear(asked), None, Some(day)) => FiscalYear::of(day) == Some(asked),
            (Self::Period(period), _, Some(day)) => period.contains(day),
            (Self::Period(period), Some(own), None) => {
                let touches = |day| FiscalYear::of(day).map(FiscalYear::year);
                touches(period.from).is_none_or(|first| first <= own.year())
                    && touches(period.to).is_none_or(|last| own.year() <= last)
            }
        }
    }
}

/// Why a condition cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitCondition {
    /// The period ends before it begins.
    #[error("the period ends before it begins")]
    Inverted,
    /// The fiscal year is not one of ours.
    #[error(
        "the fiscal year must be from {} to {}",
        FiscalYear::MIN,
        FiscalYear::MAX
    )]
    FiscalYear,
}

impl UnfitCondition {
    /// The same in Japanese, for a person.
    pub fn ja(self) -> String {
        match self {
            Self::Inverted => "期間の終わりが始まりより前です".into(),
            Self::FiscalYear => format!(
                "年度は{}から{}までで指定してください",
                FiscalYear::MIN,
                FiscalYear::MAX
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn what_begins_after_today_is_to_come() {
        let of_year = |asked: i16, day| Condition::FiscalYear(year(asked)).is_to_come(day);
        assert!(!of_year(2026, date(2026, 4, 1)) && !of_year(2025, date(2026, 4, 1)));
        assert!(of_year(2026, date(2026, 3, 31)));
        let from = |from, day| {
            let period = Period::new(from, Date::MAX).unwrap();
            Condition::Period(period).is_to_come(day)
        };
        assert!(!from(date(2026, 4, 1), date(2026, 4, 1)));
        assert!(from(date(2026, 4, 2), date(2026, 4, 1)));
        assert!(!Condition::None.is_to_come(date(2026, 4, 1)));
    }

    fn year(year: i16) -> FiscalYear {
        year.try_into().unwrap()
    }

    #[test]
    fn a_period_that_ends_before_it_begins_is_refused() {
        let (first, second) = (date(2026, 4, 1), date(2026, 4, 2));
        assert_eq!(Period::new(second, first), Err(UnfitCondition::Inverted));
        assert!(Period::new(first, first).is_ok());
        let json = r#"{"from":"2026-04-02","to":"2026-04-01"}"#;
        assert!(serde_json::from_str::<Period>(json).is_err());
    }

    #[test]
    fn a_fiscal_year_is_from_2000_to_2100() {
        assert!(FiscalYear::try_from(1999).is_err());
        assert!(FiscalYear::try_from(2000).is_ok());
        assert!(FiscalYear::try_from(2100).is_ok());
        assert!(FiscalYear::try_from(2101).is_err());
    }

    #[test]
    fn a_fiscal_year_begins_in_april() {
        assert_eq!(FiscalYear::of(date(2026, 3, 31)), Some(year(2025)));
        assert_eq!(FiscalYear::of(date(2026, 4, 1)), Some(year(2026)));
    }

    #[test]
    fn a_record_fits_by_its_own_fiscal_year_before_its_date() {
        let asked = Condition::FiscalYear(year(2026));
        let day = Some(date(2026, 2, 1));
        assert!(asked.fits(Some(year(2026)), day));
        assert!(!asked.fits(Some(year(2025)), Some(date(2026, 5, 1))));
        assert!(!asked.fits(None, day));
        assert!(asked.fits(None, Some(date(2027, 3, 31))));
    }

    #[test]
    fn a_record_without_a_date_fits_a_period_that_touches_its_fiscal_year() {
        let asked = |from, to| Condition::Period(Period::new(from, to).unwrap());
        let last_day = asked(date(2027, 3, 31), date(2027, 8, 1));
        let day_after = asked(date(2027, 4, 1), date(2027, 8, 1));
        assert!(last_day.fits(Some(year(2026)), None));
        assert!(!day_after.fits(Some(year(2026)), None));
        assert!(day_after.fits(Some(year(2026)), Some(date(2027, 4, 1))));
    }

    #[test]
    fn a_record_that_names_no_time_fits_every_condition() {
        assert!(Condition::FiscalYear(year(2026)).fits(None, None));
        assert!(Condition::None.fits(Some(year(2026)), None));
    }
}
