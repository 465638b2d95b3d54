//! Merkle trees with inclusion and consistency proofs. Source: RFC 6962 §2.1, RFC 9162 §2.1.

use std::collections::BTreeMap;

use crate::crypto::digest::{DIGEST_BYTES, sha256};

/// A SHA-256 hash: of a leaf, of a node, or a root.
pub type Hash = [u8; DIGEST_BYTES];

/// Leaves of a block: the level from which nodes are kept. Below it they are hashed again when a proof needs them, from leaves
/// that are in memory or lent from the disk. It is also the width of a tile (c2sp.org/tlog-tiles).
pub const BLOCK_LEAVES: u64 = 1 << BLOCK_LEVEL;

const BLOCK_LEVEL: u32 = 8;

/// The hash of a leaf. Source: RFC 6962 §2.1.
pub fn hash_leaf(data: &[u8]) -> Hash {
    sha256(&[&[0], data])
}

/// The hash of an inner node. Source: RFC 6962 §2.1.
pub fn hash_children(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// An append-only tree. Nodes over whole blocks are in memory, and the leaves that were not released.
#[derive(Debug, Default)]
pub struct Tree {
    size: u64,
    /// Leaves before this one were released. A multiple of [`BLOCK_LEAVES`].
    released: u64,
    /// The leaves from `released` on; fewer than there are between [`Tree::adopt`] and [`Tree::fill`].
    leaves: Vec<Hash>,
    /// `stored[k][i]` covers the `2^(BLOCK_LEVEL + k)` leaves from `i * 2^(BLOCK_LEVEL + k)`; complete nodes only.
    stored: Vec<Vec<Hash>>,
}

/// Leaves of released blocks, by the number of their block.
pub type Lent = BTreeMap<u64, Vec<Hash>>;

/// A tree and what was lent for a question about it.
#[derive(Debug, Clone, Copy)]
pub struct TreeView<'a> {
    tree: &'a Tree,
    lent: &'a Lent,
}

static NOTHING_LENT: Lent = Lent::new();

impl Tree {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Number of leaves at the beginning that are not in memory; whole blocks.
    pub fn released(&self) -> u64 {
        self.released
    }

    /// The tree with what it has in memory.
    pub fn view(&self) -> TreeView<'_> {
        self.lend(&NOTHING_LENT)
    }

    /// The tree with released blocks that a question needs.
    pub fn lend<'a>(&'a self, lent: &'a Lent) -> TreeView<'a> {
        TreeView { tree: self, lent }
    }

    /// The hash of the leaf at `index`; none when it was released or is not there.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        let at = index.checked_sub(self.released)?;
        self.leaves.get(usize::try_from(at).ok()?).copied()
    }

    /// The hash over the whole block `number`.
    pub fn block(&self, number: u64) -> Option<Hash> {
        let blocks = self.stored.first()?;
        blocks.get(usize::try_from(number).ok()?).copied()
    }

    /// Appends a leaf by its hash. False, and nothing is appended, while leaves are missing that [`Tree::fill`] must bring.
    pub fn push(&mut self, leaf: Hash) -> bool {
        if !self.missing().is_empty() {
            return false;
        }
        self.leaves.push(leaf);
        self.size += 1;
        if self.size.is_multiple_of(BLOCK_LEAVES) {
            let number = self.size / BLOCK_LEAVES - 1;
            let block = self.view().node(BLOCK_LEVEL, number);
            block.into_iter().for_each(|block| self.store(block));
        }
        true
    }

    /// Appends `count` leaves by the `blocks` that they complete, and releases all whole blocks. False, and nothing is
    /// appended, when these are not as many.
    pub fn adopt(&mut self, count: u64, blocks: &[Hash]) -> bool {
        let Some(size) = self.size.checked_add(count) else {
            return false;
        };
        let completed = size / BLOCK_LEAVES - self.size / BLOCK_LEAVES;
        if blocks.len() as u64 != completed {
            return false;
        }
        blocks.iter().for_each(|block| self.store(*block));
        self.size = size;
        self.released = size - size % BLOCK_LEAVES;
        self.leaves.clear();
        true
    }

    /// The leaves that are neither in memory nor released.
    pub fn missing(&self) -> std::ops::Range<u64> {
        self.released + self.leaves.len() as u64..self.size
    }

    /// Brings the leaves that are [`missing`](Self::missing); others are not taken.
    pub fn fill(&mut self, leaves: Vec<Hash>) {
        if self.leaves.is_empty() && leaves.len() as u64 == self.size - self.released {
            self.leaves = leaves;
        }
    }

    /// Forgets the leaves of the whole blocks before `index`; returns how many leaves these were.
    pub fn release(&mut self, index: u64) -> usize {
        let until = index.min(self.size) / BLOCK_LEAVES * BLOCK_LEAVES;
        let gone = usize::try_from(until.saturating_sub(self.released)).unwrap_or(0);
        if gone == 0 || gone > self.leaves.len() {
            return 0;
        }
        self.leaves = self.leaves.split_off(gone);
        self.released = until;
        gone
    }

    /// Keeps the next whole block, and each node that it completes.
    fn store(&mut self, block: Hash) {
        let mut node = block;
        for row in 0.. {
            if self.stored.len() == row {
                self.stored.push(Vec::new());
            }
            let Some(nodes) = self.stored.get_mut(row) else {
                return;
            };
            let left = nodes.last().copied();
            nodes.push(node);
            match left {
                Some(left) if nodes.len().is_multiple_of(2) => node = hash_children(&left, &node),
                Some(_) | None => return,
            }
        }
    }
}

