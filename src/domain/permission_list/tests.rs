use std::collections::BTreeMap;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::domain::institution::KeyHolding;

fn institution(code: &str, class: InstitutionClass) -> Institution {
    Institution {
        code: code.parse().unwrap(),
        name: "試験".into(),
        class,
        resolves_to: None,
        holds: Vec::new(),
        key_holding: KeyHolding::default(),
        units: BTreeMap::new(),
        users: BTreeMap::new(),
        systems: BTreeMap::new(),
        identity_use: BTreeMap::new(),
    }
}

fn row(id: &str) -> PermissionRow {
    PermissionRow {
        id: id.into(),
        inquirer: Party::Class(InstitutionClass::MunicipalMayor),
        affair: "JM01000000121000".parse().unwrap(),
        procedure: "JT01010000000214".parse().unwrap(),
        provider: Party::Class(InstitutionClass::MunicipalMayor),
        specific_info: "TM00000000000002".parse().unwrap(),
        valid_from: date(2026, 4, 1),
        valid_to: Some(date(2027, 3, 31)),
        legal_basis: "番号法第19条第8号".into(),
    }
}

fn list(rows: Vec<PermissionRow>) -> PermissionList {
    let published_at = Timestamp::UNIX_EPOCH;
    PermissionList::try_from(PlainList {
        version: 3,
        published_at,
        rows,
    })
    .unwrap()
}

fn decide(list: &PermissionList, inquirer: &Institution, at: &str) -> Decision {
    let city = institution("9900000000000200", InstitutionClass::MunicipalMayor);
    list.decide(&Question {
        inquirer,
        affair: "JM01000000121000".parse().unwrap(),
        procedure: "JT01010000000214".parse().unwrap(),
        provider: &city,
        specific_info: "TM00000000000002".parse().unwrap(),
        at: at.parse().unwrap(),
    })
}

fn differs(decision: Decision) -> Vec<Difference> {
    match decision {
        Decision::Refused(nearest) => nearest[0].differs.clone(),
        Decision::Allowed(_) => panic!("allowed"),
    }
}

#[test]
fn a_class_stands_for_each_of_its_institutions() {
    let list = list(vec![row("R1")]);
    let ward = institution("0220113112101700", InstitutionClass::MunicipalMayor);
    let governor = institution("9900000000000500", InstitutionClass::PrefecturalGovernor);
    let Decision::Allowed(permission) = decide(&list, &ward, "2026-11-22T00:00:00Z") else {
        panic!("refused");
    };
    assert_eq!(permission.row(), "3/R1");
    let refused = decide(&list, &governor, "2026-11-22T00:00:00Z");
    assert_eq!(differs(refused), [Difference::Inquirer]);
}

#[test]
fn a_row_is_valid_from_its_first_midnight_to_its_last_in_japan() {
    let list = list(vec![row("R1")]);
    let ward = institution("0220113112101700", InstitutionClass::MunicipalMayor);
    let early = decide(&list, &ward, "2026-03-31T14:59:59Z");
    assert_eq!(differs(early), [Difference::NotYetValid]);
    for inside in ["2026-03-31T15:00:00Z", "2027-03-31T14:59:59Z"] {
        assert!(matches!(decide(&list, &ward, inside), Decision::Allowed(_)));
    }
    let late = decide(&list, &ward, "2027-03-31T15:00:00Z");
    assert_eq!(differs(late), [Difference::NoLongerValid]);
}

#[test]
fn the_rows_that_come_nearest_are_named_first() {
    let mut far = row("FAR");
    far.affair = "JM90000000000001".parse().unwrap();
    far.procedure = "JT90000000000001".parse().unwrap();
    let mut near = row("NEAR");
    near.valid_to = Some(date(2026, 5, 1));
    let ward = institution("0220113112101700", InstitutionClass::MunicipalMayor);
    let Decision::Refused(nearest) = decide(&list(vec![far, near]), &ward, "2026-11-22T00:00:00Z")
    else {
        panic!("allowed");
    };
    let ids: Vec<_> = nearest.iter().map(|miss| miss.row_id.as_str()).collect();
    assert_eq!(ids, ["NEAR", "FAR"]);
}

#[test]
fn a_list_with_two_rows_of_one_id_or_an_inverted_row_is_refused() {
    let plain = |rows| PlainList {
        version: 1,
        published_at: Timestamp::UNIX_EPOCH,
        rows,
    };
    let twice = PermissionList::try_from(plain(vec![row("R1"), row("R1")]));
    assert_eq!(twice.unwrap_err(), ListFlaw::DuplicateId("R1".into()));
    let mut inverted = row("R1");
    inverted.valid_to = Some(date(2026, 3, 31));
    let inverted = PermissionList::try_from(plain(vec![inverted]));
    assert_eq!(inverted.unwrap_err(), ListFlaw::Inverted("R1".into()));
}

#[test]
fn a_copy_is_used_until_it_is_too_old_and_never_before_it_was_made() {
    let copy = ListCopy {
        list: list(vec![row("R1")]),
        copied_at: "2026-11-22T00:00:00Z".parse().unwrap(),
    };
    let usable = |at: &str| {
        let now = at.parse().unwrap();
        copy.usable(now, SignedDuration::from_hours(168)).is_ok()
    };
    assert!(usable("2026-11-22T00:00:00Z"));
    assert!(usable("2026-11-28T23:59:59Z"));
    assert!(!usable("2026-11-29T00:00:00Z"));
    assert!(!usable("2026-11-21T23:59:59Z"));
}

proptest! {
    /// The index must not change what the rows say.
    #[test]
    fn the_decision_is_that_of_a_plain_scan(
        rows in prop::collection::vec((0u8..3, 0u8..3, 0u8..3, 0i8..3, any::<bool>()), 0..12),
        asked in (0u8..3, 0u8..3, 0u8..3),
    ) {
        let affair = |n: u8| format!("JM{n:014}").parse::<AffairCode>().unwrap();
        let procedure = |n: u8| format!("JT{n:014}").parse::<ProcedureCode>().unwrap();
        let info = |n: u8| format!("TM{n:014}").parse::<SpecificInfoCode>().unwrap();
        let rows: Vec<_> = rows.iter().enumerate().map(|(n, (a, p, i, year, governor))| {
            let mut row = row(&format!("R{n}"));
            (row.affair, row.procedure, row.specific_info) = (affair(*a), procedure(*p), info(*i));
            row.valid_from = date(2025 + i16::from(*year), 4, 1);
            row.valid_to = None;
            if *governor {
                row.inquirer = Party::Class(InstitutionClass::PrefecturalGovernor);
            }
            row
        }).collect();
        let ward = institution("0220113112101700", InstitutionClass::MunicipalMayor);
        let question = Question {
            inquirer: &ward,
            affair: affair(asked.0),
            procedure: procedure(asked.1),
            provider: &ward,
            specific_info: info(asked.2),
            at: "2026-11-22T00:00:00Z".parse().unwrap(),
        };
        let scan = rows.iter().find(|row| {
            row.affair == question.affair && row.procedure == question.procedure
                && row.specific_info == question.specific_info
                && row.inquirer == Party::Class(InstitutionClass::MunicipalMayor)
                && row.valid_from <= date(2026, 11, 22)
        });
        match list(rows.clone()).decide(&question) {
            Decision::Allowed(permission) => {
                prop_assert_eq!(Some(permission.row_id()), scan.map(|row| row.id.as_str()));
            }
            Decision::Refused(nearest) => {
                prop_assert!(scan.is_none());
                prop_assert!(nearest.iter().all(|miss| !miss.differs.is_empty()));
            }
        }
    }
}
