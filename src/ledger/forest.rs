//! The trees, and where each entry is on disk. In memory: the nodes over whole blocks, and 40 bytes for each entry that no index
//! holds yet.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    blocks::{Block, BlockPlace, Rows},
    entry::TreeId,
    fault::LedgerFault,
    index::Index,
    merkle::{BLOCK_LEAVES, Hash, Lent, Tree, TreeView},
    pace::Pace,
    segment::{self, Depth, Leaf},
};

/// What is durable, in memory.
#[derive(Debug, Default)]
pub(super) struct Forest {
    trees: BTreeMap<TreeId, Grown>,
    /// Number of entries in the whole ledger.
    pub(super) sequence: u64,
    /// The first sequence of each segment, in order; segment numbers begin at 1.
    pub(super) segment_starts: Vec<u64>,
    /// How many segments at the beginning have an index that is relied on.
    indexed: u64,
}

#[derive(Debug, Default)]
struct Grown {
    merkle: Tree,
    /// Of the leaves that are in memory.
    places: Vec<Place>,
    /// Where the rows of the leaves before are, in order.
    rows: Vec<Rows>,
}

/// Where an entry is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    segment: u32,
    offset: u32,
}

impl Place {
    pub(super) fn new(segment: u64, offset: u64) -> Result<Self, OutOfOrder> {
        Ok(Self {
            segment: u32::try_from(segment).map_err(|_| OutOfOrder)?,
            offset: u32::try_from(offset).map_err(|_| OutOfOrder)?,
        })
    }

    pub(super) fn segment(self) -> u64 {
        u64::from(self.segment)
    }

    pub(super) fn offset(self) -> u64 {
        u64::from(self.offset)
    }
}

/// Where a leaf can be looked up.
pub(super) enum Found {
    /// Here.
    Here(Place, Hash),
    /// In this block on disk.
    Block(BlockPlace),
}

impl Forest {
    /// Adds the next leaf, found in `segment`.
    pub(super) fn push(&mut self, leaf: &Leaf, segment: u64) -> Result<(), OutOfOrder> {
        let place = Place::new(segment, leaf.offset)?;
        let grown = self.trees.entry(leaf.at.tree).or_default();
        if leaf.at.sequence != self.sequence
            || leaf.at.index != grown.merkle.size()
            || !grown.merkle.push(leaf.hash)
        {
            return Err(OutOfOrder);
        }
        grown.places.push(place);
        self.sequence += 1;
        Ok(())
    }

    /// Adds a whole segment by its index. What it leaves of blocks that it begins must be [filled](Self::fill) before more is added.
    pub(super) fn adopt(&mut self, index: &Index) -> Result<(), OutOfOrder> {
        if self.sequence != index.ends.header.first_sequence
            || self.indexed + 1 != index.ends.header.number
        {
            return Err(OutOfOrder);
        }
        for part in &index.trees {
            let grown = self.trees.entry(part.tree).or_default();
            if part.first_leaf != grown.merkle.size()
                || !grown.merkle.adopt(part.leaves, &part.blocks)
            {
                return Err(OutOfOrder);
            }
            grown.places.clear();
            grown.rows.push(Rows::of(index.ends.header.number, part)?);
            self.sequence += part.leaves;
        }
        self.indexed += 1;
        Ok(())
    }

    /// Reads the leaves behind the last whole block of each tree that was added by indexes.
    pub(super) fn fill(&mut self, dir: &Path) -> Result<(), LedgerFault> {
        for (tree, grown) in &mut self.trees {
            let missing = grown.merkle.missing();
            if missing.is_empty() {
                continue;
            }
            let place = BlockPlace::of(*tree, missing, &grown.rows, None);
            let block = place.read(dir).ok_or_else(|| place.damaged(dir))?;
            grown.places = block.places();
            grown.merkle.fill(block.hashes());
        }
        Ok(())
    }

