//! Reads the columns of one inquiry row and gathers every flaw.

use std::str::FromStr;

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::Offset,
};

use super::{Column, RowCondition, RowFlaw, RowFlawKind, RowNumbers, flaw::without_authority};
use crate::domain::{
    addressee::LocalNumber,
    codes::{AddresseeNumber, AffairCode},
    condition::{FiscalYear, Period},
    malformed::Malformed,
    names::{UnitCode, UserId},
};

/// Who handles which affair, as far as a row says it in the right form.
pub(super) type Handling<'a> = Option<((&'a UnitCode, &'a UserId), AffairCode)>;

/// The columns of a row, and what is wrong with them so far.
pub(super) struct Reading<'a> {
    line: u64,
    values: Vec<&'a str>,
    flaws: Vec<RowFlaw>,
}

impl<'a> Reading<'a> {
    /// The columns of a row, their widths looked at.
    pub(super) fn of(line: u64, values: Vec<&'a str>) -> Self {
        let mut reading = Self {
            line,
            values,
            flaws: Vec::new(),
        };
        reading.check_widths();
        reading
    }

    /// The row when there was no flaw; the flaws in the order of the columns.
    pub(super) fn finish<T>(mut self, row: Option<T>) -> Result<T, Vec<RowFlaw>> {
        self.flaws.sort_by_key(|flaw| flaw.position);
        match row {
            Some(row) if self.flaws.is_empty() => Ok(row),
            _ => Err(self.flaws),
        }
    }

    fn flaw(&mut self, column: Column, kind: impl Into<RowFlawKind>) {
        let value = self.raw(column);
        self.flaws
            .push(RowFlaw::of(self.line, column, value, kind.into()));
    }

