//! HPKE in base mode: an answer is sealed to the inquirer's X25519 key, and only that key opens it.

use std::convert::Infallible;

use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable,
    aead::AesGcm256,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{CryptoRng, TryCryptoRng, TryRng},
};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{
    sealing_key::{PublicKey, SEALING_KEY_BYTES, SealingKeyPair, SealingPublicKey},
    signing::KeyFault,
};

/// Bytes that sealing adds to the plaintext: the AES-256-GCM tag. Source: RFC 9180 §7.3.
pub const TAG_BYTES: usize = 16;

pub(super) type EncappedKey = <X25519HkdfSha256 as hpke::Kem>::EncappedKey;

/// What travels: only the holder of the private key makes sense of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The sender's one-time public key (`enc` in RFC 9180).
    pub encapsulated_key: [u8; SEALING_KEY_BYTES],
    /// The ciphertext with its [`TAG_BYTES`] at the end.
    pub ciphertext: Vec<u8>,
    /// What the key of an answer in a kept context was exported for; empty for an answer that was sealed by itself.
    pub export_context: Vec<u8>,
}

/// Seals `plaintext` to `recipient`; opening needs the same `info` (the permit) and `aad` (the exchange).
///
/// # Errors
/// When the operating system gives no random bytes, or the plaintext is longer than the cipher allows.
pub fn seal(
    recipient: &SealingPublicKey,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Sealed, SealFault> {
    let mut random = OsRandom::default();
    let sealed = seal_with(&mut random, recipient, (info, aad), plaintext);
    // The trait cannot report a failure, and a key made from no randomness must not leave this function.
    if random.failed {
        return Err(SealFault::Key(KeyFault::NoRandomness));
    }
    sealed
}

/// Opens what [`seal`] or [`super::kept_context::SenderContexts::seal`] made.
///
/// # Errors
/// [`OpenFault`], which does not say what was wrong: the key, `info`, `aad` or the bytes.
pub fn open(
    key: &SealingKeyPair,
    info: &[u8],
    aad: &[u8],
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, OpenFault> {
    if !sealed.export_context.is_empty() {
        return super::kept_context::open(key, info, aad, sealed);
    }
    let enc = EncappedKey::from_bytes(&sealed.encapsulated_key).map_err(|_| OpenFault)?;
    hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        key.private(),
        &enc,
        info,
        &sealed.ciphertext,
        aad,
    )
    .map(Zeroizing::new)
    .map_err(|_| OpenFault)
}

/// Nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The plaintext cannot be sealed to this key.
    #[error("the plaintext cannot be sealed to this key")]
    Refused,
}

/// The sealed bytes do not open with this key, permit and exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes do not open with this key, permit and exchange")]
pub struct OpenFault;

/// ring's random source in the shape that `hpke` asks for.
pub(super) struct OsRandom {
    source: SystemRandom,
    /// Whether it ever gave no bytes: then nothing that was made from it may leave this room.
    pub(super) failed: bool,
}

impl Default for OsRandom {
    fn default() -> Self {
        Self {
            source: SystemRandom::new(),
            failed: false,
        }
    }
}

impl TryRng for OsRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.failed |= self.source.fill(bytes).is_err();
        Ok(())
    }
}

impl TryCryptoRng for OsRandom {}

