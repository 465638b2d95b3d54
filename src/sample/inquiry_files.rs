//! Sample inquiry files: an institution asks about everybody's 地方税関係情報 at their homes, in files of up to 10,000 rows.

use jiff::Timestamp;

use super::population::Population;
use crate::domain::{
    batch_file::{BatchFileName, InquiryRow, ROWS_MAX, RowCondition},
    codes::InstitutionCode,
    files::{LineWriter, TextFlaw, TextForm},
    jst::jst_datetime,
    malformed::Malformed,
};

/// The job in the names of sample files.
const JOB: &str = "sample";

/// Writes sample inquiry files. The same population and time give the same files.
#[derive(Debug)]
pub struct InquiryFileSource<'a> {
    /// The people.
    pub population: &'a Population,
    /// Where people live.
    pub municipalities: &'a [InstitutionCode],
    /// Who asks.
    pub inquirer: InstitutionCode,
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
        let at = jst_datetime(self.requested_at).strftime("%Y%m%d%H%M%S");
        let name = format!("{JOB}_{at}_{number:04}.DAT").parse()?;
        let (mut writer, mut bytes) = (LineWriter::new(TextForm::default()), Vec::new());
        let mut rows = 0;
        while rows < ROWS_MAX
            && let Some(index) = people.next()
        {
            if let Some(row) = self.row(index)? {
                writer
                    .write(&row.write(), &mut bytes)
                    .map_err(SampleFlaw::Text)?;
                rows += 1;
            }
        }
        Ok(SampleFile {
            name,
            bytes,
            rows,
            people_done: people.start,
        })
    }

    fn row(&self, index: u32) -> Result<Option<InquiryRow>, Malformed> {
        let home = self.population.home(index, self.municipalities);
        let addressee = self.population.addressee_number(index, self.inquirer);
        let (Some(provider), Some(addressee)) = (home, addressee) else {
            return Ok(None);
        };
        if provider == self.inquirer {
            return Ok(None);
        }
        Ok(Some(InquiryRow {
            number_system: "01".parse()?,
            local_number: Some(format!("{}", u64::from(index) + 1).parse()?),
            addressee,
            requested_at: self.requested_at,
            unit: "FUKUSHI".parse()?,
            user: "sample".parse()?,
            inquirer: self.inquirer,
            nondisclosure: false,
            affair: "JM01000000121000".parse()?,
            procedure: "JT01010000000214".parse()?,
            delegator: None,
            provider_delegator: None,
            provider,
            specific_info: "TM00000000000002".parse()?,
            condition: RowCondition::None,
        }))
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
        let municipalities = Definitions::embedded().unwrap().directory.municipalities();
        let inquirer = municipalities[1];
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
        let at_home =
            (0..25_000).filter(|index| population.home(*index, &municipalities) == Some(inquirer));
        assert_eq!(asked, 25_000 - at_home.count());
    }
}
