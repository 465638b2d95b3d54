//! An inquiry row: one person and one specific information, read from fixed-width fields and written back to the same.

use std::str::FromStr;

use jiff::{Timestamp, civil::Date};

use super::{Column, RowFlaw, RowFlawKind, RowNumbers, reading::Reading};
use crate::domain::{
    addressee::LocalNumber,
    codes::{AddresseeNumber, AffairCode, InstitutionCode, ProcedureCode, SpecificInfoCode},
    condition::{Condition, FiscalYear, Period},
    jst::{fiscal_year, jst_datetime},
    malformed::{Flaw, Malformed},
    names::{UnitCode, UserId},
};

/// A row of an inquiry file whose every column has its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InquiryRow {
    /// 番号体系.
    pub number_system: NumberSystem,
    /// 宛名番号; it comes back in the result, and is not looked at in a file that speaks 団体内統合宛名番号.
    pub local_number: Option<LocalNumber>,
    /// 団体内統合宛名番号.
    pub addressee: AddresseeNumber,
    /// 照会依頼日時, to the millisecond.
    pub requested_at: Timestamp,
    /// 部署コード.
    pub unit: UnitCode,
    /// 利用者ID.
    pub user: UserId,
    /// 照会者.
    pub inquirer: InstitutionCode,
    /// 不開示.
    pub nondisclosure: bool,
    /// 事務コード.
    pub affair: AffairCode,
    /// 事務手続コード.
    pub procedure: ProcedureCode,
    /// 照会者の委任元.
    pub delegator: Option<InstitutionCode>,
    /// 提供者の委任元.
    pub provider_delegator: Option<InstitutionCode>,
    /// 提供者.
    pub provider: InstitutionCode,
    /// 特定個人情報名コード.
    pub specific_info: SpecificInfoCode,
    /// 照会条件.
    pub condition: RowCondition,
}

/// 番号体系: which numbering the local number belongs to; two digits, without meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberSystem(u8);

/// 照会条件 as a row writes it; what the kinds mean is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowCondition {
    /// Kind `0`: every record.
    None,
    /// Kind `1`, fiscal-year kind `1`: the fiscal year whose four digits stand in the from column.
    FiscalYear(FiscalYear),
    /// Kind `1`, fiscal-year kind `2`: the fiscal year of the request.
    CurrentFiscalYear,
    /// Kind `1`, fiscal-year kind `3`: the fiscal year before that of the request.
    PreviousFiscalYear,
    /// Kind `2`: from one day to another, or without end when the to column is blank.
    Period(Period),
}

impl RowCondition {
    /// The condition of a request made at `requested_at`.
    pub fn resolve(self, requested_at: Timestamp) -> Condition {
        let year = |before: i16| {
            let year = FiscalYear::try_from(fiscal_year(requested_at) - before);
            year.map_or(Condition::None, Condition::FiscalYear)
        };
        match self {
            Self::None => Condition::None,
            Self::FiscalYear(year) => Condition::FiscalYear(year),
            Self::CurrentFiscalYear => year(0),
            Self::PreviousFiscalYear => year(1),
            Self::Period(period) => Condition::Period(period),
        }
    }
}

impl InquiryRow {
    /// Reads a line of a file that speaks 団体内統合宛名番号.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(line: u64, text: &str) -> Result<Self, Vec<RowFlaw>> {
        Self::read_numbered(line, text, &RowNumbers::Addressee)
    }

    /// Reads a line of a file that speaks these numbers.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read_numbered(
        line: u64,
        text: &str,
        numbers: &RowNumbers,
    ) -> Result<Self, Vec<RowFlaw>> {
        let values: Vec<&str> = text.split(',').collect();
        if values.len() != Column::ALL.len() {
            let kind = RowFlawKind::Columns {
                found: values.len(),
            };
            return Err(vec![RowFlaw::of_line(line, 1, kind)]);
        }
        let mut reading = Reading::of(line, values);
        let number_system = reading.required(Column::NumberSystem);
        let requested_at = reading.requested_at();
        let unit = reading.required(Column::Unit);
        let user = reading.required(Column::User);
        let inquirer = reading.required(Column::Inquirer);
        let nondisclosure = reading.flag(Column::Nondisclosure);
        let affair = reading.required(Column::Affair);
        let handling = unit.as_ref().zip(user.as_ref()).zip(affair);
        let (local_number, addressee) = reading.person(numbers, handling);
        let procedure = reading.required(Column::Procedure);
        let delegator = reading.optional(Column::Delegator);
        let provider_delegator = reading.optional(Column::ProviderDelegator);
        let provider = reading.required(Column::Provider);
        let specific_info = reading.required(Column::SpecificInfo);
        let condition = reading.condition();
        let row = || {
            Some(Self {
                number_system: number_system?,
                local_number,
                addressee: addressee?,
                requested_at: requested_at?,
                unit: unit?,
                user: user?,
                inquirer: inquirer?,
                nondisclosure: nondisclosure?,
                affair: affair?,
                procedure: procedure?,
                delegator,
                provider_delegator,
                provider: provider?,
                specific_info: specific_info?,
                condition: condition?,
            })
        };
        reading.finish(row())
    }

    /// Writes the row, without a line end.
    pub fn write(&self) -> String {
        let day = |day: Date| day.strftime("%Y%m%d").to_string();
        let code = |code: Option<InstitutionCode>| code.map(|code| code.to_string());
        let (kind, year_kind, from, to) = match self.condition {
            RowCondition::None => ("0", "", String::new(), String::new()),
            RowCondition::FiscalYear(year) => ("1", "1", year.year().to_string(), String::new()),
            RowCondition::CurrentFiscalYear => ("1", "2", String::new(), String::new()),
            RowCondition::PreviousFiscalYear => ("1", "3", String::new(), String::new()),
            RowCondition::Period(period) => {
                let open = period.to() == Date::MAX;
                let to = if open {
                    String::new()
                } else {
                    day(period.to())
                };
                ("2", "", day(period.from()), to)
            }
        };
        let at = jst_datetime(self.requested_at).strftime("%Y%m%d%H%M%S%3f");
        let local = self.local_number.as_ref().map(ToString::to_string);
        let values = [
            format!("{:02}", self.number_system.0),
            local.unwrap_or_default(),
            self.addressee.as_str().to_owned(),
            at.to_string(),
            self.unit.to_string(),
            self.user.to_string(),
            self.inquirer.to_string(),
            if self.nondisclosure { "1" } else { "0" }.to_owned(),
            self.affair.to_string(),
            self.procedure.to_string(),
            code(self.delegator).unwrap_or_default(),
            code(self.provider_delegator).unwrap_or_default(),
            self.provider.to_string(),
            self.specific_info.to_string(),
            kind.to_owned(),
            year_kind.to_owned(),
            from,
            to,
        ];
        let padded = Column::ALL.iter().zip(values);
        let padded =
            padded.map(|(column, value)| format!("{value:<width$}", width = column.width()));
        padded.collect::<Vec<_>>().join(",")
    }
}

impl FromStr for NumberSystem {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let two = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|_| two)
            .map(Self)
            .ok_or(Malformed {
                noun: "NumberSystem",
                noun_ja: "番号体系",
                flaw: Flaw::Unknown("00-99"),
            })
    }
}
