//! Sample inquiry files: an institution asks about everybody's 地方税関係情報 at their homes, in files of up to 10,000 rows, and
//! about each sample person in a file of its own.

use jiff::Timestamp;

use super::{
    expected::{CaseFile, Expected},
    population::Population,
    situation::Situation,
};
use crate::domain::{
    batch_file::{BatchFileName, InquiryRow, ROWS_MAX, RowCondition},
    codes::{AffairCode, InstitutionCode},
    files::{LineWriter, TextFlaw, TextForm},
    institution::Institution,
    jst::jst_datetime,
    malformed::Malformed,
    names::{UnitCode, UserId},
    result::ResultCode,
};

/// The job in the names of the files about everybody.
const JOB: &str = "sample";

/// The job in the names of the files about one sample person each.
const JOB_PERSONS: &str = "person";

/// The job in the names of the files with a flaw.
pub(super) const JOB_FLAWED: &str = "flawed";

/// Writes sample inquiry files. The same population and time give the same files.
#[derive(Debug)]
pub struct InquiryFileSource<'a> {
    /// The people.
    pub population: &'a Population,
    /// Where people live.
    pub municipalities: &'a [InstitutionCode],
    /// Who asks.
    pub inquirer: &'a Institution,
    /// When the business system makes the request.
    pub requested_at: Timestamp,
}

/// A sample file.
#[derive(Debug)]
pub struct SampleFile {
    /// Its name.
    pub name: BatchFileName,
    /// Its rows, encoded.
    pub bytes: Vec<u8>,
    /// How many rows there are.
    pub rows: usize,
    /// How many people of the population were looked at so far.
    pub people_done: u32,
    /// What must become of it.
    pub expected: Expected,
}

/// A sample file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SampleFlaw {
    /// A name or a code has not its form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A row has a character that the encoding does not have.
    #[error("a row cannot be written in this encoding")]
    Text(Vec<TextFlaw>),
}