impl TreeView<'_> {
    /// The root over the first `size` leaves; none when the tree is smaller.
    pub fn root(&self, size: u64) -> Option<Hash> {
        if size > self.tree.size {
            return None;
        }
        if size == 0 {
            return Some(sha256(&[]));
        }
        self.range(0, size)
    }

    /// Proves that leaf `index` is in the tree of the first `size` leaves. Source: RFC 9162 §2.1.3.1.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        if index >= size || size > self.tree.size {
            return None;
        }
        let (mut start, mut length) = (0, size);
        let mut proof = Vec::new();
        while length > 1 {
            let left = split(length);
            if index - start < left {
                proof.push(self.range(start + left, length - left)?);
                length = left;
            } else {
                proof.push(self.range(start, left)?);
                start += left;
                length -= left;
            }
        }
        proof.reverse();
        Some(proof)
    }

    /// Proves that the tree of `new` leaves extends the one of `old` leaves. Source: RFC 9162 §2.1.4.1.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        if old > new || new > self.tree.size {
            return None;
        }
        let mut proof = Vec::new();
        if old == 0 || old == new {
            return Some(proof);
        }
        let (mut start, mut length, mut whole) = (0, new, true);
        while old - start < length {
            let left = split(length);
            if old - start <= left {
                proof.push(self.range(start + left, length - left)?);
                length = left;
            } else {
                proof.push(self.range(start, left)?);
                start += left;
                length -= left;
                whole = false;
            }
        }
        if !whole {
            proof.push(self.range(start, length)?);
        }
        proof.reverse();
        Some(proof)
    }

    /// The hash over `length` leaves from `start`, where `start` is a multiple of the next power of two from `length`.
    fn range(&self, start: u64, length: u64) -> Option<Hash> {
        if length.is_power_of_two() {
            let level = length.trailing_zeros();
            return self.node(level, start >> level);
        }
        let left = split(length);
        Some(hash_children(
            &self.range(start, left)?,
            &self.range(start + left, length - left)?,
        ))
    }

    /// The hash over the whole subtree of `2^height` leaves that begins at leaf `index * 2^height`.
    pub fn subtree(&self, height: u32, index: u64) -> Option<Hash> {
        self.node(height, index)
    }

    fn leaf(&self, index: u64) -> Option<Hash> {
        self.tree.leaf(index).or_else(|| {
            let block = self.lent.get(&(index / BLOCK_LEAVES))?;
            let at = usize::try_from(index % BLOCK_LEAVES).ok()?;
            block.get(at).copied()
        })
    }

    fn node(&self, level: u32, index: u64) -> Option<Hash> {
        if level == 0 {
            return self.leaf(index);
        }
        let known = level
            .checked_sub(BLOCK_LEVEL)
            .and_then(|row| self.tree.stored.get(row as usize))
            .and_then(|nodes| nodes.get(usize::try_from(index).ok()?));
        if let Some(hash) = known {
            return Some(*hash);
        }
        Some(hash_children(
            &self.node(level - 1, 2 * index)?,
            &self.node(level - 1, 2 * index + 1)?,
        ))
    }
}

/// The hash over a whole block; none when these are not as many leaves.
pub fn hash_block(leaves: &[Hash]) -> Option<Hash> {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        let pairs = level.as_chunks::<2>().0.iter();
        level = pairs
            .map(|[left, right]| hash_children(left, right))
            .collect();
    }
    level.pop().filter(|_| leaves.len() as u64 == BLOCK_LEAVES)
}

/// The largest power of two smaller than `length`, for `length` > 1.
fn split(length: u64) -> u64 {
    1 << (u64::BITS - 1 - (length - 1).leading_zeros())
}

/// Checks that `leaf` stands at `index` in the tree of `size` leaves with `root`. Source: RFC 9162 §2.1.3.2.
///
/// # Errors
/// [`BadProof`] when the proof does not lead to the root.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), BadProof> {
    if root_from_path(leaf, index, size, proof)? == *root {
        Ok(())
    } else {
        Err(BadProof)
    }
}

/// The root of the tree of `size` leaves in which `proof` puts `leaf` at `index`. Source: RFC 9162 §2.1.3.2.
///
/// # Errors
/// [`BadProof`] when the proof has not the length that such a place needs.
pub fn root_from_path(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
) -> Result<Hash, BadProof> {
    if index >= size {
        return Err(BadProof);
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for step in proof {
        if last == 0 {
            return Err(BadProof);
        }
        if node & 1 == 1 || node == last {
            hash = hash_children(step, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = hash_children(&hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(hash) } else { Err(BadProof) }
}

/// Checks that the tree of `new` leaves with `new_root` extends the one of `old` leaves. Source: RFC 9162 §2.1.4.2.
///
/// # Errors
/// [`BadProof`] when the proof does not lead to both roots.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), BadProof> {
    if old == new {
        return accept(proof.is_empty() && old_root == new_root);
    }
    if old == 0 {
        return accept(proof.is_empty() && *old_root == sha256(&[]));
    }
    if old > new {
        return Err(BadProof);
    }
    let (first, rest) = if old.is_power_of_two() {
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(BadProof)?;
        (*first, rest)
    };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (first, first);
    for step in rest {
        if last == 0 {
            return Err(BadProof);
        }
        if node & 1 == 1 || node == last {
            old_hash = hash_children(step, &old_hash);
            new_hash = hash_children(step, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = hash_children(&new_hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    accept(last == 0 && !proof.is_empty() && old_hash == *old_root && new_hash == *new_root)
}

fn accept(good: bool) -> Result<(), BadProof> {
    if good { Ok(()) } else { Err(BadProof) }
}

/// The proof does not lead to the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root")]
pub struct BadProof;

#[cfg(test)]
mod tests;
