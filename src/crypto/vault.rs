//! Keeps a person's numbers unreadable at rest: AES-256-GCM for the values, HMAC-SHA-256 to find them again.

use std::fmt;

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac::{self, HMAC_SHA256},
};
use zeroize::Zeroizing;

use super::{digest::random_bytes, signing::KeyFault};

/// Length of a vault's key in bytes.
pub const VAULT_KEY_BYTES: usize = 32;

/// How much longer a sealed value is than the value.
pub const SEALED_BYTES_MORE: usize = NONCE_LEN + 16;

/// A vault with a key of its own. Two vaults have nothing in common, not even the digests of one value.
pub struct Vault {
    sealing: LessSafeKey,
    digests: hmac::Key,
}

/// The bytes were not sealed by this vault for this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value was altered, moved, or sealed with another key")]
pub struct VaultFault;

impl Vault {
    /// The vault of a 32-byte key.
    ///
    /// # Errors
    /// Never: a derived key always has the length of the cipher's.
    pub fn new(key: &[u8; VAULT_KEY_BYTES]) -> Result<Self, KeyFault> {
        let root = hmac::Key::new(HMAC_SHA256, key);
        let derive = |label: &[u8]| hmac::sign(&root, label);
        let sealing = derive(b"chukan vault v1: seal");
        let sealing =
            UnboundKey::new(&AES_256_GCM, sealing.as_ref()).map_err(|_| KeyFault::Malformed)?;
        let digests = derive(b"chukan vault v1: digest");
        Ok(Self {
            sealing: LessSafeKey::new(sealing),
            digests: hmac::Key::new(HMAC_SHA256, digests.as_ref()),
        })
    }

    /// Seals a value for the place that `place` names; elsewhere it does not open. The nonce is random and in front.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn seal(&self, place: &[u8], value: &[u8]) -> Result<Vec<u8>, KeyFault> {
        let nonce = random_bytes::<NONCE_LEN>()?;
        let mut sealed = nonce.to_vec();
        let mut body = Zeroizing::new(value.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .sealing
            .seal_in_place_separate_tag(nonce, Aad::from(place), &mut body)
            .map_err(|_| KeyFault::Malformed)?;
        sealed.extend_from_slice(&body);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// When it was not.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultFault> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(VaultFault)?;
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self
            .sealing
            .open_in_place(nonce, Aad::from(place), &mut body)
            .map_err(|_| VaultFault)?
            .len();
        body.truncate(opened);
        Ok(body)
    }

    /// What a value is found by. Without the key, a value cannot be tried against it.
    pub fn digest(&self, value: &[u8]) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&self.digests, value).as_ref());
        digest
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vault(seed: u8) -> Vault {
        Vault::new(&[seed; VAULT_KEY_BYTES]).unwrap()
    }

    #[test]
    fn another_key_or_place_opens_nothing() {
        let sealed = vault(1).seal(b"here", b"123456789018").unwrap();
        assert_eq!(
            vault(1).open(b"here", &sealed).unwrap().as_slice(),
            b"123456789018"
        );
        assert_eq!(vault(2).open(b"here", &sealed), Err(VaultFault));
        assert_eq!(vault(1).open(b"there", &sealed), Err(VaultFault));
        assert_ne!(
            vault(1).digest(b"123456789018"),
            vault(2).digest(b"123456789018")
        );
    }

    #[test]
    fn the_same_value_is_never_sealed_to_the_same_bytes() {
        let sealed = || vault(1).seal(b"here", b"123456789018").unwrap();
        assert_ne!(sealed(), sealed());
    }

    proptest! {
        #[test]
        fn a_flipped_byte_does_not_open(place in any::<proptest::sample::Index>(), flip in 1_u8..) {
            let mut sealed = vault(1).seal(b"here", b"123456789018").unwrap();
            let length = sealed.len();
            sealed[place.index(length)] ^= flip;
            prop_assert_eq!(vault(1).open(b"here", &sealed), Err(VaultFault));
        }
    }
}
