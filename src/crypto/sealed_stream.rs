//! A stream of bytes sealed to an X25519 key, in pieces that are opened one by one: HPKE in base mode with its own count of
//! messages. Source: RFC 9180 §5.2.
//!
//! ```text
//! head   magic 8 | version 4 | fingerprint of the recipient's key 32 | encapsulated key 32
//! piece  last 1 | length of the ciphertext 4 | ciphertext            up to 1 MiB of plaintext each
//! ```
//! Numbers are big-endian. The head without the encapsulated key is HPKE's `info`; whether a piece is the last one is its
//! `aad`, and its number is in the nonce: a piece that was changed, moved, left out or added does not open.

use std::io::{self, Read, Write};

use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable,
    aead::{AeadCtxR, AeadCtxS, AesGcm256},
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
};
use zeroize::{Zeroize, Zeroizing};

use super::{
    sealing::{EncappedKey, OsRandom, SealFault, TAG_BYTES},
    sealing_key::{PublicKey, SEALING_KEY_BYTES, SealingKeyPair, SealingPublicKey},
    signing::KeyFault,
};

const MAGIC: [u8; 8] = *b"CHUKANSS";
const VERSION: u32 = 1;
const INFO_BYTES: usize = 8 + 4 + 32;
const PIECE_BYTES: usize = 1 << 20;

/// Seals what is written to it. Holds one piece in memory.
pub struct SealedWriter<W: Write> {
    out: W,
    context: AeadCtxS<AesGcm256, HkdfSha256, X25519HkdfSha256>,
    piece: Zeroizing<Vec<u8>>,
}

/// Opens what a [`SealedWriter`] wrote. Holds one piece in memory. Its errors carry a [`StreamFault`].
pub struct SealedReader<R: Read> {
    from: R,
    context: AeadCtxR<AesGcm256, HkdfSha256, X25519HkdfSha256>,
    piece: Zeroizing<Vec<u8>>,
    taken: usize,
    /// Where the next piece begins.
    offset: u64,
    ended: bool,
}

/// A sealed stream cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// It does not begin like a sealed stream of this version.
    #[error("this is not a sealed stream of this version")]
    Foreign,
    /// It is sealed to another key.
    #[error("it is sealed to another key")]
    OtherKey,
    /// A piece does not open: bytes were changed, moved, left out or added there.
    #[error("the piece at byte {offset} is damaged or not in its place")]
    Damaged {
        /// Where the piece begins.
        offset: u64,
    },
    /// It ends before its last piece does.
    #[error("it was cut: a part is missing from byte {offset} on")]
    Cut {
        /// Where the piece begins that is not there or not whole.
        offset: u64,
    },
    /// Something follows the last piece.
    #[error("bytes that do not belong to it follow at byte {offset}")]
    Trailing {
        /// Where they begin.
        offset: u64,
    },
}

