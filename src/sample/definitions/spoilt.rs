//! Definition files with something in them that nobody meant: read or refused, with the place.

use proptest::{prelude::*, sample::Index};

use super::*;

const CONVERSION: &str = r#"
[[conversions]]
from    = "2025.06"
renamed = { TK90000000002034 = "TK90000000002033" }
missing = { TK90000000002012 = "NOT_HELD", TK90000000002013 = "NOT_HELD" }
"#;

/// A few places of the text with other characters.
fn spoil(text: &str, places: &[(Index, usize, String)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (at, gone, new) in places {
        let at = at.index(characters.len() + 1);
        let end = characters.len().min(at + gone);
        characters.splice(at..end, new.chars());
    }
    characters.into_iter().collect()
}

fn places() -> impl Strategy<Value = Vec<(Index, usize, String)>> {
    let new = prop_oneof!["[ -~\n]{0,6}", "[\"=\\[\\]{},.#\n]{0,3}", "\\PC{0,3}"];
    prop::collection::vec((any::<Index>(), 0_usize..8, new), 0..4)
}

fn has_a_place(flaws: &[DefinitionFlaw], file: &str, text: &str) -> Result<(), TestCaseError> {
    prop_assert!(!flaws.is_empty());
    for flaw in flaws {
        prop_assert_eq!(&flaw.file, file);
        prop_assert!(
            (1..=text.lines().count() + 1).contains(&flaw.line),
            "{}",
            flaw
        );
        prop_assert!(flaw.column >= 1 && !flaw.ja().is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn layouts_and_their_conversions_are_read_or_refused_with_the_place(which: Index, places in places()) {
        let (_, text) = layouts::EMBEDDED[which.index(layouts::EMBEDDED.len())];
        let spoilt = spoil(&format!("{text}{CONVERSION}"), &places);
        if let Err(flaws) = layouts::parse_all([("a.toml", spoilt.as_str())]) {
            has_a_place(&flaws, "a.toml", &spoilt)?;
        }
    }

    #[test]
    fn institutions_are_read_or_refused_with_the_place(places in places()) {
        let spoilt = spoil(EMBEDDED_INSTITUTIONS, &places);
        let known = Known { institutions: None, specific_infos: None };
        let (codes, read) = institutions::parse("a.toml", &spoilt, &known);
        prop_assert!(codes.is_some() || read.is_err());
        if let Err(flaws) = read {
            has_a_place(&flaws, "a.toml", &spoilt)?;
        }
    }

    #[test]
    fn a_permission_list_is_read_or_refused_with_the_place(places in places()) {
        let spoilt = spoil(EMBEDDED_PERMISSION_LIST, &places);
        let known = Known { institutions: None, specific_infos: None };
        if let Err(flaws) = rows::parse("a.toml", &spoilt, &known) {
            has_a_place(&flaws, "a.toml", &spoilt)?;
        }
    }

    #[test]
    fn any_text_is_no_definition(text in "\\PC{0,80}") {
        let known = Known { institutions: None, specific_infos: None };
        prop_assert!(layouts::parse_all([("a.toml", text.as_str())]).is_err());
        prop_assert!(institutions::parse("a.toml", &text, &known).1.is_err());
        prop_assert!(rows::parse("a.toml", &text, &known).is_err());
    }
}
