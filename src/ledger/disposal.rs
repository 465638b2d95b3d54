//! Disposal: when the period of an entry has ended, its salt and its body are destroyed. Place, time and leaf stay, so that
//! every tree still verifies; without the salt the leaf tells nothing of the body.
//!
//! A segment is written anew beside the old one, synced, and takes its name; then the old file's bytes are overwritten. A crash
//! leaves one of the two whole, and the disposal is done again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    path::Path,
};

use tokio::sync::oneshot;

use super::{
    Ledger,
    entry::{Owner, TreeId},
    fault::{Damage, LedgerFault},
    forest::Shared,
    frame::{self, Frame},
    reading::Reader,
    segment::{self, HEADER_BYTES},
    writer::Job,
};
use crate::crypto::{digest::DIGEST_BYTES, files::write_zeros};

/// What an owner could dispose of in one tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disposable {
    /// The tree.
    pub tree: TreeId,
    /// How many entries.
    pub entries: u64,
    /// When the first of them was recorded, UTC milliseconds since the Unix epoch.
    pub first_ms: i64,
    /// When the last of them was recorded, UTC milliseconds since the Unix epoch.
    pub last_ms: i64,
}

impl Disposable {
    /// Counts one more entry of `tree`, recorded at `at_ms`.
    pub fn count(found: &mut BTreeMap<TreeId, Self>, tree: TreeId, at_ms: i64) {
        let of_tree = found.entry(tree).or_insert(Self {
            tree,
            entries: 0,
            first_ms: at_ms,
            last_ms: at_ms,
        });
        of_tree.entries += 1;
        of_tree.first_ms = of_tree.first_ms.min(at_ms);
        of_tree.last_ms = of_tree.last_ms.max(at_ms);
    }
}

/// Which entries are to be destroyed: those of `owner` that were recorded before `before_ms` and whose body `stays` does not
/// keep. A body that is shorter than the commitment, which takes its place, stays too; no record is.
struct Wanted<F> {
    owner: Owner,
    before_ms: i64,
    stays: F,
}

impl<F: Fn(&[u8]) -> bool> Wanted<F> {
    fn has(&self, tree: TreeId, at_ms: i64, body: &[u8]) -> bool {
        tree.owner == self.owner
            && at_ms < self.before_ms
            && body.len() >= DIGEST_BYTES
            && !(self.stays)(body)
    }
}

impl Ledger {
    /// What of `owner` was recorded before `before_ms` and is still there, tree by tree. Entries whose body `stays` keeps do not
    /// count.
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub fn disposable(
        &self,
        owner: Owner,
        before_ms: i64,
        stays: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<Disposable>, LedgerFault> {
        let wanted = Wanted {
            owner,
            before_ms,
            stays,
        };
        Ok(find(self.shared(), &wanted)?.into_values().collect())
    }

    /// Destroys what [`Self::disposable`] counts, durably, and returns how many entries that were. Destroyed ones are passed over, so
    /// that it can be done again after a crash.
    ///
    /// # Errors
    /// When a segment cannot be read or written; what was destroyed until then stays so.
    pub async fn dispose(
        &self,
        owner: Owner,
        before_ms: i64,
        stays: impl Fn(&[u8]) -> bool + Send + 'static,
    ) -> Result<u64, LedgerFault> {
        let _alone = self.0.disposing.lock().await;
        let wanted = Wanted {
            owner,
            before_ms,
            stays,
        };
        let (sealed, told) = oneshot::channel();
        self.ask(Job::Seal(sealed)).await?;
        told.await.map_err(|_| self.writer_gone())?;
        let ledger = self.clone();
        tokio::task::spawn_blocking(move || {
            let shared = ledger.shared();
            let mut destroyed = 0;
            for number in segments(shared, &wanted)? {
                destroyed += rewrite(&shared.dir, number, &wanted)?;
            }
            Ok(destroyed)
        })
        .await
        .map_err(|_| LedgerFault::ReadOnly)?
    }
}

fn find<F: Fn(&[u8]) -> bool>(
    shared: &Shared,
    wanted: &Wanted<F>,
) -> Result<BTreeMap<TreeId, Disposable>, LedgerFault> {
    let mut found = BTreeMap::new();
    each(shared, wanted, |tree, _, at_ms| {
        Disposable::count(&mut found, tree, at_ms);
    })?;
    Ok(found)
}

fn segments<F: Fn(&[u8]) -> bool>(
    shared: &Shared,
    wanted: &Wanted<F>,
) -> Result<BTreeSet<u64>, LedgerFault> {
    let mut found = BTreeSet::new();
    each(shared, wanted, |_, segment, _| {
        found.insert(segment);
    })?;
    Ok(found)
}

/// Tells of every wanted entry its tree, its segment and its time.
fn each<F: Fn(&[u8]) -> bool>(
    shared: &Shared,
    wanted: &Wanted<F>,
    mut tell: impl FnMut(TreeId, u64, i64),
) -> Result<(), LedgerFault> {
    let trees: Vec<_> = shared.forest().sizes().collect();
    let mut reader = Reader::new(shared);
    for (tree, size) in trees {
        if tree.owner != wanted.owner {
            continue;
        }
        for index in 0..size {
            match reader.read(tree, index) {
                Ok(entry) if wanted.has(tree, entry.at_ms, &entry.body) => {
                    let segment = reader.locate(tree, index)?.0.segment();
                    tell(tree, segment, entry.at_ms);
                }
                Ok(_) | Err(LedgerFault::Destroyed(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
    }
    Ok(())
}

/// Writes a segment anew without what is wanted; returns how many entries were destroyed.
fn rewrite<F: Fn(&[u8]) -> bool>(
    dir: &Path,
    number: u64,
    wanted: &Wanted<F>,
) -> Result<u64, LedgerFault> {
    let path = segment::path(dir, number);
    let mut bytes = fs::read(&path).map_err(LedgerFault::file(&path))?;
    let damaged = |offset: usize, what| LedgerFault::Damaged {
        file: path.clone(),
        offset: offset as u64,
        what,
    };
    let (mut start, mut destroyed) = (HEADER_BYTES, 0);
    while let Some(found) = bytes.get(start..).and_then(Frame::read) {
        let frame_bytes = found.bytes;
        let mut gone = Vec::new();
        for entry in found.entries() {
            let (offset, view) = entry.map_err(|_| damaged(start, Damage::Order))?;
            let head = view.head;
            if !head.is_destroyed && wanted.has(head.at.tree, head.at_ms, view.body) {
                gone.push(start + offset);
            }
        }
        let end = start + frame_bytes;
        let mut any = false;
        for offset in gone {
            if bytes.get_mut(offset..end).is_some_and(frame::destroy) {
                destroyed += 1;
                any = true;
            }
        }
        if any && let Some(frame) = bytes.get_mut(..end) {
            frame::finish(frame, start);
        }
        start = end;
    }
    if destroyed > 0 {
        let put = || put_in_place(dir, number, &bytes);
        put().map_err(LedgerFault::file(&path))?;
    }
    Ok(destroyed)
}

fn put_in_place(dir: &Path, number: u64, bytes: &[u8]) -> io::Result<()> {
    let path = segment::path(dir, number);
    let old = File::options().write(true).open(&path)?;
    let beside = segment::rewritten_path(dir, number);
    fs::write(&beside, bytes)?;
    File::open(&beside)?.sync_all()?;
    fs::rename(&beside, &path)?;
    File::open(segment::segments_dir(dir))?.sync_all()?;
    // The old file has no name any more; what it held is not to be found on the disk either.
    write_zeros(&old, old.metadata()?.len())?;
    old.sync_all()
}
