use proptest::prelude::*;

use super::*;
use crate::domain::{
    condition::Condition,
    names::{ProcessingSerial, ReceiptNumber},
};

const NOW: &str = "2026-11-22T00:00:00Z";
const PROVIDER: &str = "0220113112101700";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn terms() -> PermitTerms {
    let inquirer = "9900000000001100".parse().unwrap();
    PermitTerms {
        permit_id: PermitId([7; 16]),
        issued_at: at(NOW),
        expires_at: at("2026-11-22T00:05:00Z"),
        subject: Subject {
            serial: ProcessingSerial {
                inquirer,
                receipt: ReceiptNumber(1),
                detail: 0,
                info: 0,
            },
            requested_at: at(NOW),
            inquirer,
            delegator: None,
            affair: "JM01000000121000".parse().unwrap(),
            procedure: "JT01010000000214".parse().unwrap(),
            provider: PROVIDER.parse().unwrap(),
            provider_delegator: None,
            specific_info: "TM00000000000002".parse().unwrap(),
            items: Vec::new(),
            condition: Condition::None,
            nondisclosure: false,
        },
        symbol_digest: "symbol".into(),
        key_fingerprint: "key".into(),
        permission_row: "1/R-0001".into(),
    }
}

fn signed() -> SignedPermit {
    SignedPermit {
        terms: serde_json::to_vec(&terms()).unwrap(),
        signature: b"good".to_vec(),
    }
}

/// Stands for the core system's key: it knows these bytes and this signature only.
fn genuine(message: &[u8], signature: &[u8]) -> bool {
    message == SignedPermit::signed_bytes(&signed().terms) && signature == b"good"
}

fn check(change: impl FnOnce(&mut Presented<'static>)) -> Result<UsablePermit, PermitRefusal> {
    let mut presented = Presented {
        provider: PROVIDER,
        symbol_digest: "symbol",
        key_fingerprint: "key",
        now: at(NOW),
    };
    change(&mut presented);
    Permit::read(&signed(), genuine).unwrap().check(&presented)
}

#[test]
fn a_permit_fits_its_provider_person_and_key_while_it_lasts() {
    assert_eq!(check(|_| {}).unwrap().terms(), &terms());
    assert!(check(|p| p.now = at("2026-11-22T00:04:59.999Z")).is_ok());
}

#[test]
fn what_came_with_a_permit_must_be_what_it_binds() {
    let invalid = |change: fn(&mut Presented<'static>)| check(change).unwrap_err();
    assert_eq!(
        invalid(|p| p.provider = "9900000000001200"),
        PermitRefusal::Invalid("provider")
    );
    assert_eq!(
        invalid(|p| p.symbol_digest = "other"),
        PermitRefusal::Invalid("symbol")
    );
    assert_eq!(
        invalid(|p| p.key_fingerprint = "other"),
        PermitRefusal::Invalid("key")
    );
}

#[test]
fn a_permit_ends_at_its_expiry_and_does_not_begin_before_its_issue() {
    let late = check(|p| p.now = at("2026-11-22T00:05:00Z")).unwrap_err();
    assert_eq!(late, PermitRefusal::Expired);
    let early = check(|p| p.now = at("2026-11-21T23:59:59Z")).unwrap_err();
    assert!(matches!(early, PermitRefusal::Invalid(_)));
}

#[test]
fn terms_with_a_field_that_this_version_does_not_know_are_refused() {
    let mut json = serde_json::to_value(terms()).unwrap();
    json["more"] = serde_json::json!(1);
    let permit = SignedPermit {
        terms: serde_json::to_vec(&json).unwrap(),
        signature: Vec::new(),
    };
    let refusal = Permit::read(&permit, |_, _| true).unwrap_err();
    assert_eq!(refusal, PermitRefusal::Invalid("form"));
}

proptest! {
    #[test]
    fn no_flipped_bit_of_the_terms_is_read(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut permit = signed();
        let at = at.index(permit.terms.len());
        permit.terms[at] ^= 1 << bit;
        prop_assert_eq!(
            Permit::read(&permit, genuine).unwrap_err(),
            PermitRefusal::Invalid("signature")
        );
    }

    /// The signature is taken for good: only the core could have signed this, and even so nothing panics.
    #[test]
    fn terms_of_any_bytes_are_refused_or_say_what_they_say(
        at in any::<prop::sample::Index>(),
        new in prop::collection::vec(any::<u8>(), 0..12),
        cut in 0_usize..12,
    ) {
        let mut permit = signed();
        let at = at.index(permit.terms.len());
        let end = permit.terms.len().min(at + cut);
        permit.terms.splice(at..end, new);
        match Permit::read(&permit, |_, _| true) {
            Ok(read) => {
                let written = serde_json::to_vec(read.terms()).unwrap();
                let again: PermitTerms = serde_json::from_slice(&written).unwrap();
                prop_assert_eq!(read.terms(), &again);
            }
            Err(refused) => prop_assert_eq!(refused, PermitRefusal::Invalid("form")),
        }
    }
}
