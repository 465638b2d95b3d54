//! The codes that name institutions, affairs, procedures and information. Source: `DOMAIN` table in docs/glossary.md.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};

use super::malformed::{Flaw, Malformed};

/// The length of every code of the network in characters.
const CODE_CHARS: usize = 16;

/// Reads `prefix` and then digits, `N` characters in all.
fn parse_fixed<const N: usize>(text: &str, prefix: &'static str) -> Result<[u8; N], Flaw> {
    if text.is_empty() {
        return Err(Flaw::Empty);
    }
    let actual = text.chars().count();
    let bytes = <[u8; N]>::try_from(text.as_bytes()).map_err(|_| Flaw::Length {
        expected: match N {
            11 => "11",
            12 => "12",
            15 => "15",
            _ => "16",
        },
        actual,
    })?;
    let Some(digits) = text.strip_prefix(prefix) else {
        return Err(Flaw::Prefix(prefix));
    };
    match digits.bytes().position(|b| !b.is_ascii_digit()) {
        Some(at) => Err(Flaw::Character {
            position: prefix.len() + at + 1,
            permitted: "0-9",
        }),
        None => Ok(bytes),
    }
}

macro_rules! code {
    ($(#[$doc:meta])* $name:ident, $chars:expr, $prefix:literal, $ja:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name([u8; $chars]);

        impl $name {
            /// The code as it is written.
            pub fn as_str(&self) -> &str {
                // Only ASCII digits and letters pass the parser.
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                parse_fixed(text, $prefix).map(Self).map_err(|flaw| Malformed {
                    noun: stringify!($name),
                    noun_ja: $ja,
                    flaw,
                })
            }
        }

        text_form!($name);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

code! {
    /// 機関コード: names an institution on the network; 16 digits.
    InstitutionCode, CODE_CHARS, "", "機関コード"
}
code! {
    /// 事務コード: names an affair of the law's schedule; `JM` and 14 digits.
    AffairCode, CODE_CHARS, "JM", "事務コード"
}
code! {
    /// 事務手続コード: names a procedure inside an affair; `JT` and 14 digits.
    ProcedureCode, CODE_CHARS, "JT", "事務手続コード"
}
code! {
    /// 特定個人情報名コード: names a kind of personal information; `TM` and 14 digits.
    SpecificInfoCode, CODE_CHARS, "TM", "特定個人情報名コード"
}
code! {
    /// 特定個人情報項目コード: names one item of a specific information; `TK` and 14 digits.
    ItemCode, CODE_CHARS, "TK", "特定個人情報項目コード"
}

/// 団体内統合宛名番号: names a person inside one institution; 15 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddresseeNumber([u8; 15]);

impl AddresseeNumber {
    /// The number as it is written.
    pub fn as_str(&self) -> &str {
        // Only ASCII digits pass the parser.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for AddresseeNumber {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = |flaw| Malformed {
            noun: "AddresseeNumber",
            noun_ja: "団体内統合宛名番号",
            flaw,
        };
        if super::person::IndividualNumber::resembles(text) {
            return Err(malformed(Flaw::LooksLikeIndividualNumber));
        }
        parse_fixed(text, "").map(Self).map_err(malformed)
    }
}

impl TryFrom<String> for AddresseeNumber {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<AddresseeNumber> for String {
    fn from(number: AddresseeNumber) -> Self {
        number.as_str().to_owned()
    }
}

/// Shows the last three digits only: the number names a person.
impl fmt::Debug for AddresseeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", self.as_str().get(12..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_the_public_material_are_read_and_written_unchanged() {
        for text in ["0220113112101700", "1419900000002200"] {
            assert_eq!(text.parse::<InstitutionCode>().unwrap().to_string(), text);
        }
        assert!("JM01000000121000".parse::<AffairCode>().is_ok());
        assert!("JT01010000000214".parse::<ProcedureCode>().is_ok());
        assert!("TM00000000000002".parse::<SpecificInfoCode>().is_ok());
    }

    #[test]
    fn a_code_says_what_is_wrong_with_it() {
        let flaw = |text: &str| text.parse::<SpecificInfoCode>().unwrap_err().flaw;
        assert_eq!(flaw(""), Flaw::Empty);
        assert_eq!(flaw("JM00000000000002"), Flaw::Prefix("TM"));
        assert_eq!(
            flaw("TM0000000000000X"),
            Flaw::Character {
                position: 16,
                permitted: "0-9"
            }
        );
        assert_eq!(
            flaw("TM００"),
            Flaw::Length {
                expected: "16",
                actual: 4
            }
        );
    }

    #[test]
    fn an_individual_number_is_not_taken_for_an_addressee_number() {
        let flaw = "123456789018".parse::<AddresseeNumber>().unwrap_err().flaw;
        assert_eq!(flaw, Flaw::LooksLikeIndividualNumber);
    }

    #[test]
    fn debug_of_an_addressee_number_hides_who_it_is() {
        let number: AddresseeNumber = "000000000012345".parse().unwrap();
        assert_eq!(format!("{number:?}"), "…345");
    }
}
