use super::*;
use crate::domain::addressee::Sex;

const HERE: &str = "9900000000001100";
const ELSEWHERE: &str = "9900000000001200";

fn items(name: &str, address: &str) -> FourItems {
    FourItems {
        name: name.into(),
        address: address.into(),
        birth_date: jiff::civil::date(1990, 4, 1),
        sex: Sex::Female,
    }
}

fn present(reason: ChangeReason) -> IdentityInformation {
    IdentityInformation {
        items: items("架空　花子", "見本町1番"),
        municipality: HERE.parse().unwrap(),
        reason,
        changed_on: jiff::civil::date(2026, 4, 1),
    }
}

fn told(reason: ChangeReason, items: Option<FourItems>) -> Notification {
    Notification {
        reason,
        changed_on: jiff::civil::date(2026, 4, 1),
        items,
    }
}

fn change(
    before: ChangeReason,
    reason: ChangeReason,
    items: Option<FourItems>,
    by: &str,
) -> Result<IdentityInformation, IdentityRefusal> {
    told(reason, items).change(&present(before), by.parse().unwrap())
}

#[test]
fn only_the_items_that_a_reason_is_about_may_differ() {
    let same = || items("架空　花子", "見本町1番");
    let renamed = || items("見本　花子", "見本町1番");
    let moved = || items("架空　花子", "見本町2番");
    let both = || items("見本　花子", "見本町2番");
    let differs =
        |reason, items, by| change(ChangeReason::Registered, reason, Some(items), by).map(|_| ());
    let refused = Err(IdentityRefusal::OtherItemsDiffer);
    for (items, within, name) in [
        (same(), refused, refused),
        (renamed(), refused, Ok(())),
        (moved(), Ok(()), refused),
        (both(), refused, refused),
    ] {
        assert_eq!(
            differs(ChangeReason::MovedWithin, items.clone(), HERE),
            within
        );
        assert_eq!(
            differs(ChangeReason::NameChanged, items.clone(), HERE),
            name
        );
        assert_eq!(differs(ChangeReason::Corrected, items, HERE), Ok(()));
    }
    assert_eq!(differs(ChangeReason::MovedIn, moved(), ELSEWHERE), Ok(()));
    assert_eq!(differs(ChangeReason::MovedIn, both(), ELSEWHERE), refused);
}

#[test]
fn who_has_left_comes_back_from_abroad_only() {
    let moved = || Some(items("架空　花子", "見本町2番"));
    let gone = [ChangeReason::MovedAbroad, ChangeReason::Died];
    for before in gone {
        for reason in [ChangeReason::MovedIn, ChangeReason::Corrected] {
            let refused = change(before, reason, moved(), ELSEWHERE).unwrap_err();
            assert_eq!(refused, IdentityRefusal::NoResident);
        }
    }
    let [abroad, died] =
        gone.map(|before| change(before, ChangeReason::FromAbroad, moved(), ELSEWHERE));
    assert_eq!(abroad.unwrap().municipality.as_str(), ELSEWHERE);
    assert_eq!(died.unwrap_err(), IdentityRefusal::NoResident);
    let here = change(ChangeReason::Birth, ChangeReason::FromAbroad, moved(), HERE);
    assert_eq!(here.unwrap_err(), IdentityRefusal::ResidentAlready);
}

#[test]
fn who_is_removed_keeps_the_items_and_a_removal_is_the_own_municipalitys() {
    let removed = change(ChangeReason::Birth, ChangeReason::Died, None, HERE).unwrap();
    assert!(removed.items == present(ChangeReason::Birth).items);
    let refused = change(ChangeReason::Birth, ChangeReason::Died, None, ELSEWHERE);
    assert_eq!(refused.unwrap_err(), IdentityRefusal::AnotherMunicipality);
}

#[test]
fn nobody_begins_but_by_birth_or_from_abroad() {
    let by = HERE.parse().unwrap();
    let new = || Some(items("架空　花子", "見本町1番"));
    assert!(told(ChangeReason::Birth, new()).begin(by).is_ok());
    assert!(told(ChangeReason::FromAbroad, new()).begin(by).is_ok());
    for reason in [ChangeReason::MovedIn, ChangeReason::Died] {
        let refused = told(reason, new()).begin(by);
        assert_eq!(refused.unwrap_err(), IdentityRefusal::PersonUnknown);
    }
}

#[test]
fn nothing_of_a_person_shows() {
    let shown = format!(
        "{:?} {:?}",
        present(ChangeReason::Birth),
        told(ChangeReason::Birth, None)
    );
    assert!(!shown.contains("架空") && !shown.contains("2026"));
}
