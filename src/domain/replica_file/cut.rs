//! Cuts a line into its fields, by commas and quotation marks (CSV) or by positions (`.DAT`).

use csv_core::{ReadRecordResult, Reader};

use super::{Columns, FileMisfit, HeadColumn};
use crate::domain::replica::MissingReason;

/// What stands before the reason in a CSV field that has no value, and twice before a value that begins with it.
pub(super) const REASON_SIGN: char = '#';

/// The mark of a value in a `.DAT` field; a reason has the number of its place in the table, from 1.
pub(super) const VALUE_MARK: char = '0';

/// How the fields of a line stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// Commas between fields, quotation marks where needed, the columns' names in the first line.
    Csv,
    /// Fixed widths in characters, commas between, no first line with names.
    Dat,
}

/// What a field of an item says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Blank,
    /// A value.
    Value(&'a str),
    /// Why there is none.
    Missing(MissingReason),
    /// A reason that is none of ours.
    Unknown,
}

impl FileForm {
    /// The form of a file with this name: `.DAT` in either case, else CSV.
    pub fn of_name(name: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        if extension.is_some_and(|extension| extension.eq_ignore_ascii_case("dat")) {
            Self::Dat
        } else {
            Self::Csv
        }
    }

    /// Reads the field of an item.
    pub(super) fn cell(self, field: &str) -> Cell<'_> {
        match self {
            Self::Csv => csv_cell(field),
            Self::Dat => dat_cell(field),
        }
    }
}

fn csv_cell(field: &str) -> Cell<'_> {
    match field.strip_prefix(REASON_SIGN) {
        None if field.is_empty() => Cell::Blank,
        None => Cell::Value(field),
        Some(value) if value.starts_with(REASON_SIGN) => Cell::Value(value),
        Some(reason) => reason.parse().map_or(Cell::Unknown, Cell::Missing),
    }
}

fn dat_cell(field: &str) -> Cell<'_> {
    let mut rest = field.chars();
    let Some(mark) = rest.next() else {
        return Cell::Blank;
    };
    let rest = rest.as_str();
    if mark == VALUE_MARK {
        return Cell::Value(rest);
    }
    if !rest.is_empty() {
        return Cell::Unknown;
    }
    let number = mark.to_digit(10).and_then(|digit| digit.checked_sub(1));
    let place = number.and_then(|number| usize::try_from(number).ok());
    let reason = place.and_then(|place| MissingReason::ALL.get(place));
    reason.map_or(Cell::Unknown, |reason| Cell::Missing(*reason))
}

/// The fields of one line.
#[derive(Debug, Default)]
pub struct Fields {
    text: String,
    ends: Vec<(usize, usize)>,
}

impl Fields {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// One field; empty where there is none.
    pub fn field(&self, at: usize) -> &str {
        let range = self.ends.get(at);
        range
            .and_then(|(from, to)| self.text.get(*from..*to))
            .unwrap_or_default()
    }

    /// A field of the head.
    pub fn head(&self, column: HeadColumn) -> &str {
        self.field(column.index())
    }

    /// All fields.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        (0..self.count()).map(|at| self.field(at))
    }
}

/// Cuts the lines of one file.
pub struct Cutter {
    reader: Reader,
    bytes: Vec<u8>,
    marks: Vec<usize>,
    fields: Fields,
}

impl Default for Cutter {
    fn default() -> Self {
        Self {
            reader: Reader::new(),
            bytes: Vec::new(),
            marks: Vec::new(),
            fields: Fields::default(),
        }
    }
}

impl Cutter {
    /// The fields of a CSV line.
    ///
    /// # Errors
    /// When a quotation mark is not closed.
    pub fn csv(&mut self, line: &str) -> Result<&Fields, FileMisfit> {
        self.fields.ends.clear();
        self.fields.text.clear();
        if line.is_empty() {
            return Ok(&self.fields);
        }
        self.reader.reset();
        let room = line.len() + 2;
        if self.bytes.len() < room {
            self.bytes.resize(room, 0);
            self.marks.resize(room, 0);
        }
        let (_, _, written, ended) =
            self.reader
                .read_record(line.as_bytes(), &mut self.bytes, &mut self.marks);
        let (bytes, marks) = (
            self.bytes.get_mut(written..).unwrap_or_default(),
            self.marks.get_mut(ended..).unwrap_or_default(),
        );
        let (result, _, more, last) = self.reader.read_record(b"\n", bytes, marks);
        if result != ReadRecordResult::Record {
            return Err(FileMisfit::OpenQuote);
        }
        let text = self.bytes.get(..written + more).unwrap_or_default();
        // Cutting at ASCII characters leaves UTF-8 whole.
        self.fields
            .text
            .push_str(std::str::from_utf8(text).unwrap_or_default());
        let mut from = 0;
        for to in self.marks.iter().take(ended + last) {
            self.fields.ends.push((from, *to));
            from = *to;
        }
        Ok(&self.fields)
    }

    /// The fields of a `.DAT` line, without the spaces that fill them.
    ///
    /// # Errors
    /// When the line has another length, or a comma is not where it must be: the character's place with it, from 1.
    pub fn dat(
        &mut self,
        line: &str,
        columns: &Columns<'_>,
    ) -> Result<&Fields, (usize, FileMisfit)> {
        let (expected, actual) = (columns.line_chars, line.chars().count());
        if expected != actual {
            return Err((1, FileMisfit::LineLength { expected, actual }));
        }
        self.fields.ends.clear();
        self.fields.text.clear();
        self.fields.text.push_str(line);
        let mut rest = line;
        let mut column = 1;
        for width in columns.widths.iter().copied() {
            if !self.fields.ends.is_empty() {
                let Some(after) = rest.strip_prefix(',') else {
                    return Err((column, FileMisfit::Separator));
                };
                (rest, column) = (after, column + 1);
            }
            let (field, after) = split_chars(rest, width);
            let from = line.len() - rest.len();
            let to = from + field.trim_end_matches(' ').len();
            self.fields.ends.push((from, to));
            (rest, column) = (after, column + width);
        }
        Ok(&self.fields)
    }
}

fn split_chars(text: &str, chars: usize) -> (&str, &str) {
    let at = text
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| at);
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// What the head of a `.DAT` line says before its layout is known: the specific information and the version.
pub fn dat_layout(line: &str) -> (&str, &str) {
    let (_, rest) = split_chars(line, 2);
    let (info, rest) = split_chars(rest, 16);
    let (_, rest) = split_chars(rest, 1);
    let (version, _) = split_chars(rest, 16);
    (info.trim_end_matches(' '), version.trim_end_matches(' '))
}

/// Whose replica a `.DAT` line is about, and its record key, whatever its layout.
pub fn dat_name(line: &str) -> (&str, &str) {
    let (_, rest) = split_chars(line, 36);
    let (addressee, rest) = split_chars(rest, 15);
    let (_, rest) = split_chars(rest, 1);
    let (record_key, _) = split_chars(rest, 40);
    (
        addressee.trim_end_matches(' '),
        record_key.trim_end_matches(' '),
    )
}
