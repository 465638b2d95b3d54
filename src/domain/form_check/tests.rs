use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::domain::{form_flaw::Kind, layout::ItemKind, replica::MissingReason};

fn item(last: u8, kind: ItemKind, length_max: usize, required: bool) -> ItemLayout {
    ItemLayout {
        code: format!("TK9000000000000{last}").parse().unwrap(),
        name: "項目".into(),
        kind,
        length_max,
        required,
    }
}

fn layout() -> Layout {
    let child = DataSetLayout {
        code: "CHILD".parse().unwrap(),
        name: "子".into(),
        min: 0,
        max: 2,
        items: vec![item(3, ItemKind::Integer, 12, true)],
        data_sets: vec![],
    };
    Layout {
        specific_info: "TM90000000000001".parse().unwrap(),
        name: "見本".into(),
        version: "2026".parse().unwrap(),
        effective_from: date(2026, 4, 1),
        effective_to: None,
        conversions: Vec::new(),
        data_sets: vec![DataSetLayout {
            code: "ROOT".parse().unwrap(),
            name: "親".into(),
            min: 1,
            max: 2,
            items: vec![
                item(1, ItemKind::Text, 6, true),
                item(2, ItemKind::Digits, 12, false),
            ],
            data_sets: vec![child],
        }],
    }
}

fn value(last: u8, text: &str) -> ItemDraft {
    ItemDraft {
        code: format!("TK9000000000000{last}"),
        value: Some(ItemValue::Present(text.into())),
    }
}

fn set(code: &str, items: Vec<ItemDraft>, children: Vec<DataSetDraft>) -> DataSetDraft {
    let code = code.into();
    DataSetDraft {
        code,
        items,
        children,
    }
}

fn draft() -> ReplicaDraft {
    ReplicaDraft {
        addressee: "000000000000001".parse().unwrap(),
        specific_info: "TM90000000000001".parse().unwrap(),
        layout_version: "2026".parse().unwrap(),
        record_key: "2026-1".into(),
        fiscal_year: Some(2026),
        date: Some(date(2026, 6, 1)),
        publication: Publication {
            from: date(2026, 6, 1),
            to: None,
        },
        content: vec![set("ROOT", vec![value(1, "見本")], vec![])],
    }
}

/// The one flaw of the sound draft after a change.
fn flaw(change: impl FnOnce(&mut ReplicaDraft)) -> (String, Misfit) {
    let mut draft = draft();
    change(&mut draft);
    let mut flaws = check(&layout(), draft).unwrap_err();
    assert_eq!(flaws.len(), 1, "{flaws:?}");
    let flaw = flaws.remove(0);
    (flaw.path, flaw.why)
}

fn flaw_of_item(item: ItemDraft) -> Misfit {
    let (path, why) = flaw(|draft| draft.content[0].items.push(item));
    assert_eq!(path, "content[0].items[1].value");
    why
}

#[test]
fn a_sound_draft_is_registered_unchanged() {
    let checked = check(&layout(), draft()).unwrap();
    assert_eq!(checked.record_key().as_str(), "2026-1");
    let at = Timestamp::from_second(1).unwrap();
    let replica = checked.register(at, 3);
    assert_eq!((replica.registered_at, replica.revision), (at, 3));
    let present = ItemValue::Present("見本".into());
    assert_eq!(replica.content[0].items[0].value, present);
    let json = serde_json::to_vec(&replica).unwrap();
    assert_eq!(serde_json::from_slice::<Replica>(&json).unwrap(), replica);
}

#[test]
fn another_layout_version_is_refused() {
    let (path, why) = flaw(|draft| draft.layout_version = "2025".parse().unwrap());
    assert_eq!(
        (path.as_str(), why),
        ("layout_version", Misfit::OtherLayout)
    );
}

#[test]
fn a_record_key_without_its_form_is_refused() {
    let (path, why) = flaw(|draft| draft.record_key = "123456789018".into());
    assert_eq!(path, "record_key");
    assert!(matches!(why, Misfit::Word(_)));
}

#[test]
fn absurd_years_are_refused() {
    let (path, why) = flaw(|draft| draft.fiscal_year = Some(1999));
    assert_eq!((path.as_str(), why), ("fiscal_year", Misfit::FiscalYear));
    let (path, why) = flaw(|draft| draft.date = Some(date(2201, 1, 1)));
    assert_eq!(path, "date");
    assert!(matches!(why, Misfit::AbsurdDate { .. }));
    let (path, _) = flaw(|draft| draft.publication.from = date(1867, 1, 1));
    assert_eq!(path, "publication.from");
}

#[test]
fn a_publication_does_not_end_before_it_begins() {
    let (path, why) = flaw(|draft| draft.publication.to = Some(date(2026, 5, 31)));
    assert_eq!((path.as_str(), why), ("publication.to", Misfit::Inverted));
    let mut one_day = draft();
    one_day.publication.to = Some(one_day.publication.from);
    assert!(check(&layout(), one_day).is_ok());
}

#[test]
fn an_unknown_data_set_is_refused_with_the_known_ones() {
    let (path, why) = flaw(|draft| draft.content.push(set("CHILD", vec![], vec![])));
    assert_eq!(path, "content[1].code");
    let known = vec!["ROOT".parse().unwrap()];
    assert_eq!(why, Misfit::UnknownDataSet { known });
}

#[test]
fn an_unknown_or_repeated_item_is_refused() {
    let (path, why) = flaw(|draft| draft.content[0].items.push(value(3, "1")));
    assert_eq!(
        (path.as_str(), why),
        ("content[0].items[1].code", Misfit::UnknownItem)
    );
    let (path, why) = flaw(|draft| draft.content[0].items.push(value(1, "再")));
    assert_eq!(path, "content[0].items[1].code");
    assert!(matches!(why, Misfit::DuplicateItem(_)));
}

