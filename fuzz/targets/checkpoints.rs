//! A checkpoint and a list of public keys from elsewhere.
#![no_main]

use chukan::ledger::{Checkpoint, PublicKeys};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let keys = text.parse::<PublicKeys>();
    if let Ok(keys) = &keys {
        assert_eq!(keys.to_string().parse::<PublicKeys>().as_ref(), Ok(keys));
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
        // Whoever made this text has none of the keys.
        assert!(checkpoint.verify(&PublicKeys::default()).is_err());
    }
});