impl<W: Write> SealedWriter<W> {
    /// Begins a stream that only the holder of `recipient`'s private key opens.
    ///
    /// # Errors
    /// When there are no random bytes, the key is unfit, or nothing can be written; as `io::Error`.
    pub fn begin(mut out: W, recipient: &SealingPublicKey) -> io::Result<Self> {
        let mut random = OsRandom::default();
        let info = info(recipient);
        let public = PublicKey::from_bytes(recipient.as_bytes())
            .map_err(|_| io::Error::other(SealFault::Refused))?;
        let (key, context) =
            hpke::setup_sender_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
                &OpModeS::Base,
                &public,
                &info,
                &mut random,
            )
            .map_err(|_| io::Error::other(SealFault::Refused))?;
        if random.failed {
            return Err(io::Error::other(KeyFault::NoRandomness));
        }
        out.write_all(&info)?;
        out.write_all(&key.to_bytes())?;
        Ok(Self {
            out,
            context,
            piece: Zeroizing::new(Vec::with_capacity(PIECE_BYTES)),
        })
    }

    /// Writes the last piece and gives back what was written to. Without it the stream counts as cut.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let aad = [u8::from(last)];
        let sealed = self.context.seal(&self.piece, &aad);
        let sealed = sealed.map_err(|_| io::Error::other(SealFault::Refused))?;
        // At most a piece and its tag.
        let length = (sealed.len() as u32).to_be_bytes();
        self.out.write_all(&aad)?;
        self.out.write_all(&length)?;
        self.out.write_all(&sealed)?;
        self.piece.zeroize();
        Ok(())
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE_BYTES {
            self.seal(false)?;
        }
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece
            .extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    /// Does nothing: a piece is sealed when it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<R: Read> SealedReader<R> {
    /// Reads the head of a stream.
    ///
    /// # Errors
    /// When `from` cannot be read, is no sealed stream, or is sealed to another key.
    pub fn begin(mut from: R, key: &SealingKeyPair) -> io::Result<Self> {
        let mut head = [0; INFO_BYTES + SEALING_KEY_BYTES];
        let whole = fill(&mut from, &mut head)? == head.len();
        let wanted = info(&key.public());
        let (read, encapsulated) = head.split_at(INFO_BYTES);
        let (form, fingerprint) = (read.get(..12), read.get(12..));
        if !whole || form != wanted.get(..12) {
            return Err(io::Error::other(StreamFault::Foreign));
        }
        if fingerprint != wanted.get(12..) {
            return Err(io::Error::other(StreamFault::OtherKey));
        }
        let damaged = |_| io::Error::other(StreamFault::Damaged { offset: 0 });
        let encapsulated = EncappedKey::from_bytes(encapsulated).map_err(damaged)?;
        let context = hpke::setup_receiver(&OpModeR::Base, key.private(), &encapsulated, &wanted)
            .map_err(damaged)?;
        Ok(Self {
            from,
            context,
            piece: Zeroizing::default(),
            taken: 0,
            offset: head.len() as u64,
            ended: false,
        })
    }

    /// Checks that the stream ends here.
    ///
    /// # Errors
    /// When there is more in it, or behind it.
    pub fn end(mut self) -> io::Result<()> {
        let trailing = StreamFault::Trailing {
            offset: self.offset,
        };
        let inside = self.read(&mut [0])?;
        let behind = self.from.read(&mut [0])?;
        match inside + behind {
            0 => Ok(()),
            _ => Err(io::Error::other(trailing)),
        }
    }

    fn open(&mut self) -> io::Result<()> {
        let offset = self.offset;
        let cut = || io::Error::other(StreamFault::Cut { offset });
        let damaged = || io::Error::other(StreamFault::Damaged { offset });
        let mut head = [0; 5];
        if fill(&mut self.from, &mut head)? < head.len() {
            return Err(cut());
        }
        let [last, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if length > PIECE_BYTES + TAG_BYTES {
            return Err(damaged());
        }
        let mut sealed = vec![0; length];
        if fill(&mut self.from, &mut sealed)? < length {
            return Err(cut());
        }
        let opened = self.context.open(&sealed, &[last]);
        self.piece = Zeroizing::new(opened.map_err(|_| damaged())?);
        self.taken = 0;
        self.offset += (head.len() + length) as u64;
        self.ended = last == 1;
        Ok(())
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.piece.len() && !self.ended {
            self.open()?;
        }
        let left = self.piece.get(self.taken..).unwrap_or_default();
        let given = left.len().min(into.len());
        if let (Some(into), Some(left)) = (into.get_mut(..given), left.get(..given)) {
            into.copy_from_slice(left);
        }
        self.taken += given;
        Ok(given)
    }
}

fn info(recipient: &SealingPublicKey) -> Vec<u8> {
    let mut info = MAGIC.to_vec();
    info.extend_from_slice(&VERSION.to_be_bytes());
    info.extend_from_slice(&recipient.fingerprint().0);
    info
}

/// Reads until `into` is full or nothing is left; returns how many bytes there were.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> SealingKeyPair {
        SealingKeyPair::from_seed(&[8; 32])
    }

    fn seal(bytes: &[u8]) -> Vec<u8> {
        let mut writer = SealedWriter::begin(Vec::new(), &key().public()).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn open(sealed: &[u8], key: &SealingKeyPair) -> Result<Vec<u8>, StreamFault> {
        let read = || {
            let mut reader = SealedReader::begin(sealed, key)?;
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes)?;
            reader.end()?;
            Ok(bytes)
        };
        read().map_err(|fault: io::Error| fault.downcast::<StreamFault>().unwrap())
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for length in [
            0,
            1,
            PIECE_BYTES - 1,
            PIECE_BYTES,
            PIECE_BYTES + 1,
            3 * PIECE_BYTES,
        ] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            assert_eq!(open(&seal(&bytes), &key()).unwrap(), bytes);
        }
    }

    #[test]
    fn pieces_in_another_order_do_not_open() {
        let sealed = seal(&vec![1; 3 * PIECE_BYTES]);
        let (head, pieces) = sealed.split_at(INFO_BYTES + SEALING_KEY_BYTES);
        let (one, rest) = pieces.split_at(5 + PIECE_BYTES + TAG_BYTES);
        let (two, three) = rest.split_at(5 + PIECE_BYTES + TAG_BYTES);
        let offset = head.len() as u64;
        let swapped = [head, two, one, three].concat();
        assert_eq!(open(&swapped, &key()), Err(StreamFault::Damaged { offset }));
        let without = [head, one, three].concat();
        let offset = offset + one.len() as u64;
        assert_eq!(open(&without, &key()), Err(StreamFault::Damaged { offset }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn damage_anywhere_is_noticed(
            bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
            place in any::<proptest::sample::Index>(),
            flip in 1_u8..,
        ) {
            let sealed = seal(&bytes);
            let at = place.index(sealed.len());
            let mut flipped = sealed.clone();
            flipped[at] ^= flip;
            prop_assert!(open(&flipped, &key()).is_err());
            prop_assert!(open(&sealed[..at], &key()).is_err());
            let longer = [sealed.as_slice(), &[flip]].concat();
            let offset = sealed.len() as u64;
            prop_assert_eq!(open(&longer, &key()), Err(StreamFault::Trailing { offset }));
            let other = SealingKeyPair::from_seed(&[9; 32]);
            prop_assert_eq!(open(&sealed, &other), Err(StreamFault::OtherKey));
        }
    }
}
