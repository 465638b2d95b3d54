//! Reads a file piece by piece into lines that know where they stand. Memory is bounded by the longest line.

use encoding_rs::DecoderResult;

use super::{Encoding, TextFlaw, TextFlawKind, TextForm, encoding::is_private_use};
use crate::domain::repertoire::first_unprintable;

/// The longest line, in bytes without its end (ours).
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

const MARKS: [(&[u8], &str); 3] = [
    (&[0xEF, 0xBB, 0xBF], "UTF-8"),
    (&[0xFF, 0xFE], "UTF-16LE"),
    (&[0xFE, 0xFF], "UTF-16BE"),
];

/// Which line ends a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnds {
    /// CRLF, also after the last line.
    CrLf,
    /// CRLF or LF, the same in the whole file; the last line may go without.
    Uniform,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which line it is, counted from 1.
    pub number: u64,
    /// The text without its line end, or everything that is wrong with it.
    pub text: Result<String, Vec<TextFlaw>>,
}

/// Takes the bytes of a file in pieces of any size and gives its lines.
#[derive(Debug)]
pub struct LineReader {
    form: TextForm,
    ends: LineEnds,
    seen: Option<&'static str>,
    number: u64,
    partial: Vec<u8>,
    skipped: bool,
}

impl LineReader {
    /// A reader at the beginning of a file.
    pub fn new(form: TextForm, ends: LineEnds) -> Self {
        let seen = match ends {
            LineEnds::CrLf => Some("CRLF"),
            LineEnds::Uniform => None,
        };
        Self {
            form,
            ends,
            seen,
            number: 0,
            partial: Vec::new(),
            skipped: false,
        }
    }

    /// Takes the next piece; gives the lines that end in it.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        // 0x0A and 0x0D are no part of a longer character, neither in UTF-8 nor in Shift_JIS.
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            self.keep(part);
            if parts.peek().is_some() {
                lines.push(self.line(true));
            }
        }
        lines
    }

    /// The rest after the last line end, if there is any.
    pub fn finish(mut self) -> Option<Line> {
        (self.skipped || !self.partial.is_empty()).then(|| self.line(false))
    }

    /// How many bytes wait for the end of their line.
    #[cfg(test)]
    pub(super) fn bytes_held(&self) -> usize {
        self.partial.len()
    }

    fn keep(&mut self, part: &[u8]) {
        // One more for the CR of the line end.
        if self.partial.len() + part.len() <= LINE_BYTES_MAX + 1 {
            self.partial.extend_from_slice(part);
        } else {
            self.skipped = true;
        }
    }

    fn line(&mut self, ended: bool) -> Line {
        self.number += 1;
        let mut bytes = std::mem::take(&mut self.partial);
        let mut flaws = Vec::new();
        let mut flaw = |column, kind| {
            flaws.push(TextFlaw {
                line: self.number,
                column,
                kind,
            });
        };
        let found = if ended && bytes.last() == Some(&b'\r') {
            bytes.pop();
            "CRLF"
        } else {
            "LF"
        };
        let body = match self.mark(&bytes) {
            Ok(body) => body,
            Err(kind) => {
                flaw(1, kind);
                &bytes
            }
        };
        if std::mem::take(&mut self.skipped) || body.len() > LINE_BYTES_MAX {
            flaw(1, TextFlawKind::TooLong(LINE_BYTES_MAX));
        }
        let text = decode(&self.form, body, !ended, &mut flaw);
        let end_column = text.chars().count() + 1;
        if ended {
            let expected = *self.seen.get_or_insert(found);
            if found != expected {
                flaw(end_column, TextFlawKind::LineEnd { found, expected });
            }
        } else if self.ends == LineEnds::CrLf {
            flaw(end_column, TextFlawKind::CutLine);
        }
        Line {
            number: self.number,
            text: if flaws.is_empty() {
                Ok(text)
            } else {
                Err(flaws)
            },
        }
    }

    /// The bytes without the mark that UTF-8 may begin with.
    fn mark<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], TextFlawKind> {
        if self.number > 1 {
            return Ok(bytes);
        }
        for (mark, name) in MARKS {
            if let Some(rest) = bytes.strip_prefix(mark) {
                return match (self.form.encoding, name) {
                    (Encoding::Utf8, "UTF-8") => Ok(rest),
                    (Encoding::Utf8 | Encoding::ShiftJis, _) => {
                        Err(TextFlawKind::ForeignMark(name))
                    }
                };
            }
        }
        Ok(bytes)
    }
}

/// Turns bytes into text. A place that is no character stands as U+FFFD, so that later columns are right.
fn decode(
    form: &TextForm,
    mut bytes: &[u8],
    at_file_end: bool,
    flaw: &mut impl FnMut(usize, TextFlawKind),
) -> String {
    let mut decoder = form.encoding.rules().new_decoder_without_bom_handling();
    let mut raw = String::with_capacity(bytes.len() * 3 + 16);
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut raw, true);
        bytes = bytes.get(read..).unwrap_or_default();
        match result {
            DecoderResult::InputEmpty => break,
            DecoderResult::OutputFull => raw.reserve(bytes.len() * 3 + 16),
            DecoderResult::Malformed(..) => {
                let column = raw.chars().count() + 1;
                let cut = at_file_end && bytes.is_empty();
                let kind = if cut {
                    TextFlawKind::CutCharacter
                } else {
                    TextFlawKind::NoCharacter(form.encoding)
                };
                flaw(column, kind);
                raw.push(char::REPLACEMENT_CHARACTER);
                if bytes.is_empty() {
                    break;
                }
                decoder = form.encoding.rules().new_decoder_without_bom_handling();
            }
        }
    }
    let mut text = String::with_capacity(raw.len());
    for (column, c) in (1..).zip(raw.chars()) {
        match form.table.ours(c) {
            Some(ours) => text.push_str(ours),
            None => {
                if is_private_use(c) {
                    flaw(column, TextFlawKind::PrivateUse(c));
                } else if first_unprintable(c.encode_utf8(&mut [0; 4])).is_some() {
                    flaw(column, TextFlawKind::Forbidden(c));
                }
                text.push(c);
            }
        }
    }
    text
}
