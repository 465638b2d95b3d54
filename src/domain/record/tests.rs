use super::*;
use crate::domain::{condition::Condition, exchange::AnswerDigest, names::ReceiptNumber};

fn record(side: Side) -> ProvisionRecord {
    let inquirer = "9900000000001100".parse().unwrap();
    let at: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    ProvisionRecord {
        side,
        subject: Subject {
            serial: ProcessingSerial {
                inquirer,
                receipt: ReceiptNumber(1),
                detail: 0,
                info: 0,
            },
            requested_at: at,
            inquirer,
            delegator: None,
            affair: "JM01000000121000".parse().unwrap(),
            procedure: "JT01010000000214".parse().unwrap(),
            provider: "0220113112101700".parse().unwrap(),
            provider_delegator: None,
            specific_info: "TM00000000000002".parse().unwrap(),
            items: Vec::new(),
            condition: Condition::None,
            nondisclosure: false,
        },
        outcome: Outcome {
            code: ResultCode::EndedNormally,
            decided_by: Side::Provider,
            provided_at: Some(at),
            answer_digest: Some(AnswerDigest([1; 32])),
            refusal: None,
        },
        permit_id: Some(PermitId([7; 16])),
        permission_row: Some("1/R-0001".into()),
        symbol_digest: None,
    }
}

fn fields(
    inquirer: Option<&ProvisionRecord>,
    core: Option<&ProvisionRecord>,
    provider: Option<&ProvisionRecord>,
) -> Vec<&'static str> {
    let sides = ThreeSides {
        inquirer,
        core,
        provider,
    };
    let found = sides.disagreements();
    found.into_iter().map(|found| found.field).collect()
}

#[test]
fn three_equal_records_agree() {
    let [a, b, c] = [Side::Inquirer, Side::Core, Side::Provider].map(record);
    assert!(fields(Some(&a), Some(&b), Some(&c)).is_empty());
}

#[test]
fn a_missing_record_is_named() {
    let [a, b, c] = [Side::Inquirer, Side::Core, Side::Provider].map(record);
    assert_eq!(fields(None, Some(&b), Some(&c)), ["record"]);
    assert_eq!(fields(Some(&a), None, Some(&c)), ["record"]);
    assert_eq!(fields(Some(&a), Some(&b), None), ["record"]);
}

#[test]
fn the_field_in_which_one_record_differs_is_named() {
    let [a, b, mut c] = [Side::Inquirer, Side::Core, Side::Provider].map(record);
    c.subject.items = vec!["TK90000000000001".parse().unwrap()];
    assert_eq!(fields(Some(&a), Some(&b), Some(&c)), ["items"]);
    let mut d = record(Side::Core);
    d.outcome.answer_digest = None;
    d.permit_id = None;
    let c = record(Side::Provider);
    let found = fields(Some(&a), Some(&d), Some(&c));
    assert_eq!(found, ["answer_digest", "permit_id"]);
}

#[test]
fn an_exchange_that_never_reached_a_party_needs_no_record_there() {
    let refused = |side, decided_by| {
        let mut record = record(side);
        record.outcome = Outcome::without_answer(ResultCode::NotPermitted, decided_by);
        record.permit_id = None;
        record.permission_row = None;
        record
    };
    let own = refused(Side::Inquirer, Side::Inquirer);
    assert!(fields(Some(&own), None, None).is_empty());
    let [a, b] = [Side::Inquirer, Side::Core].map(|side| refused(side, Side::Core));
    assert!(fields(Some(&a), Some(&b), None).is_empty());
    assert_eq!(fields(Some(&a), None, None), ["record"]);
    let strange = record(Side::Provider);
    assert!(fields(Some(&own), None, Some(&strange)).contains(&"record"));
}

#[test]
fn a_held_request_that_was_cancelled_is_on_record_at_all_three() {
    let cancelled = |side| {
        let mut record = record(side);
        record.outcome = Outcome::without_answer(ResultCode::Cancelled, Side::Inquirer);
        record
    };
    let [a, b, c] = [Side::Inquirer, Side::Core, Side::Provider].map(cancelled);
    assert!(fields(Some(&a), Some(&b), Some(&c)).is_empty());
    assert_eq!(fields(Some(&a), Some(&b), None), ["record"]);
}

#[test]
fn the_stored_form_of_an_entry_is_read_back() {
    let entry = Entry::Provision(record(Side::Inquirer));
    let json = serde_json::to_string(&entry).unwrap();
    assert!(json.starts_with(r#"{"kind":"provision","side":"inquirer""#));
    assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
}

#[test]
fn a_use_of_a_number_from_before_its_business_system_was_recorded_is_read() {
    let old = r#"{"kind":"individual_number_used","purpose":"searched","person_digest":"ab"}"#;
    let expected = Entry::IndividualNumberUsed {
        purpose: NumberUse::Searched,
        system: None,
        person_digest: Some("ab".into()),
    };
    assert_eq!(serde_json::from_str::<Entry>(old).unwrap(), expected);
}
