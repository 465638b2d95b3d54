//! バッチ照会ファイル: the rows of an inquiry file, their fixed widths, and everything that can be wrong with one. The columns are
//! printed in docs/batch-files.md.

mod column;
mod file;
mod flaw;
mod name;
mod numbers;
mod reading;
mod report;
mod result;
mod row;

pub use column::Column;
pub use file::InquiryFile;
pub use flaw::{RowFlaw, RowFlawKind, without_authority};
pub use name::BatchFileName;
pub use numbers::{LocalRows, RowNumbers, local_number, local_numbers, without_addressee_number};
pub use report::{ReportLine, report, report_of_files};
pub use result::{RowAnswer, RowStanding, left_out_line, reason_digit, result_lines};
pub use row::{InquiryRow, NumberSystem, RowCondition};

/// The most rows of a file. Source: the platform's limit for batch files.
pub const ROWS_MAX: usize = 10_000;

/// The most bytes of a file (ours): 10,000 rows of the full width and their line ends, with room to spare.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
