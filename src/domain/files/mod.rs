//! Files as municipalities send them: lines of text in UTF-8 or Shift_JIS (CP932), read and written without ever replacing a
//! character.

mod character_table;
mod encoding;
mod flaw;
mod line_reader;
mod line_writer;

pub use character_table::{BadTable, CharacterTable};
pub use encoding::Encoding;
pub use flaw::{TextFlaw, TextFlawKind};
pub use line_reader::{LINE_BYTES_MAX, Line, LineEnds, LineReader};
pub use line_writer::LineWriter;

/// How the text of a file is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextForm {
    /// The encoding.
    pub encoding: Encoding,
    /// Which characters stand in the file for which of ours.
    pub table: CharacterTable,
}

#[cfg(test)]
mod tests;
