//! What a reader sees: the rows that are only in the log so far, above the rows of the tree.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU64;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::fault::StoreFault;
use super::tree::{Rows, Tree};

/// Rows to set or to remove, in key order.
pub(super) type Layer = BTreeMap<Vec<u8>, Held>;

/// What a layer has under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// The row; nothing where it is removed.
    pub(super) row: Option<Vec<u8>>,
    /// Whether there may be a row below the layer. Where there is none, a removal needs no place in it.
    pub(super) hides: bool,
}

impl Held {
    /// What is under a key of which nobody knows what is below.
    pub(super) fn over_anything(row: Option<Vec<u8>>) -> Self {
        Self { row, hides: true }
    }
}

/// The tree and two layers above it.
pub(super) struct Layers {
    recent: RwLock<Recent>,
    absent: Absent,
}

/// The tree and the two layers above it as they are at one moment.
#[derive(Clone)]
pub(super) struct Recent {
    tree: Arc<Tree>,
    /// What is being folded into the tree.
    folding: Arc<Layer>,
    /// What came after that.
    fresh: Layer,
    /// How many layers have been set apart: until the next is, no row comes into the tree that is not in a layer.
    generation: u64,
}

/// How many keys are remembered as absent from the tree.
const ABSENT_MAX: usize = 4096;

