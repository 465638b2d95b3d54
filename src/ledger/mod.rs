//! The append-only store: what is committed here is on disk, in its order, and provably never changed.
//!
//! Reading order: `entry` (what is stored), `frame` and `segment` (its bytes), `writer` (one write and one sync for many
//! commits), `recover`, `reopen` and `open` (reading it back), `index` and `blocks` (without reading all of it), `merkle` (trees and
//! proofs), `checkpoint`, `keys` and `signed` (signed statements), `group_signature` (one for many messages), `reading`, `verify`, `disposal` (when a period ends), and for those outside `archive`, `evidence` and `tiles`.
//!
//! ```text
//! <dir>/lock                          held by the process that has the ledger open
//! <dir>/keys.pub                      C2SP verifier keys, one line for each owner
//! <dir>/segments/0000000001.seg       frames
//! <dir>/segments/0000000001.idx       what opening and reading need of an ended segment; made again when it is missing
//! <dir>/checkpoints/core-2026.txt     last signed checkpoint of each tree
//! ```

mod archive;
mod blocks;
mod checkpoint;
mod disposal;
mod durable;
mod entry;
mod evidence;
mod fault;
mod forest;
mod frame;
mod gather;
pub mod group_signature;
mod index;
mod keys;
pub mod merkle;
mod open;
mod pace;
mod prefix;
mod reading;
mod recover;
mod reopen;
mod segment;
mod signed;
#[cfg(test)]
mod tests;
mod tiles;
pub mod verify;
mod walk;
mod writer;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::JoinHandle,
};

use tokio::sync::{mpsc, oneshot};

pub use archive::Archive;
pub use checkpoint::{Checkpoint, CheckpointFault};
pub use disposal::Disposable;
pub use entry::{
    BadName, ENTRY_BODY_BYTES_MAX, Entry, Owner, Position, SALT_BYTES, StoredEntry, TreeId,
    leaf_hash,
};
pub use evidence::{Evidence, EvidenceFault, ProvenRecord};
pub use fault::{Damage, LedgerFault};
pub use gather::Gather;
pub use keys::{BadKeyText, LedgerKeys, PublicKeys};
pub use open::Opening;
pub use pace::{Counted, Pace, Spread, Waits};
pub use prefix::{Prefix, PrefixCheck, PrefixTree};
pub use recover::{Progress, TornTail};

pub use walk::{Fsck, fsck, walk};

use forest::Shared;
use merkle::Hash;
use open::{DirLock, Prepared};
use segment::SegmentBytes;
use signed::Signer;
use writer::{Commit, Job, WAITING_MAX};

/// An open ledger. Clones share it; the last one dropped waits for the writer to finish.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    signer: Mutex<Signer>,
    keys: PublicKeys,
    jobs: RwLock<Option<mpsc::Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held by whoever rewrites segments.
    disposing: tokio::sync::Mutex<()>,
    /// Dropped last: nobody else opens the directory while the writer runs.
    _lock: DirLock,
}

impl Ledger {
    /// Opens the ledger in `dir`, or makes one there. Reads the last segment whole, and every other one that no signed
    /// checkpoint covers or whose index is not right; of the others the header, the length and the last frame. Damage inside these
    /// is found when an entry is read, or by [`verify::verify`]. Call it where blocking is allowed.
    ///
    /// # Errors
    /// [`LedgerFault::Damaged`] says where and how to restore; [`LedgerFault::InUse`], [`LedgerFault::OtherKey`],
    /// [`LedgerFault::File`].
    pub fn open(dir: &Path, keys: LedgerKeys) -> Result<(Self, Opening), LedgerFault> {
        let (prepared, opening) = open::prepare(dir, keys, SegmentBytes::USUAL)?;
        Ok((Self::start(prepared)?, opening))
    }

    fn start(prepared: Prepared) -> Result<Self, LedgerFault> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let writer = prepared
            .writer
            .spawn(receiver)
            .map_err(LedgerFault::file(&prepared.shared.dir))?;
        Ok(Self(Arc::new(Handle {
            shared: prepared.shared,
            signer: Mutex::new(prepared.signer),
            keys: prepared.keys,
            jobs: RwLock::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
            disposing: tokio::sync::Mutex::default(),
            _lock: prepared.lock,
        })))
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Writes all of `entries` or none, and returns their positions once they are on disk (`fdatasync` returned).
    ///
    /// The entries get consecutive sequences in the order given.
    ///
    /// When the caller stops waiting, the entries may still be written. After a fault of kind [`LedgerFault::File`] it is
    /// unknown until the next opening whether they are on disk.
    ///
    /// # Errors
    /// [`LedgerFault::BodyTooLong`], [`LedgerFault::CommitTooLarge`], [`LedgerFault::NoKey`] for entries that can never be written;
    /// [`LedgerFault::File`] when the write failed, and [`LedgerFault::ReadOnly`] ever after.
    pub async fn commit(&self, entries: Vec<Entry>) -> Result<Vec<Position>, LedgerFault> {
        self.admit(&entries)?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        let commit = Commit {
            entries,
            answer,
            waits: self.shared().pace.enter(),
        };
        self.ask(Job::Commit(commit)).await?;
        answered.await.map_err(|_| self.writer_gone())?
    }

