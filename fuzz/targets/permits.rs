//! The terms of a permit, as if the core had signed them.
#![no_main]

use chukan::domain::permit::{Permit, Presented, SignedPermit};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|terms: &[u8]| {
    let permit = SignedPermit {
        terms: terms.to_vec(),
        signature: Vec::new(),
    };
    assert!(Permit::read(&permit, |_, _| false).is_err());
    let Ok(permit) = Permit::read(&permit, |_, _| true) else {
        return;
    };
    let terms = permit.terms().clone();
    let presented = |now: Timestamp| {
        permit.clone().check(&Presented {
            provider: terms.subject.provider.as_str(),
            symbol_digest: &terms.symbol_digest,
            key_fingerprint: &terms.key_fingerprint,
            now,
        })
    };
    assert_eq!(presented(terms.issued_at).is_ok(), terms.issued_at < terms.expires_at);
    assert!(presented(terms.expires_at).is_err());
});
