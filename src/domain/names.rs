//! The names that the system itself gives, or takes from a caller, to tell one thing from another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    codes::InstitutionCode,
    malformed::{Flaw, Malformed},
    person::IndividualNumber,
};

/// The characters that the callers' own names are made of.
const NAME_CHARACTERS: &str = "0-9 A-Z a-z . _ -";

/// Reads a caller's own name: `1` to `max` characters of [`NAME_CHARACTERS`], and not a 個人番号.
fn parse_name(text: &str, max: usize, expected: &'static str) -> Result<String, Flaw> {
    let actual = text.chars().count();
    if actual == 0 {
        return Err(Flaw::Empty);
    }
    if actual > max {
        return Err(Flaw::Length { expected, actual });
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if let Some(at) = text.chars().position(|c| !allowed(c)) {
        return Err(Flaw::Character {
            position: at + 1,
            permitted: NAME_CHARACTERS,
        });
    }
    if is_individual_number(text) {
        return Err(Flaw::LooksLikeIndividualNumber);
    }
    Ok(text.to_owned())
}

/// Twelve digits at once, or in three groups of four as on the card. Other groups are left alone: a day and a running
/// number have twelve digits too, and one in eleven of them would fit.
fn is_individual_number(text: &str) -> bool {
    let groups: Vec<_> = text.split(['.', '_', '-']).collect();
    let in_fours = groups.len() == 3 && groups.iter().all(|group| group.len() == 4);
    IndividualNumber::resembles(text) || in_fours && IndividualNumber::resembles(&groups.concat())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:literal, $expected:literal, $ja:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                parse_name(text, $max, $expected).map(Self).map_err(|flaw| Malformed {
                    noun: stringify!($name),
                    noun_ja: $ja,
                    flaw,
                })
            }
        }

        text_form!($name);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// レコード識別番号: the caller's own id of one detail, unique inside its institution; 1 to 40 characters (ours).
    RecordId, 40, "1-40", "レコード識別番号"
}
name! {
    /// 申請ID: the sender's own name of a proposed change of a replica, unique inside its institution; 1 to 40 characters (ours).
    ProposalId, 40, "1-40", "申請ID"
}
name! {
    /// 部署コード: the unit of an institution that handles an affair; 1 to 20 characters.
    UnitCode, 20, "1-20", "部署コード"
}
name! {
    /// 利用者ID: the user of a business system; 1 to 20 characters.
    UserId, 20, "1-20", "利用者ID"
}

name! {
    /// The name of a staff account, given at sign-in; 1 to 20 characters (ours).
    AccountName, 20, "1-20", "アカウント名"
}
name! {
    /// 職員番号: the person behind an account; 1 to 20 characters (ours).
    StaffNumber, 20, "1-20", "職員番号"
}

macro_rules! running_number {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $ja:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{:010}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                parse_running(text, $letter).map(Self).map_err(|flaw| Malformed {
                    noun: stringify!($name),
                    noun_ja: $ja,
                    flaw,
                })
            }
        }
    };
}

/// Reads a letter and ten digits.
fn parse_running(text: &str, letter: &'static str) -> Result<u64, Flaw> {
    let digits = text.strip_prefix(letter).ok_or(Flaw::Prefix(letter))?;
    if digits.len() != 10 {
        return Err(Flaw::Length {
            expected: "11",
            actual: text.chars().count(),
        });
    }
    let character = |at: usize| Flaw::Character {
        position: at + 2,
        permitted: "0-9",
    };
    match digits.bytes().position(|b| !b.is_ascii_digit()) {
        Some(at) => Err(character(at)),
        None => digits.parse().map_err(|_| character(0)),
    }
}

running_number! {
    /// 受付番号: names an inquiry inside the institution that submitted it. Written `R` and ten digits.
    ReceiptNumber, "R", "受付番号"
}
running_number! {
    /// 申請番号: names a proposed change of a replica inside its institution. Written `C` and ten digits.
    CorrectionNumber, "C", "申請番号"
}

