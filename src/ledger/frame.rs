//! The bytes of a frame: all entries of one commit under one checksum.
//!
//! ```text
//! frame  magic 4 | payload length 4 | CRC-32 over the rest 4 | payload
//! payload  group offset 8 | first sequence 8 | entry*
//! entry  kind 1 | owner 16 | fiscal year 2 | index 8 | sequence 8 | at_ms 8 | salt 16 | leaf hash 32
//!        | body length 4 | body
//! ```
//! Of a destroyed entry the salt is zeros, and the body its commitment and zeros.
//! Numbers are big-endian. The group offset says where in the segment the write began that carried the frame: a frame that does
//! not verify was already on disk before every frame with a later group offset was written.

use super::{
    entry::{
        ENTRY_BODY_BYTES_MAX, Entry, OWNER_BYTES, Owner, Position, SALT_BYTES, TreeId, commitment,
    },
    merkle::{self, Hash},
};
use crate::crypto::digest::{DIGEST_BYTES, sha256};

pub(super) const MAGIC: [u8; 4] = *b"CkFr";
pub(super) const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
pub(super) const ENTRY_HEAD_BYTES: usize =
    1 + OWNER_BYTES + 2 + 8 + 8 + 8 + SALT_BYTES + DIGEST_BYTES + 4;

const PREFIX_BYTES: usize = 12;
const PAYLOAD_HEAD_BYTES: usize = 16;

/// An entry whose body is present.
const KIND_WHOLE: u8 = 1;
/// An entry whose salt and body were destroyed.
const KIND_DESTROYED: u8 = 2;

/// Where the salt stands in an entry.
const SALT_OFFSET: usize = ENTRY_HEAD_BYTES - 4 - DIGEST_BYTES - SALT_BYTES;

/// Size of the frame that will hold `entries`, in bytes.
pub(super) fn frame_bytes(entries: &[Entry]) -> usize {
    let bodies: usize = entries.iter().map(|entry| entry.body.len()).sum();
    PREFIX_BYTES + PAYLOAD_HEAD_BYTES + entries.len() * ENTRY_HEAD_BYTES + bodies
}

/// Begins a frame at the end of `buffer`; [`finish`] takes the returned start.
pub(super) fn begin(buffer: &mut Vec<u8>, group_offset: u64, first_sequence: u64) -> usize {
    let start = buffer.len();
    buffer.extend_from_slice(&MAGIC);
    buffer.extend_from_slice(&[0; PREFIX_BYTES - MAGIC.len()]);
    buffer.extend_from_slice(&group_offset.to_be_bytes());
    buffer.extend_from_slice(&first_sequence.to_be_bytes());
    start
}

pub(super) fn push(
    buffer: &mut Vec<u8>,
    entry: &Entry,
    at: &Position,
    salt: &[u8; SALT_BYTES],
    leaf: &Hash,
) {
    buffer.push(KIND_WHOLE);
    buffer.extend_from_slice(&entry.tree.owner.to_bytes());
    buffer.extend_from_slice(&entry.tree.fiscal_year.to_be_bytes());
    buffer.extend_from_slice(&at.index.to_be_bytes());
    buffer.extend_from_slice(&at.sequence.to_be_bytes());
    buffer.extend_from_slice(&entry.at_ms.to_be_bytes());
    buffer.extend_from_slice(salt);
    buffer.extend_from_slice(leaf);
    // A body is at most 64 KiB and a frame at most 8 MiB: both lengths fit.
    buffer.extend_from_slice(&(entry.body.len() as u32).to_be_bytes());
    buffer.extend_from_slice(&entry.body);
}

