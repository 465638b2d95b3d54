//! The names in a certificate.
#![no_main]

use chukan::crypto::identity::Identity;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Identity::from_certificate_der(data);
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(identity) = text.parse::<Identity>()
    {
        assert_eq!(identity.to_string().parse::<Identity>().as_ref(), Ok(&identity));
    }
});