#[test]
fn a_required_item_is_stated_or_its_reason_is() {
    let (path, why) = flaw(|draft| draft.content[0].items.clear());
    assert_eq!(path, "content[0].items");
    assert!(matches!(why, Misfit::RequiredItem(_)));
    let (path, why) = flaw(|draft| draft.content[0].items[0].value = None);
    assert_eq!(path, "content[0].items[0].value");
    assert_eq!(why, Misfit::NeitherValueNorReason);
    let (_, why) = flaw(|draft| draft.content[0].items[0] = value(1, ""));
    assert_eq!(why, Misfit::NeitherValueNorReason);
    let mut missing = draft();
    missing.content[0].items[0].value = Some(ItemValue::Missing(MissingReason::NotHeld));
    assert!(check(&layout(), missing).is_ok());
}

#[test]
fn a_data_set_stands_as_often_as_its_layout_says() {
    let (path, why) = flaw(|draft| {
        let record = draft.content[0].clone();
        draft.content.extend([record.clone(), record]);
    });
    assert_eq!(path, "content");
    assert!(matches!(
        why,
        Misfit::TooMany {
            max: 2,
            actual: 3,
            ..
        }
    ));
    let mut nothing = draft();
    nothing.content.clear();
    let flaws = check(&layout(), nothing).unwrap_err();
    assert_eq!(flaws[0].why, Misfit::Empty);
    assert!(matches!(
        flaws[1].why,
        Misfit::TooFew {
            min: 1,
            actual: 0,
            ..
        }
    ));
}

#[test]
fn a_child_is_checked_like_its_parent() {
    let (path, why) = flaw(|draft| {
        draft.content[0].children = vec![
            set("CHILD", vec![value(3, "1")], vec![]),
            set("CHILD", vec![value(3, "one")], vec![]),
        ];
    });
    assert_eq!(path, "content[0].children[1].items[0].value");
    assert_eq!(why, Misfit::Kind(Kind::Integer));
}

#[test]
fn length_is_counted_in_characters() {
    let mut six = draft();
    six.content[0].items[0] = value(1, "六文字の氏名");
    assert!(check(&layout(), six).is_ok());
    let (_, why) = flaw(|draft| draft.content[0].items[0] = value(1, "七文字分の氏名"));
    assert_eq!(why, Misfit::TooLong { max: 6, actual: 7 });
}

#[test]
fn an_individual_number_is_refused_even_where_digits_are_asked_for() {
    assert_eq!(
        flaw_of_item(value(2, "123456789018")),
        Misfit::IndividualNumber
    );
    let mut other = draft();
    other.content[0].items.push(value(2, "123456789012"));
    assert!(check(&layout(), other).is_ok());
}

#[test]
fn control_characters_are_refused() {
    assert_eq!(
        flaw_of_item(value(2, "1\0")),
        Misfit::Unprintable { position: 2 }
    );
}

#[test]
fn every_flaw_is_named_at_once_and_no_value() {
    let mut bad = draft();
    bad.record_key = "秘密".into();
    bad.fiscal_year = Some(1);
    bad.content[0].items = vec![value(2, "秘密"), value(1, "秘密の長い値です")];
    let flaws = check(&layout(), bad).unwrap_err();
    let paths: Vec<_> = flaws.iter().map(|flaw| flaw.path.as_str()).collect();
    let expected = [
        "record_key",
        "fiscal_year",
        "content[0].items[0].value",
        "content[0].items[1].value",
    ];
    assert_eq!(paths, expected);
    assert!(!format!("{flaws:?}").contains("秘密"));
    assert!(!flaws.iter().any(|flaw| flaw.ja().contains("秘密")));
}

#[test]
fn the_flaws_named_are_limited() {
    let mut bad = draft();
    bad.content[0]
        .items
        .extend((0..1_000).map(|_| value(9, "x")));
    assert_eq!(check(&layout(), bad).unwrap_err().len(), FLAWS_MAX);
}

#[test]
fn a_content_beyond_its_limit_is_refused() {
    let mut wide = layout();
    wide.data_sets[0].items[0].length_max = CONTENT_BYTES_MAX;
    let mut large = draft();
    large.content[0].items[0] = value(1, &"x".repeat(CONTENT_BYTES_MAX));
    let flaws = check(&wide, large).unwrap_err();
    assert!(matches!(flaws[0].why, Misfit::TooLarge { .. }));
}

proptest! {
    #[test]
    fn no_text_is_repeated_in_a_flaw_and_none_that_is_unfit_is_accepted(
        text in prop_oneof!["\\PC{0,8}", any::<String>(), "[0-9]{12}"],
        key in "\\PC{0,50}",
    ) {
        let marked = format!("<{text}>");
        let mut draft = draft();
        draft.record_key = key;
        draft.content[0].items.push(value(2, &text));
        draft.content[0].items.push(value(1, &marked));
        draft.content.push(set(&marked, vec![], vec![]));
        let flaws = check(&layout(), draft).unwrap_err();
        let told: Vec<_> = flaws.iter().map(|flaw| format!("{flaw:?} {flaw} {}", flaw.ja())).collect();
        prop_assert!(!told.concat().contains(&marked));

        let unfit = text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit())
            || text.len() > 12 || mentions_individual_number(&text);
        let named = flaws.iter().any(|flaw| flaw.path == "content[0].items[1].value");
        prop_assert_eq!(named, unfit);
    }
}
