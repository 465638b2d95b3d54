//! The names that institutions and layouts choose themselves: short words of a few permitted characters.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    malformed::{Flaw, Malformed},
    repertoire::{first_unprintable, is_individual_number, mentions_individual_number},
};

/// The form of a word.
struct Form {
    chars_min: usize,
    chars_max: usize,
    chars: &'static str,
    permitted: &'static str,
    is_permitted: fn(char) -> bool,
}

impl Form {
    fn flaw(&self, text: &str) -> Option<Flaw> {
        if text.is_empty() {
            return Some(Flaw::Empty);
        }
        if is_individual_number(text) {
            return Some(Flaw::LooksLikeIndividualNumber);
        }
        let actual = text.chars().count();
        if !(self.chars_min..=self.chars_max).contains(&actual) {
            let expected = self.chars;
            return Some(Flaw::Length { expected, actual });
        }
        text.chars()
            .position(|c| !(self.is_permitted)(c))
            .map(|at| Flaw::Character {
                position: at + 1,
                permitted: self.permitted,
            })
    }
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $ja:literal, $form:expr) => {
        checked_text! {
            $(#[$doc])*
            $name, $ja, |text: &str| $form.flaw(text)
        }

        impl $name {
            /// The word as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

word! {
    /// A business system of an institution, as its certificate names it; 1 to 32 characters of `a-z0-9-`.
    SystemName, "業務システム名", Form {
        chars_min: 1,
        chars_max: 32,
        chars: "1 to 32",
        permitted: "0-9 a-z -",
        is_permitted: |c| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '-',
    }
}
word! {
    /// レイアウト版: names one version of a layout, e.g. `2026.06`; 1 to 16 characters of `0-9A-Za-z.-`.
    LayoutVersion, "レイアウト版", Form {
        chars_min: 1,
        chars_max: 16,
        chars: "1 to 16",
        permitted: "0-9 A-Z a-z . -",
        is_permitted: |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'),
    }
}
word! {
    /// データセットコード: names a data set inside a layout; 2 to 16 characters of `A-Z0-9_` (ours).
    DataSetCode, "データセットコード", Form {
        chars_min: 2,
        chars_max: 16,
        chars: "2 to 16",
        permitted: "A-Z 0-9 _",
        is_permitted: |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_',
    }
}
word! {
    /// レコードキー: names one replica of a person and a specific information inside an institution; 1 to 40
    /// characters of `0-9A-Za-z._-`, never a 個人番号 (ours).
    RecordKey, "レコードキー", Form {
        chars_min: 1,
        chars_max: 40,
        chars: "1 to 40",
        permitted: "0-9 A-Z a-z . _ -",
        is_permitted: |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'),
    }
}

/// The longest note, in characters (ours).
const NOTE_CHARS_MAX: usize = 400;

/// 備考: what the staff has to say about a decision; 1 to 400 printable characters without a 個人番号 (ours). It may tell
/// of a person: it is never part of a log line, and on record only where an auditor says what they found.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Note(String);

impl Note {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Note {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let actual = text.chars().count();
        let flaw = if text.trim().is_empty() {
            Some(Flaw::Empty)
        } else if actual > NOTE_CHARS_MAX {
            let expected = "1 to 400";
            Some(Flaw::Length { expected, actual })
        } else if mentions_individual_number(text) {
            Some(Flaw::LooksLikeIndividualNumber)
        } else {
            let permitted = "printable characters";
            first_unprintable(text).map(|position| Flaw::Character {
                position,
                permitted,
            })
        };
        match flaw {
            None => Ok(Self(text.to_owned())),
            Some(flaw) => Err(Malformed {
                noun: "Note",
                noun_ja: "備考",
                flaw,
            }),
        }
    }
}

impl TryFrom<String> for Note {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<Note> for String {
    fn from(note: Note) -> Self {
        note.0
    }
}

/// Only the length shows.
impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_outside_its_form_is_refused() {
        let flaw = |text: &str| text.parse::<RecordKey>().unwrap_err().flaw;
        assert!("2026_R-01.a".parse::<RecordKey>().is_ok());
        assert!("x".repeat(40).parse::<RecordKey>().is_ok());
        assert_eq!(flaw(""), Flaw::Empty);
        assert!(matches!(
            flaw(&"x".repeat(41)),
            Flaw::Length { actual: 41, .. }
        ));
        assert!(matches!(flaw("a b"), Flaw::Character { position: 2, .. }));
        assert!("data".parse::<DataSetCode>().is_err());
        assert!("D".parse::<DataSetCode>().is_err());
        assert!("2026.06".parse::<LayoutVersion>().is_ok());
        assert!("2026/06".parse::<LayoutVersion>().is_err());
    }

    #[test]
    fn a_note_is_printable_and_never_shown_by_accident() {
        let note: Note = "根拠の写しを送ってください。".parse().unwrap();
        assert!(!format!("{note:?}").contains('根'));
        for text in [
            "",
            " 　",
            "a\u{0}b",
            "番号は123456789018です",
            &"あ".repeat(401),
        ] {
            assert!(text.parse::<Note>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_record_key_is_never_an_individual_number() {
        for text in ["123456789018", "1234-5678-9018"] {
            let flaw = text.parse::<RecordKey>().unwrap_err().flaw;
            assert_eq!(flaw, Flaw::LooksLikeIndividualNumber);
        }
        assert!("123456789012".parse::<RecordKey>().is_ok());
    }
}
