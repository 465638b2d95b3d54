//! What `chukan ledger check-proof` is given.
#![no_main]

use std::sync::LazyLock;

use chukan::ledger::{Evidence, PublicKeys};
use libfuzzer_sys::fuzz_target;

static KEYS: LazyLock<PublicKeys> =
    LazyLock::new(|| include_str!("../seeds/keys.pub").parse().unwrap());

fuzz_target!(|data: &[u8]| {
    if let Ok(evidence) = serde_json::from_slice::<Evidence>(data)
        && let Ok(proven) = evidence.check(&KEYS)
    {
        assert_eq!(proven.len(), evidence.len());
    }
});
