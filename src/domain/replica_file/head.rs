//! Reads what the first line of a replica says of the whole replica.

use jiff::civil::Date;

use super::{
    Action, Assembler, Fields, FileFlaw, FileMisfit, HeadColumn,
    open::{Open, SHARED},
};
use crate::domain::replica::Publication;

impl Assembler<'_> {
    pub(super) fn begin(&mut self, line: u64, fields: &Fields) -> Open {
        let mut flaws = Vec::new();
        if std::mem::take(&mut self.beside_unreadable) {
            flaws.push(FileFlaw::of_line(line, FileMisfit::BesideUnreadable));
        }
        let head = SHARED.iter().map(|at| fields.head(*at).to_owned());
        let mut open = Open {
            line,
            head: head.collect(),
            action: None,
            addressee: None,
            fiscal_year: None,
            date: None,
            publication: None,
            content: Vec::new(),
            rows: Vec::new(),
            stated: Vec::new(),
            flaws,
        };
        let open_mut = &mut open;
        open_mut.action = Action::read(fields.head(HeadColumn::Action));
        if open_mut.action.is_none() {
            self.head_flaw(open_mut, HeadColumn::Action, FileMisfit::Action);
        }
        match self.numbers.read(fields.head(HeadColumn::Addressee)) {
            Ok(addressee) => open_mut.addressee = Some(addressee),
            Err(why) => self.head_flaw(open_mut, HeadColumn::Addressee, why),
        }
        self.note_name(open_mut, fields.head(HeadColumn::RecordKey));
        if open_mut.action == Some(Action::Register) {
            self.registration_head(open_mut, fields);
        }
        open
    }

    fn registration_head(&self, open: &mut Open, fields: &Fields) {
        let year = fields.head(HeadColumn::FiscalYear);
        if !year.is_empty() {
            open.fiscal_year = four_digits(year);
            if open.fiscal_year.is_none() {
                self.head_flaw(open, HeadColumn::FiscalYear, FileMisfit::Year);
            }
        }
        open.date = self.day(open, HeadColumn::Date, fields);
        let to = self.day(open, HeadColumn::PublicTo, fields);
        let from = self.day(open, HeadColumn::PublicFrom, fields);
        if fields.head(HeadColumn::PublicFrom).is_empty() {
            self.head_flaw(open, HeadColumn::PublicFrom, FileMisfit::Day);
        }
        open.publication = from.map(|from| Publication { from, to });
    }

    fn day(&self, open: &mut Open, column: HeadColumn, fields: &Fields) -> Option<Date> {
        let text = fields.head(column);
        if text.is_empty() {
            return None;
        }
        let day = compact_day(text);
        if day.is_none() {
            self.head_flaw(open, column, FileMisfit::Day);
        }
        day
    }

    /// Refuses a name that the file has already.
    fn note_name(&mut self, open: &mut Open, record_key: &str) {
        let Some(addressee) = open.addressee else {
            return;
        };
        let line = u32::try_from(open.line).unwrap_or(u32::MAX);
        let first = u64::from(self.names.note((addressee, record_key), line));
        if first != open.line {
            let why = FileMisfit::Duplicate { first };
            self.head_flaw(open, HeadColumn::RecordKey, why);
        }
    }

    /// A flaw of a column that the replica's lines have in common, on its first line.
    pub(super) fn head_flaw(&self, open: &mut Open, column: HeadColumn, why: FileMisfit) {
        let (line, text) = (open.line, open.shared(column).to_owned());
        open.flaws
            .push(self.flaw(line, column.index(), Some(&text), why));
    }
}

fn four_digits(text: &str) -> Option<i16> {
    let digits = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn compact_day(text: &str) -> Option<Date> {
    let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    let (year, month, day) = (text.get(..4)?, text.get(4..6)?, text.get(6..)?);
    let (year, month, day) = (year.parse(), month.parse(), day.parse());
    Date::new(year.ok()?, month.ok()?, day.ok()?)
        .ok()
        .filter(|_| digits)
}
