//! The numbers that name a person: 個人番号, 住民票コード, and the network's symbols in their place.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::malformed::{Flaw, Malformed};

/// 個人番号: a person's number under the My Number Act; 12 digits, the last a check digit.
///
/// Only the resident network and the addressee system ever hold one. It has no `Display`, no `Serialize`, and
/// its `Debug` shows nothing. Source: 番号法施行令 §8, 総務省令第85号 §5.
#[derive(Clone, PartialEq, Eq)]
pub struct IndividualNumber(Zeroizing<String>);

impl IndividualNumber {
    /// How many digits stand before the check digit.
    pub const DIGITS_BEFORE_CHECK: usize = 11;

    /// The digits, for the resident network's register.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The check digit of eleven digits: 11 − (Σ Pn·Qn mod 11), 0 when the remainder is 0 or 1, with n counted
    /// from the right, Qn = n+1 for n ≤ 6 and n−5 above. Source: 総務省令第85号 §5.
    pub fn check_digit(eleven: &str) -> Option<u32> {
        let sum = eleven
            .chars()
            .rev()
            .zip(1u32..)
            .map(|(digit, n)| {
                let weight = if n <= 6 { n + 1 } else { n - 5 };
                digit.to_digit(10).map(|p| p * weight)
            })
            .sum::<Option<u32>>()?;
        Some(match sum % 11 {
            0 | 1 => 0,
            remainder => 11 - remainder,
        })
    }

    /// Whether `text` has the form of a 個人番号, check digit included.
    pub fn resembles(text: &str) -> bool {
        let Some((eleven, check)) = text.split_at_checked(Self::DIGITS_BEFORE_CHECK) else {
            return false;
        };
        let check = check
            .parse::<u32>()
            .ok()
            .filter(|_| check.len() == 1 && eleven.bytes().all(|b| b.is_ascii_digit()));
        check.is_some() && check == Self::check_digit(eleven)
    }
}

impl FromStr for IndividualNumber {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = |flaw| Malformed {
            noun: "IndividualNumber",
            noun_ja: "個人番号",
            flaw,
        };
        let actual = text.chars().count();
        if actual != Self::DIGITS_BEFORE_CHECK + 1 {
            let expected = "12";
            return Err(malformed(Flaw::Length { expected, actual }));
        }
        if let Some(at) = text.chars().position(|c| !c.is_ascii_digit()) {
            return Err(malformed(Flaw::Character {
                position: at + 1,
                permitted: "0-9",
            }));
        }
        if !Self::resembles(text) {
            return Err(malformed(Flaw::CheckDigit));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for IndividualNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndividualNumber(hidden)")
    }
}

/// 住民票コード: a person's code in the resident network; 10 random digits and a check digit.
///
/// Assumption: docs/divergences.md (the check digit's formula is not public; ours weighs the digits 1 to 9, 1
/// from the right and takes the sum modulo 10).
#[derive(Clone, PartialEq, Eq)]
pub struct ResidentCode(Zeroizing<String>);

impl ResidentCode {
    /// The code that has these ten digits in front.
    pub fn from_ten_digits(number: u64) -> Self {
        let ten = format!("{:010}", number % 10_000_000_000);
        let check = Self::check_digit(&ten);
        Self(Zeroizing::new(format!("{ten}{check}")))
    }

    /// The digits, for the core's conversion into a link code.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn check_digit(ten: &str) -> u32 {
        let weighted = ten
            .chars()
            .rev()
            .zip((1..=9).cycle())
            .map(|(digit, weight)| digit.to_digit(10).unwrap_or_default() * weight);
        weighted.sum::<u32>() % 10
    }
}

impl fmt::Debug for ResidentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResidentCode(hidden)")
    }
}

/// Length of a symbol in bytes (ours).
pub const SYMBOL_BYTES: usize = 32;

/// 符号 (機関別符号): the person inside the network, different at every institution; nobody outside the core can
/// read it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(pub [u8; SYMBOL_BYTES]);

impl TryFrom<String> for Symbol {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(Malformed {
                noun: "Symbol",
                noun_ja: "符号",
                flaw: Flaw::Length {
                    expected: "64",
                    actual: text.chars().count(),
                },
            })
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        data_encoding::HEXLOWER.encode(&symbol.0)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Symbol(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 123456789018 is the number that public guidance prints as a sample.
    #[test]
    fn the_check_digit_is_that_of_the_ordinance() {
        assert_eq!(IndividualNumber::check_digit("12345678901"), Some(8));
        assert!("123456789018".parse::<IndividualNumber>().is_ok());
    }

    #[test]
    fn every_other_check_digit_is_refused() {
        for wrong in (0..=9).filter(|digit| *digit != 8) {
            let text = format!("12345678901{wrong}");
            let flaw = text.parse::<IndividualNumber>().unwrap_err().flaw;
            assert_eq!(flaw, Flaw::CheckDigit);
        }
    }

    #[test]
    fn a_remainder_of_one_gives_zero() {
        let remainder_one = (0..100_000u64)
            .map(|n| format!("{n:011}"))
            .find(|eleven| {
                let sum: u32 = eleven
                    .chars()
                    .rev()
                    .zip([2, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6])
                    .map(|(c, q)| c.to_digit(10).unwrap() * q)
                    .sum();
                sum % 11 == 1
            })
            .unwrap();
        assert_eq!(IndividualNumber::check_digit(&remainder_one), Some(0));
    }

    #[test]
    fn nothing_of_a_person_is_in_the_debug_output() {
        let number: IndividualNumber = "123456789018".parse().unwrap();
        assert_eq!(format!("{number:?}"), "IndividualNumber(hidden)");
        assert_eq!(format!("{:?}", Symbol([1; 32])), "Symbol(hidden)");
    }

    #[test]
    fn a_symbol_survives_its_text_form() {
        let symbol = Symbol([0xa5; 32]);
        assert_eq!(Symbol::try_from(String::from(symbol)), Ok(symbol));
        assert!(Symbol::try_from("zz".to_owned()).is_err());
    }
}
