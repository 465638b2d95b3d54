//! Blocks of leaves that are not in memory: read from the indexes of their segments, and from the segments where an index is not right.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt as _, path::Path};

use super::{
    entry::TreeId,
    fault::{Damage, LedgerFault},
    forest::{OutOfOrder, Place},
    index::{Part, ROW_BYTES},
    merkle::{BLOCK_LEAVES, Hash, hash_block},
    segment::{self, Depth},
};
use crate::crypto::digest::DIGEST_BYTES;

/// Where the rows of one tree stand in the index of one segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    first_leaf: u64,
    leaves: u32,
    segment: u32,
    /// In bytes from the beginning of the index.
    at: u64,
}

impl Rows {
    pub(super) fn of(segment: u64, part: &Part) -> Result<Self, OutOfOrder> {
        Ok(Self {
            first_leaf: part.first_leaf,
            leaves: u32::try_from(part.leaves).map_err(|_| OutOfOrder)?,
            segment: u32::try_from(segment).map_err(|_| OutOfOrder)?,
            at: part.rows_at,
        })
    }

    fn end_leaf(&self) -> u64 {
        self.first_leaf.saturating_add(u64::from(self.leaves))
    }

    /// The part that these leaves have in it.
    fn cut(&self, wanted: &Range<u64>) -> Option<Self> {
        let first_leaf = self.first_leaf.max(wanted.start);
        let end_leaf = self.end_leaf().min(wanted.end);
        let leaves = end_leaf
            .checked_sub(first_leaf)
            .filter(|leaves| *leaves > 0)?;
        Some(Self {
            first_leaf,
            leaves: u32::try_from(leaves).ok()?,
            segment: self.segment,
            at: self.at + (first_leaf - self.first_leaf) * ROW_BYTES,
        })
    }
}

/// Leaves of one block, and where they are to be read.
#[derive(Debug)]
pub(super) struct BlockPlace {
    tree: TreeId,
    leaves: Range<u64>,
    rows: Vec<Rows>,
    /// The hash over the block, when it is whole.
    hash: Option<Hash>,
}

/// Consecutive leaves with their places.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) first_leaf: u64,
    rows: Vec<(Place, Hash)>,
}

impl Block {
    /// Where the entry is, and its leaf hash.
    pub(super) fn row(&self, index: u64) -> Option<(Place, Hash)> {
        let at = index.checked_sub(self.first_leaf)?;
        self.rows.get(usize::try_from(at).ok()?).copied()
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.rows.iter().map(|(place, _)| *place).collect()
    }

    pub(super) fn hashes(&self) -> Vec<Hash> {
        self.rows.iter().map(|(_, hash)| *hash).collect()
    }
}

impl BlockPlace {
    /// Finds these leaves among the rows of their tree.
    pub(super) fn of(tree: TreeId, leaves: Range<u64>, rows: &[Rows], hash: Option<Hash>) -> Self {
        let first = rows.partition_point(|rows| rows.end_leaf() <= leaves.start);
        let rows = rows.get(first..).unwrap_or_default();
        let rows = rows.iter().map_while(|rows| rows.cut(&leaves)).collect();
        Self {
            tree,
            leaves,
            rows,
            hash,
        }
    }

    /// The number of the block.
    pub(super) fn number(&self) -> u64 {
        self.leaves.start / BLOCK_LEAVES
    }

    /// The segments that hold the leaves.
    pub(super) fn segments(&self) -> impl Iterator<Item = u64> + use<'_> {
        self.rows.iter().map(|rows| u64::from(rows.segment))
    }

    /// Reads the leaves from the indexes; none when these are not the ones that were hashed.
    pub(super) fn read(&self, dir: &Path) -> Option<Block> {
        let parts = self.rows.iter().map(|rows| read_rows(dir, rows));
        let parts: io::Result<Vec<_>> = parts.collect();
        self.check(parts.ok()?.concat())
    }

    /// Reads the leaves from the segments themselves.
    ///
    /// # Errors
    /// When a segment cannot be read, or has other leaves too.
    pub(super) fn read_segments(&self, dir: &Path) -> Result<Block, LedgerFault> {
        let mut leaves = Vec::new();
        for rows in &self.rows {
            leaves.append(&mut self.scan(dir, rows)?);
        }
        self.check(leaves).ok_or_else(|| self.damaged(dir))
    }

    fn check(&self, rows: Vec<(Place, Hash)>) -> Option<Block> {
        let hashes: Vec<Hash> = rows.iter().map(|(_, hash)| *hash).collect();
        let whole = rows.len() as u64 == self.leaves.end - self.leaves.start;
        let right = whole && (self.hash.is_none() || hash_block(&hashes) == self.hash);
        right.then_some(Block {
            first_leaf: self.leaves.start,
            rows,
        })
    }

    fn scan(&self, dir: &Path, rows: &Rows) -> Result<Vec<(Place, Hash)>, LedgerFault> {
        let number = u64::from(rows.segment);
        let wanted = rows.first_leaf..rows.end_leaf();
        let summary = segment::summarize(&segment::path(dir, number), number, Depth::Checksum)?;
        let leaves = summary.leaves.iter();
        let leaves =
            leaves.filter(|leaf| leaf.at.tree == self.tree && wanted.contains(&leaf.at.index));
        let places = leaves.map(|leaf| Ok((Place::new(number, leaf.offset)?, leaf.hash)));
        places
            .collect::<Result<_, OutOfOrder>>()
            .map_err(|OutOfOrder| self.damaged(dir))
    }

    /// What is said when neither indexes nor segments have the leaves that were hashed.
    pub(super) fn damaged(&self, dir: &Path) -> LedgerFault {
        let segment = self.rows.first().map_or(1, |rows| u64::from(rows.segment));
        LedgerFault::Damaged {
            file: segment::path(dir, segment),
            offset: 0,
            what: Damage::Leaves {
                tree: self.tree,
                first: self.leaves.start,
            },
        }
    }
}

fn read_rows(dir: &Path, rows: &Rows) -> io::Result<Vec<(Place, Hash)>> {
    let file = File::open(segment::index_path(dir, u64::from(rows.segment)))?;
    let mut bytes = vec![0; (u64::from(rows.leaves) * ROW_BYTES) as usize];
    file.read_exact_at(&mut bytes, rows.at)?;
    let rows_of = bytes.as_chunks::<{ ROW_BYTES as usize }>().0.iter();
    let read = rows_of.filter_map(|row| {
        let (offset, hash) = row.split_first_chunk::<4>()?;
        let offset = u64::from(u32::from_be_bytes(*offset));
        let place = Place::new(u64::from(rows.segment), offset).ok()?;
        Some((place, *hash.first_chunk::<DIGEST_BYTES>()?))
    });
    Ok(read.collect())
}
