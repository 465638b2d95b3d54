//! Ed25519 signatures: permits, the permission list and ledger checkpoints are signed with these keys.

use std::fmt;

use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use zeroize::Zeroizing;

/// Length of an Ed25519 seed and of an Ed25519 public key in bytes. Source: RFC 8032 §5.1.5.
pub const KEY_BYTES: usize = 32;

/// Length of an Ed25519 signature in bytes. Source: RFC 8032 §5.1.6.
pub const SIGNATURE_BYTES: usize = 64;

/// A private Ed25519 key. Its `Debug` shows the public half only.
pub struct SigningKey {
    seed: Zeroizing<[u8; KEY_BYTES]>,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// Makes a new key from the operating system's random source.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyFault> {
        let mut seed = Zeroizing::new([0; KEY_BYTES]);
        SystemRandom::new()
            .fill(seed.as_mut())
            .map_err(|_| KeyFault::NoRandomness)?;
        Self::from_seed(seed.as_ref())
    }

    /// Restores a key from its 32-byte seed.
    ///
    /// # Errors
    /// When the seed is not 32 bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, KeyFault> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyFault::Malformed)?;
        let seed = <[u8; KEY_BYTES]>::try_from(seed).map_err(|_| KeyFault::Malformed)?;
        Ok(Self {
            seed: Zeroizing::new(seed),
            pair,
        })
    }

    /// The seed, to be kept in a file that only its owner may read.
    pub fn seed(&self) -> &[u8; KEY_BYTES] {
        &self.seed
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        let mut bytes = [0; KEY_BYTES];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        VerifyingKey(bytes)
    }

    /// Signs `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mut bytes = [0; SIGNATURE_BYTES];
        bytes.copy_from_slice(self.pair.sign(message).as_ref());
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey")
            .field(&self.verifying_key())
            .finish()
    }
}

/// A public Ed25519 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(pub [u8; KEY_BYTES]);

impl VerifyingKey {
    /// Checks `signature` over `message`.
    ///
    /// # Errors
    /// [`BadSignature`] when the signature was not made by this key over these very bytes.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message, signature)
            .map_err(|_| BadSignature)
    }
}

/// The signature does not belong to this message and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not belong to this message and key")]
pub struct BadSignature;

/// A key could not be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The bytes are not a key of this kind.
    #[error("the bytes are not a key of this kind")]
    Malformed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_in_message_or_signature_is_noticed() {
        let key = SigningKey::from_seed(&[7; KEY_BYTES]).unwrap();
        let signature = key.sign(b"permit");
        let public = key.verifying_key();
        assert_eq!(public.verify(b"permit", &signature), Ok(()));
        assert_eq!(public.verify(b"permiu", &signature), Err(BadSignature));
        let mut flipped = signature;
        flipped[63] ^= 1;
        assert_eq!(public.verify(b"permit", &flipped), Err(BadSignature));
    }
}
