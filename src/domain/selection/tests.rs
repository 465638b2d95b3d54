use jiff::{Timestamp, civil::date};
use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::domain::replica::{Item, Publication};

const ON: Date = date(2026, 7, 1);

fn tk(last: u8) -> ItemCode {
    format!("TK900000000000{last:02}").parse().unwrap()
}

fn item(last: u8, reason: Option<MissingReason>) -> Item {
    Item {
        code: tk(last),
        value: reason.map_or(ItemValue::Present("値".into()), ItemValue::Missing),
    }
}

/// A replica of the fiscal year, published for the days around [`ON`] that are given.
fn replica(key: &str, year: i16, days: (i64, i64), items: Vec<Item>) -> Replica {
    let day = |offset: i64| ON.saturating_add(jiff::Span::new().days(offset));
    Replica {
        addressee: "000000000000001".parse().unwrap(),
        specific_info: "TM90000000000001".parse().unwrap(),
        record_key: key.parse().unwrap(),
        layout_version: "2026".parse().unwrap(),
        fiscal_year: Some(year.try_into().unwrap()),
        date: None,
        publication: Publication {
            from: day(days.0),
            to: Some(day(days.1)),
        },
        content: vec![DataSetRecord {
            code: "ROOT".parse().unwrap(),
            items: vec![],
            children: vec![DataSetRecord {
                code: "CHILD".parse().unwrap(),
                items,
                children: vec![],
            }],
        }],
        registered_at: Timestamp::UNIX_EPOCH,
        revision: 1,
    }
}

fn selection(items: &[ItemCode]) -> Selection<'_> {
    Selection {
        items,
        condition: Condition::FiscalYear(2026.try_into().unwrap()),
        on: ON,
    }
}

