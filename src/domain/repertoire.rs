//! Which characters a text of the network may hold, and how a 個人番号 is noticed in one.

use super::person::IndividualNumber;

/// Fewer digits than these are no 個人番号.
const INDIVIDUAL_NUMBER_DIGITS: usize = 12;

/// Where the first character stands that may not be in a text, counted from 1.
///
/// Refused are control characters (line breaks and NUL with them), private use characters (外字), noncharacters,
/// line and paragraph separators, the byte order mark and characters that turn the writing direction.
/// Variation selectors stay: names need them. No normal form is asked for.
/// Assumption: docs/divergences.md (the real repertoire is that of the platform's fonts).
pub fn first_unprintable(text: &str) -> Option<usize> {
    text.chars().position(|c| !is_printable(c)).map(|at| at + 1)
}

fn is_printable(c: char) -> bool {
    let refused = c.is_control()
        || matches!(c,
            '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || u32::from(c) & 0xfffe == 0xfffe;
    !refused
}

/// Whether the whole text, its separators and full-width digits aside, is a 個人番号.
pub fn is_individual_number(text: &str) -> bool {
    let bare: String = text
        .chars()
        .filter(|c| !is_separator(*c))
        .map(ascii_digit)
        .collect();
    IndividualNumber::resembles(&bare)
}

/// Whether the text is a 個人番号, or has one in it as a run of exactly twelve digits.
pub fn mentions_individual_number(text: &str) -> bool {
    let digits = text.chars().filter(|c| ascii_digit(*c).is_ascii_digit());
    if digits.count() < INDIVIDUAL_NUMBER_DIGITS {
        return false;
    }
    is_individual_number(text)
        || text
            .chars()
            .map(ascii_digit)
            .collect::<String>()
            .split(|c: char| !c.is_ascii_digit())
            .any(IndividualNumber::resembles)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '‐' | '‑' | '–' | '—' | '−' | '－' | 'ー' | '.' | '_'
        )
}

/// Full-width digits become the ASCII digits they show.
fn ascii_digit(c: char) -> char {
    match c {
        '０'..='９' => u32::from(c)
            .checked_sub(u32::from('０'))
            .and_then(|digit| char::from_digit(digit, 10))
            .unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_printable() {
        for text in ["見本 太郎", "髙﨑", "葛\u{e0100}城", "Ａ－１", "𠮷田"] {
            assert_eq!(first_unprintable(text), None, "{text}");
        }
    }

    #[test]
    fn a_character_that_cannot_be_shown_is_found_where_it_stands() {
        for c in [
            '\0',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{e000}',
            '\u{f8ff}',
            '\u{10fffd}',
            '\u{fffe}',
            '\u{1ffff}',
            '\u{fdd0}',
            '\u{202e}',
            '\u{2028}',
            '\u{feff}',
        ] {
            assert_eq!(first_unprintable(&format!("税{c}")), Some(2), "{c:?}");
        }
    }

    #[test]
    fn an_individual_number_is_noticed_in_every_writing() {
        for text in [
            "123456789018",
            "1234-5678-9018",
            "１２３４ ５６７８ ９０１８",
            "番号は123456789018です",
        ] {
            assert!(mentions_individual_number(text), "{text}");
        }
        for text in ["123456789012", "1234567890180", "", "東京都"] {
            assert!(!mentions_individual_number(text), "{text}");
        }
    }
}
