//! The index of a segment that nobody writes any more: what opening and reading need of it, without reading it whole.
//!
//! ```text
//! head  magic 8 | version 4 | number 8 | first sequence 8 | last frame 8 | end 8 | file bytes 8 | link 32 | chain 32
//!       | trees 4 | tree* | SHA-256 over these 32
//! tree  owner 16 | fiscal year 2 | first leaf 8 | leaves 8 | blocks 4 | block 32 *
//! rows  of each tree in its order: offset 4 | leaf hash 32
//! ```
//! A block is the hash over 256 leaves of a tree whose last one is in this segment. Everything in an index follows from the segment:
//! one that is missing or not right is made again. It is believed only as far as the segment's two ends, the neighbours' links and
//! the signed roots bear it out.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::Path,
};

use super::{
    entry::{Owner, TreeId},
    frame::{Frame, take},
    merkle::{BLOCK_LEAVES, Hash},
    segment::{self, Ends, HEADER_BYTES, Header, Leaf},
};
use crate::crypto::digest::{DIGEST_BYTES, sha256};

const INDEX_MAGIC: [u8; 8] = *b"CHUKANIX";
const VERSION: u32 = 1;

/// Length of a row in bytes.
pub(super) const ROW_BYTES: u64 = 4 + DIGEST_BYTES as u64;

/// What the head of an index says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// Of the segment.
    pub(super) ends: Ends,
    pub(super) trees: Vec<Part>,
}

/// A tree's part in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) tree: TreeId,
    pub(super) first_leaf: u64,
    pub(super) leaves: u64,
    /// The hashes over the blocks that end here.
    pub(super) blocks: Vec<Hash>,
    /// Where its rows begin in the index, in bytes.
    pub(super) rows_at: u64,
}

impl Part {
    pub(super) fn end_leaf(&self) -> u64 {
        self.first_leaf.saturating_add(self.leaves)
    }
}

/// Tells the hashes over these blocks of a tree.
pub(super) trait Blocks: Fn(TreeId, Range<u64>) -> Option<Vec<Hash>> {}

impl<F: Fn(TreeId, Range<u64>) -> Option<Vec<Hash>>> Blocks for F {}

impl Index {
    /// Makes the index of a segment, and its bytes; none when `blocks` does not know a block that ends in it.
    pub(super) fn make(
        ends: Ends,
        leaves: &[Leaf],
        blocks: impl Blocks,
    ) -> Option<(Self, Vec<u8>)> {
        let mut by_tree: BTreeMap<TreeId, Vec<&Leaf>> = BTreeMap::new();
        for leaf in leaves {
            by_tree.entry(leaf.at.tree).or_default().push(leaf);
        }
        let mut trees = Vec::with_capacity(by_tree.len());
        let mut rows = Vec::with_capacity(leaves.len() * ROW_BYTES as usize);
        for (tree, leaves) in by_tree {
            let first_leaf = leaves.first()?.at.index;
            let end_leaf = first_leaf + leaves.len() as u64;
            let ended = first_leaf / BLOCK_LEAVES..end_leaf / BLOCK_LEAVES;
            trees.push(Part {
                tree,
                first_leaf,
                leaves: leaves.len() as u64,
                blocks: blocks(tree, ended)?,
                rows_at: rows.len() as u64,
            });
            for leaf in leaves {
                rows.extend_from_slice(&u32::try_from(leaf.offset).ok()?.to_be_bytes());
                rows.extend_from_slice(&leaf.hash);
            }
        }
        let mut index = Self { ends, trees };
        let mut bytes = index.head();
        for part in &mut index.trees {
            part.rows_at += bytes.len() as u64;
        }
        bytes.append(&mut rows);
        Some((index, bytes))
    }

    /// Makes the index of a segment and puts it in place; none when that failed. Nothing is lost without
    /// it: the segment is read in its stead.
    pub(super) fn put(
        dir: &Path,
        ends: Ends,
        leaves: &[Leaf],
        blocks: impl Blocks,
    ) -> Option<Self> {
        let (index, bytes) = Self::make(ends, leaves, blocks)?;
        let file = segment::index_path(dir, ends.header.number);
        match write(&file, &bytes) {
            Ok(()) => Some(index),
            Err(fault) => {
                tracing::warn!(file = %file.display(), %fault, "an index could not be written");
                None
            }
        }
    }