/// 処理通番: names one exchange (one person, one specific information) at all three parties.
///
/// Written `<inquirer>-<receipt>-<detail>-<specific info>`, for example
/// `0220113112101700-R0000000001-00001-01` (ours).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProcessingSerial {
    /// The institution that asks.
    pub inquirer: InstitutionCode,
    /// The inquiry.
    pub receipt: ReceiptNumber,
    /// The detail's place in the inquiry, from 0.
    pub detail: u16,
    /// The specific information's place in the detail, from 0.
    pub info: u8,
}

impl fmt::Display for ProcessingSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            inquirer,
            receipt,
            detail,
            info,
        } = self;
        write!(
            f,
            "{inquirer}-{receipt}-{:05}-{:02}",
            u32::from(*detail) + 1,
            u16::from(*info) + 1
        )
    }
}

impl FromStr for ProcessingSerial {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut parts = text.split('-');
        let mut next = || parts.next().unwrap_or_default();
        let (inquirer, receipt, detail, info) = (next(), next(), next(), next());
        let serial = || {
            Some(Self {
                inquirer: inquirer.parse().ok()?,
                receipt: receipt.parse().ok()?,
                detail: detail
                    .parse::<u32>()
                    .ok()?
                    .checked_sub(1)?
                    .try_into()
                    .ok()?,
                info: info.parse::<u16>().ok()?.checked_sub(1)?.try_into().ok()?,
            })
        };
        serial()
            .filter(|serial| serial.to_string() == text)
            .ok_or(Malformed {
                noun: "ProcessingSerial",
                noun_ja: "処理通番",
                flaw: Flaw::Unknown("<機関コード>-R<10桁>-<5桁>-<2桁>"),
            })
    }
}

text_form!(ProcessingSerial);

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $chars:literal, $ja:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; $bytes]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                data_encoding::HEXLOWER
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or(Malformed {
                        noun: stringify!($name),
                        noun_ja: $ja,
                        flaw: Flaw::Length {
                            expected: $chars,
                            actual: text.chars().count(),
                        },
                    })
            }
        }

        text_form!($name);
    };
}

random_id! {
    /// Names a permit; 16 random bytes, written as 32 hexadecimal digits.
    PermitId, 16, "32", "情報提供許可証番号"
}

impl fmt::Debug for PermitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

random_id! {
    /// 取得番号: joins the two legs of a symbol acquisition, once; 16 bytes, written as 32 hexadecimal digits. It
    /// must not be kept afterwards.
    AcquisitionSerial, 16, "32", "取得番号"
}

impl fmt::Debug for AcquisitionSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AcquisitionSerial(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_serial_survives_its_text_form(receipt in 0u64..10_000_000_000, detail: u16, info: u8) {
            let serial = ProcessingSerial {
                inquirer: "0220113112101700".parse().unwrap(),
                receipt: ReceiptNumber(receipt),
                detail,
                info,
            };
            prop_assert_eq!(serial.to_string().parse(), Ok(serial));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            if let Ok(serial) = text.parse::<ProcessingSerial>() {
                prop_assert_eq!(serial.to_string(), text);
            }
        }
    }

    #[test]
    fn a_receipt_number_is_an_r_and_ten_digits() {
        assert_eq!("R0000000001".parse(), Ok(ReceiptNumber(1)));
        for text in ["R+000000001", "R000000000", "0000000001", "R000000000x"] {
            assert!(text.parse::<ReceiptNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_record_id_refuses_an_individual_number_and_strange_characters() {
        let flaw = |text: &str| text.parse::<RecordId>().unwrap_err().flaw;
        for number in ["123456789018", "1234-5678-9018", "1234_5678.9018"] {
            assert_eq!(flaw(number), Flaw::LooksLikeIndividualNumber);
        }
        assert!("12345678-9018".parse::<RecordId>().is_ok());
        assert!(matches!(flaw("a\0b"), Flaw::Character { position: 2, .. }));
        assert!(matches!(
            flaw(&"x".repeat(41)),
            Flaw::Length { actual: 41, .. }
        ));
        assert!("job1_0001.A".parse::<RecordId>().is_ok());
    }
}
