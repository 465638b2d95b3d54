//! Writes a replica as lines of a file.

use csv_core::{WriteResult, Writer};

use super::{
    Action, Columns, FileForm, HeadColumn,
    cut::{REASON_SIGN, VALUE_MARK},
};
use crate::domain::replica::{DataSetRecord, Item, ItemValue, MissingReason, Replica};

/// A replica cannot be written in the file's layout: it names a data set or an item that the layout does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the replica does not follow the layout of the file")]
pub struct Unwritable;

/// The lines of a replica, without their line ends.
///
/// # Errors
/// [`Unwritable`].
pub fn rows(
    columns: &Columns<'_>,
    form: FileForm,
    replica: &Replica,
) -> Result<Vec<String>, Unwritable> {
    rows_about(columns, form, replica, replica.addressee.as_str())
}

/// The same with the number by which the reader knows the person.
///
/// # Errors
/// [`Unwritable`].
pub fn rows_about(
    columns: &Columns<'_>,
    form: FileForm,
    replica: &Replica,
    number: &str,
) -> Result<Vec<String>, Unwritable> {
    let mut head = vec![String::new(); HeadColumn::ALL.len()];
    let mut set_head = |column: HeadColumn, text: String| {
        if let Some(field) = head.get_mut(column.index()) {
            *field = text;
        }
    };
    let day = |day: jiff::civil::Date| day.strftime("%Y%m%d").to_string();
    let optional = |date: Option<_>| date.map(day).unwrap_or_default();
    set_head(HeadColumn::Action, Action::Register.mark().to_owned());
    set_head(HeadColumn::SpecificInfo, replica.specific_info.to_string());
    set_head(
        HeadColumn::LayoutVersion,
        replica.layout_version.to_string(),
    );
    set_head(HeadColumn::Addressee, number.to_owned());
    set_head(HeadColumn::RecordKey, replica.record_key.to_string());
    let year = replica.fiscal_year.map(|year| year.year().to_string());
    set_head(HeadColumn::FiscalYear, year.unwrap_or_default());
    set_head(HeadColumn::Date, optional(replica.date));
    set_head(HeadColumn::PublicFrom, day(replica.publication.from));
    set_head(HeadColumn::PublicTo, optional(replica.publication.to));
    let mut page = Page {
        columns,
        form,
        head,
        lines: Vec::new(),
    };
    page.records(&replica.content, "")?;
    Ok(page.lines)
}

/// The first line of a CSV file.
pub fn names(columns: &Columns<'_>) -> String {
    let names: Vec<_> = columns.names().collect();
    csv_line(&names)
}

struct Page<'p> {
    columns: &'p Columns<'p>,
    form: FileForm,
    head: Vec<String>,
    lines: Vec<String>,
}

impl Page<'_> {
    fn records(&mut self, records: &[DataSetRecord], above: &str) -> Result<(), Unwritable> {
        for record in records {
            let path = match above {
                "" => record.code.to_string(),
                above => format!("{above}/{}", record.code),
            };
            let set = self.columns.set(&path).ok_or(Unwritable)?;
            let mut fields = self.head.clone();
            if let Some(field) = fields.last_mut() {
                field.clone_from(&path);
            }
            fields.resize(self.columns.fields(), String::new());
            for item in &record.items {
                let own = |column: &super::ItemColumn<'_>| {
                    column.set == set && column.layout.code == item.code
                };
                let at = self.columns.items.iter().position(own).ok_or(Unwritable)?;
                let field = fields.get_mut(HeadColumn::ALL.len() + at);
                *field.ok_or(Unwritable)? = self.form.write(item);
            }
            let line = match self.form {
                FileForm::Csv => csv_line(&fields),
                FileForm::Dat => self.dat_line(&fields)?,
            };
            self.lines.push(line);
            self.records(&record.children, &path)?;
        }
        Ok(())
    }

    fn dat_line(&self, fields: &[String]) -> Result<String, Unwritable> {
        let mut line = String::with_capacity(self.columns.line_chars);
        for (field, width) in fields.iter().zip(&self.columns.widths) {
            if !line.is_empty() {
                line.push(',');
            }
            let filling = width.checked_sub(field.chars().count());
            line.push_str(field);
            line.extend(std::iter::repeat_n(' ', filling.ok_or(Unwritable)?));
        }
        Ok(line)
    }
}

impl FileForm {
    /// The field of an item.
    fn write(self, item: &Item) -> String {
        match (self, &item.value) {
            (Self::Csv, ItemValue::Present(value)) if value.starts_with(REASON_SIGN) => {
                format!("{REASON_SIGN}{value}")
            }
            (Self::Csv, ItemValue::Present(value)) => value.clone(),
            (Self::Csv, ItemValue::Missing(reason)) => format!("{REASON_SIGN}{}", reason.code()),
            (Self::Dat, ItemValue::Present(value)) => format!("{VALUE_MARK}{value}"),
            (Self::Dat, ItemValue::Missing(reason)) => {
                let place = MissingReason::ALL.iter().position(|own| own == reason);
                (place.unwrap_or_default() + 1).to_string()
            }
        }
    }
}

/// The fields as a CSV line, with quotation marks where they are needed.
fn csv_line<T: AsRef<str>>(fields: &[T]) -> String {
    let mut writer = Writer::new();
    let longest = fields.iter().map(|field| field.as_ref().len()).max();
    // A quotation mark becomes two, and two stand around.
    let mut room = vec![0; 2 * longest.unwrap_or_default() + 8];
    let mut line = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            let (_, written) = writer.delimiter(&mut room);
            line.extend_from_slice(room.get(..written).unwrap_or_default());
        }
        let mut rest = field.as_ref().as_bytes();
        loop {
            let (result, read, written) = writer.field(rest, &mut room);
            line.extend_from_slice(room.get(..written).unwrap_or_default());
            rest = rest.get(read..).unwrap_or_default();
            if result == WriteResult::InputEmpty {
                break;
            }
        }
    }
    let (_, written) = writer.finish(&mut room);
    line.extend_from_slice(room.get(..written).unwrap_or_default());
    String::from_utf8(line).unwrap_or_default()
}
