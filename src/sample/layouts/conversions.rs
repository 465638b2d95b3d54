//! Whether the rules by which older versions are answered fit the versions that they name.

use super::reader::Placed;
use crate::{
    domain::layout_conversion::Uncovered,
    sample::flaw::{DefinitionFlaw, Reason},
};

/// What is wrong with the rules of all files, each where it names the older version.
pub(super) fn flaws(read: &[(&str, &str, Placed)]) -> Vec<DefinitionFlaw> {
    let mut flaws = Vec::new();
    for (file, text, placed) in read {
        let own = &placed.layout;
        for (rule, at) in own.conversions.iter().zip(&placed.from_at) {
            let mut others = read.iter().map(|(_, _, other)| &other.layout);
            let old = others.find(|other| {
                other.specific_info == own.specific_info && other.version == rule.from
            });
            let reasons = match old {
                Some(old) if old.version != own.version => {
                    let uncovered = rule.uncovered(old, own).into_iter();
                    uncovered.map(reason).collect()
                }
                Some(_) | None => vec![Reason::new(
                    "names no other version of this layout",
                    "このレイアウトのほかの版ではありません",
                )],
            };
            let at = |reason| DefinitionFlaw::at(file, text, *at, reason);
            flaws.extend(reasons.into_iter().map(at));
        }
    }
    flaws
}