    pub(super) fn head(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&INDEX_MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        let ends = self.ends;
        for number in [
            ends.header.number,
            ends.header.first_sequence,
            ends.last_frame,
            ends.end,
            ends.file_bytes,
        ] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&ends.header.link);
        bytes.extend_from_slice(&ends.chain);
        // A segment of 4 GiB at most has fewer trees and blocks than fill 32 bits.
        bytes.extend_from_slice(&(self.trees.len() as u32).to_be_bytes());
        for part in &self.trees {
            bytes.extend_from_slice(&part.tree.owner.to_bytes());
            bytes.extend_from_slice(&part.tree.fiscal_year.to_be_bytes());
            bytes.extend_from_slice(&part.first_leaf.to_be_bytes());
            bytes.extend_from_slice(&part.leaves.to_be_bytes());
            bytes.extend_from_slice(&(part.blocks.len() as u32).to_be_bytes());
            bytes.extend_from_slice(part.blocks.as_flattened());
        }
        let digest = sha256(&[&bytes]);
        bytes.extend_from_slice(&digest);
        bytes
    }

    /// The index of segment `number`, when it is there, whole, and fits the two ends of the segment.
    pub(super) fn load(dir: &Path, number: u64) -> Option<Self> {
        let file = File::open(segment::index_path(dir, number)).ok()?;
        let index = Self::read(&file).ok()??;
        let fits = index.ends.header.number == number && index.fits(&segment::path(dir, number));
        fits.then_some(index)
    }

    fn read(file: &File) -> io::Result<Option<Self>> {
        let file_bytes = file.metadata()?.len();
        // Most heads are shorter; the first read tells how long this one is.
        let mut bytes = vec![0; file_bytes.min(16 * 1024) as usize];
        file.read_exact_at(&mut bytes, 0)?;
        loop {
            match parse(&bytes) {
                Parsed::Whole(index) if index.bytes() == Some(file_bytes) => {
                    return Ok(Some(index));
                }
                Parsed::Longer if (bytes.len() as u64) < file_bytes => {
                    let longer = (bytes.len() as u64 * 4).min(file_bytes);
                    bytes.resize(longer as usize, 0);
                    file.read_exact_at(&mut bytes, 0)?;
                }
                Parsed::Whole(_) | Parsed::Longer | Parsed::Wrong => return Ok(None),
            }
        }
    }

    /// Length of the whole index.
    fn bytes(&self) -> Option<u64> {
        let last = self.trees.last()?;
        last.rows_at
            .checked_add(last.leaves.checked_mul(ROW_BYTES)?)
    }

    /// Whether the segment has this length, this header, and this last frame.
    fn fits(&self, segment: &Path) -> bool {
        let ends = self.ends;
        let Some(frame_bytes) = ends.end.checked_sub(ends.last_frame) else {
            return false;
        };
        let read = || -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
            let file = File::open(segment)?;
            if file.metadata()?.len() != ends.file_bytes || ends.end > ends.file_bytes {
                return Ok(None);
            }
            let (mut header, mut frame) = (vec![0; HEADER_BYTES], vec![0; frame_bytes as usize]);
            file.read_exact_at(&mut header, 0)?;
            file.read_exact_at(&mut frame, ends.last_frame)?;
            Ok(Some((header, frame)))
        };
        read().ok().flatten().is_some_and(|(header, frame)| {
            Header::read(&header) == Some(ends.header)
                && Frame::read(&frame).is_some_and(|frame| frame.bytes as u64 == frame_bytes)
        })
    }
}

/// Not synced: a crash leaves it whole, or it is made again.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = file.with_extension("idx.new");
    fs::write(&unfinished, bytes)?;
    fs::rename(unfinished, file)
}

enum Parsed {
    Whole(Index),
    /// The head does not end in these bytes.
    Longer,
    Wrong,
}

fn parse(bytes: &[u8]) -> Parsed {
    if bytes.get(..INDEX_MAGIC.len()) != Some(&INDEX_MAGIC) {
        return Parsed::Wrong;
    }
    let mut rest = bytes;
    let Some(mut index) = parse_head(&mut rest) else {
        return Parsed::Longer;
    };
    let covered = bytes.len() - rest.len();
    let Some(digest) = take::<DIGEST_BYTES>(&mut rest) else {
        return Parsed::Longer;
    };
    let right = bytes.get(..covered).map(|head| sha256(&[head])) == Some(digest);
    let mut rows_at = (covered + DIGEST_BYTES) as u64;
    for part in &mut index.trees {
        part.rows_at = rows_at;
        rows_at = rows_at.saturating_add(part.leaves.saturating_mul(ROW_BYTES));
    }
    if right {
        Parsed::Whole(index)
    } else {
        Parsed::Wrong
    }
}

fn parse_head(rest: &mut &[u8]) -> Option<Index> {
    take::<8>(rest)?;
    let version = u32::from_be_bytes(take(rest)?);
    let number = u64::from_be_bytes(take(rest)?);
    let first_sequence = u64::from_be_bytes(take(rest)?);
    let last_frame = u64::from_be_bytes(take(rest)?);
    let end = u64::from_be_bytes(take(rest)?);
    let file_bytes = u64::from_be_bytes(take(rest)?);
    let link = take(rest)?;
    let chain = take(rest)?;
    let count = u32::from_be_bytes(take(rest)?);
    let mut trees = Vec::new();
    for _ in 0..count {
        trees.push(parse_part(rest)?);
    }
    (version == VERSION).then_some(Index {
        ends: Ends {
            header: Header {
                number,
                first_sequence,
                link,
            },
            last_frame,
            end,
            file_bytes,
            chain,
        },
        trees,
    })
}

fn parse_part(rest: &mut &[u8]) -> Option<Part> {
    let tree = TreeId {
        owner: Owner::from_bytes(take(rest)?).ok()?,
        fiscal_year: u16::from_be_bytes(take(rest)?),
    };
    let first_leaf = u64::from_be_bytes(take(rest)?);
    let leaves = u64::from_be_bytes(take(rest)?);
    let count = u32::from_be_bytes(take(rest)?) as usize;
    let (blocks, after) = rest.split_at_checked(count.checked_mul(DIGEST_BYTES)?)?;
    *rest = after;
    Some(Part {
        tree,
        first_leaf,
        leaves,
        blocks: blocks.as_chunks::<DIGEST_BYTES>().0.to_vec(),
        rows_at: 0,
    })
}