    /// Forgets the leaves that the index of the next segment holds; keeps them when an index before it is missing.
    pub(super) fn release(&mut self, index: &Index) {
        let number = index.ends.header.number;
        if self.indexed + 1 != number {
            return;
        }
        for part in &index.trees {
            let Some(grown) = self.trees.get_mut(&part.tree) else {
                return;
            };
            let Ok(rows) = Rows::of(number, part) else {
                return;
            };
            grown.rows.push(rows);
            let gone = grown.merkle.release(part.end_leaf());
            grown.places = grown.places.split_off(gone.min(grown.places.len()));
        }
        self.indexed += 1;
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

    /// The hashes over whole blocks of a tree; none when one of them is not whole.
    pub(super) fn blocks(&self, tree: TreeId, wanted: Range<u64>) -> Option<Vec<Hash>> {
        let merkle = &self.trees.get(&tree)?.merkle;
        wanted.map(|number| merkle.block(number)).collect()
    }

    /// Asks the Merkle tree for something that is there only when it reaches `size`, with what was lent of it.
    pub(super) fn ask<T>(
        &self,
        (tree, size): (TreeId, u64),
        lent: &Lent,
        question: impl FnOnce(TreeView<'_>) -> Option<T>,
    ) -> Result<T, LedgerFault> {
        self.trees
            .get(&tree)
            .and_then(|grown| question(grown.merkle.lend(lent)))
            .ok_or(LedgerFault::NotThere { tree, size })
    }

    /// The root over the first `size` entries of a tree, whose last block is in memory.
    pub(super) fn whole_root(&self, tree: TreeId, size: u64) -> Result<Hash, LedgerFault> {
        self.ask((tree, size), &Lent::new(), |merkle| merkle.root(size))
    }

    /// The root over the first `size` entries of a tree, in memory or not.
    pub(super) fn root(&self, dir: &Path, tree: TreeId, size: u64) -> Result<Hash, LedgerFault> {
        let mut lent = Lent::new();
        for place in self.to_lend(tree, &[size], &lent) {
            let block = place.read(dir).ok_or_else(|| place.damaged(dir))?;
            lent.insert(place.number(), block.hashes());
        }
        self.ask((tree, size), &lent, |merkle| merkle.root(size))
    }

    /// The released blocks with these leaves that were not lent yet.
    fn to_lend(&self, tree: TreeId, leaves: &[u64], lent: &Lent) -> Vec<BlockPlace> {
        let places = leaves
            .iter()
            .filter_map(|leaf| match self.find(tree, *leaf) {
                Ok(Found::Block(place)) => Some(place),
                Ok(Found::Here(..)) | Err(_) => None,
            });
        places
            .filter(|place| !lent.contains_key(&place.number()))
            .collect()
    }

    /// Where the entry is, and its leaf hash.
    pub(super) fn find(&self, tree: TreeId, index: u64) -> Result<Found, LedgerFault> {
        let find = || {
            let grown = self.trees.get(&tree)?;
            if let Some(hash) = grown.merkle.leaf(index) {
                let at = index - grown.merkle.released();
                let place = grown.places.get(usize::try_from(at).ok()?)?;
                return Some(Found::Here(*place, hash));
            }
            let number = index / BLOCK_LEAVES;
            let leaves = number * BLOCK_LEAVES..(number + 1) * BLOCK_LEAVES;
            let hash = Some(grown.merkle.block(number)?);
            let place = BlockPlace::of(tree, leaves, &grown.rows, hash);
            Some(Found::Block(place))
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
    pub(super) pace: Arc<Pace>,
}

impl Shared {
    pub(super) fn new(dir: PathBuf, forest: Forest) -> Self {
        Self {
            dir,
            forest: RwLock::new(forest),
            writable: AtomicBool::new(true),
            pace: Arc::default(),
        }
    }

    // The forest stays whole when a holder of the lock panics: nobody leaves it half-changed.
    pub(super) fn forest(&self) -> RwLockReadGuard<'_, Forest> {
        self.forest.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forest_mut(&self) -> RwLockWriteGuard<'_, Forest> {
        self.forest.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Forest::ask`], with the blocks of these leaves lent from the disk, which is read while nothing is locked.
    pub(super) fn ask<T>(
        &self,
        (tree, size): (TreeId, u64),
        leaves: &[u64],
        question: impl FnOnce(TreeView<'_>) -> Option<T>,
    ) -> Result<T, LedgerFault> {
        let mut lent = Lent::new();
        loop {
            let places = {
                let forest = self.forest();
                let places = forest.to_lend(tree, leaves, &lent);
                if places.is_empty() {
                    return forest.ask((tree, size), &lent, question);
                }
                places
            };
            for place in places {
                lent.insert(place.number(), self.block(&place)?.hashes());
            }
        }
    }

    /// Reads a block from its indexes, or from its segments, whose indexes are then made again.
    ///
    /// # Errors
    /// When a segment cannot be read or is damaged.
    pub(super) fn block(&self, place: &BlockPlace) -> Result<Block, LedgerFault> {
        match place.read(&self.dir) {
            Some(block) => Ok(block),
            None => self.block_anew(place),
        }
    }

    /// Reads a block from its segments, and makes their indexes again.
    ///
    /// # Errors
    /// When a segment cannot be read or is damaged.
    pub(super) fn block_anew(&self, place: &BlockPlace) -> Result<Block, LedgerFault> {
        let block = place.read_segments(&self.dir)?;
        for number in place.segments() {
            let path = segment::path(&self.dir, number);
            let summary = segment::summarize(&path, number, Depth::Checksum)?;
            let made = Index::put(&self.dir, summary.ends, &summary.leaves, |tree, of| {
                self.forest().blocks(tree, of)
            });
            let written = made.is_some();
            tracing::warn!(segment = %path.display(), written, "a segment's index was not right and is made again");
        }
        Ok(block)
    }

    pub(super) fn is_writable(&self) -> bool {
        self.writable.load(Ordering::Acquire)
    }

    pub(super) fn stop_writing(&self) {
        self.writable.store(false, Ordering::Release);
    }
}
