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

/// Whether the text is a 個人番号, or has one in it as a run of exactly twelve digits or in three groups of four.
pub fn mentions_individual_number(text: &str) -> bool {
    let digits = text.chars().filter(|c| ascii_digit(*c).is_ascii_digit());
    if digits.count() < INDIVIDUAL_NUMBER_DIGITS {
        return false;
    }
    let text_ascii: String = text.chars().map(ascii_digit).collect();
    let mut runs = text_ascii.split(|c: char| !c.is_ascii_digit());
    is_individual_number(text)
        || runs.any(IndividualNumber::resembles)
        || has_one_in_fours(&text_ascii)
}

/// Whether three runs of exactly four digits, one separator between each, are a 個人番号.
fn has_one_in_fours(text: &str) -> bool {
    let chars: Vec<_> = text.chars().collect();
    let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let run = |from: usize| (from..from + 4).all(digit);
    let separated = |at: usize| chars.get(at).is_some_and(|c| is_separator(*c));
    (0..chars.len()).any(|at| {
        (at == 0 || !digit(at - 1))
            && run(at)
            && separated(at + 4)
            && run(at + 5)
            && separated(at + 9)
            && run(at + 10)
            && !digit(at + 14)
            && {
                let groups = [at, at + 5, at + 10].map(|from| chars.get(from..from + 4));
                let digits = groups.into_iter().flatten().flatten().collect::<String>();
                IndividualNumber::resembles(&digits)
            }
    })
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
            "番号1234－5678－9018です",
            "電話1234-5678-9018まで",
            "１２３４－５６７８－９０１８ほか",
        ] {
            assert!(mentions_individual_number(text), "{text}");
        }
        for text in [
            "123456789012",
            "1234567890180",
            "1234-5678-9012 まで",
            "11234-5678-9018です",
            "1234-5678-90180 です",
            "",
            "東京都",
        ] {
            assert!(!mentions_individual_number(text), "{text}");
        }
    }
}
