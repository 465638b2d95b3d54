//! The report of a file's flaws, to keep beside it: CSV with a header, in Japanese.

use super::{Column, RowFlaw};

const HEAD: &str = "行,文字位置,項目番号,項目,値の形,誤りと対処\r\n";

/// A line of a report.
#[derive(Debug, Clone)]
pub struct ReportLine {
    /// The line of the file, from 1.
    pub line: u64,
    /// The character in the line, from 1.
    pub position: usize,
    /// The column, from 1; 0 where the flaw is in none.
    pub column: usize,
    /// The column's name.
    pub column_name: String,
    /// The shape of the value.
    pub shape: String,
    /// What is wrong and what to do.
    pub description_ja: String,
}

impl From<&RowFlaw> for ReportLine {
    fn from(flaw: &RowFlaw) -> Self {
        Self {
            line: flaw.line,
            position: flaw.position,
            column: flaw.column.map_or(0, Column::number),
            column_name: flaw.column.map_or("", Column::name).to_owned(),
            shape: flaw.shape.clone(),
            description_ja: flaw.as_field().description_ja,
        }
    }
}

impl ReportLine {
    fn row(&self) -> String {
        let said = self.description_ja.replace('"', "\"\"");
        format!(
            "{},{},{},{},{},\"{said}\"\r\n",
            self.line, self.position, self.column, self.column_name, self.shape
        )
    }
}

/// The text of a report on one file.
pub fn report(lines: impl IntoIterator<Item = ReportLine>) -> String {
    let rows = lines.into_iter().map(|line| line.row());
    HEAD.to_owned() + &rows.collect::<String>()
}

/// The text of a report on several files: each line begins with the name of its file.
pub fn report_of_files(lines: impl IntoIterator<Item = (String, ReportLine)>) -> String {
    let rows = lines.into_iter();
    let rows = rows.map(|(file, line)| format!("{file},{}", line.row()));
    format!("ファイル,{HEAD}") + &rows.collect::<String>()
}
