//! A segment of the ledger. The checksums of what stands where a frame stands are made right, or no input came past them.
#![no_main]

use std::path::Path;

use chukan::ledger::PrefixCheck;
use libfuzzer_sys::fuzz_target;

/// magic 4, payload length 4, CRC-32 over length and payload 4. Source: `src/ledger/frame.rs`.
const PREFIX_BYTES: usize = 12;

fn mend_checksums(segment: &mut [u8]) {
    let mut rest = segment;
    while let Some(at) = rest.windows(4).position(|bytes| bytes == b"CkFr") {
        rest = &mut rest[at..];
        let Some((prefix, behind)) = rest.split_first_chunk_mut::<PREFIX_BYTES>() else {
            return;
        };
        let length = u32::from_be_bytes([prefix[4], prefix[5], prefix[6], prefix[7]]) as usize;
        let Some(payload) = behind.get(..length) else {
            rest = behind;
            continue;
        };
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&prefix[4..8]);
        checksum.update(payload);
        prefix[8..].copy_from_slice(&checksum.finalize().to_be_bytes());
        rest = &mut behind[length..];
    }
}

fuzz_target!(|data: &[u8]| {
    let mut segment = data.to_vec();
    mend_checksums(&mut segment);
    let mut check = PrefixCheck::default();
    if let Err(fault) = check.take(Path::new("ledger/segments/0000000001.seg"), &segment) {
        assert!(!fault.to_string().is_empty());
    }
});
