//! X25519 keys for sealing: the private half opens, the public half is registered and named by its fingerprint.

use std::fmt;

use data_encoding::HEXLOWER;
use hpke::{Deserializable, Kem as _, Serializable, kem::X25519HkdfSha256};
use zeroize::Zeroizing;

use super::{
    digest::{random_bytes, sha256},
    signing::KeyFault,
};

/// Length of an X25519 key, and of an encapsulated key, in bytes. Source: RFC 9180 §7.1.
pub const SEALING_KEY_BYTES: usize = 32;

pub(super) type PrivateKey = <X25519HkdfSha256 as hpke::Kem>::PrivateKey;
pub(super) type PublicKey = <X25519HkdfSha256 as hpke::Kem>::PublicKey;

/// A private X25519 key that opens what was sealed to it. Its `Debug` shows the public half only.
pub struct SealingKeyPair {
    private: PrivateKey,
    public: SealingPublicKey,
}

impl SealingKeyPair {
    /// Makes a new key from the operating system's random source.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyFault> {
        Ok(Self::from_seed(&Zeroizing::new(random_bytes()?)))
    }

    /// Derives a key from a 32-byte seed; the same seed gives the same key. Source: RFC 9180 §7.1.3.
    pub fn from_seed(seed: &[u8; SEALING_KEY_BYTES]) -> Self {
        let (private, _) = X25519HkdfSha256::derive_keypair(seed);
        Self::from_private(private)
    }

    /// Restores a key from the bytes that [`SealingKeyPair::secret_bytes`] gave.
    ///
    /// # Errors
    /// When `secret` is not 32 bytes.
    pub fn from_bytes(secret: &[u8]) -> Result<Self, KeyFault> {
        let private = PrivateKey::from_bytes(secret).map_err(|_| KeyFault::Malformed)?;
        Ok(Self::from_private(private))
    }

    /// The private key, to be kept in a file that only its owner may read.
    pub fn secret_bytes(&self) -> Zeroizing<[u8; SEALING_KEY_BYTES]> {
        Zeroizing::new(self.private.to_bytes().into())
    }

    /// The public half.
    pub fn public(&self) -> SealingPublicKey {
        self.public
    }

    pub(super) fn private(&self) -> &PrivateKey {
        &self.private
    }

    fn from_private(private: PrivateKey) -> Self {
        let public = X25519HkdfSha256::sk_to_pk(&private).to_bytes().into();
        Self {
            private,
            public: SealingPublicKey(public),
        }
    }
}

impl fmt::Debug for SealingKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealingKeyPair").field(&self.public).finish()
    }
}

/// A public X25519 key to which answers are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealingPublicKey([u8; SEALING_KEY_BYTES]);

impl SealingPublicKey {
    /// Reads a public key, as an inquirer registers it.
    ///
    /// # Errors
    /// When the bytes are not 32, or are a point of low order: anybody could open what is sealed to such a point.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyFault> {
        let bytes = <[u8; SEALING_KEY_BYTES]>::try_from(bytes).map_err(|_| KeyFault::Malformed)?;
        if is_low_order(&bytes) {
            return Err(KeyFault::Malformed);
        }
        Ok(Self(bytes))
    }

    /// The key as RFC 7748 writes it.
    pub fn as_bytes(&self) -> &[u8; SEALING_KEY_BYTES] {
        &self.0
    }

    /// What a permit names instead of the key itself.
    pub fn fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint(sha256(&[&self.0]))
    }
}

/// SHA-256 of a public key; shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyFingerprint(pub [u8; 32]);

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFingerprint({self})")
    }
}

/// The points of order 1, 2, 4 and 8 of the curve and of its twist, little-endian, the unused top bit cleared.
/// Source: <https://cr.yp.to/ecdh.html>, "How do I validate Curve25519 public keys?".
const LOW_ORDER_POINTS: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn is_low_order(point: &[u8; SEALING_KEY_BYTES]) -> bool {
    let mut point = *point;
    // X25519 ignores the top bit. Source: RFC 7748 §5.
    if let Some(top) = point.last_mut() {
        *top &= 0x7f;
    }
    let written = HEXLOWER.encode(&point);
    LOW_ORDER_POINTS.contains(&written.as_str())
}

#[cfg(test)]
mod tests {
    use super::{
        super::sealing::{SealFault, seal},
        *,
    };

    #[test]
    fn a_public_key_of_low_order_is_refused_and_hpke_agrees() {
        for point in LOW_ORDER_POINTS {
            for top_bit in [0, 0x80] {
                let mut bytes =
                    <[u8; 32]>::try_from(HEXLOWER.decode(point.as_bytes()).unwrap()).unwrap();
                bytes[31] |= top_bit;
                let read = SealingPublicKey::from_bytes(&bytes);
                assert_eq!(read, Err(KeyFault::Malformed), "{point}");
                let smuggled = seal(&SealingPublicKey(bytes), b"", b"", b"x");
                assert_eq!(smuggled, Err(SealFault::Refused), "{point}");
            }
        }
        let short = SealingPublicKey::from_bytes(&[9; 31]);
        assert_eq!(short, Err(KeyFault::Malformed));
    }

    #[test]
    fn a_key_survives_its_file_and_a_seed_gives_one_key() {
        let key = SealingKeyPair::generate().unwrap();
        let again = SealingKeyPair::from_bytes(key.secret_bytes().as_ref()).unwrap();
        assert_eq!(again.public(), key.public());
        let [one, two] = [3, 4].map(|b| SealingKeyPair::from_seed(&[b; 32]).public());
        assert_eq!(SealingKeyPair::from_seed(&[3; 32]).public(), one);
        assert_ne!(one, two);
    }

    #[test]
    fn debug_shows_no_private_key() {
        let key = SealingKeyPair::from_seed(&[5; 32]);
        let shown = format!("{key:?}");
        assert!(!shown.contains(&format!("{:?}", key.secret_bytes().as_ref())));
        assert_eq!(key.public().fingerprint().to_string().len(), 64);
    }
}