pub(super) fn finish(buffer: &mut [u8], start: usize) {
    let Some(frame) = buffer.get_mut(start..) else {
        return;
    };
    let Some((prefix, payload)) = frame.split_at_mut_checked(PREFIX_BYTES) else {
        return;
    };
    let length = (payload.len() as u32).to_be_bytes();
    let crc = checksum(length, payload).to_be_bytes();
    for (byte, value) in prefix
        .iter_mut()
        .skip(MAGIC.len())
        .zip(length.into_iter().chain(crc))
    {
        *byte = value;
    }
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

/// A frame whose checksum is right.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) group_offset: u64,
    pub(super) first_sequence: u64,
    /// Size of the whole frame in bytes.
    pub(super) bytes: usize,
    entries: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the frame at the beginning of `bytes`; none when there is no frame with a right checksum.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        if take(&mut rest)? != MAGIC {
            return None;
        }
        let length = take(&mut rest)?;
        let crc = u32::from_be_bytes(take(&mut rest)?);
        let payload_bytes = u32::from_be_bytes(length) as usize;
        let payload = rest.get(..payload_bytes)?;
        if payload_bytes > FRAME_BYTES_MAX || checksum(length, payload) != crc {
            return None;
        }
        let mut entries = payload;
        Some(Self {
            group_offset: u64::from_be_bytes(take(&mut entries)?),
            first_sequence: u64::from_be_bytes(take(&mut entries)?),
            bytes: PREFIX_BYTES + payload_bytes,
            entries,
        })
    }

    /// The entries with their offsets from the beginning of the frame; `Err` ends them when one has no right form.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = Result<(usize, EntryView<'a>), BadForm>> + use<'a> {
        let whole = self.entries.len();
        let mut rest = self.entries;
        let mut broken = false;
        std::iter::from_fn(move || {
            if rest.is_empty() || broken {
                return None;
            }
            let offset = PREFIX_BYTES + PAYLOAD_HEAD_BYTES + whole - rest.len();
            let entry = EntryView::read(&mut rest);
            broken = entry.is_none();
            Some(entry.map(|entry| (offset, entry)).ok_or(BadForm))
        })
    }
}

/// A frame with a right checksum holds an entry of no known form.
#[derive(Debug, Clone, Copy)]
pub(super) struct BadForm;

/// The head of an entry, which has a fixed size.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryHead {
    pub(super) is_destroyed: bool,
    pub(super) at: Position,
    pub(super) at_ms: i64,
    pub(super) salt: [u8; SALT_BYTES],
    /// As it was written. The frame's checksum covers it, but only [`EntryView::leaf_hash`] proves that it fits the body.
    pub(super) leaf_hash: Hash,
    pub(super) body_bytes: usize,
}

impl EntryHead {
    pub(super) fn read(rest: &mut &[u8]) -> Option<Self> {
        let is_destroyed = match take(rest)? {
            [KIND_WHOLE] => false,
            [KIND_DESTROYED] => true,
            [_] => return None,
        };
        let tree = TreeId {
            owner: Owner::from_bytes(take(rest)?).ok()?,
            fiscal_year: u16::from_be_bytes(take(rest)?),
        };
        let at = Position {
            tree,
            index: u64::from_be_bytes(take(rest)?),
            sequence: u64::from_be_bytes(take(rest)?),
        };
        let head = Self {
            is_destroyed,
            at,
            at_ms: i64::from_be_bytes(take(rest)?),
            salt: take(rest)?,
            leaf_hash: take(rest)?,
            body_bytes: u32::from_be_bytes(take(rest)?) as usize,
        };
        (head.body_bytes <= ENTRY_BODY_BYTES_MAX).then_some(head)
    }

    /// What the leaf holds: made from salt and body, or kept in their place.
    pub(super) fn commitment(&self, body: &[u8]) -> Option<Hash> {
        if self.is_destroyed {
            body.first_chunk().copied()
        } else {
            Some(commitment(&self.salt, self.at_ms, body))
        }
    }

    /// Made anew from what is there; nothing where that cannot be.
    pub(super) fn leaf_hash(&self, body: &[u8]) -> Option<Hash> {
        Some(merkle::hash_leaf(&self.commitment(body)?))
    }
}

/// An entry inside a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryView<'a> {
    pub(super) head: EntryHead,
    pub(super) body: &'a [u8],
}

impl<'a> EntryView<'a> {
    fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let head = EntryHead::read(rest)?;
        let (body, after) = rest.split_at_checked(head.body_bytes)?;
        *rest = after;
        Some(Self { head, body })
    }

    pub(super) fn leaf_hash(&self) -> Option<Hash> {
        self.head.leaf_hash(self.body)
    }
}

/// Destroys salt and body of the whole entry that `bytes` begin with, which must have its frame's checksum made anew. False where the
/// body is too short to make room for the commitment: then nothing is changed.
pub(super) fn destroy(bytes: &mut [u8]) -> bool {
    let mut rest = &*bytes;
    let Some(view) = EntryView::read(&mut rest) else {
        return false;
    };
    let (head, committed) = (view.head, view.head.commitment(view.body));
    let Some((before, body)) = bytes.split_at_mut_checked(ENTRY_HEAD_BYTES) else {
        return false;
    };
    let (Some(committed), Some(body)) = (committed, body.get_mut(..head.body_bytes)) else {
        return false;
    };
    let Some((room, left)) = body.split_at_mut_checked(DIGEST_BYTES) else {
        return false;
    };
    room.copy_from_slice(&committed);
    left.fill(0);
    if let Some(kind) = before.first_mut() {
        *kind = KIND_DESTROYED;
    }
    if let Some(salt) = before.get_mut(SALT_OFFSET..SALT_OFFSET + SALT_BYTES) {
        salt.fill(0);
    }
    true
}