fn answer(found: Found) -> (Answer, Vec<Withheld>) {
    match found {
        Found::Answer { answer, partly } => (answer, partly),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_that_fits_is_not_registered() {
    assert_eq!(select(&[], &selection(&[])), Found::NotRegistered);
    let last_year = replica("a", 2025, (0, 0), vec![item(1, None)]);
    assert_eq!(select(&[last_year], &selection(&[])), Found::NotRegistered);
}

#[test]
fn what_fits_but_is_not_published_is_outside_publication() {
    for days in [(-9, -1), (1, 9)] {
        let outside = replica("a", 2026, days, vec![item(1, None)]);
        assert_eq!(
            select(&[outside], &selection(&[])),
            Found::OutsidePublication
        );
    }
}

#[test]
fn an_item_that_no_published_record_states_is_not_registered() {
    let other = replica("a", 2026, (0, 0), vec![item(1, None)]);
    assert_eq!(select(&[other], &selection(&[tk(2)])), Found::NotRegistered);
}

#[test]
fn values_that_are_all_undeclared_are_not_declared() {
    let undeclared = Some(MissingReason::NotDeclared);
    let replica = replica("a", 2026, (0, 0), vec![item(1, undeclared), item(2, None)]);
    let found = |items: &[ItemCode]| select(std::slice::from_ref(&replica), &selection(items));
    assert_eq!(found(&[tk(1)]), Found::NotDeclared);
    let (_, partly) = answer(found(&[tk(1), tk(2)]));
    let missing = Withheld::Missing {
        item: tk(1),
        reason: MissingReason::NotDeclared,
    };
    assert_eq!(partly, [missing]);
}

#[test]
fn a_whole_answer_withholds_nothing() {
    let both = ["b", "a"].map(|key| replica(key, 2026, (0, 0), vec![item(1, None)]));
    let (answer, partly) = answer(select(&both, &selection(&[])));
    assert!(partly.is_empty());
    let keys: Vec<_> = answer
        .records
        .iter()
        .map(|r| r.record_key.as_str())
        .collect();
    assert_eq!(keys, ["a", "b"]);
}

#[test]
fn an_answer_is_partial_when_something_asked_for_is_not_in_it() {
    let inside = replica("a", 2026, (0, 0), vec![item(1, None)]);
    let outside = replica("b", 2026, (1, 1), vec![item(1, None)]);
    let replicas = [inside, outside];
    let (answer, partly) = answer(select(&replicas, &selection(&[tk(1), tk(2)])));
    assert_eq!(answer.records.len(), 1);
    let expected = [
        Withheld::OutsidePublication { records: 1 },
        Withheld::NotStated { item: tk(2) },
    ];
    assert_eq!(partly, expected);
}

#[test]
fn a_value_that_does_not_apply_makes_no_answer_partial() {
    let reason = Some(MissingReason::NotApplicable);
    let replica = replica("a", 2026, (0, 0), vec![item(1, reason)]);
    let (answer, partly) = answer(select(&[replica], &selection(&[])));
    assert!(partly.is_empty());
    assert_eq!(answer.records.len(), 1);
}

#[test]
fn the_bytes_of_an_answer_are_always_the_same() {
    let replica = replica("a", 2026, (0, 0), vec![item(1, None)]);
    let (answer, _) = answer(select(&[replica], &selection(&[])));
    let bytes = answer.to_bytes().unwrap();
    let expected = concat!(
        r#"{"specific_info":"TM90000000000001","layout_versions":["2026"],"records":[{"record_key":"a","#,
        r#""layout_version":"2026","fiscal_year":2026,"date":null,"content":[{"code":"ROOT","items":[],"#,
        r#""children":[{"code":"CHILD","items":[{"code":"TK90000000000001","value":{"present":"値"}}]}]}]}]}"#
    );
    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
    assert_eq!(Answer::from_bytes(&bytes).unwrap(), answer);
}

fn any_replica() -> impl Strategy<Value = Replica> {
    let reason = option::of(proptest::sample::select(MissingReason::ALL));
    let items = vec((1u8..6, reason), 0..5);
    ("[a-z]{1,8}", 2025i16..2028, (-3i64..3, 0i64..3), items).prop_map(
        |(key, year, days, items)| {
            let items = items
                .into_iter()
                .map(|(n, reason)| item(n, reason))
                .collect();
            replica(&key, year, (days.0, days.0 + days.1), items)
        },
    )
}

fn items_of(content: &[DataSetRecord], into: &mut Vec<ItemCode>) {
    for set in content {
        into.extend(set.items.iter().map(|item| item.code));
        items_of(&set.children, into);
    }
}

proptest! {
    #[test]
    fn only_what_is_published_fits_and_was_asked_for_is_answered(
        replicas in vec(any_replica(), 0..8),
        asked in vec(1u8..8, 0..4),
    ) {
        let asked: Vec<_> = asked.into_iter().map(tk).collect();
        let request = selection(&asked);
        let fits = |r: &Replica| request.condition.fits(r.fiscal_year, r.date);
        if let Found::Answer { answer, partly } = select(&replicas, &request) {
            prop_assert!(!answer.records.is_empty());
            for record in &answer.records {
                let source = replicas.iter().any(|r| {
                    r.record_key == record.record_key && r.publication.contains(ON) && fits(r)
                });
                prop_assert!(source);
                let mut stated = vec![];
                items_of(&record.content, &mut stated);
                prop_assert!(!stated.is_empty());
                prop_assert!(asked.is_empty() || stated.iter().all(|code| asked.contains(code)));
            }
            let hidden = replicas.iter().filter(|r| fits(r) && !r.publication.contains(ON)).count();
            let told = partly.contains(&Withheld::OutsidePublication { records: hidden });
            prop_assert_eq!(told, hidden > 0);
        }
    }

    #[test]
    fn the_order_of_the_replicas_changes_nothing(replicas in vec(any_replica(), 0..6)) {
        let mut keyed = replicas;
        keyed.sort_by(|a, b| a.record_key.cmp(&b.record_key));
        keyed.dedup_by(|a, b| a.record_key == b.record_key);
        let forward = select(&keyed, &selection(&[]));
        keyed.reverse();
        prop_assert_eq!(forward, select(&keyed, &selection(&[])));
    }
}
