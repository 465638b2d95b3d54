//! A segment: one preallocated file of frames behind a header that links it to the segment before.
//!
//! ```text
//! header  magic 8 | version 4 | number 8 | first sequence 8 | link 32 | CRC-32 over these 4
//! ```
//! The link is the running hash ([`Chain`]) at the end of the segment before, zeros in the first one. Behind the last frame the
//! file holds zeros.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    entry::Position,
    fault::{Damage, LedgerFault},
    frame::{Chain, Frame, MAGIC, take},
    merkle::Hash,
};
use crate::crypto::files::{ZEROS, write_zeros};

pub(super) const HEADER_BYTES: usize = 64;

const SEGMENT_MAGIC: [u8; 8] = *b"CHUKANLG";
const VERSION: u32 = 1;

/// How large segments are: the first one small, each next one twice as large up to a limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentBytes {
    pub(super) first: u64,
    pub(super) max: u64,
}

impl SegmentBytes {
    pub(super) const USUAL: Self = Self {
        first: 1 << 20,
        max: 16 << 20,
    };

    pub(super) fn of(self, number: u64) -> u64 {
        let doublings = u32::try_from(number.saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(20);
        self.first.saturating_mul(1 << doublings).min(self.max)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) first_sequence: u64,
    pub(super) link: Hash,
}

impl Header {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&SEGMENT_MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.first_sequence.to_be_bytes());
        bytes.extend_from_slice(&self.link);
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_be_bytes());
        bytes
    }

    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let covered = bytes.get(..HEADER_BYTES - 4)?;
        let known =
            take(&mut bytes)? == SEGMENT_MAGIC && u32::from_be_bytes(take(&mut bytes)?) == VERSION;
        let header = Self {
            number: u64::from_be_bytes(take(&mut bytes)?),
            first_sequence: u64::from_be_bytes(take(&mut bytes)?),
            link: take(&mut bytes)?,
        };
        let crc = u32::from_be_bytes(take(&mut bytes)?);
        (known && crc == crc32fast::hash(covered)).then_some(header)
    }
}

/// Path of segment `number` in the ledger's directory.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    segments_dir(dir).join(format!("{number:010}.seg"))
}

pub(super) fn segments_dir(dir: &Path) -> PathBuf {
    dir.join("segments")
}

/// Path of segment `number` while it is being made.
fn unfinished_path(dir: &Path, number: u64) -> PathBuf {
    segments_dir(dir).join(format!("{number:010}.new"))
}

/// Path of the index of segment `number`.
pub(super) fn index_path(dir: &Path, number: u64) -> PathBuf {
    segments_dir(dir).join(format!("{number:010}.idx"))
}

/// Path of segment `number` while it is written anew.
pub(super) fn rewritten_path(dir: &Path, number: u64) -> PathBuf {
    segments_dir(dir).join(format!("{number:010}.rewritten"))
}

/// Removes what an interrupted disposal or an unfinished index left beside the segments.
pub(super) fn remove_unfinished(dir: &Path) -> io::Result<()> {
    for file in fs::read_dir(segments_dir(dir))? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".rewritten") || name.ends_with(".idx.new") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The numbers of the segments present, in order. Files of other names, also unfinished segments, are not segments.
pub(super) fn numbers(dir: &Path) -> Result<Vec<u64>, LedgerFault> {
    let folder = segments_dir(dir);
    let mut numbers = Vec::new();
    for file in fs::read_dir(&folder).map_err(LedgerFault::file(&folder))? {
        let name = file.map_err(LedgerFault::file(&folder))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".seg"));
        numbers.extend(number.and_then(|digits| digits.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Writes `bytes` zeros to a new file, so that later syncs change no metadata and the disk cannot be full in the middle.
pub(super) fn preallocate(dir: &Path, number: u64, bytes: u64) -> io::Result<File> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(unfinished_path(dir, number))?;
    write_zeros(&file, bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Gives a preallocated file its header and its name, durably.
pub(super) fn begin(dir: &Path, file: &File, header: Header) -> io::Result<()> {
    write_at(file, &header.to_bytes(), 0)?;
    file.sync_all()?;
    fs::rename(
        unfinished_path(dir, header.number),
        path(dir, header.number),
    )?;
    File::open(segments_dir(dir))?.sync_all()
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// One leaf found in a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) at: Position,
    pub(super) hash: Hash,
    /// Where its entry begins, in bytes from the beginning of the file.
    pub(super) offset: u64,
}

/// The two ends of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) header: Header,
    /// Where the last frame begins, in bytes from the beginning of the file; the end when there is none.
    pub(super) last_frame: u64,
    /// Where the last frame ends, in bytes from the beginning of the file.
    pub(super) end: u64,
    /// Length of the file in bytes.
    pub(super) file_bytes: u64,
    /// The running hash behind the last frame.
    pub(super) chain: Hash,
}

/// What a segment holds.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) ends: Ends,
    pub(super) leaves: Vec<Leaf>,
    /// Bytes behind the last frame that are not zeros: a write that never finished.
    pub(super) torn_bytes: u64,
}

/// How much is checked of each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Its frame's checksum: finds what a disk or a crash does. Its leaf hash is taken as written.
    Checksum,
    /// Also its leaf hash against its body: finds what a forger does.
    LeafHash,
}

