//! The two encodings of files, as the Encoding Standard defines them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::malformed::{Flaw, Malformed};

/// 文字コード of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Encoding {
    /// UTF-8. A byte order mark in front is accepted and not part of the text.
    #[default]
    Utf8,
    /// Shift_JIS as Windows writes it: CP932 with NEC's and IBM's extensions and the private use area for 外字.
    ShiftJis,
}

impl Encoding {
    /// Its name in options and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::ShiftJis => "shift_jis",
        }
    }

    pub(super) fn rules(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::ShiftJis => encoding_rs::SHIFT_JIS,
        }
    }

    /// Whether the encoder writes `c` as another character: it takes ¥ for a backslash, ‾ for a tilde and the minus sign for
    /// its full-width form.
    pub(super) fn would_replace(self, c: char) -> bool {
        match self {
            Self::Utf8 => false,
            Self::ShiftJis => matches!(c, '\u{a5}' | '\u{203e}' | '\u{2212}'),
        }
    }

    /// The two bytes of a private use character in Shift_JIS, F040 to F9FC. The encoder does not write them, the decoder
    /// reads them.
    pub(super) fn private_use(self, c: char) -> Option<[u8; 2]> {
        match self {
            Self::Utf8 => None,
            Self::ShiftJis => {
                let place = u32::from(c).checked_sub(0xE000).filter(|p| *p < 1_880)?;
                let (lead, trail) = (place / 188 + 0xF0, place % 188);
                let trail = trail + if trail < 0x3F { 0x40 } else { 0x41 };
                Some([u8::try_from(lead).ok()?, u8::try_from(trail).ok()?])
            }
        }
    }
}

/// Whether a character has no meaning but the one its users give it: 外字.
pub(super) fn is_private_use(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

impl FromStr for Encoding {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "utf-8" => Ok(Self::Utf8),
            "shift_jis" | "cp932" => Ok(Self::ShiftJis),
            _ => Err(Malformed {
                noun: "Encoding",
                noun_ja: "文字コード",
                flaw: Flaw::Unknown("utf-8, shift_jis, cp932"),
            }),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

text_form!(Encoding);
