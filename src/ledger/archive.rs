//! A ledger's directory read for whoever takes something out of it: evidence or tiles. Changes nothing.

use std::path::Path;

use super::{
    checkpoint::Checkpoint,
    entry::{StoredEntry, TreeId},
    fault::LedgerFault,
    forest::Shared,
    keys::PublicKeys,
    merkle::Hash,
    open,
    reading::Reader,
    recover::{Progress, Recovered},
    segment::Depth,
    signed,
};

/// A ledger as it lies in its directory, stopped or running, verified down to every leaf.
#[derive(Debug)]
pub struct Archive {
    shared: Shared,
    checkpoints: Vec<Checkpoint>,
    keys: PublicKeys,
}

impl Archive {
    /// Reads and verifies the ledger in `dir` against the keys that lie in it.
    ///
    /// # Errors
    /// As [`super::verify::verify`].
    pub fn read(dir: &Path, progress: impl FnMut(Progress)) -> Result<Self, LedgerFault> {
        let keys = PublicKeys::load(&open::keys_path(dir))?.unwrap_or_default();
        // Before the segments: a running ledger signs only what they already hold.
        let checkpoints = signed::load(dir, &keys)?;
        let recovered = Recovered::read(dir, Depth::LeafHash, progress)?;
        recovered.reaches(dir, &checkpoints)?;
        Ok(Self {
            shared: Shared::new(dir.to_path_buf(), recovered.forest),
            checkpoints,
            keys,
        })
    }

    /// The last signed checkpoint of each tree, in order. Only what they cover can be proven.
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// The owners' public keys as they lie in the directory.
    pub fn public_keys(&self) -> &PublicKeys {
        &self.keys
    }

    /// Entries of `tree` behind its last signed checkpoint.
    pub fn unsigned(&self, tree: TreeId) -> u64 {
        let signed = self.checkpoints.iter().find(|head| head.tree == tree);
        let size = self.shared.forest().size(tree);
        size.saturating_sub(signed.map_or(0, |head| head.size))
    }

    /// Reads the entries that `head` covers and that were not destroyed, in order.
    pub(super) fn entries(
        &self,
        head: &Checkpoint,
    ) -> impl Iterator<Item = Result<StoredEntry, LedgerFault>> + use<'_> {
        let mut reader = Reader::new(&self.shared);
        let tree = head.tree;
        let read = (0..head.size).map(move |index| reader.read(tree, index));
        read.filter(|read| !matches!(read, Err(LedgerFault::Destroyed(_))))
    }

    /// Reads what the leaves hold that `head` covers, in order.
    pub(super) fn commitments(
        &self,
        head: &Checkpoint,
    ) -> impl Iterator<Item = Result<Hash, LedgerFault>> + use<'_> {
        let mut reader = Reader::new(&self.shared);
        let tree = head.tree;
        (0..head.size).map(move |index| reader.commitment(tree, index))
    }

    pub(super) fn inclusion_proof(
        &self,
        head: &Checkpoint,
        index: u64,
    ) -> Result<Vec<Hash>, LedgerFault> {
        let leaves = [index, head.size];
        self.shared.ask((head.tree, head.size), &leaves, |merkle| {
            merkle.inclusion_proof(index, head.size)
        })
    }

    /// The hashes over `count` whole subtrees of `2^height` leaves each, from the subtree `first` on.
    pub(super) fn subtrees(
        &self,
        tree: TreeId,
        height: u32,
        wanted: std::ops::Range<u64>,
    ) -> Result<Vec<Hash>, LedgerFault> {
        let end = wanted.end << height;
        self.shared.ask((tree, end), &[], |merkle| {
            wanted.map(|at| merkle.subtree(height, at)).collect()
        })
    }
}