fn seal_with(
    random: &mut impl CryptoRng,
    recipient: &SealingPublicKey,
    (info, aad): (&[u8], &[u8]),
    plaintext: &[u8],
) -> Result<Sealed, SealFault> {
    let public = PublicKey::from_bytes(recipient.as_bytes()).map_err(|_| SealFault::Refused)?;
    let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<
        AesGcm256,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &public, info, plaintext, aad, random)
    .map_err(|_| SealFault::Refused)?;
    Ok(Sealed {
        encapsulated_key: enc.to_bytes().into(),
        ciphertext,
        export_context: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    /// The CFRG's published test vectors to RFC 9180 (`test-vectors.json` of cfrg/draft-irtf-cfrg-hpke, linked from
    /// Appendix A): mode 0 (base), kem 0x0020, kdf 0x0001, aead 0x0002, the first encryption.
    mod vector {
        pub(super) const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
        pub(super) const IKM_E: &str =
            "2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9";
        pub(super) const SK_R: &str =
            "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d";
        pub(super) const PK_R: &str =
            "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c";
        pub(super) const ENC: &str =
            "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256";
        pub(super) const KEY: &str =
            "f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f";
        pub(super) const BASE_NONCE: &str = "151d9929e2449747889bc923";
        pub(super) const AAD: &str = "436f756e742d30";
        pub(super) const PLAINTEXT: &str =
            "4265617574792069732074727574682c20747275746820626561757479";
        pub(super) const CIPHERTEXT: &str = "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a";
    }

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    fn key_of(text: &str) -> [u8; 32] {
        hex(text).try_into().unwrap()
    }

    /// A sender whose one-time key is known, as in the test vectors.
    struct KnownRandom([u8; 32]);

    impl TryRng for KnownRandom {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("one fill of 32 bytes is all that sealing asks for")
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!("one fill of 32 bytes is all that sealing asks for")
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            bytes.copy_from_slice(&self.0);
            Ok(())
        }
    }

    impl TryCryptoRng for KnownRandom {}

    #[test]
    fn the_published_vector_opens() {
        let key = SealingKeyPair::from_bytes(&hex(vector::SK_R)).unwrap();
        assert_eq!(HEXLOWER.encode(key.public().as_bytes()), vector::PK_R);
        let sealed = Sealed {
            encapsulated_key: key_of(vector::ENC),
            ciphertext: hex(vector::CIPHERTEXT),
            export_context: Vec::new(),
        };
        let opened = open(&key, &hex(vector::INFO), &hex(vector::AAD), &sealed).unwrap();
        assert_eq!(*opened, hex(vector::PLAINTEXT));
    }

    #[test]
    fn sealing_with_the_vectors_one_time_key_gives_the_vectors_bytes() {
        let recipient = SealingPublicKey::from_bytes(&hex(vector::PK_R)).unwrap();
        let sealed = seal_with(
            &mut KnownRandom(key_of(vector::IKM_E)),
            &recipient,
            (&hex(vector::INFO), &hex(vector::AAD)),
            &hex(vector::PLAINTEXT),
        )
        .unwrap();
        assert_eq!(HEXLOWER.encode(&sealed.encapsulated_key), vector::ENC);
        assert_eq!(HEXLOWER.encode(&sealed.ciphertext), vector::CIPHERTEXT);
    }

    #[test]
    fn the_vectors_key_schedule_opens_its_ciphertext_with_another_aes() {
        use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &hex(vector::KEY)).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&hex(vector::BASE_NONCE)).unwrap();
        let mut bytes = hex(vector::CIPHERTEXT);
        let opened = key.open_in_place(nonce, Aad::from(hex(vector::AAD)), &mut bytes);
        assert_eq!(opened.unwrap(), hex(vector::PLAINTEXT));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_sealed_opens_and_nothing_else_does(
            plaintext in proptest::collection::vec(any::<u8>(), 0..300),
            info in proptest::collection::vec(any::<u8>(), 1..40),
            aad in proptest::collection::vec(any::<u8>(), 1..40),
            place in any::<proptest::sample::Index>(),
            flip in 1_u8..,
        ) {
            let key = SealingKeyPair::from_seed(&[8; 32]);
            let sealed = seal(&key.public(), &info, &aad, &plaintext).unwrap();
            prop_assert_eq!(sealed.ciphertext.len(), plaintext.len() + TAG_BYTES);
            let opened = open(&key, &info, &aad, &sealed).unwrap();
            prop_assert_eq!(&*opened, &plaintext);

            let flipped = |bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                let at = place.index(bytes.len());
                bytes[at] ^= flip;
                bytes
            };
            let other_body = Sealed { ciphertext: flipped(&sealed.ciphertext), ..sealed.clone() };
            let other_enc = Sealed {
                encapsulated_key: flipped(&sealed.encapsulated_key).try_into().unwrap(),
                ..sealed.clone()
            };
            let shorter = Sealed {
                ciphertext: sealed.ciphertext[..place.index(sealed.ciphertext.len())].to_vec(),
                ..sealed.clone()
            };
            let other_key = SealingKeyPair::from_seed(&[9; 32]);
            prop_assert_eq!(open(&key, &info, &aad, &other_body), Err(OpenFault));
            prop_assert_eq!(open(&key, &info, &aad, &other_enc), Err(OpenFault));
            prop_assert_eq!(open(&key, &info, &aad, &shorter), Err(OpenFault));
            prop_assert_eq!(open(&key, &flipped(&info), &aad, &sealed), Err(OpenFault));
            prop_assert_eq!(open(&key, &info, &flipped(&aad), &sealed), Err(OpenFault));
            prop_assert_eq!(open(&other_key, &info, &aad, &sealed), Err(OpenFault));
        }
    }
}
