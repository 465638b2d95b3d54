//! Writes lines in an encoding, each ended by CRLF, or says which character the encoding does not have.

use encoding_rs::EncoderResult;

use super::{Encoding, TextFlaw, TextFlawKind, TextForm, encoding::is_private_use};

/// Turns lines of text into the bytes of a file.
#[derive(Debug)]
pub struct LineWriter {
    form: TextForm,
    number: u64,
}

impl LineWriter {
    /// A writer at the beginning of a file. No byte order mark is written.
    pub fn new(form: TextForm) -> Self {
        Self { form, number: 0 }
    }

    /// Adds a line and its CRLF to `file`.
    ///
    /// # Errors
    /// Every character that the encoding does not have and the table does not name; nothing is added then.
    pub fn write(&mut self, line: &str, file: &mut Vec<u8>) -> Result<(), Vec<TextFlaw>> {
        self.number += 1;
        let mut flaws = Vec::new();
        let begin = file.len();
        for (column, c) in translated(line, &self.form) {
            if let Err(kind) = c.and_then(|c| encode(self.form.encoding, c, file)) {
                flaws.push(TextFlaw {
                    line: self.number,
                    column,
                    kind,
                });
            }
        }
        if flaws.is_empty() {
            file.extend_from_slice(b"\r\n");
            Ok(())
        } else {
            file.truncate(begin);
            Err(flaws)
        }
    }
}

/// The characters that stand in the file, each with the column of the text that it stands for. A private use character
/// comes from the table or not at all.
fn translated(line: &str, form: &TextForm) -> Vec<(usize, Result<char, TextFlawKind>)> {
    let (mut rest, mut column) = (line, 1);
    let mut characters = Vec::with_capacity(line.len());
    while let Some(first) = rest.chars().next() {
        let (c, bytes) = match form.table.file(rest) {
            Some((c, bytes)) => (Ok(c), bytes),
            None if is_private_use(first) => {
                (Err(TextFlawKind::PrivateUse(first)), first.len_utf8())
            }
            None => (Ok(first), first.len_utf8()),
        };
        characters.push((column, c));
        let (taken, left) = rest.split_at_checked(bytes).unwrap_or((rest, ""));
        column += taken.chars().count();
        rest = left;
    }
    characters
}

fn encode(encoding: Encoding, c: char, file: &mut Vec<u8>) -> Result<(), TextFlawKind> {
    if c.is_control() {
        return Err(TextFlawKind::Forbidden(c));
    }
    if let Some(pair) = encoding.private_use(c) {
        file.extend(pair);
        return Ok(());
    }
    let missing = TextFlawKind::NotInEncoding(c, encoding);
    if encoding.would_replace(c) {
        return Err(missing);
    }
    let (mut text, mut bytes) = ([0; 4], [0; 8]);
    let mut encoder = encoding.rules().new_encoder();
    let source = c.encode_utf8(&mut text);
    let (result, _, written) =
        encoder.encode_from_utf8_without_replacement(source, &mut bytes, true);
    match result {
        EncoderResult::InputEmpty => {
            file.extend(bytes.iter().take(written));
            Ok(())
        }
        EncoderResult::OutputFull | EncoderResult::Unmappable(_) => Err(missing),
    }
}
