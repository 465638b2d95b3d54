//! The trees in memory, and where each entry is on disk: 44 bytes for each entry.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    entry::TreeId,
    fault::LedgerFault,
    merkle::{Hash, Tree},
    segment::Leaf,
};

/// What is durable, in memory.
#[derive(Debug, Default)]
pub(super) struct Forest {
    trees: BTreeMap<TreeId, Grown>,
    /// Number of entries in the whole ledger.
    pub(super) sequence: u64,
    /// The first sequence of each segment, in order; segment numbers begin at 1.
    pub(super) segment_starts: Vec<u64>,
}

#[derive(Debug, Default)]
struct Grown {
    merkle: Tree,
    places: Vec<Place>,
}

/// Where an entry is on disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    segment: u32,
    offset: u32,
}

impl Place {
    pub(super) fn segment(self) -> u64 {
        u64::from(self.segment)
    }

    pub(super) fn offset(self) -> u64 {
        u64::from(self.offset)
    }
}

impl Forest {
    /// Adds the next leaf, found in `segment`.
    pub(super) fn push(&mut self, leaf: &Leaf, segment: u64) -> Result<(), OutOfOrder> {
        let place = Place {
            segment: u32::try_from(segment).map_err(|_| OutOfOrder)?,
            offset: u32::try_from(leaf.offset).map_err(|_| OutOfOrder)?,
        };
        let grown = self.trees.entry(leaf.at.tree).or_default();
        if leaf.at.sequence != self.sequence || leaf.at.index != grown.merkle.size() {
            return Err(OutOfOrder);
        }
        grown.merkle.push(leaf.hash);
        grown.places.push(place);
        self.sequence += 1;
        Ok(())
    }

    /// The trees with their sizes, in order.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (TreeId, u64)> {
        self.trees
            .iter()
            .map(|(tree, grown)| (*tree, grown.merkle.size()))
    }

    pub(super) fn size(&self, tree: TreeId) -> u64 {
        self.trees.get(&tree).map_or(0, |grown| grown.merkle.size())
    }

    /// Asks the Merkle tree for something that is there only when it reaches `size`.
    pub(super) fn ask<T>(
        &self,
        tree: TreeId,
        size: u64,
        question: impl FnOnce(&Tree) -> Option<T>,
    ) -> Result<T, LedgerFault> {
        self.trees
            .get(&tree)
            .and_then(|grown| question(&grown.merkle))
            .ok_or(LedgerFault::NotThere { tree, size })
    }

    /// Where the entry is, and its leaf hash.
    pub(super) fn locate(&self, tree: TreeId, index: u64) -> Result<(Place, Hash), LedgerFault> {
        let find = || {
            let grown = self.trees.get(&tree)?;
            let place = grown.places.get(usize::try_from(index).ok()?)?;
            Some((*place, grown.merkle.leaf(index)?))
        };
        find().ok_or(LedgerFault::NotThere { tree, size: index })
    }
}

/// The leaf does not continue its tree or the ledger.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutOfOrder;

/// What the writer and the readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    forest: RwLock<Forest>,
    writable: AtomicBool,
}

impl Shared {
    pub(super) fn new(dir: PathBuf, forest: Forest) -> Self {
        Self {
            dir,
            forest: RwLock::new(forest),
            writable: AtomicBool::new(true),
        }
    }

    // The forest stays whole when a holder of the lock panics: nobody leaves it half-changed.
    pub(super) fn forest(&self) -> RwLockReadGuard<'_, Forest> {
        self.forest.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forest_mut(&self) -> RwLockWriteGuard<'_, Forest> {
        self.forest.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_writable(&self) -> bool {
        self.writable.load(Ordering::Acquire)
    }

    pub(super) fn stop_writing(&self) {
        self.writable.store(false, Ordering::Release);
    }
}
