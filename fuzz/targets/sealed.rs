//! A sealed answer and a sealed stream from somebody else.
#![no_main]

use std::{io::Read, sync::LazyLock};

use chukan::crypto::{
    kept_context::RecipientContexts,
    sealed_stream::SealedReader,
    sealing::{self, Sealed},
    sealing_key::SealingKeyPair,
};
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<SealingKeyPair> =
    LazyLock::new(|| SealingKeyPair::from_bytes(&[7; 32]).unwrap());

/// No input was sealed with this `info` and `aad`.
fn answer(data: &[u8]) -> Option<()> {
    let (encapsulated_key, rest) = data.split_first_chunk::<32>()?;
    let (length, rest) = rest.split_first()?;
    let (export_context, ciphertext) = rest.split_at_checked(usize::from(*length))?;
    let sealed = Sealed {
        encapsulated_key: *encapsulated_key,
        ciphertext: ciphertext.to_vec(),
        export_context: export_context.to_vec(),
    };
    assert!(sealing::open(&KEY, b"permit", b"exchange", &sealed).is_err());
    let kept = RecipientContexts::default();
    assert!(kept.open(&KEY, b"permit", b"exchange", &sealed).is_err());
    Some(())
}

fuzz_target!(|data: &[u8]| {
    answer(data);
    if let Ok(mut stream) = SealedReader::begin(data, &KEY) {
        let mut plain = Vec::new();
        let _ = stream.read_to_end(&mut plain);
        let _ = stream.end();
    }
});