    async fn ask(&self, job: Job) -> Result<(), LedgerFault> {
        let jobs = self
            .0
            .jobs
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let jobs = jobs.ok_or(LedgerFault::ReadOnly)?;
        jobs.send(job).await.map_err(|_| self.writer_gone())
    }

    fn admit(&self, entries: &[Entry]) -> Result<(), LedgerFault> {
        for entry in entries {
            let bytes = entry.body.len();
            if bytes > ENTRY_BODY_BYTES_MAX {
                return Err(LedgerFault::BodyTooLong { bytes });
            }
            let owner = entry.tree.owner;
            self.0.keys.of(owner).ok_or(LedgerFault::NoKey(owner))?;
        }
        let (bytes, bytes_max) = (frame::frame_bytes(entries), frame::FRAME_BYTES_MAX);
        if bytes > bytes_max {
            return Err(LedgerFault::CommitTooLarge { bytes, bytes_max });
        }
        Ok(())
    }

    /// Ends writing for every clone, after what was handed over is on disk. Reading goes on. Call it where blocking is
    /// allowed.
    pub fn close(&self) {
        self.0.stop();
    }

    fn writer_gone(&self) -> LedgerFault {
        self.shared().stop_writing();
        LedgerFault::ReadOnly
    }

    /// Whether commits can succeed. Once false, it stays so until the ledger has been opened again.
    pub fn is_writable(&self) -> bool {
        self.shared().is_writable()
    }

    /// What the writer has counted since the ledger was opened.
    pub fn pace(&self) -> &Pace {
        &self.shared().pace
    }

    /// Signs all that is durable in `tree`. The checkpoint is on disk before it is returned.
    ///
    /// # Errors
    /// [`LedgerFault::NotThere`] for an empty tree; [`LedgerFault::NoKey`], [`LedgerFault::ReadOnly`], [`LedgerFault::File`].
    pub async fn checkpoint(&self, tree: TreeId) -> Result<Checkpoint, LedgerFault> {
        let ledger = self.clone();
        tokio::task::spawn_blocking(move || {
            // A signer that panicked has not changed what it last signed.
            let mut signer = ledger
                .0
                .signer
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            signer.sign(ledger.shared(), tree)
        })
        .await
        .map_err(|_| LedgerFault::ReadOnly)?
    }

    /// The owners' public keys, also those of owners that are no longer there.
    pub fn public_keys(&self) -> &PublicKeys {
        &self.0.keys
    }

    /// The trees with their sizes, in order.
    pub fn trees(&self) -> Vec<(TreeId, u64)> {
        self.shared().forest().sizes().collect()
    }

    /// Number of durable entries in `tree`; 0 when there is no such tree.
    pub fn size(&self, tree: TreeId) -> u64 {
        self.shared().forest().size(tree)
    }

    /// The sequence at which the next entry will stand: the number of durable entries in all trees.
    pub fn next_sequence(&self) -> u64 {
        self.shared().forest().sequence
    }

    /// Root over the first `size` entries of `tree`.
    ///
    /// # Errors
    /// [`LedgerFault::NotThere`] when the tree is smaller.
    pub fn root(&self, tree: TreeId, size: u64) -> Result<Hash, LedgerFault> {
        self.shared()
            .ask((tree, size), &[size], |merkle| merkle.root(size))
    }

    /// Proves that entry `index` is among the first `size` entries of `tree`; [`merkle::verify_inclusion`] checks it.
    ///
    /// # Errors
    /// [`LedgerFault::NotThere`] when the tree or that part of it is smaller.
    pub fn inclusion_proof(
        &self,
        tree: TreeId,
        index: u64,
        size: u64,
    ) -> Result<Vec<Hash>, LedgerFault> {
        let shared = self.shared();
        shared.ask((tree, size), &[index, size], |merkle| {
            merkle.inclusion_proof(index, size)
        })
    }

    /// Proves that the first `new` entries of `tree` begin with its first `old`; [`merkle::verify_consistency`] checks it.
    ///
    /// # Errors
    /// [`LedgerFault::NotThere`] when the tree is smaller or `old` is greater than `new`.
    pub fn consistency_proof(
        &self,
        tree: TreeId,
        old: u64,
        new: u64,
    ) -> Result<Vec<Hash>, LedgerFault> {
        let shared = self.shared();
        shared.ask((tree, new), &[old, new], |merkle| {
            merkle.consistency_proof(old, new)
        })
    }
}

impl Handle {
    fn stop(&self) {
        let mut jobs = self.jobs.write().unwrap_or_else(PoisonError::into_inner);
        jobs.take();
        drop(jobs);
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the ledger's writer panicked");
        }
        // Whoever is signing a checkpoint writes it first.
        let _signer = self.signer.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.stop_writing();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}
