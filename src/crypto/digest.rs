//! SHA-256 digests and random bytes from the operating system.

use ring::{
    digest::{Context, SHA256},
    rand::{SecureRandom, SystemRandom},
};

use super::signing::KeyFault;
use crate::domain::{
    acquisition::SerialDigest,
    names::{AcquisitionSerial, PermitId},
    person::Symbol,
};

/// Length of a SHA-256 digest in bytes. Source: FIPS 180-4.
pub const DIGEST_BYTES: usize = 32;

/// The SHA-256 digest of `parts`, one after the other without separators.
pub fn sha256(parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut digesting = Digesting::default();
    for part in parts {
        digesting.add(part);
    }
    digesting.finish()
}

/// A SHA-256 digest of bytes that come piece by piece.
#[derive(Clone)]
pub struct Digesting(Context);

impl Default for Digesting {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Digesting {
    /// Takes the next piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> [u8; DIGEST_BYTES] {
        let mut bytes = [0; DIGEST_BYTES];
        bytes.copy_from_slice(self.0.finish().as_ref());
        bytes
    }
}

/// What is kept of an acquisition serial. It cannot be turned back: a serial has 128 random bits.
pub fn serial_digest(serial: AcquisitionSerial) -> SerialDigest {
    SerialDigest(sha256(&[b"chukan acquisition serial v1", &serial.0]))
}

/// What stands for a symbol in one permit, in hexadecimal: SHA-256 of the permit's id and the symbol. The same symbol looks otherwise in any
/// other permit, so that nobody can tell by it that two permits are about one person.
#[must_use]
pub fn symbol_in_permit(permit: PermitId, symbol: &Symbol) -> String {
    data_encoding::HEXLOWER.encode(&sha256(&[&permit.0, &symbol.0]))
}

/// `N` bytes from the operating system's random source.
///
/// # Errors
/// [`KeyFault::NoRandomness`] when the operating system gives none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], KeyFault> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| KeyFault::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// Source: FIPS 180-2 appendix B.1.
    #[test]
    fn the_digest_of_abc_is_the_published_one_however_it_is_cut() {
        let published = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(HEXLOWER.encode(&sha256(&[b"abc"])), published);
        assert_eq!(HEXLOWER.encode(&sha256(&[b"a", b"", b"bc"])), published);
    }

    #[test]
    fn random_bytes_differ_from_draw_to_draw() {
        assert_ne!(random_bytes::<32>().unwrap(), random_bytes::<32>().unwrap());
    }
}
