//! The name by which others see an account.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::{
    malformed::{Flaw, Malformed},
    repertoire::{first_unprintable, mentions_individual_number},
};

/// The longest display name, in characters.
const DISPLAY_NAME_MAX: usize = 40;

/// What others see of an account: 1 to 40 printable characters and no 個人番号.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

impl FromStr for DisplayName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = |flaw| Malformed {
            noun: "DisplayName",
            noun_ja: "氏名",
            flaw,
        };
        let actual = text.chars().count();
        if text.trim().is_empty() {
            return Err(malformed(Flaw::Empty));
        }
        if actual > DISPLAY_NAME_MAX {
            let expected = "1-40";
            return Err(malformed(Flaw::Length { expected, actual }));
        }
        if let Some(position) = first_unprintable(text) {
            let permitted = "printable characters";
            return Err(malformed(Flaw::Character {
                position,
                permitted,
            }));
        }
        if mentions_individual_number(text) {
            return Err(malformed(Flaw::LooksLikeIndividualNumber));
        }
        Ok(Self(text.to_owned()))
    }
}

text_form!(DisplayName);

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
