//! Sample replica files: what an institution's business system would hand over of a whole population, of any size.

use super::replicas::ReplicaSource;
use crate::domain::{
    codes::{InstitutionCode, SpecificInfoCode},
    files::{LineWriter, TextForm},
    form_check::check,
    layout::Layout,
    replica_file::{Columns, FileForm, names, rows},
};

/// Writes one sample file. The same population and day give the same file.
#[derive(Debug)]
pub struct ReplicaFileSource<'a> {
    /// What is known of the people.
    pub replicas: ReplicaSource<'a>,
    /// Where people live.
    pub municipalities: &'a [InstitutionCode],
    /// Whose file it is.
    pub institution: InstitutionCode,
    /// The version that it follows.
    pub layout: &'a Layout,
    /// How its fields stand beside each other.
    pub form: FileForm,
    /// How its text is written.
    pub text: TextForm,
}

/// A sample replica does not fit the layout or the encoding of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sample data of person {index} do not fit the layout or the encoding")]
pub struct UnfitSample {
    /// Which person of the population.
    pub index: u32,
}

impl ReplicaFileSource<'_> {
    /// The file, a person's lines at a time: each with the number of replicas in it. A CSV file begins with the names
    /// of its columns, before the first person's lines.
    ///
    /// # Errors
    /// When a layout of the user's or the encoding does not take the sample values.
    pub fn pieces(&self) -> impl Iterator<Item = Result<(Vec<u8>, u64), UnfitSample>> + '_ {
        let columns = Columns::of(self.layout);
        let mut writer = LineWriter::new(self.text.clone());
        let population = self.replicas.population;
        (0..population.size()).map(move |index| {
            let unfit = UnfitSample { index };
            let mut piece = Vec::new();
            if index == 0 && self.form == FileForm::Csv {
                let written = writer.write(&names(&columns), &mut piece);
                written.map_err(|_| unfit)?;
            }
            let mut count = 0;
            for line in self.lines(index, &columns, &mut count).ok_or(unfit)? {
                writer.write(&line, &mut piece).map_err(|_| unfit)?;
            }
            Ok((piece, count))
        })
    }

    /// The person's lines; nothing when a sample value does not fit the layout.
    fn lines(&self, index: u32, columns: &Columns<'_>, count: &mut u64) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        for draft in self.drafts(index, self.layout.specific_info) {
            if draft.layout_version != self.layout.version {
                continue;
            }
            let replica = check(self.layout, draft).ok()?;
            let replica = replica.register(jiff::Timestamp::UNIX_EPOCH, 1);
            lines.extend(rows(columns, self.form, &replica).ok()?);
            *count += 1;
        }
        Some(lines)
    }

    /// Municipalities hold replicas of those who live there, others of everybody.
    fn drafts(
        &self,
        index: u32,
        info: SpecificInfoCode,
    ) -> Vec<crate::domain::replica::ReplicaDraft> {
        let population = self.replicas.population;
        let home = population.home(index, self.municipalities);
        let elsewhere =
            self.municipalities.contains(&self.institution) && home != Some(self.institution);
        let person = population.person(index).filter(|_| !elsewhere);
        person.map_or_else(Vec::new, |person| {
            self.replicas.drafts(&person, info, self.institution)
        })
    }
}

#[cfg(test)]
mod tests;
