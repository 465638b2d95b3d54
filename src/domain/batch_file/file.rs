//! A whole inquiry file: its rows, and every flaw of every row.

use std::collections::{HashMap, hash_map::Entry};

use super::{InquiryRow, ROWS_MAX, RowCondition, RowFlaw, RowFlawKind, RowNumbers};
use crate::domain::{
    codes::{AddresseeNumber, InstitutionCode, ProcedureCode, SpecificInfoCode},
    files::{Line, LineEnds, LineReader, TextForm},
};

/// An inquiry file as far as its own text tells.
#[derive(Debug, Default)]
pub struct InquiryFile {
    /// The rows that have their form, each with its line.
    pub rows: Vec<(u64, InquiryRow)>,
    /// What is wrong, in the order of the lines.
    pub flaws: Vec<RowFlaw>,
    /// How many lines there are.
    pub lines: u64,
}

/// What a row asks, whoever asks and whenever.
type Question = (
    AddresseeNumber,
    ProcedureCode,
    InstitutionCode,
    SpecificInfoCode,
    RowCondition,
);

impl InquiryFile {
    /// Reads a file that speaks these numbers. Rows beyond [`ROWS_MAX`] are counted and not looked at.
    pub fn read(bytes: &[u8], form: &TextForm, numbers: &RowNumbers) -> Self {
        let mut file = Self::default();
        let mut asked = HashMap::new();
        let mut reader = LineReader::new(form.clone(), LineEnds::CrLf);
        let mut lines = reader.push(bytes);
        lines.extend(reader.finish());
        for line in lines {
            file.lines = line.number;
            if line.number <= ROWS_MAX as u64 {
                file.take(line, numbers, &mut asked);
            }
        }
        let flaw = match file.lines {
            0 => Some(RowFlaw::of_line(1, 1, RowFlawKind::NoRows)),
            lines if lines > ROWS_MAX as u64 => {
                let line = ROWS_MAX as u64 + 1;
                Some(RowFlaw::of_line(line, 1, RowFlawKind::TooManyRows))
            }
            _ => None,
        };
        file.flaws.extend(flaw);
        file
    }

    /// Whether the file cannot be taken at all, not even row by row: it has no row, or too many.
    pub fn is_unusable(&self) -> bool {
        self.lines == 0 || self.lines > ROWS_MAX as u64
    }

    fn take(&mut self, line: Line, numbers: &RowNumbers, asked: &mut HashMap<Question, u64>) {
        let number = line.number;
        let read = line.text.map_err(|flaws| {
            let flaws = flaws.into_iter();
            flaws
                .map(|flaw| RowFlaw::of_line(flaw.line, flaw.column, flaw.kind.into()))
                .collect()
        });
        let row = match read.and_then(|text| InquiryRow::read_numbered(number, &text, numbers)) {
            Ok(row) => row,
            Err(flaws) => return self.flaws.extend(flaws),
        };
        let question = (
            row.addressee,
            row.procedure,
            row.provider,
            row.specific_info,
            row.condition,
        );
        match asked.entry(question) {
            Entry::Occupied(earlier) => {
                let kind = RowFlawKind::Repeated {
                    line: *earlier.get(),
                };
                self.flaws.push(RowFlaw::of_line(number, 1, kind));
            }
            Entry::Vacant(first) => {
                first.insert(number);
                self.rows.push((number, row));
            }
        }
    }
}