    fn raw(&self, column: Column) -> &'a str {
        self.values
            .get(column.number() - 1)
            .copied()
            .unwrap_or_default()
    }

    /// The value without the blanks that fill the column.
    fn value(&self, column: Column) -> &'a str {
        self.raw(column).trim_end_matches(' ')
    }

    fn check_widths(&mut self) {
        for column in Column::ALL {
            let (found, width) = (self.raw(column).chars().count(), column.width());
            if found != width {
                self.flaw(column, RowFlawKind::Width { found, width });
            }
        }
    }

    pub(super) fn required<T: FromStr<Err = Malformed>>(&mut self, column: Column) -> Option<T> {
        match self.value(column).parse() {
            Ok(value) => Some(value),
            Err(malformed) => {
                let malformed: Malformed = malformed;
                // A value of the wrong width is named once.
                let named = self.flaws.iter().any(|flaw| flaw.column == Some(column));
                if !named {
                    self.flaw(column, malformed);
                }
                None
            }
        }
    }

    pub(super) fn optional<T: FromStr<Err = Malformed>>(&mut self, column: Column) -> Option<T> {
        if self.value(column).is_empty() {
            None
        } else {
            self.required(column)
        }
    }

    /// 宛名番号 and 団体内統合宛名番号, the one that the file speaks as it stands there. A 宛名番号 is looked up only for those
    /// who may handle the affair.
    pub(super) fn person(
        &mut self,
        numbers: &RowNumbers,
        handling: Handling<'_>,
    ) -> (Option<LocalNumber>, Option<AddresseeNumber>) {
        let rows = match numbers {
            RowNumbers::Addressee => {
                let local = self.optional(Column::LocalNumber);
                return (local, self.required(Column::AddresseeNumber));
            }
            RowNumbers::Local(rows) => rows,
        };
        let local: Option<LocalNumber> = self.required(Column::LocalNumber);
        if !self.value(Column::AddresseeNumber).is_empty() {
            self.flaw(Column::AddresseeNumber, RowFlawKind::OtherNumber);
        }
        let Some(((unit, user), affair)) = handling else {
            return (local, None);
        };
        if let Err(refusal) = rows.sender.authorise(unit, user, affair) {
            let (column, said) = without_authority(&refusal);
            self.flaw(column, RowFlawKind::Refused(said));
            return (local, None);
        }
        let named = |local| rows.known.get(local).copied();
        let addressee = local.as_ref().and_then(named);
        if local.is_some() && addressee.is_none() {
            self.flaw(Column::LocalNumber, RowFlawKind::UnknownNumber);
        }
        (local, addressee)
    }

    pub(super) fn flag(&mut self, column: Column) -> Option<bool> {
        match self.value(column) {
            "0" => Some(false),
            "1" => Some(true),
            _ => {
                self.flaw(column, RowFlawKind::NotOneOf("0, 1"));
                None
            }
        }
    }

    pub(super) fn requested_at(&mut self) -> Option<Timestamp> {
        let value = self.value(Column::RequestedAt);
        let read = all_digits(value, 17).then(|| {
            let (seconds, millis) = value.split_at_checked(14)?;
            let at = DateTime::strptime("%Y%m%d%H%M%S", seconds).ok()?;
            let at = Offset::constant(9).to_timestamp(at).ok()?;
            let millis: i64 = millis.parse().ok()?;
            Timestamp::from_millisecond(at.as_millisecond() + millis).ok()
        });
        let read = read.flatten();
        if read.is_none() {
            self.flaw(
                Column::RequestedAt,
                RowFlawKind::NotOneOf("yyyyMMddHHmmssSSS"),
            );
        }
        read
    }

    pub(super) fn condition(&mut self) -> Option<RowCondition> {
        let (kind, year_kind) = (
            self.value(Column::ConditionKind),
            self.value(Column::FiscalYearKind),
        );
        match (kind, year_kind) {
            ("0", _) => {
                self.blank(&[Column::FiscalYearKind, Column::From, Column::To]);
                Some(RowCondition::None)
            }
            ("1", "1") => {
                self.blank(&[Column::To]);
                self.fiscal_year().map(RowCondition::FiscalYear)
            }
            ("1", "2") => {
                self.blank(&[Column::From, Column::To]);
                Some(RowCondition::CurrentFiscalYear)
            }
            ("1", "3") => {
                self.blank(&[Column::From, Column::To]);
                Some(RowCondition::PreviousFiscalYear)
            }
            ("1", _) => {
                self.flaw(Column::FiscalYearKind, RowFlawKind::NotOneOf("1, 2, 3"));
                None
            }
            ("2", _) => {
                self.blank(&[Column::FiscalYearKind]);
                self.period()
            }
            (_, _) => {
                self.flaw(Column::ConditionKind, RowFlawKind::NotOneOf("0, 1, 2"));
                None
            }
        }
    }

    fn blank(&mut self, columns: &[Column]) {
        for column in columns {
            if !self.value(*column).is_empty() {
                self.flaw(*column, RowFlawKind::NotBlank);
            }
        }
    }

    fn fiscal_year(&mut self) -> Option<FiscalYear> {
        let value = self.value(Column::From);
        let year: Option<i16> = value.parse().ok().filter(|_| all_digits(value, 4));
        let Some(year) = year else {
            self.flaw(Column::From, RowFlawKind::NotOneOf("yyyy"));
            return None;
        };
        let read = FiscalYear::try_from(year);
        read.map_err(|unfit| self.flaw(Column::From, unfit)).ok()
    }

    fn period(&mut self) -> Option<RowCondition> {
        let from = self.day(Column::From);
        let to = match self.value(Column::To) {
            "" => Some(Date::MAX),
            _ => self.day(Column::To),
        };
        let period = Period::new(from?, to?);
        let period = period.map_err(|unfit| self.flaw(Column::To, unfit)).ok()?;
        Some(RowCondition::Period(period))
    }

    fn day(&mut self, column: Column) -> Option<Date> {
        let value = self.value(column);
        let day = Date::strptime("%Y%m%d", value).ok();
        let day = day.filter(|_| all_digits(value, 8));
        if day.is_none() {
            self.flaw(column, RowFlawKind::NotOneOf("yyyyMMdd"));
        }
        day
    }
}

fn all_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}