/// Keys that were not in the tree when they were last looked for there: who makes a row looks first, more than once, and a walk
/// down the tree costs more than the rest of it. They are remembered by a hash of 64 bits under a key of this process.
struct Absent {
    names: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Absent {
    fn new() -> Self {
        Self {
            names: (0..ABSENT_MAX).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// What a key is remembered by while no other layer is set apart.
    fn name(&self, generation: u64, physical_key: &[u8]) -> NonZeroU64 {
        let name = self.hasher.hash_one((generation, physical_key));
        NonZeroU64::new(name).unwrap_or(NonZeroU64::MIN)
    }

    fn has(&self, name: NonZeroU64) -> bool {
        self.place(name)
            .is_some_and(|place| place.load(Ordering::Relaxed) == name.get())
    }

    fn note(&self, name: NonZeroU64) {
        if let Some(place) = self.place(name) {
            place.store(name.get(), Ordering::Relaxed);
        }
    }

    fn place(&self, name: NonZeroU64) -> Option<&AtomicU64> {
        self.names.get(name.get() as usize % ABSENT_MAX)
    }
}

impl Layers {
    pub(super) fn new(tree: Tree) -> Self {
        Self {
            recent: RwLock::new(Recent {
                tree: Arc::new(tree),
                folding: Arc::default(),
                fresh: Layer::new(),
                generation: 0,
            }),
            absent: Absent::new(),
        }
    }

    pub(super) fn tree(&self) -> Arc<Tree> {
        Arc::clone(&self.recent().tree)
    }

    /// The tree's file.
    pub(super) fn path(&self) -> PathBuf {
        self.recent().tree.path().to_path_buf()
    }

    pub(super) fn row(&self, physical_key: &[u8]) -> Result<Option<Vec<u8>>, StoreFault> {
        let (tree, name) = {
            let recent = self.recent();
            let fresh = recent.fresh.get(physical_key);
            if let Some(held) = fresh.or_else(|| recent.folding.get(physical_key)) {
                return Ok(held.row.clone());
            }
            let name = self.absent.name(recent.generation, physical_key);
            if self.absent.has(name) {
                return Ok(None);
            }
            (Arc::clone(&recent.tree), name)
        };
        let row = tree.row(physical_key)?;
        if row.is_none() {
            self.absent.note(name);
        }
        Ok(row)
    }

    /// Up to `limit` rows whose physical key begins with `prefix`, after `after`, in key order.
    pub(super) fn rows(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Rows, StoreFault> {
        // Held over the reads of the tree: a layer that has been folded meanwhile would be missed in both.
        self.recent().rows(prefix, after, limit)
    }

    /// The tree and both layers as they are now.
    pub(super) fn copy_recent(&self) -> Recent {
        self.recent().clone()
    }

    /// Puts changes above everything there is. Each says whether there may be a row under its key now.
    pub(super) fn add(&self, changes: impl IntoIterator<Item = (Vec<u8>, Held)>) {
        let mut recent = self.recent_mut();
        for (key, held) in changes {
            put(&mut recent.fresh, key, held);
        }
    }

    /// Puts another tree in the place of the one there is, which it returns. Above it there is `fresh` and nothing else.
    pub(super) fn replace_tree(&self, tree: Tree, fresh: Layer) -> Arc<Tree> {
        let mut recent = self.recent_mut();
        recent.folding = Arc::default();
        recent.fresh = fresh;
        recent.generation += 1;
        std::mem::replace(&mut recent.tree, Arc::new(tree))
    }

    /// Sets the fresh layer apart, to be folded into the tree. Only when the one before has been.
    pub(super) fn set_apart(&self) -> Arc<Layer> {
        let mut recent = self.recent_mut();
        recent.folding = Arc::new(std::mem::take(&mut recent.fresh));
        recent.generation += 1;
        Arc::clone(&recent.folding)
    }

    /// Lets go of the layer that was set apart: it is in the tree, durably.
    pub(super) fn folded(&self) {
        self.recent_mut().folding = Arc::default();
    }

    // A layer stays whole when a holder of the lock panics: nobody leaves it half-changed.
    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent_mut(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prefix, exclusive beginning, inclusive end.
type Range<'a> = (&'a [u8], Option<&'a [u8]>, Option<&'a [u8]>);

/// A row that came and goes within the fresh layer leaves nothing behind that would have to be folded.
fn put(fresh: &mut Layer, key: Vec<u8>, held: Held) {
    match fresh.entry(key) {
        Entry::Vacant(place) => {
            if held.row.is_some() || held.hides {
                place.insert(held);
            }
        }
        Entry::Occupied(mut place) => {
            if held.row.is_some() || place.get().hides {
                place.get_mut().row = held.row;
            } else {
                place.remove();
            }
        }
    }
}

impl Recent {
    /// As [`Layers::rows`], at that moment.
    pub(super) fn rows(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Rows, StoreFault> {
        let mut found = Rows::new();
        let mut after = after.map(<[u8]>::to_vec);
        while found.len() < limit {
            let wanted = limit - found.len();
            let page = self.tree.rows(prefix, after.as_deref(), wanted)?;
            let horizon = (page.len() == wanted)
                .then(|| page.last().map(|(key, _)| key.clone()))
                .flatten();
            self.merge(
                page,
                (prefix, after.as_deref(), horizon.as_deref()),
                &mut found,
                limit,
            );
            if horizon.is_none() {
                break;
            }
            after = horizon;
        }
        Ok(found)
    }

    /// Adds the rows in `range` to `found`, up to `limit` in all: of equal keys the highest layer's row, and none where
    /// that is a removal.
    fn merge(&self, page: Rows, range: Range<'_>, found: &mut Rows, limit: usize) {
        let (prefix, after, horizon) = range;
        let begin = after
            .filter(|after| *after >= prefix)
            .map_or(Bound::Included(prefix), Bound::Excluded);
        let end = horizon.map_or(Bound::Unbounded, Bound::Included);
        let part = |layer| {
            let layer: &Layer = layer;
            layer
                .range::<[u8], _>((begin, end))
                .take_while(|(key, _)| key.starts_with(prefix))
                .peekable()
        };
        let empty = match (begin, end) {
            (Bound::Excluded(begin) | Bound::Included(begin), Bound::Included(end)) => begin > end,
            (_, Bound::Unbounded | Bound::Excluded(_)) | (Bound::Unbounded, _) => false,
        };
        if empty {
            return;
        }
        let (mut fresh, mut folding) = (part(&self.fresh), part(&self.folding));
        let mut page = page.into_iter().peekable();
        while found.len() < limit {
            let keys = [
                fresh.peek().map(|(key, _)| key.as_slice()),
                folding.peek().map(|(key, _)| key.as_slice()),
                page.peek().map(|(key, _)| key.as_slice()),
            ];
            let Some(least) = keys.into_iter().flatten().min().map(<[u8]>::to_vec) else {
                return;
            };
            let below = page.next_if(|(key, _)| *key == least).map(|(_, row)| row);
            let middle = folding.next_if(|(key, _)| **key == least);
            let above = fresh.next_if(|(key, _)| **key == least);
            let row = match above.or(middle) {
                Some((_, held)) => held.row.clone(),
                None => below,
            };
            found.extend(row.map(|row| (least, row)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::fold::fold;
    use super::super::manifest::Totals;
    use super::{Held, Layer, Layers, Tree, put};

    /// What happens to a store with six keys.
    #[derive(Debug, Clone)]
    enum Step {
        Put(u8),
        Remove(u8),
        SetApart,
        Fold,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u8..6).prop_map(Step::Put),
            3 => (0_u8..6).prop_map(Step::Remove),
            1 => Just(Step::SetApart),
            1 => Just(Step::Fold),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn readers_see_what_was_put_last_whatever_has_been_folded(
            steps in prop::collection::vec(step(), 1..60),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let layers = Layers::new(Tree::open(dir.path(), 1 << 20).unwrap());
            let (mut model, mut apart) = (BTreeMap::new(), None);
            for (n, step) in (0_u8..).zip(steps) {
                match step {
                    Step::Put(key) => {
                        let hides = layers.row(&[1, key]).unwrap().is_some();
                        let row = Some(vec![n]);
                        layers.add([(vec![1, key], Held { row, hides })]);
                        model.insert(vec![1, key], vec![n]);
                    }
                    Step::Remove(key) => {
                        if layers.row(&[1, key]).unwrap().is_some() {
                            layers.add([(vec![1, key], gone(true))]);
                        }
                        model.remove(&vec![1, key]);
                    }
                    Step::SetApart if apart.is_none() => apart = Some(layers.set_apart()),
                    Step::SetApart => {}
                    Step::Fold => {
                        if let Some(layer) = apart.take() {
                            fold(&layers.tree(), &layer, ([0; 16], Totals::default())).unwrap();
                            layers.folded();
                        }
                    }
                }
                for key in 0..6 {
                    let row = layers.row(&[1, key]).unwrap();
                    prop_assert_eq!(row.as_ref(), model.get(&vec![1, key]));
                }
                let rows = layers.rows(&[1], None, 100).unwrap();
                prop_assert_eq!(rows, model.clone().into_iter().collect::<Vec<_>>());
            }
        }
    }

    fn row(hides: bool) -> Held {
        Held {
            row: Some(vec![1]),
            hides,
        }
    }

    fn gone(hides: bool) -> Held {
        Held { row: None, hides }
    }

    fn after(changes: impl IntoIterator<Item = Held>) -> Option<Held> {
        let mut fresh = Layer::new();
        for held in changes {
            put(&mut fresh, vec![7], held);
        }
        fresh.remove(&[7][..])
    }

    #[test]
    fn a_row_that_came_and_went_leaves_nothing_and_one_that_hides_another_leaves_its_removal() {
        assert_eq!(after([row(false), gone(true)]), None);
        assert_eq!(after([row(false), row(true), gone(true)]), None);
        assert_eq!(after([gone(false)]), None);
        assert_eq!(after([row(true), gone(true)]), Some(gone(true)));
        assert_eq!(after([gone(true)]), Some(gone(true)));
    }

    #[test]
    fn a_row_in_the_place_of_a_removal_still_hides_what_is_below() {
        assert_eq!(after([gone(true), row(false)]), Some(row(true)));
        assert_eq!(
            after([gone(true), row(false), gone(true)]),
            Some(gone(true))
        );
        assert_eq!(
            after([row(false), gone(true), row(false)]),
            Some(row(false))
        );
    }
}