/// Reads a whole segment and checks every frame.
pub(super) fn summarize(file: &Path, number: u64, depth: Depth) -> Result<Summary, LedgerFault> {
    let bytes = fs::read(file).map_err(LedgerFault::file(file))?;
    summarize_bytes(file, &bytes, number, depth)
}

/// As [`summarize`], of the bytes of `file`.
pub(super) fn summarize_bytes(
    file: &Path,
    bytes: &[u8],
    number: u64,
    depth: Depth,
) -> Result<Summary, LedgerFault> {
    let damaged = |offset: usize, what| LedgerFault::Damaged {
        file: file.to_path_buf(),
        offset: offset as u64,
        what,
    };
    let header = Header::read(bytes).ok_or_else(|| damaged(0, Damage::Header))?;
    if header.number != number {
        return Err(damaged(0, Damage::Sequence { expected: number }));
    }
    let mut chain = Chain::from_hash(header.link);
    let mut leaves = Vec::new();
    let mut sequence = header.first_sequence;
    let (mut last_frame, mut end) = (HEADER_BYTES, HEADER_BYTES);
    while let Some(frame) = bytes.get(end..).and_then(Frame::read) {
        if frame.first_sequence != sequence {
            return Err(damaged(end, Damage::Order));
        }
        for entry in frame.entries() {
            let (offset, entry) = entry.map_err(|_| damaged(end, Damage::Order))?;
            if entry.head.at.sequence != sequence {
                return Err(damaged(end + offset, Damage::Order));
            }
            sequence += 1;
            let hash = entry.head.leaf_hash;
            if depth == Depth::LeafHash && entry.leaf_hash() != Some(hash) {
                return Err(damaged(end + offset, Damage::Entry));
            }
            chain.push(entry.head.at.tree, &hash);
            leaves.push(Leaf {
                at: entry.head.at,
                hash,
                offset: (end + offset) as u64,
            });
        }
        chain.end_frame();
        last_frame = end;
        end += frame.bytes;
    }
    let rest = bytes.get(end..).unwrap_or_default();
    let torn_bytes = torn_bytes(rest);
    if torn_bytes > 0 && written_later(rest, end as u64) {
        return Err(damaged(end, Damage::Frame));
    }
    let ends = Ends {
        header,
        last_frame: last_frame as u64,
        end: end as u64,
        file_bytes: bytes.len() as u64,
        chain: chain.hash,
    };
    Ok(Summary {
        ends,
        leaves,
        torn_bytes: torn_bytes as u64,
    })
}

/// How far `rest` reaches until only zeros follow.
fn torn_bytes(rest: &[u8]) -> usize {
    let mut reach = rest.len();
    for block in rest.rchunks(ZEROS.len()) {
        if Some(block) != ZEROS.get(..block.len()) {
            let zeros = block.iter().rev().take_while(|byte| **byte == 0).count();
            return reach - zeros;
        }
        reach -= block.len();
    }
    0
}

/// Whether `rest`, which begins at `end` with something that is no frame, holds a frame of a later write.
fn written_later(rest: &[u8], end: u64) -> bool {
    rest.windows(MAGIC.len())
        .enumerate()
        .filter(|(_, window)| *window == MAGIC)
        .filter_map(|(at, _)| Frame::read(rest.get(at..)?))
        .any(|frame| frame.group_offset > end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_no_flipped_bit_passes() {
        let header = Header {
            number: 3,
            first_sequence: 99,
            link: [5; 32],
        };
        let bytes = header.to_bytes();
        assert_eq!(bytes.len(), HEADER_BYTES);
        assert_eq!(Header::read(&bytes), Some(header));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn a_tail_of_zeros_is_not_torn() {
        assert_eq!(torn_bytes(&[]), 0);
        assert_eq!(torn_bytes(&vec![0; 200_000]), 0);
        for at in [0, 1, 65_535, 65_536, 199_999] {
            let mut bytes = vec![0; 200_000];
            bytes[at] = 1;
            assert_eq!(torn_bytes(&bytes), at + 1);
        }
    }
}