/// The running hash over the trees and leaf hashes of all frames, which links each segment to the one before. Bodies are not
/// in it, so that one can be destroyed later.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    pub(super) hash: Hash,
    pending: Vec<u8>,
}

impl Chain {
    pub(super) fn from_hash(hash: Hash) -> Self {
        Self {
            hash,
            pending: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, tree: TreeId, leaf: &Hash) {
        self.pending.extend_from_slice(&tree.owner.to_bytes());
        self.pending
            .extend_from_slice(&tree.fiscal_year.to_be_bytes());
        self.pending.extend_from_slice(leaf);
    }

    pub(super) fn end_frame(&mut self) {
        self.hash = sha256(&[&self.hash, &self.pending]);
        self.pending.clear();
    }
}

pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::leaf_hash;

    fn sample() -> (Vec<u8>, Vec<Entry>) {
        let tree: TreeId = "core/2026".parse().unwrap();
        let entries: Vec<Entry> = (0..3)
            .map(|n| Entry {
                tree,
                at_ms: n,
                body: vec![b'x'; 10 * n as usize],
            })
            .collect();
        let mut buffer = b"before".to_vec();
        let start = begin(&mut buffer, 64, 7);
        for (n, entry) in (0..).zip(&entries) {
            push(
                &mut buffer,
                entry,
                &Position {
                    tree,
                    index: n,
                    sequence: 7 + n,
                },
                &[n as u8; 16],
                &leaf_hash(&[n as u8; 16], entry.at_ms, &entry.body),
            );
        }
        finish(&mut buffer, start);
        (buffer.split_off(start), entries)
    }

    #[test]
    fn a_frame_reads_back_as_written() {
        let (bytes, entries) = sample();
        assert_eq!(bytes.len(), frame_bytes(&entries));
        let frame = Frame::read(&bytes).unwrap();
        assert_eq!(
            (frame.group_offset, frame.first_sequence, frame.bytes),
            (64, 7, bytes.len())
        );
        let read: Vec<_> = frame.entries().map(Result::unwrap).collect();
        assert_eq!(read.len(), 3);
        for ((offset, view), entry) in read.iter().zip(&entries) {
            assert_eq!(view.body, entry.body);
            assert_eq!(view.head.at_ms, entry.at_ms);
            let alone = EntryView::read(&mut &bytes[*offset..]).unwrap();
            assert_eq!(alone.leaf_hash(), Some(view.head.leaf_hash));
        }
    }

    #[test]
    fn a_destroyed_entry_keeps_its_place_and_its_leaf_and_nothing_else() {
        let body = br#"{"kind":"provision","serial":"9900000000001300-1-0-0"}"#;
        let entry = Entry {
            tree: "core/2026".parse().unwrap(),
            at_ms: 5,
            body: body.to_vec(),
        };
        let at = Position {
            tree: entry.tree,
            index: 0,
            sequence: 0,
        };
        let leaf = leaf_hash(&[7; 16], entry.at_ms, &entry.body);
        let mut buffer = Vec::new();
        begin(&mut buffer, 64, 0);
        push(&mut buffer, &entry, &at, &[7; 16], &leaf);
        finish(&mut buffer, 0);
        let before = buffer.len();
        assert!(destroy(&mut buffer[PREFIX_BYTES + PAYLOAD_HEAD_BYTES..]));
        assert!(
            Frame::read(&buffer).is_none(),
            "the checksum is the old one"
        );
        finish(&mut buffer, 0);
        assert_eq!(buffer.len(), before);
        let frame = Frame::read(&buffer).unwrap();
        let (_, view) = frame.entries().next().unwrap().unwrap();
        assert!(view.head.is_destroyed);
        assert_eq!((view.head.at, view.head.at_ms), (at, 5));
        assert_eq!(view.leaf_hash(), Some(leaf));
        for gone in [body.as_slice(), b"provision", &[7; 16]] {
            assert!(!buffer.windows(gone.len()).any(|part| part == gone));
        }
        let mut short = sample().0;
        assert!(!destroy(&mut short[PREFIX_BYTES + PAYLOAD_HEAD_BYTES..]));
        assert_eq!(short, sample().0);
    }

    #[test]
    fn no_flipped_bit_and_no_missing_byte_passes() {
        let (bytes, _) = sample();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::read(&flipped).is_none(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(Frame::read(&bytes[..length]).is_none(), "length {length}");
        }
    }
}