fn reason(uncovered: Uncovered) -> Reason {
    match uncovered {
        Uncovered::Required(item) => Reason::new(
            format!("{item} is required here, and neither the older version nor the rule has it"),
            format!("必須の項目「{item}」が旧版になく、renamed にも missing にもありません"),
        ),
        Uncovered::NotNew(item) => Reason::new(
            format!("{item} is no item of this layout"),
            format!("「{item}」はこのレイアウトの項目ではありません"),
        ),
        Uncovered::NotOld(item) => Reason::new(
            format!("{item} is no item of the older version"),
            format!("「{item}」は旧版の項目ではありません"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use jiff::{Timestamp, civil::date};

    use super::*;
    use crate::{
        domain::{
            codes::{ItemCode, SpecificInfoCode},
            form_check::check,
            layout::Layouts,
            layout_conversion::Conversion,
            replica::{ItemValue, MissingReason, Replica},
        },
        sample::{
            definitions::Definitions, layouts::embedded, population::Population,
            replicas::ReplicaSource,
        },
    };

    fn tax() -> SpecificInfoCode {
        "TM00000000000002".parse().unwrap()
    }

    fn tk(last: u32) -> ItemCode {
        format!("TK9000000000{last:04}").parse().unwrap()
    }

    /// The embedded layouts, the newest of them with this rule.
    fn layouts(rule: Conversion) -> Layouts {
        let layouts = embedded().unwrap();
        let mut versions = layouts.versions(tax()).to_vec();
        versions.last_mut().unwrap().conversions = vec![rule];
        Layouts::new(versions).unwrap()
    }

    fn rule() -> Conversion {
        let nothing = MissingReason::NotHeld;
        Conversion {
            from: "2025.06".parse().unwrap(),
            renamed: BTreeMap::new(),
            missing: [(tk(2012), nothing), (tk(2013), nothing)].into(),
        }
    }

    /// A replica in the older version.
    fn old() -> Replica {
        let layouts = embedded().unwrap();
        let population = Population::new(7, 24);
        let source = ReplicaSource {
            population: &population,
            layouts: &layouts,
            today: date(2026, 11, 22),
        };
        let person = population.person(0).unwrap();
        let drafts = source.drafts(&person, tax(), "0220113112101700".parse().unwrap());
        let draft = drafts
            .into_iter()
            .find(|draft| draft.layout_version.as_str() == "2025.06")
            .unwrap();
        let layout = layouts.find(tax(), &draft.layout_version).unwrap();
        let checked = check(layout, draft).unwrap();
        checked.register(Timestamp::UNIX_EPOCH, 3)
    }

    fn item(replica: &Replica, code: ItemCode) -> Option<&ItemValue> {
        let items = replica.content.iter().flat_map(|record| &record.items);
        items
            .into_iter()
            .find(|item| item.code == code)
            .map(|item| &item.value)
    }

    #[test]
    fn a_replica_is_answered_in_the_version_in_effect_where_a_rule_says_so() {
        let (old, on) = (old(), date(2026, 11, 22));
        let rule = rule();
        let new = layouts(rule.clone())
            .in_effect(vec![old.clone()], on)
            .remove(0);
        assert_eq!(new.layout_version.as_str(), "2026.06");
        assert_eq!(
            (new.record_key.clone(), new.revision),
            (old.record_key.clone(), 3)
        );
        assert_eq!(item(&new, tk(2004)), item(&old, tk(2004)));
        let missing = ItemValue::Missing(MissingReason::NotHeld);
        assert_eq!(item(&new, tk(2012)), Some(&missing));
        // Before the new version is in effect nothing is converted; without a rule never.
        assert_eq!(
            layouts(rule)
                .in_effect(vec![old.clone()], date(2026, 5, 31))
                .remove(0),
            old
        );
        assert_eq!(
            embedded()
                .unwrap()
                .in_effect(vec![old.clone()], on)
                .remove(0),
            old
        );
    }

    #[test]
    fn a_renamed_item_keeps_its_value_and_what_does_not_fit_is_answered_as_it_is() {
        let (old, on) = (old(), date(2026, 11, 22));
        let mut rule = rule();
        rule.missing.remove(&tk(2012));
        rule.renamed.insert(tk(2012), tk(2009));
        let new = layouts(rule.clone())
            .in_effect(vec![old.clone()], on)
            .remove(0);
        assert_eq!(item(&new, tk(2012)), item(&old, tk(2009)));
        // An address is no amount of tax.
        rule.renamed.insert(tk(2012), tk(2003));
        assert_eq!(
            layouts(rule).in_effect(vec![old.clone()], on).remove(0),
            old
        );
    }

    #[test]
    fn what_a_rule_leaves_open_is_named() {
        let layouts = embedded().unwrap();
        let [old, new] = layouts.versions(tax()) else {
            panic!("two versions");
        };
        let empty = Conversion {
            missing: BTreeMap::new(),
            ..rule()
        };
        let open = empty.uncovered(old, new);
        assert!(open.contains(&Uncovered::Required(tk(2012))), "{open:?}");
        let strange = Conversion {
            renamed: [(tk(2012), tk(9998)), (tk(9999), tk(2001))].into(),
            ..rule()
        };
        let open = strange.uncovered(old, new);
        assert!(open.contains(&Uncovered::NotOld(tk(9998))), "{open:?}");
        assert!(open.contains(&Uncovered::NotNew(tk(9999))), "{open:?}");
    }

    /// The files that come with the program, the newest layout of taxes with this behind it.
    fn read_with(rule: &str) -> Result<Definitions, Vec<DefinitionFlaw>> {
        let dir = tempfile::tempdir().unwrap();
        crate::sample::definitions::write_embedded(dir.path()).unwrap();
        let file = dir.path().join("layouts/TM00000000000002-2026.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text + rule).unwrap();
        Definitions::read(dir.path())
    }

    #[test]
    fn a_rule_is_read_from_the_layout_file() {
        let rule = r#"
[[conversions]]
from = "2025.06"
missing = { TK90000000002012 = "NOT_HELD", TK90000000002013 = "NOT_DECIDED" }
renamed = { TK90000000002034 = "TK90000000002033" }
"#;
        let layouts = read_with(rule).unwrap().layouts;
        let [_, new] = layouts.versions(tax()) else {
            panic!("two versions");
        };
        assert_eq!(
            new.conversions[0].missing[&tk(2013)],
            MissingReason::NotDecided
        );
        assert_eq!(new.conversions[0].renamed[&tk(2034)], tk(2033));
    }

    #[test]
    fn a_rule_that_does_not_fit_is_told_where_it_stands() {
        for (rule, expected) in [
            (r#"from = "2024.06""#, "ほかの版ではありません"),
            (r#"from = "2026.06""#, "ほかの版ではありません"),
            (r#"from = "2025.06""#, "必須の項目「TK90000000002012」"),
            (
                "from = \"2025.06\"\nmissing = { TK90000000009999 = \"NOT_HELD\" }",
                "このレイアウトの項目ではありません",
            ),
            (
                "from = \"2025.06\"\nrenamed = { TK90000000002012 = \"TK90000000009999\" }",
                "旧版の項目ではありません",
            ),
            (
                "from = \"2025.06\"\nmissing = { TK90000000002012 = \"UNKNOWN\" }",
                "値がない理由",
            ),
            (
                "from = \"2025.06\"\nmissing = { TK90000000002012 = \"NOT_HELD\" }\nrenamed = { TK90000000002012 = \"TK90000000002009\" }",
                "renamed にもあります",
            ),
        ] {
            let flaws = read_with(&format!("\n[[conversions]]\n{rule}\n")).unwrap_err();
            let told: Vec<_> = flaws.iter().map(DefinitionFlaw::ja).collect();
            assert!(
                told.iter().any(|told| told.contains(expected)),
                "{rule}: {told:?}"
            );
        }
    }
}