impl InquiryFileSource<'_> {
    /// The files, one after the other: people who live at the inquirer are not asked about.
    ///
    /// # Errors
    /// None that the embedded codes can cause.
    pub fn files(&self) -> impl Iterator<Item = Result<SampleFile, SampleFlaw>> + '_ {
        let mut people = 0..self.population.size();
        (1..=9_999u32).map_while(move |number| {
            let file = self.file(number, &mut people);
            match file {
                Ok(file) if file.rows == 0 => None,
                file => Some(file),
            }
        })
    }

    fn file(
        &self,
        number: u32,
        people: &mut std::ops::Range<u32>,
    ) -> Result<SampleFile, SampleFlaw> {
        let name = self.name(JOB, number)?;
        let mut codes = Vec::new();
        let (mut writer, mut bytes) = (LineWriter::new(TextForm::default()), Vec::new());
        let mut rows = 0;
        while rows < ROWS_MAX
            && let Some(index) = people.next()
        {
            if let Some(row) = self.row(index)? {
                writer
                    .write(&row.write(), &mut bytes)
                    .map_err(SampleFlaw::Text)?;
                codes.push(self.result_at_home(index));
                rows += 1;
            }
        }
        Ok(SampleFile {
            expected: Expected::results("住民を住所地に照会する", codes),
            name,
            bytes,
            rows,
            people_done: people.start,
        })
    }

    /// A file about each sample person at home, and the one that asks at a former home; all that this institution can ask.
    ///
    /// # Errors
    /// None that the embedded codes can cause.
    pub fn persons(&self) -> Result<Vec<CaseFile>, SampleFlaw> {
        let mut files = Vec::new();
        for (index, situation) in (0..self.population.size()).zip(Situation::ALL) {
            if let Some(row) = self.row(index)? {
                let code = self.result_at_home(index);
                files.push(self.person(files.len(), situation.ja().to_owned(), (&row, code))?);
            }
            let former = self.population.former_home(index, self.municipalities);
            let former = former.filter(|former| *former != self.inquirer.code);
            if let (Some(provider), Some(row)) = (former, self.row(index)?) {
                let row = InquiryRow { provider, ..row };
                let shows = format!("{}を、前住所地に照会する", situation.ja());
                let code = ResultCode::WrongInstitution;
                files.push(self.person(files.len(), shows, (&row, code))?);
            }
        }
        Ok(files)
    }

    fn person(
        &self,
        before: usize,
        shows: String,
        (row, code): (&InquiryRow, ResultCode),
    ) -> Result<CaseFile, SampleFlaw> {
        let number = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
        Ok(CaseFile {
            name: self.name(JOB_PERSONS, number)?.to_string(),
            bytes: format!("{}\r\n", row.write()).into_bytes(),
            expected: Expected::results(shows, [code]),
        })
    }

    pub(super) fn name(&self, job: &str, number: u32) -> Result<BatchFileName, Malformed> {
        let at = jst_datetime(self.requested_at).strftime("%Y%m%d%H%M%S");
        format!("{job}_{at}_{number:04}.DAT").parse()
    }

    /// The question about a person at home; none about those who live at the inquirer.
    pub(super) fn row(&self, index: u32) -> Result<Option<InquiryRow>, Malformed> {
        let own = self.inquirer;
        let home = self.population.home(index, self.municipalities);
        let addressee = self.population.addressee_number(index, own.code);
        let (Some(provider), Some(addressee)) = (home, addressee) else {
            return Ok(None);
        };
        if provider == own.code {
            return Ok(None);
        }
        let affair: AffairCode = "JM01000000121000".parse()?;
        let unit = own.units.get(&affair).and_then(|units| units.first());
        let user = own.users.get(&affair).and_then(|users| users.first());
        Ok(Some(InquiryRow {
            number_system: "01".parse()?,
            local_number: Some(format!("{}", u64::from(index) + 1).parse()?),
            addressee,
            requested_at: self.requested_at,
            unit: unit
                .cloned()
                .map_or_else(|| "FUKUSHI".parse::<UnitCode>(), Ok)?,
            user: user
                .cloned()
                .map_or_else(|| "sample".parse::<UserId>(), Ok)?,
            inquirer: own.code,
            nondisclosure: false,
            affair,
            procedure: "JT01010000000214".parse()?,
            delegator: None,
            provider_delegator: None,
            provider,
            specific_info: "TM00000000000002".parse()?,
            condition: RowCondition::None,
        }))
    }

    /// What the question about a person's 地方税関係情報 at home must bring.
    fn result_at_home(&self, index: u32) -> ResultCode {
        match Situation::of(index) {
            Situation::Ordinary | Situation::HeldByInfo | Situation::NoSelfProvision => {
                ResultCode::EndedNormally
            }
            Situation::NotRegistered => ResultCode::NotRegistered,
            Situation::NotDeclared => ResultCode::NotDeclared,
            Situation::OutsidePublication => ResultCode::OutsidePublication,
            Situation::MovedOut => {
                let former = self.population.former_home(index, self.municipalities);
                // The former home has unlinked the person, and cannot ask either.
                if former == Some(self.inquirer.code) {
                    ResultCode::SymbolMissing
                } else {
                    ResultCode::EndedNormally
                }
            }
            Situation::SymbolMissing => ResultCode::SymbolMissing,
            Situation::PartlyProvided => ResultCode::PartlyProvided,
            Situation::HeldByPerson | Situation::HeldByPersonInfo | Situation::Protected => {
                ResultCode::WaitingForStaff
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        domain::batch_file::{InquiryFile, RowNumbers},
        sample::definitions::Definitions,
    };

    #[test]
    fn sample_files_are_sound_and_ask_about_everybody_else() {
        let population = Population::new(7, 25_000);
        let directory = Definitions::embedded().unwrap().directory;
        let municipalities = directory.municipalities();
        let inquirer = directory.find(municipalities[1]).unwrap();
        let source = InquiryFileSource {
            population: &population,
            municipalities: &municipalities,
            inquirer,
            requested_at: Timestamp::UNIX_EPOCH,
        };
        let (mut names, mut asked) = (BTreeSet::new(), 0);
        for file in source.files() {
            let file = file.unwrap();
            let numbers = RowNumbers::Addressee;
            let read = InquiryFile::read(&file.bytes, &TextForm::default(), &numbers);
            assert!(read.flaws.is_empty());
            assert_eq!(read.rows.len(), file.rows);
            assert!(names.insert(file.name));
            asked += file.rows;
        }
        let at_home = (0..25_000)
            .filter(|index| population.home(*index, &municipalities) == Some(inquirer.code));
        assert_eq!(asked, 25_000 - at_home.count());
    }
}
