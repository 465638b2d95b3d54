use std::collections::BTreeSet;

use super::*;
use crate::domain::{operation::Operation, staff::Affairs};

const RULES: AnalysisRules = AnalysisRules {
    opens: 8,
    closes: 20,
    failures_min: 2,
    unused_days: 90,
    volume_max: 2,
};

fn at(text: &str) -> Timestamp {
    format!("{text}+09:00").parse().unwrap()
}

fn operation(when: &str, account: &str, what: OperationKind) -> PlacedOperation {
    PlacedOperation {
        at: at(when),
        operation: Operation {
            account: account.parse().ok(),
            person: None,
            what,
            on: None,
            outcome: OperationOutcome::Done,
            origin: String::new(),
            note: None,
        },
    }
}

fn refused(mut placed: PlacedOperation) -> PlacedOperation {
    placed.operation.outcome = OperationOutcome::Refused("SIGN_IN_REFUSED".into());
    placed
}

fn account(name: &str) -> Account {
    Account {
        institution: "0220113112101700".parse().unwrap(),
        name: name.parse().unwrap(),
        person: "1".parse().unwrap(),
        display_name: "架空 太郎".parse().unwrap(),
        roles: BTreeSet::new(),
        affairs: Affairs::All,
        expires_on: None,
    }
}

fn names(operations: &[PlacedOperation], accounts: &[AccountSince]) -> Vec<(String, u32)> {
    let now = at("2026-11-25T12:00:00");
    let found = findings(&RULES, (operations, accounts), (now, 30));
    found
        .iter()
        .map(|finding| (finding.to_string(), finding.count))
        .collect()
}

const SIGN_IN: OperationKind = OperationKind::SignIn;
const REVEALED: OperationKind = OperationKind::Provision {
    step: StaffStep::Revealed,
    content: None,
};

#[test]
fn sign_ins_outside_the_hours_and_on_days_off_are_found_once_a_day() {
    let operations = [
        operation("2026-11-24T07:59:59", "a", SIGN_IN),
        operation("2026-11-24T08:00:00", "a", SIGN_IN),
        operation("2026-11-24T19:59:59", "a", SIGN_IN),
        operation("2026-11-24T20:00:00", "a", SIGN_IN),
        operation("2026-11-23T12:00:00", "b", SIGN_IN),
        operation("2026-10-01T03:00:00", "b", SIGN_IN),
    ];
    let expected = [
        ("outside_hours.2026-11-24.a".to_owned(), 2),
        ("day_off.2026-11-23.b".to_owned(), 1),
    ];
    assert_eq!(names(&operations, &[]), expected);
}

#[test]
fn failures_and_volumes_are_found_from_their_thresholds() {
    let day = "2026-11-24T12:00:00";
    let failed = || refused(operation(day, "a", SIGN_IN));
    let unknown = || refused(operation(day, "", SIGN_IN));
    let shown = |account| operation(day, account, REVEALED);
    let mut operations = vec![failed(), shown("b"), shown("b")];
    assert_eq!(names(&operations, &[]), []);
    operations.extend([
        failed(),
        unknown(),
        unknown(),
        shown("b"),
        refused(shown("c")),
    ]);
    operations.extend([refused(shown("c")), refused(shown("c"))]);
    let expected = [
        ("volume.2026-11-24.b".to_owned(), 3),
        ("failures.2026-11-24.a".to_owned(), 2),
        ("failures.2026-11-24.".to_owned(), 2),
    ];
    assert_eq!(names(&operations, &[]), expected);
}

#[test]
fn an_account_is_unused_by_its_last_sign_in_or_since_it_was_made() {
    let operations = [
        operation("2026-08-27T12:00:01", "used", SIGN_IN),
        operation("2026-08-27T12:00:00", "idle", SIGN_IN),
        refused(operation("2026-11-24T12:00:00", "idle", SIGN_IN)),
    ];
    let accounts = [
        (account("used"), at("2026-01-05T12:00:00")),
        (account("idle"), at("2026-01-05T12:00:00")),
        (account("new"), at("2026-11-20T12:00:00")),
        (account("never"), at("2026-01-05T12:00:00")),
    ];
    let expected = [
        ("unused.2026-08-27.idle".to_owned(), 90),
        ("unused.2026-01-05.never".to_owned(), 324),
    ];
    assert_eq!(names(&operations, &accounts), expected);
}

#[test]
fn a_review_is_found_with_its_finding_and_a_refused_one_is_none() {
    let review = |when: &str, on: &str| {
        let mut placed = operation(when, "auditor", OperationKind::Act(Act::ReviewFinding));
        placed.operation.on = Some(on.to_owned());
        placed.operation.note = "夜間作業の届出あり".parse().ok();
        placed
    };
    let name = "outside_hours.2026-11-24.a";
    let mut operations = vec![
        operation("2026-11-24T05:00:00", "a", SIGN_IN),
        refused(review("2026-11-25T09:00:00", name)),
        review("2026-11-25T09:00:00", "outside_hours.2026-11-24.b"),
    ];
    let found = |operations: &[PlacedOperation]| {
        let now = at("2026-11-25T12:00:00");
        findings(&RULES, (operations, &[]), (now, 30)).remove(0)
    };
    assert_eq!(found(&operations).review, None);
    operations.push(review("2026-11-25T10:00:00", name));
    let reviewed = found(&operations).review.unwrap();
    assert_eq!(reviewed.by.as_str(), "auditor");
    assert_eq!(reviewed.at, at("2026-11-25T10:00:00"));
    assert!(reviewed.note.is_some());
}
