//! Merkle trees with inclusion and consistency proofs. Source: RFC 6962 §2.1, RFC 9162 §2.1.

use crate::crypto::digest::{DIGEST_BYTES, sha256};

/// A SHA-256 hash: of a leaf, of a node, or a root.
pub type Hash = [u8; DIGEST_BYTES];

/// Levels between the leaves and this one are not stored but hashed again when a proof needs them: at most eight hashes for
/// each node, for little more than half of the memory.
const STORED_LEVEL: u32 = 4;

/// The hash of a leaf. Source: RFC 6962 §2.1.
pub fn hash_leaf(data: &[u8]) -> Hash {
    sha256(&[&[0], data])
}

/// The hash of an inner node. Source: RFC 6962 §2.1.
pub fn hash_children(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// An append-only tree held in memory: 36 bytes for each leaf.
#[derive(Debug, Default)]
pub struct Tree {
    leaves: Vec<Hash>,
    /// `stored[k][i]` covers the `2^(STORED_LEVEL + k)` leaves from `i * 2^(STORED_LEVEL + k)`; complete nodes only.
    stored: Vec<Vec<Hash>>,
}

impl Tree {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The hash of the leaf at `index`.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        self.leaves.get(usize::try_from(index).ok()?).copied()
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.leaves.push(leaf);
        let size = self.size();
        let mut level = STORED_LEVEL;
        while size.is_multiple_of(1 << level) {
            let Some(node) = self.node(level, (size >> level) - 1) else {
                return;
            };
            let row = (level - STORED_LEVEL) as usize;
            match self.stored.get_mut(row) {
                Some(nodes) => nodes.push(node),
                None => self.stored.push(vec![node]),
            }
            level += 1;
        }
    }

    /// The root over the first `size` leaves; none when the tree is smaller.
    pub fn root(&self, size: u64) -> Option<Hash> {
        if size > self.size() {
            return None;
        }
        if size == 0 {
            return Some(sha256(&[]));
        }
        self.range(0, size)
    }

    /// Proves that leaf `index` is in the tree of the first `size` leaves. Source: RFC 9162 §2.1.3.1.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        if index >= size || size > self.size() {
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
        if old > new || new > self.size() {
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

    fn node(&self, level: u32, index: u64) -> Option<Hash> {
        if level == 0 {
            return self.leaf(index);
        }
        let known = level
            .checked_sub(STORED_LEVEL)
            .and_then(|row| self.stored.get(row as usize))
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
    if last == 0 && hash == *root {
        Ok(())
    } else {
        Err(BadProof)
    }
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
